"""Maps side by side, and the identity: [K1; K2] v = [K1 v, K2 v]."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap, Made, Shape
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.shapes import check_alike

__all__ = ["Identity", "Stacked", "hstack", "vstack"]


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Stacked(Made):
    """v -> the flat vector [K1 v, K2 v, ...]."""

    of: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        rule = "stacked maps must share the space that is not stacked"
        remedy = "Stack maps of the same v with vstack, maps to the same u with hstack."
        check_alike(self.of, rule, remedy, *(member.input_shape for member in self.of))

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
def vstack(*maps: LinearMap | Sequence[LinearMap]) -> LinearMap:
    """V -> the flat vector [K1 v, K2 v, ...].

    Args:
        maps: K1, K2, ..., of one input shape, or a list of them; their output shapes may differ.

    Raises:
        ValueError: no map, or input shapes that differ.
        TypeError: not linear maps, or dtypes that differ.
    """
    return Stacked(_members(maps))


@reporting
def hstack(*maps: LinearMap | Sequence[LinearMap]) -> LinearMap:
    """The flat vector [v1, v2, ...] -> K1 v1 + K2 v2 + ...

    Args:
        maps: K1, K2, ..., of one output shape, or a list of them; their input shapes may differ.

    Raises:
        ValueError: no map, or output shapes that differ.
        TypeError: not linear maps, or dtypes that differ.
    """
    return Stacked(tuple(member.T for member in _members(maps))).T


def _members(maps: tuple[Any, ...]) -> tuple[LinearMap, ...]:
    """The maps of a call, which may be one list."""
    if len(maps) == 1 and isinstance(maps[0], list | tuple):
        maps = tuple(maps[0])
    if not maps:
        raise ArgumentValueError("there must be a map to stack", "Pass K1, K2, ...", maps=maps)
    for position, member in enumerate(maps):
        if not isinstance(member, LinearMap):
            raise ArgumentTypeError(
                "what is stacked must be linear maps",
                "Pass them one after the other, or as one list.",
                **{f"maps[{position}]": member},
            )
    return maps
