"""Under `vmap` a leg is one leg again, never a loop.

The new axis belongs to a mapped operand and to the result. Where only one operand is mapped, it
goes where these two have an axis in common: v and u share the batch, v and w the input channels, u
and w the output channels. Where both are, every example becomes a group of its own.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.interpreters import batching

from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.primitives.primitive import PRIMITIVES, LegParams, bind


def _batch(leg: Leg, args: Any, dims: Any, *, params: LegParams) -> tuple[Array, int]:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    arrays = [a if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(args, dims, strict=True)]
    if None not in dims:
        return _batch_groups(leg, arrays, size, params)
    which = 0 if dims[1] is None else 1
    role, x = leg.operands[which], arrays[which]
    if {role, leg.result} == {"v", "u"}:  # one kernel for all: more images
        arrays[which] = x.reshape(size * x.shape[1], *x.shape[2:])
        out = bind(leg.name, arrays[0], arrays[1], params)
        return out.reshape(size, x.shape[1], *out.shape[1:]), 0
    groups = params.geometry.groups
    arrays[which] = _fold(x, *_channels(role, leg.result, groups))
    out = bind(leg.name, arrays[0], arrays[1], params)
    return _unfold(out, *_channels(leg.result, role, groups), size), 0


def _channels(role: str, other: str, groups: int) -> tuple[int, int]:
    """Which axis of one array holds the channels that it shares with another; in how many groups.

    All channels of v and u, and the output channels of w, are (group, channel). The input channels
    of w are those of one group.
    """
    return (-2, 1) if role == "w" and other == "v" else (-1, groups)


def _batch_groups(leg: Leg, arrays: list[Array], size: int, params: LegParams) -> tuple[Array, int]:
    """Both operands mapped: every example is a group of its own."""
    if size == 0:
        one = jax.eval_shape(
            functools.partial(bind, leg.name, params=params),
            *(jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in arrays),
        )
        return jnp.zeros((0, *one.shape), one.dtype), 0
    grouped = params.geometry.with_groups(size * params.geometry.groups)
    x, y = (_fold(x, -1, 1) for x in arrays)
    out = bind(leg.name, x, y, dataclasses.replace(params, geometry=grouped))
    return _unfold(out, -1, 1, size), 0


def _fold(x: Array, axis: int, groups: int) -> Array:
    """[new, ..., groups * c, ...] -> [..., groups * new * c, ...], at a negative `axis`."""
    new, channels = x.shape[0], x.shape[axis]
    at = x.ndim + axis
    x = x.reshape(*x.shape[:at], groups, channels // groups, *x.shape[at + 1 :])
    x = jnp.moveaxis(x, 0, at)  # between the groups and their channels
    return x.reshape(*x.shape[: at - 1], new * channels, *x.shape[at + 2 :])


def _unfold(x: Array, axis: int, groups: int, new: int) -> Array:
    """Inverse of `_fold`."""
    at, channels = x.ndim + axis, x.shape[axis]
    shape = (groups, new, channels // (groups * new))
    x = jnp.moveaxis(x.reshape(*x.shape[:at], *shape, *x.shape[at + 1 :]), at + 1, 0)
    return x.reshape(*x.shape[: at + 1], channels // new, *x.shape[at + 3 :])


for _leg in LEGS.values():
    batching.primitive_batchers[PRIMITIVES[_leg.name]] = functools.partial(_batch, _leg)
