"""From a call with the user's layout and keywords to a leg on canonical operands, and back.

Every function here checks its arguments, from shapes and dtypes alone; brings the arrays to the
canonical layout and the sizes to a `ConvGeometry`; splits off a padding mode that is not zeros;
applies the leg; and brings the result back. The signatures are those of `jaxdeconv.legs`.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import DTypeLike

from jaxdeconv import boundary, planner
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.integers import IntOrInts, as_integers
from jaxdeconv.layout import (
    DimensionNumbers,
    Layout,
    kernel_from_canonical,
    kernel_to_canonical,
    signal_from_canonical,
    signal_to_canonical,
)
from jaxdeconv.operands import accumulator_dtype, as_operands, check_groups, check_precision
from jaxdeconv.paddings import PaddingLike
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
    layout = Layout.of_kernel(dimension_numbers, w)
    v, batch = signal_to_canonical("v", v, layout.v)
    w = kernel_to_canonical(w, layout.w)
    check_groups(groups, v.shape[-1], w.shape[-1])
    if v.shape[-1] != groups * w.shape[-2]:
        raise ArgumentValueError(
            "v must have groups times as many channels as w has input channels",
            f"With groups={groups}, pass w with {v.shape[-1] // groups} input channels.",
            v_channels=v.shape[-1],
            w_input_channels=w.shape[-2],
            groups=groups,
        )
    geometry = ConvGeometry(v.shape[1:-1], w.shape[:-2], stride, padding, dilation, groups)
    check_reach(geometry)
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
    layout = Layout.of_kernel(dimension_numbers, w)
    u, batch = signal_to_canonical("u", u, layout.u)
    w = kernel_to_canonical(w, layout.w)
    check_groups(groups, groups * w.shape[-2], w.shape[-1])
    if u.shape[-1] != w.shape[-1]:
        raise ArgumentValueError(
            "u must have as many channels as w has output channels: it is an output of conv",
            "Pass the kernel of conv as it is, neither swapped nor flipped.",
            u_channels=u.shape[-1],
            w_output_channels=w.shape[-1],
        )
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
    check_groups(groups, v.shape[-1], u.shape[-1])
    size = as_integers("kernel_size", kernel_size, layout.ndim, minimum=1)
    geometry = ConvGeometry(v.shape[1:-1], size, stride, padding, dilation, groups)
    if u.shape[1:-1] != geometry.output_size:
        raise ArgumentValueError(
            "u must have the spatial size that conv gives v",
            f"Pass u of size {geometry.output_size}, or the v that belongs to it.",
            u_size=u.shape[1:-1],
            v_size=v.shape[1:-1],
        )
    border, geometry = boundary.split(geometry, padding_mode)
    v = boundary.pad(v, border, padding_mode)
    w = _apply("kernel_gradient", u, v, geometry, dtype, precision, algorithm)
    return kernel_from_canonical(w, layout.w)


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
        planner.check_algorithm(problem, jax.default_backend(), algorithm)
    return bind(leg, x, y, **params)
