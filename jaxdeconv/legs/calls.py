"""From a call with the user's layout and keywords to a leg on canonical operands, and back.

Every function here checks its arguments, from shapes and dtypes alone; brings the arrays to the
canonical layout and the sizes to a `ConvGeometry`; splits off a padding mode that is not zeros;
applies the leg; and brings the result back. The signatures are those of `jaxdeconv.legs.functions`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import DTypeLike

from jaxdeconv import boundary
from jaxdeconv.arguments.dtypes import accumulator_dtype, as_operands, check_groups, check_precision
from jaxdeconv.arguments.integers import LARGEST_STEP, IntOrInts, as_integer, as_integers
from jaxdeconv.arguments.layout import (
    DimensionNumbers,
    Layout,
    channels_first,
    kernel_from_canonical,
    kernel_to_canonical,
    other_layout,
    signal_from_canonical,
    signal_to_canonical,
)
from jaxdeconv.arguments.paddings import PaddingLike
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.planning import planner
from jaxdeconv.primitives import bind, problem_of
from jaxdeconv.reference import derived, forward

DERIVED = "derived"
_DERIVED: dict[str, Callable[..., Array]] = {
    "conv": forward.conv,
    "conv_transpose": derived.transpose,
    "kernel_gradient": derived.kernel_gradient,
}


def conv(
    v: Any,
    w: Any,
    *,
    stride: IntOrInts,
    padding: PaddingLike,
    dilation: IntOrInts,
    groups: int,
    dimension_numbers: DimensionNumbers,
    padding_mode: str,
    precision: PrecisionLike,
    preferred_element_type: DTypeLike | None,
    algorithm: str,
) -> Array:
    """`legs.conv`."""
    boundary.check_mode(padding_mode)
    check_precision(precision)
    v, w, dtype = as_operands(preferred_element_type, v=v, w=w)
    given = v, w
    layout = Layout.of_kernel(dimension_numbers, w)
    v, batch = signal_to_canonical("v", v, layout.v)
    w = kernel_to_canonical(w, layout.w)
    groups = as_integer("groups", groups, minimum=1)
    if v.shape[-1] != groups * w.shape[-2]:
        remedy = other_layout("v", *given, groups) if dimension_numbers is None else ""
        if not remedy:
            check_groups(groups, v.shape[-1], w.shape[-1])
        raise ArgumentValueError(
            "v must have groups times as many channels as w has input channels",
            remedy or f"With groups={groups}, pass w with {v.shape[-1] // groups} input channels.",
            v_channels=v.shape[-1],
            w_input_channels=w.shape[-2],
            groups=groups,
        )
    check_groups(groups, v.shape[-1], w.shape[-1])
    geometry = ConvGeometry(v.shape[1:-1], w.shape[:-2], stride, padding, dilation, groups)
    check_reach(geometry)
    _check_bytes(geometry, v.shape[0], v.shape[-1], w.shape[-1], dtype)
    border, geometry = boundary.split(geometry, padding_mode)
    v = boundary.pad(v, border, padding_mode)
    u = _apply("conv", v, w, geometry, dtype, precision, algorithm)
    return signal_from_canonical(u, layout.u, batch)


def conv_transpose(
    u: Any,
    w: Any,
    *,
    input_size: IntOrInts | None,
    output_padding: IntOrInts | None,
    stride: IntOrInts,
    padding: PaddingLike,
    dilation: IntOrInts,
    groups: int,
    dimension_numbers: DimensionNumbers,
    padding_mode: str,
    precision: PrecisionLike,
    preferred_element_type: DTypeLike | None,
    algorithm: str,
) -> Array:
    """`legs.conv_transpose`."""
    boundary.check_mode(padding_mode)
    check_precision(precision)
    u, w, dtype = as_operands(preferred_element_type, u=u, w=w)
    given = u, w
    layout = Layout.of_kernel(dimension_numbers, w)
    u, batch = signal_to_canonical("u", u, layout.u)
    w = kernel_to_canonical(w, layout.w)
    groups = as_integer("groups", groups, minimum=1)
    if u.shape[-1] != w.shape[-1]:
        remedy = other_layout("u", *given, groups) if dimension_numbers is None else ""
        raise ArgumentValueError(
            "u must have as many channels as w has output channels: it is an output of conv",
            remedy or "Pass the kernel of conv as it is, neither swapped nor flipped.",
            u_channels=u.shape[-1],
            w_output_channels=w.shape[-1],
        )
    check_groups(groups, groups * w.shape[-2], w.shape[-1])
    forward_map = ConvGeometry.from_output_size(
        u.shape[1:-1],
        w.shape[:-2],
        stride,
        padding,
        dilation,
        groups,
        input_size=input_size,
        output_padding=output_padding,
    )
    _check_bytes(forward_map, u.shape[0], groups * w.shape[-2], w.shape[-1], dtype)
    border, geometry = boundary.split(forward_map, padding_mode)
    sums = dtype if padding_mode == "zeros" else accumulator_dtype(dtype)
    padded = _apply("conv_transpose", u, w, geometry, sums, precision, algorithm)
    v = boundary.fold(padded, forward_map.input_size, border, padding_mode)
    return signal_from_canonical(v.astype(dtype), layout.v, batch)


def kernel_gradient(
    u: Any,
    v: Any,
    *,
    kernel_size: IntOrInts,
    stride: IntOrInts,
    padding: PaddingLike,
    dilation: IntOrInts,
    groups: int,
    dimension_numbers: DimensionNumbers,
    padding_mode: str,
    precision: PrecisionLike,
    preferred_element_type: DTypeLike | None,
    algorithm: str,
) -> Array:
    """`legs.kernel_gradient`."""
    boundary.check_mode(padding_mode)
    check_precision(precision)
    u, v, dtype = as_operands(preferred_element_type, u=u, v=v)
    given = u, v
    layout = Layout.of_kernel_size(dimension_numbers, kernel_size)
    u, u_batch = signal_to_canonical("u", u, layout.u)
    v, v_batch = signal_to_canonical("v", v, layout.v)
    if u_batch != v_batch:
        raise ArgumentValueError(
            "u and v must have the same batch axes",
            "Pass the u that belongs to v.",
            u_batch=u_batch,
            v_batch=v_batch,
        )
    size = as_integers("kernel_size", kernel_size, layout.ndim, minimum=1, maximum=LARGEST_STEP)
    geometry = ConvGeometry(v.shape[1:-1], size, stride, padding, dilation, groups)
    if u.shape[1:-1] != geometry.output_size:
        belongs = f"Pass u of size {geometry.output_size}, or the v that belongs to it."
        sizes = tuple(x.shape[-layout.ndim :] for x in given)
        raise ArgumentValueError(
            "u must have the spatial size that conv gives v",
            _channels_first(dimension_numbers, geometry, padding, *sizes) or belongs,
            u_size=u.shape[1:-1],
            v_size=v.shape[1:-1],
        )
    check_groups(geometry.groups, v.shape[-1], u.shape[-1])
    _check_bytes(geometry, v.shape[0], v.shape[-1], u.shape[-1], dtype)
    border, geometry = boundary.split(geometry, padding_mode)
    v = boundary.pad(v, border, padding_mode)
    w = _apply("kernel_gradient", u, v, geometry, dtype, precision, algorithm)
    return kernel_from_canonical(w, layout.w)


def _channels_first(
    dimension_numbers: DimensionNumbers,
    geometry: ConvGeometry,
    padding: PaddingLike,
    u_size: tuple[int, ...],
    v_size: tuple[int, ...],
) -> str:
    """What to pass if the last axes of u and v are sizes that belong together; else ''."""
    window = geometry.kernel_size, geometry.stride, padding, geometry.dilation
    try:
        fits = ConvGeometry(v_size, *window).output_size == u_size
    except ArgumentValueError:
        return ""
    return channels_first(geometry.ndim) if fits and dimension_numbers is None else ""


def _check_bytes(
    geometry: ConvGeometry, batch: Any, in_channels: int, out_channels: int, dtype: np.dtype
) -> None:
    """Refuse arrays that XLA cannot index: where a size in bytes overflows it ends the process.

    What algorithms hold beside the arrays is some times as large: hence not 2**63.
    """
    images = batch if isinstance(batch, int) else 1  # a symbolic one is known at run time alone
    padded = map(max, geometry.input_size, geometry.padded_size)
    shapes = {
        "v": (images, *padded, in_channels),
        "u": (images, *geometry.output_size, out_channels),
        "w": (*geometry.kernel_size, in_channels // geometry.groups, out_channels),
    }
    for name, shape in shapes.items():
        if math.prod(shape) * accumulator_dtype(dtype).itemsize > 2**60:
            raise ArgumentValueError(
                f"{name} must have at most 2**60 bytes, with its padding",
                "Pass smaller sizes, less padding, or a smaller stride.",
                **{f"{name}_shape": shape},
                stride=geometry.stride,
                padding=geometry.padding,
            )


def _apply(
    leg: str,
    x: Array,
    y: Array,
    geometry: ConvGeometry,
    dtype: np.dtype,
    precision: PrecisionLike,
    algorithm: str,
) -> Array:
    """The leg on canonical operands: by its primitive, or by its definition."""
    if algorithm == DERIVED:
        sums = accumulator_dtype(dtype)
        return _DERIVED[leg](x.astype(sums), y.astype(sums), geometry, precision).astype(dtype)
    params = {
        "geometry": geometry,
        "dtype": dtype,
        "precision": tuple(precision) if isinstance(precision, list) else precision,
        "algorithm": algorithm,
    }
    if algorithm != planner.AUTO:
        problem = problem_of(leg, x, y, params)
        planner.check_algorithm(problem, planner.platform_traced_for(), algorithm)
    return bind(leg, x, y, **params)
