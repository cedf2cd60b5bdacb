"""Maps side by side, and the identity: [K1; K2] v = [K1 v, K2 v]."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import reporting
from jaxdeconv.operators.algebra import LinearMap, Made, Shape
from jaxdeconv.operators.vectors import pytree

__all__ = ["Identity", "Stacked", "hstack", "vstack"]


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Stacked(Made):
    """v -> the flat vector [K1 v, K2 v, ...]."""

    of: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        rule = "stacked maps must share the space that is not stacked"
        remedy = "Stack maps of the same v with vstack, maps to the same u with hstack."
        self._check(rule, remedy, *(member.input_shape for member in self.of))

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return (sum(member.shape[0] for member in self.of),)

    def _apply(self, v: Array) -> Array:
        return jnp.concatenate([member._apply(v).ravel() for member in self.of])

    def _apply_transpose(self, u: Array) -> Array:
        cuts = np.cumsum([member.shape[0] for member in self.of])[:-1]
        parts = zip(self.of, jnp.split(u, cuts), strict=True)
        v = [member._apply_transpose(part.reshape(member.output_shape)) for member, part in parts]
        return functools.reduce(jnp.add, v)


@pytree()
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Identity(LinearMap):
    """v -> v.

    Args:
        input_shape: of v.
        dtype: of v.
    """

    input_shape: Shape
    dtype: np.dtype

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.input_shape

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return self

    def _apply(self, v: Array) -> Array:
        return v

    def _apply_transpose(self, u: Array) -> Array:
        return u


@reporting
def vstack(first: LinearMap, *others: LinearMap) -> LinearMap:
    """V -> the flat vector [K1 v, K2 v, ...].

    Args:
        first: K1.
        others: K2, ..., with the input shape of K1; their output shapes may differ.

    Raises:
        ValueError: input shapes that differ.
        TypeError: dtypes that differ.
    """
    return Stacked((first, *others))


@reporting
def hstack(first: LinearMap, *others: LinearMap) -> LinearMap:
    """The flat vector [v1, v2, ...] -> K1 v1 + K2 v2 + ...

    Args:
        first: K1.
        others: K2, ..., with the output shape of K1; their input shapes may differ.

    Raises:
        ValueError: output shapes that differ.
        TypeError: dtypes that differ.
    """
    return vstack(first.T, *(other.T for other in others)).T
