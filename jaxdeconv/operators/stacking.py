"""Stacked maps, [K1; K2] v = [K1 v, K2 v], and the identity."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.operators.algebra import Combination, LinearMap, Shape
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.shapes import check_alike

__all__ = ["Identity", "Stacked", "hstack", "vstack"]


@pytree("operands")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Stacked(Combination):
    """v -> the flat vector [K1 v, K2 v, ...]."""

    operands: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        rule = "stacked maps must share the side that is not stacked"
        remedy = "Stack maps from the same v with vstack, maps to the same u with hstack."
        check_alike(self.operands, rule, remedy, *(one.input_shape for one in self.operands))

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return (sum(one.shape[0] for one in self.operands),)

    def _apply(self, v: Array) -> Array:
        return jnp.concatenate([one._apply(v).ravel() for one in self.operands])

    def _apply_transpose(self, u: Array) -> Array:
        cuts = np.cumsum([one.shape[0] for one in self.operands])[:-1]
        parts = zip(self.operands, jnp.split(u, cuts), strict=True)
        v = [one._apply_transpose(part.reshape(one.output_shape)) for one, part in parts]
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
    """Stack maps of the same v: v -> the flat vector [K1 v, K2 v, ...].

    Args:
        maps: K1, K2, ..., or a list of them, with the same input shape; output shapes may differ.

    Raises:
        ValueError: no map, or input shapes that differ.
        TypeError: not linear maps, or dtypes that differ.
    """
    return Stacked(_members(maps))


@reporting
def hstack(*maps: LinearMap | Sequence[LinearMap]) -> LinearMap:
    """Stack maps to the same u: the flat vector [v1, v2, ...] -> K1 v1 + K2 v2 + ...

    Args:
        maps: K1, K2, ..., or a list of them, with the same output shape; input shapes may differ.

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
        raise ArgumentValueError("at least one map is needed", "Pass K1, K2, ...", maps=maps)
    for position, member in enumerate(maps):
        if not isinstance(member, LinearMap):
            raise ArgumentTypeError(
                "only linear maps can be stacked",
                "Pass them as separate arguments, or as one list.",
                **{f"maps[{position}]": member},
            )
    return maps
