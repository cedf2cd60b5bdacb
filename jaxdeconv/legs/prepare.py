"""A call to a leg, checked and posed from shapes and dtypes alone, before anything is computed.

`prepare` checks the arguments and finds the layout and the geometry. What it returns brings arrays
to the canonical layout, applies the leg, and brings the result back; or poses the problem to the
planner without any arrays.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv import boundary
from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.arguments.dtypes import (
    accumulator_dtype,
    check_groups,
    check_precision,
    operand_shapes,
)
from jaxdeconv.arguments.integers import (
    LARGEST_STEP,
    IntOrInts,
    PaddingLike,
    as_integer,
    as_integers,
)
from jaxdeconv.arguments.layout import (
    Layout,
    canonical_shape,
    channels_first,
    kernel_from_canonical,
    kernel_to_canonical,
    other_layout,
    signal_from_canonical,
    signal_to_canonical,
)
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.legs.blocks import check_alike, spatial_axes_of, whole_shapes
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.planning import planner
from jaxdeconv.primitives import LegParams, bind, problem_of, simplified
from jaxdeconv.reference import derived, forward
from jaxdeconv.sharding import MeshAxes

__all__ = ["Prepared", "prepare"]

_DEFINITION: dict[str, Callable[..., Array]] = {
    "conv": forward.conv,
    "conv_transpose": derived.transpose,
    "kernel_gradient": derived.kernel_gradient,
}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A call that was checked: the leg on canonical operands, and how to get there and back.

    Attributes:
        leg: which.
        layout: of the arrays that the user passes and gets.
        batch: shape of their batch axes.
        operands: shapes of the canonical operands.
        params: of the primitive.
    """

    leg: Leg
    layout: Layout
    batch: tuple[Any, ...]
    operands: tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]
    params: LegParams

    @property
    def problem(self) -> Problem:
        """What the planner is asked where no algorithm is forced."""
        return simplified(problem_of(self.leg.name, *self.operands, self.params))

    def __call__(self, x: Any, y: Any) -> Array:
        """What the public function returns for its two arguments."""
        return self.from_canonical(self.apply(*self.to_canonical(x, y)))

    def to_canonical(self, x: Any, y: Any) -> tuple[Array, Array]:
        """The operands of the primitive from those of the user."""
        first, second = self.leg.operands
        return self._operand(first, x), self._operand(second, y)

    def _operand(self, role: str, value: Any) -> Array:
        array = lax.convert_element_type(jnp.asarray(value), self.operands[0].dtype)
        if role == "w":
            return kernel_to_canonical(array, self.layout.w)
        array, _ = signal_to_canonical(role, array, self.layout.of(role))
        return array

    def apply(self, x: Array, y: Array) -> Array:
        """The leg on canonical operands: by its primitive, or by its definition."""
        if self.params.algorithm == planner.DERIVED:
            return self._by_definition(x, y)
        if self.params.spatial_axes:
            return self._on_blocks(x, y)
        return bind(self.leg.name, x, y, self.params)

    def _on_blocks(self, x: Array, y: Array) -> Array:
        """The leg inside `jax.shard_map`; the primitive leaves summing gradients to us."""
        params, axes = self.params, self.params.spatial_axes
        if self.leg.result != "w":
            check_alike(y, axes)
            return bind(self.leg.name, x, y, params)
        parts = dataclasses.replace(params, dtype=accumulator_dtype(params.dtype))
        names = tuple(name for one in axes for name in one)
        total = lax.psum(bind(self.leg.name, x, y, parts), names)
        return lax.convert_element_type(total, params.dtype)

    def _by_definition(self, x: Array, y: Array) -> Array:
        params, mode = self.params, self.params.padding_mode
        border, inner = boundary.split(params.geometry, mode)
        arrays = dict(zip(self.leg.operands, (x, y), strict=True))
        arrays = {r: a.astype(accumulator_dtype(params.dtype)) for r, a in arrays.items()}
        if "v" in arrays:
            arrays["v"] = boundary.pad(arrays["v"], border, mode)
        definition = _DEFINITION[self.leg.name]
        result = definition(*arrays.values(), inner, params.precision)
        if self.leg.result == "v":
            result = boundary.fold(result, params.geometry.input_size, border, mode)
        return result.astype(params.dtype)

    def from_canonical(self, result: Array) -> Array:
        """The result of the user from that of the primitive."""
        if self.leg.result == "w":
            return kernel_from_canonical(result, self.layout.w)
        return signal_from_canonical(result, self.layout.of(self.leg.result), self.batch)


def prepare(leg: str, x: Any, y: Any, keywords: LegKeywords) -> Prepared:
    """Check a call to a leg, and pose its problem.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: the leg's first argument: an array, a tracer or a `jax.ShapeDtypeStruct`.
        y: its second argument, likewise.
        keywords: all those of the leg.

    Raises:
        ValueError: shapes, sizes or names do not fit; the message says what would.
        TypeError: not an array, not a static integer, or dtypes that differ.
    """
    record, mode, precision = LEGS[leg], keywords["padding_mode"], keywords["precision"]
    if mode != "zeros":
        boundary.check_mode(mode)
    check_precision(precision)
    operands = dict(zip(record.operands, (x, y), strict=True))
    given, dtype = operand_shapes(keywords["preferred_element_type"], operands)
    layout = _layout_of(given, keywords)
    batch, shapes = _canonical_shapes(given, layout)
    axes: tuple[MeshAxes, ...] = ()
    whole = shapes
    given_axes = keywords.get("spatial_axes")
    if given_axes is not None or ("v" in shapes and keywords.get("input_size")):
        axes = spatial_axes_of(given_axes, layout.ndim, keywords["algorithm"])
        whole = whole_shapes(shapes, axes, keywords)
    geometry = _GEOMETRIES[leg](given, whole, keywords)
    _check_bytes(geometry, shapes, dtype)
    if mode != "zeros":
        boundary.split(geometry, mode)  # refuses to copy cells of an empty axis
    precision = tuple(precision) if isinstance(precision, list) else precision
    params = LegParams(geometry, dtype, precision, keywords["algorithm"], mode, axes)
    first, second = (jax.ShapeDtypeStruct(shapes[role], given[role].dtype) for role in given)
    if params.algorithm not in (planner.AUTO, planner.DERIVED):
        problem, platform = problem_of(leg, first, second, params), planner.platform_traced_for()
        if not planner.is_possible(simplified(problem), platform, params.algorithm):
            planner.check_forced(problem, platform, params.algorithm)
    return Prepared(record, layout, batch, (first, second), params)


Shapes: TypeAlias = dict[str, Any]
"""Of v, w and u, as many as the leg takes."""


def _layout_of(given: Shapes, keywords: LegKeywords) -> Layout:
    numbers = keywords["dimension_numbers"]
    if "w" in given:
        return Layout.of_kernel(numbers, given["w"])
    return Layout.of_kernel_size(numbers, keywords["kernel_size"])


def _canonical_shapes(given: Shapes, layout: Layout) -> tuple[tuple[Any, ...], Shapes]:
    """Shape of the batch axes, and of every operand once it is canonical."""
    found = {role: canonical_shape(role, x, layout.of(role)) for role, x in given.items()}
    u_batch, v_batch = (found[role][0] if role in found else None for role in "uv")
    if u_batch is not None is not v_batch and u_batch != v_batch:
        raise ArgumentValueError(
            "u and v must have the same batch axes",
            "Pass the u that belongs to v.",
            u_batch=u_batch,
            v_batch=v_batch,
        )
    batch = v_batch if u_batch is None else u_batch
    return batch or (), {role: shape for role, (_, shape) in found.items()}


def _of_conv(given: Shapes, shapes: Shapes, keywords: LegKeywords) -> ConvGeometry:
    """The geometry of `conv`, if v and w belong together."""
    v, w, groups = shapes["v"], shapes["w"], keywords["groups"]
    groups = as_integer("groups", groups, minimum=1)
    if v[-1] != groups * w[-2]:
        default = keywords["dimension_numbers"] is None
        remedy = other_layout("v", given["v"], given["w"], groups) if default else ""
        if not remedy:
            check_groups(groups, v[-1], w[-1])
        raise ArgumentValueError(
            "v must have groups times as many channels as w has input channels",
            remedy or f"With groups={groups}, pass w with {v[-1] // groups} input channels.",
            v_channels=v[-1],
            w_input_channels=w[-2],
            groups=groups,
        )
    check_groups(groups, v[-1], w[-1])
    window = keywords["stride"], keywords["padding"], keywords["dilation"]
    geometry = ConvGeometry(v[1:-1], w[:-2], *window, groups)
    check_reach(geometry)
    return geometry


def _of_conv_transpose(given: Shapes, shapes: Shapes, keywords: LegKeywords) -> ConvGeometry:
    """The geometry of the forward convolution, if u can be its output and w its kernel."""
    u, w = shapes["u"], shapes["w"]
    groups = as_integer("groups", keywords["groups"], minimum=1)
    if u[-1] != w[-1]:
        default = keywords["dimension_numbers"] is None
        remedy = other_layout("u", given["u"], given["w"], groups) if default else ""
        raise ArgumentValueError(
            "u must have as many channels as w has output channels: it is an output of conv",
            remedy or "Pass the kernel of conv as it is, neither swapped nor flipped.",
            u_channels=u[-1],
            w_output_channels=w[-1],
        )
    check_groups(groups, groups * w[-2], w[-1])
    return ConvGeometry.from_output_size(
        u[1:-1],
        w[:-2],
        keywords["stride"],
        keywords["padding"],
        keywords["dilation"],
        groups,
        input_size=keywords["input_size"],
        output_padding=keywords["output_padding"],
    )


def _of_kernel_gradient(given: Shapes, shapes: Shapes, keywords: LegKeywords) -> ConvGeometry:
    """The geometry of the convolution that maps v to something of the shape of u."""
    u, v, ndim = shapes["u"], shapes["v"], len(shapes["u"]) - 2
    kernel = as_integers(
        "kernel_size", keywords["kernel_size"], ndim, minimum=1, maximum=LARGEST_STEP
    )
    window = keywords["stride"], keywords["padding"], keywords["dilation"]
    geometry = ConvGeometry(v[1:-1], kernel, *window, keywords["groups"])
    if u[1:-1] != geometry.output_size:
        belongs = f"Pass u of size {geometry.output_size}, or the v that belongs to it."
        if keywords["dimension_numbers"] is None:
            u_size, v_size = (given[role].shape[-ndim:] for role in "uv")
            belongs = _channels_first(geometry, window, u_size, v_size) or belongs
        raise ArgumentValueError(
            "u must have the spatial size that conv gives v",
            belongs,
            u_size=u[1:-1],
            v_size=v[1:-1],
        )
    check_groups(geometry.groups, v[-1], u[-1])
    return geometry


_GEOMETRIES: dict[str, Callable[..., ConvGeometry]] = {
    "conv": _of_conv,
    "conv_transpose": _of_conv_transpose,
    "kernel_gradient": _of_kernel_gradient,
}


def _channels_first(
    geometry: ConvGeometry,
    window: tuple[IntOrInts, PaddingLike, IntOrInts],
    u_size: tuple[int, ...],
    v_size: tuple[int, ...],
) -> str:
    """What to pass if the last axes of u and v are sizes that belong together; else ''."""
    try:
        fits = ConvGeometry(v_size, geometry.kernel_size, *window).output_size == u_size
    except ArgumentValueError:
        return ""
    return channels_first(geometry.ndim) if fits else ""


def _check_bytes(geometry: ConvGeometry, shapes: Shapes, dtype: np.dtype) -> None:
    """Refuse arrays that XLA cannot index: where a size in bytes overflows it ends the process.

    What algorithms hold beside the arrays is some times as large: hence not 2**63.
    """
    first = next(iter(shapes.values()))
    images = first[0] if isinstance(first[0], int) else 1  # a symbolic one is known at run time
    outputs = (shapes["u"] if "u" in shapes else shapes["w"])[-1]
    inputs = shapes["v"][-1] if "v" in shapes else geometry.groups * shapes["w"][-2]
    padded = map(max, geometry.input_size, geometry.padded_size)
    whole = {
        "v": (images, *padded, inputs),
        "u": (images, *geometry.output_size, outputs),
        "w": (*geometry.kernel_size, inputs // geometry.groups, outputs),
    }
    for name, shape in whole.items():
        if math.prod(shape) * accumulator_dtype(dtype).itemsize > 2**60:
            raise ArgumentValueError(
                f"{name} must have at most 2**60 bytes, with its padding",
                "Pass smaller sizes, less padding, or a smaller stride.",
                **{f"{name}_shape": shape},
                stride=geometry.stride,
                padding=geometry.padding,
            )
