"""Drop-in replacements of functions of `jax.lax`: the same names, the same results.

`conv_general_dilated` can be any of the three legs, so it is `jax.lax`'s own function, accelerated.
Every combination of arguments means what it means there, and what no leg can compute (symbolic
channels, arrays sharded by their types, everything on GPUs and TPUs) is left to `jax.lax`. Its
errors pass through.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.acceleration import accelerate
from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import Pairs, as_integers, as_padding, is_sequence
from jaxdeconv.arguments.layout import (
    Layout,
    kernel_to_canonical,
    signal_from_canonical,
    signal_to_canonical,
)
from jaxdeconv.compat.call import Call, Ints
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.planning import tuning_cache

__all__ = ["conv_general_dilated", "conv_transpose"]

LaxPadding = str | Sequence[tuple[int, int]]


def _stock(*args: Any) -> Array:
    return lax.conv_general_dilated(*args)


_conv_general_dilated = tuning_cache.follows(
    jax.jit(accelerate(_stock), static_argnums=range(2, 12), inline=True)
)


@reporting
def conv_general_dilated(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: LaxPadding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """`jax.lax.conv_general_dilated`, computed by the leg that it is equal to.

    Args:
        lhs: the signal, channels first unless `dimension_numbers` says otherwise.
        rhs: the kernel, `(out_channels, in_channels/groups, *kernel_size)` unless
            `dimension_numbers` says otherwise.
        window_strides: step of the window, per spatial dimension.
        padding: (low, high) pairs of the dilated lhs, or 'SAME', 'SAME_LOWER', 'VALID'.
        lhs_dilation: spacing of lhs: the stride of a transposed convolution.
        rhs_dilation: spacing of the kernel taps.
        dimension_numbers: of lhs, rhs and the result.
        feature_group_count: groups of channels.
        batch_group_count: groups of the batch.
        precision: as in `jax.lax`.
        preferred_element_type: as in `jax.lax`.
        out_sharding: as in `jax.lax`.

    Returns:
        What `jax.lax` returns, up to rounding.

    Raises:
        ValueError: a stride or dilation below 1, or as `jax.lax`.
        TypeError: as `jax.lax`.

    Example:
        >>> x, kernel = jnp.array([[[1.0, 10.0]]]), jnp.array([[[4.0, 2.0, 1.0]]])
        >>> conv_general_dilated(x, kernel, (1,), [(2, 2)], lhs_dilation=(2,)).ravel().tolist()
        [1.0, 2.0, 14.0, 20.0, 40.0]
    """
    ndim = _ndim(lhs, rhs)
    return _conv_general_dilated(
        jnp.asarray(lhs),
        jnp.asarray(rhs),
        as_integers("window_strides", window_strides, ndim, minimum=1),
        padding if isinstance(padding, str) else _pairs(padding),
        _entries("lhs_dilation", lhs_dilation, ndim),
        _entries("rhs_dilation", rhs_dilation, ndim),
        _tuple(dimension_numbers),
        feature_group_count,
        batch_group_count,
        _tuple(precision),
        preferred_element_type,
        out_sharding,
    )


@reporting
def conv_transpose(
    lhs: ArrayLike,
    rhs: ArrayLike,
    strides: Sequence[int],
    padding: LaxPadding,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    use_consistent_padding: bool = False,
) -> Array:
    """`jax.lax.conv_transpose`, by `jaxdeconv.conv_transpose`.

    Args:
        lhs: the signal, channels last unless `dimension_numbers` says otherwise.
        rhs: the kernel, `(*kernel_size, in_channels, out_channels)`, its taps in *reverse* order;
            if `transpose_kernel`, `(*kernel_size, out_channels, in_channels)`, its taps in order.
        strides: per spatial dimension.
        padding: 'SAME' (size * stride), 'VALID', or (low, high) pairs: those by which the dilated
            lhs is padded, or, if `use_consistent_padding`, those of the forward convolution. Other
            names, which `jax.lax` accepts by accident where the stride is 1, are refused.
        rhs_dilation: spacing of the kernel taps.
        dimension_numbers: of lhs, rhs and the result.
        transpose_kernel: rhs is the kernel of the forward convolution.
        precision: as in `jax.lax`.
        preferred_element_type: as in `jax.lax`.
        use_consistent_padding: pairs mean the padding of the forward convolution, as names do.

    Returns:
        What `jax.lax` returns, up to rounding.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.

    Example:
        >>> x, kernel = jnp.array([[[1.0], [10.0]]]), jnp.array([4.0, 2.0, 1.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, kernel, (2,), "VALID").ravel().tolist()
        [1.0, 2.0, 14.0, 20.0, 40.0]
    """
    ndim = _ndim(lhs, rhs)
    layout = Layout.parse(dimension_numbers, ndim + 2)
    call = Call.of(
        "keras"
        if transpose_kernel
        else "lax",  # with transpose_kernel, lax stores it as Keras does
        transposed=True,
        channels_first=False,
        batch_axes=(1,),
        lhs=signal_to_canonical("lhs", jnp.asarray(lhs), layout.v)[0],
        rhs=kernel_to_canonical(jnp.asarray(rhs), layout.w),
    )
    steps = as_integers("strides", strides, ndim, minimum=1)
    spacing = _entries("rhs_dilation", rhs_dilation, ndim)
    kernel = call.dilated_kernel_size(spacing)
    pads = padding if isinstance(padding, str) else as_padding(padding, ndim)
    if use_consistent_padding and not isinstance(pads, str):
        whole = zip(kernel, pads, strict=True)
        pads = tuple((k - 1 - low, k - 1 - high) for k, (low, high) in whole)
    offset, output_size = _offset_and_size(call.size, kernel, steps, pads)
    y = call.conv_transpose(
        offset=offset,
        output_size=output_size,
        stride=steps,
        dilation=spacing,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return signal_from_canonical(y, layout.u, y.shape[:1])


def _offset_and_size(
    sizes: Ints, kernel: Ints, steps: Ints, padding: str | Pairs
) -> tuple[Ints, Ints]:
    """Offset and output size of `Call.conv_transpose`, as `jax.lax.conv_transpose` has them.

    Args:
        sizes: of the signal, per spatial dimension.
        kernel: size of the dilated kernel.
        steps: strides.
        padding: a name, or pairs by which the dilated signal is padded.
    """
    if not isinstance(padding, str):
        offset = tuple(k - 1 - low for k, (low, _) in zip(kernel, padding, strict=True))
        padded = ((n - 1) * s + 1 + sum(p) for n, s, p in zip(sizes, steps, padding, strict=True))
        return offset, tuple(n - (k - 1) for n, k in zip(padded, kernel, strict=True))
    if check_choice("padding", padding, ("SAME", "VALID")) == "SAME":
        offset = tuple(max(k - s, 0) // 2 for k, s in zip(kernel, steps, strict=True))
        return offset, tuple(n * s for n, s in zip(sizes, steps, strict=True))
    dimensions = zip(sizes, kernel, steps, strict=True)
    return (0,) * len(sizes), tuple((n - 1) * s + max(k, s) for n, k, s in dimensions)


def _ndim(lhs: Any, rhs: Any) -> int:
    """Number of spatial dimensions of two arrays with equally many axes."""
    shapes = [getattr(x, "shape", ()) for x in (lhs, rhs)]
    if len(shapes[0]) != len(shapes[1]) or len(shapes[0]) < 2:
        raise ArgumentValueError(
            "lhs and rhs must be arrays with the same number of axes, at least 2",
            "Give lhs a batch axis and a channel axis.",
            lhs=lhs,
            rhs=rhs,
        )
    return len(shapes[0]) - 2


def _entries(name: str, value: Sequence[int] | None, ndim: int) -> Ints:
    return (1,) * ndim if value is None else as_integers(name, value, ndim, minimum=1)


def _pairs(padding: Any) -> Any:
    """(low, high) pairs as tuples; else as they are, for `jax.lax` to refuse."""
    return tuple(map(_tuple, padding)) if is_sequence(padding) else padding


def _tuple(value: Any) -> Any:
    """Lists, which are not hashable, as tuples."""
    return tuple(value) if isinstance(value, list) else value
