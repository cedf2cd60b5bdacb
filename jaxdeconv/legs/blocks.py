"""Calls inside `jax.shard_map`: blocks of v and u in, blocks out."""

import math
from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxdeconv.arguments.integers import as_integers
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.planning import planner
from jaxdeconv.sharding import MeshAxes, entries
from jaxdeconv.sharding.windows import ceil_div

__all__ = ["check_alike", "spatial_axes_of", "whole_shapes"]


def spatial_axes_of(value: Any, ndim: int, algorithm: str) -> tuple[MeshAxes, ...]:
    """The mesh axes that divide each spatial dimension; () where none divides any.

    Raises:
        ValueError: not one entry per dimension, an axis twice, or one of no `jax.shard_map`; or the
            definition is asked for, which knows of no blocks.
    """
    if value is None:
        return ()
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if len(given) != ndim:
        raise ArgumentValueError(
            f"spatial_axes must have one entry per spatial dimension ({ndim})",
            "Pass for example ('h', None): the mesh axis 'h' divides the first dimension.",
            spatial_axes=value,
        )
    axes = entries(given, ndim)
    names = [name for one in axes for name in one]
    if not all(map(_is_manual, names)) or len({*names}) < len(names):
        raise ArgumentValueError(
            "spatial_axes must be mesh axes of the jax.shard_map around the call, none twice",
            "Call it inside jax.shard_map; elsewhere leave spatial_axes out.",
            spatial_axes=value,
        )
    if names and algorithm == planner.DERIVED:
        raise ArgumentValueError(
            "algorithm must not be 'derived' with spatial_axes",
            "Leave algorithm out, or compare with 'derived' outside jax.shard_map.",
            algorithm=algorithm,
            spatial_axes=value,
        )
    return axes if names else ()


def _is_manual(name: Any) -> bool:
    try:
        return isinstance(name, str) and lax.axis_size(name) > 0
    except NameError:
        return False


def whole_shapes(
    shapes: dict[str, Any], axes: tuple[MeshAxes, ...], keywords: LegKeywords
) -> dict[str, Any]:
    """The canonical shapes of the arrays of which the operands are blocks.

    Args:
        shapes: of the operands, canonical.
        axes: the mesh axes that divide each spatial dimension.
        keywords: of the leg. `input_size` is that of the whole.

    Raises:
        ValueError: no input_size, or blocks that are not of its size.
    """
    size = keywords.get("input_size")
    if not axes:
        if size is None or "v" not in shapes:
            return shapes
        if as_integers("input_size", size, len(shapes["v"]) - 2, minimum=0) == shapes["v"][1:-1]:
            return shapes
        raise ArgumentValueError(
            "input_size must be the spatial size of v, unless v is a block",
            "Leave it out, or say by spatial_axes what divides v.",
            input_size=size,
            v_size=shapes["v"][1:-1],
        )
    if size is None:
        raise ArgumentValueError(
            "input_size must be given with spatial_axes: the spatial size of the whole v",
            "Pass input_size=.",
            input_size=size,
            spatial_axes=keywords["spatial_axes"],
        )
    ndim = len(axes)
    kernel = shapes["w"][:-2] if "w" in shapes else keywords["kernel_size"]
    window = keywords["stride"], keywords["padding"], keywords["dilation"]
    geometry = ConvGeometry(as_integers("input_size", size, ndim, minimum=0), kernel, *window)
    sizes = {"v": geometry.input_size, "u": geometry.output_size}
    parts = [math.prod(lax.axis_size(name) for name in names) for names in axes]
    found = dict(shapes)
    for role in {"v", "u"} & shapes.keys():
        expected = tuple(map(ceil_div, sizes[role], parts))
        if shapes[role][1:-1] != expected:
            raise ArgumentValueError(
                f"{role} must be a block of {expected} cells",
                "Divide it by jax.shard_map; pad it behind its end where that is not even.",
                **{f"{role}_size": shapes[role][1:-1]},
                input_size=size,
                spatial_axes=keywords["spatial_axes"],
            )
        found[role] = (shapes[role][0], *sizes[role], shapes[role][-1])
    return found


def check_alike(w: Any, axes: tuple[MeshAxes, ...]) -> None:
    """Refuse kernels that differ along the spatial dimensions."""
    names = {name for one in axes for name in one}
    differ = names & jax.typeof(w).manual_axis_type.varying if names else ()
    if differ:
        raise ArgumentValueError(
            "w must be the same on all devices that divide a spatial dimension",
            "Give it to jax.shard_map whole along these axes.",
            w=w,
            spatial_axes=tuple(sorted(differ)),
        )
