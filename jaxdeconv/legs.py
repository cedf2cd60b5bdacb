"""The three legs of the convolution, the public functions.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

| leg | function | maps |
|---|---|---|
| K | `conv(v, w)` | v -> u |
| K^T | `conv_transpose(u, w)` | u -> v |
| G | `kernel_gradient(u, v)` | (u, v) -> w |

A public function checks its arguments, brings them to the canonical layout, binds the leg's
primitive, for which the planner chooses an algorithm, and brings the result back.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import jax
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv import boundary, planner
from jaxdeconv.errors import ArgumentValueError, reporting
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

__all__ = ["conv", "conv_transpose", "kernel_gradient"]

PaddingMode: TypeAlias = Literal["zeros", "circular", "reflect", "replicate", "symmetric"]
DERIVED = "derived"
_DERIVED: dict[str, Callable[..., Array]] = {
    "conv": forward.conv,
    "conv_transpose": derived.transpose,
    "kernel_gradient": derived.kernel_gradient,
}


@reporting
def conv(
    v: ArrayLike,
    w: ArrayLike,
    *,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: str = "auto",
) -> Array:
    """U = K(w) v: strided convolution, linear in v and in w. The kernel is not flipped.

        u[y, o] = sum over t, c of v[stride*y + dilation*t - low, c] * w[t, c, o]

    Args:
        v: `(*batch, *input_size, in)`, with any number of batch axes, none included.
        w: `(*kernel_size, in/groups, out)`.
        stride: step of the kernel: an int, or one per spatial dimension.
        padding: an int; one int or (low, high) pair per spatial dimension, where negative
            entries crop; or 'VALID', 'SAME', 'SAME_LOWER', 'CAUSAL' (see `ConvGeometry`).
        dilation: spacing of the kernel taps: an int, or one per spatial dimension.
        groups: the q-th block of in/groups input channels feeds the q-th block of out/groups
            output channels.
        dimension_numbers: axes of (v, w, u) as in `jax.lax`, e.g. ('NCHW', 'OIHW', 'NCHW'); N
            stands for all batch axes. None means channels last.
        padding_mode: what the padding holds: 'zeros', 'circular', 'reflect', 'replicate' or
            'symmetric' (as `numpy.pad`; 'circular' is its 'wrap', 'replicate' its 'edge').
        precision: as in `jax.lax`.
        preferred_element_type: dtype of the result and, unless it is a half type, of the sums.
            None: the dtype of the operands. See `jaxdeconv.operands` for the rules on dtypes.
        algorithm: 'auto' for the one that `jaxdeconv.plan` chooses, its name to force one, or
            'derived' for the definition itself.

    Returns:
        u, `(*batch, *output_size, out)` with
        `output_size = floor((input_size + low + high - dilated_kernel_size) / stride) + 1`.

    Raises:
        ValueError: shapes, sizes or names do not fit; the message says what would.
        TypeError: not an array, not a static integer, or dtypes that differ.

    Cost: batch * prod(output_size) * prod(kernel_size) * in/groups * out multiply-adds.

    Example:
        >>> import jax.numpy as jnp
        >>> v, w = jnp.arange(5.0).reshape(5, 1), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv(v, w, stride=2, padding=1).ravel().tolist()
        [4.0, 17.0, 11.0]

    References: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 6.
    """
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


@reporting
def conv_transpose(
    u: ArrayLike,
    w: ArrayLike,
    *,
    input_size: IntOrInts | None = None,
    output_padding: IntOrInts | None = None,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: str = "auto",
) -> Array:
    """V = K(w)^T u: the transpose of `conv` with the same w and the same keywords.

    The only linear map with `<u, conv(v, w)> = <conv_transpose(u, w), v>` for all u and v, without
    conjugation; never flip or swap w. Every u[y], times the kernel, is laid down at stride*y - low:

        v[x, c] = sum of u[y, o] * w[t, c, o] over all stride*y + dilation*t - low = x

    Args:
        u: `(*batch, *output_size, out)`, laid out as the *output* of `conv`.
        w: `(*kernel_size, in/groups, out)`, the kernel of `conv` as it is.
        input_size: spatial size of v, an int or one per spatial dimension. When stride > 1
            several sizes of v have the same size of u; an impossible one is refused with the list
            of the possible.
        output_padding: the same in torch's words: input_size minus the smallest possible one.
        stride: of `conv`, like all that follow.
        padding: of `conv`: *crops* the result. Never means padding of u.
        dilation: see `conv`.
        groups: see `conv`.
        dimension_numbers: axes of (v, w, u), in this order, as in `conv`.
        padding_mode: see `conv`; its transpose folds the border back, it does not crop.
        precision: see `conv`.
        preferred_element_type: see `conv`.
        algorithm: see `conv`.

    Returns:
        v, `(*batch, *input_size, in)`. With neither `input_size` nor `output_padding` the
        smallest possible size, `(output_size - 1) * stride + dilated_kernel_size - low - high`
        (torch's rule), except under 'SAME', 'SAME_LOWER' and 'CAUSAL', where it is
        `output_size * stride`.

    Raises:
        ValueError: as `conv`; both sizes given, or an impossible one.
        TypeError: as `conv`.

    Cost: that of `conv`.

    Example:
        >>> import jax.numpy as jnp
        >>> u, w = jnp.array([1.0, 10.0]).reshape(2, 1), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv_transpose(u, w, stride=2).ravel().tolist()
        [1.0, 2.0, 14.0, 20.0, 40.0]
        >>> conv_transpose(u, w, stride=2, padding=1, input_size=4).ravel().tolist()
        [2.0, 14.0, 20.0, 40.0]

    References: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14.
    """
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


@reporting
def kernel_gradient(
    u: ArrayLike,
    v: ArrayLike,
    *,
    kernel_size: IntOrInts,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: str = "auto",
) -> Array:
    """W = G(u, v): the transpose of `conv` in its kernel, bilinear in u and v.

    The only bilinear map with `<u, conv(v, w)> = <w, kernel_gradient(u, v)>` for all u, v and w,
    without conjugation: the kernel's gradient of both `conv` (u its cotangent) and
    `conv_transpose` (v its cotangent). Batch axes are summed over.

        w[t, c, o] = sum over y of u[y, o] * v[stride*y + dilation*t - low, c]

    Args:
        u: `(*batch, *output_size, out)`, laid out as the output of `conv`.
        v: `(*batch, *input_size, in)`, laid out as the input of `conv`.
        kernel_size: spatial size of w, one entry per spatial dimension; an int will do where
            `dimension_numbers` tells how many there are.
        stride: of `conv`, like all that follow.
        padding: see `conv`.
        dilation: see `conv`.
        groups: see `conv`.
        dimension_numbers: axes of (v, w, u), in this order, as in `conv`.
        padding_mode: see `conv`.
        precision: see `conv`.
        preferred_element_type: see `conv`.
        algorithm: see `conv`.

    Returns:
        w, `(*kernel_size, in/groups, out)`.

    Raises:
        ValueError: as `conv`; sizes or batch shapes of u and v that do not belong together.
        TypeError: as `conv`.

    Cost: that of `conv`.

    Example:
        >>> import jax.numpy as jnp
        >>> u, v = jnp.array([1.0, 10.0]).reshape(2, 1), jnp.arange(5.0).reshape(5, 1)
        >>> kernel_gradient(u, v, kernel_size=(3,), stride=2).ravel().tolist()
        [20.0, 31.0, 42.0]
    """
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
