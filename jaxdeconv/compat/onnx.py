"""The operators `Conv` and `ConvTranspose` of ONNX (operator sets 11 and 22), on JAX arrays.

The inputs by position, the attributes by keyword. Channels first, one batch axis; `W` as in torch.

Where the sources disagree, this follows the operators' text and `onnx.reference`: under SAME_UPPER
and SAME_LOWER without `output_shape` the size is always size * stride, and half of a negative total
padding is rounded down.

`ConvInteger` is `Conv` of X and W converted to int32, minus their zero points.
"""

from collections.abc import Sequence

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import as_integers
from jaxdeconv.compat.call import Call, Ints
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = ["Conv", "ConvTranspose"]

AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@reporting
def Conv(
    X: ArrayLike,
    W: ArrayLike,
    B: ArrayLike | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """ONNX's `Conv`.

    Args:
        X: `(batch, in_channels, *size)`.
        W: `(out_channels, in_channels/group, *kernel_shape)`.
        B: bias, `(out_channels,)`.
        auto_pad: 'NOTSET' to use `pads`; 'SAME_UPPER', 'SAME_LOWER' for a result of
            ceil(size / strides) cells, an odd total padding having its extra cell at the end or at
            the beginning; 'VALID' for no padding.
        dilations: spacing of the kernel taps, per spatial dimension; None means 1.
        group: the q-th block of input channels feeds the q-th block of output channels.
        kernel_shape: must be that of W; may be left out.
        pads: all beginnings, then all ends; may be negative. None means 0.
        strides: per spatial dimension; None means 1.

    Returns:
        Y, `(batch, out_channels, *output_shape)`.

    Raises:
        ValueError: shapes or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    call = _call(X, W, group, kernel_shape, transposed=False)
    ndim = call.ndim
    steps, spacing = _entries("strides", strides, ndim), _entries("dilations", dilations, ndim)
    begins, ends = _pads(pads, auto_pad, ndim)
    by_name = {"SAME_UPPER": "SAME", "SAME_LOWER": "SAME_LOWER", "VALID": "VALID"}
    padding = by_name.get(auto_pad, tuple(zip(begins, ends, strict=True)))
    return call.add_bias(call.conv(stride=steps, padding=padding, dilation=spacing), "B", B)


@reporting
def ConvTranspose(
    X: ArrayLike,
    W: ArrayLike,
    B: ArrayLike | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """ONNX's `ConvTranspose`.

    Args:
        X: `(batch, in_channels, *size)`.
        W: `(in_channels, out_channels/group, *kernel_shape)`.
        auto_pad: 'NOTSET' to use `pads`; 'SAME_UPPER', 'SAME_LOWER' for size * strides cells
            unless `output_shape` is given; 'VALID' for no padding.
        output_padding: added to the size at the end; None means 0.
        output_shape: spatial size of the result, reached by padding that replaces `pads`: half on
            each side, an odd cell at the end under 'SAME_UPPER', else at the beginning.
        pads: of the forward convolution, so they crop: all beginnings, then all ends. None means 0.

    Other arguments: as in `Conv`.

    Returns:
        Y, `(batch, out_channels, *output_shape)`, where without `output_shape` its entries are
        `strides * (size - 1) + output_padding + dilations * (kernel_shape - 1) + 1 - pads`.

    Raises:
        ValueError: shapes or values do not fit.
        TypeError: not arrays, or of several dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> X, W = jnp.array([[[1.0, 10.0]]]), jnp.array([[[1.0, 2.0, 4.0]]])
        >>> ConvTranspose(X, W, strides=[2], output_shape=[4]).tolist()
        [[[2.0, 14.0, 20.0, 40.0]]]
    """
    call = _call(X, W, group, kernel_shape, transposed=True)
    ndim = call.ndim
    steps, spacing = _entries("strides", strides, ndim), _entries("dilations", dilations, ndim)
    extra = (0,) * ndim
    if output_padding is not None:
        extra = as_integers("output_padding", output_padding, ndim, minimum=0)
    begins, ends = _pads(pads, auto_pad, ndim)
    dimensions = zip(steps, call.size, extra, call.dilated_kernel_size(spacing), strict=True)
    uncropped = tuple(s * (n - 1) + a + k for s, n, a, k in dimensions)
    size = tuple(n - b - e for n, b, e in zip(uncropped, begins, ends, strict=True))
    wanted: Ints | None = None
    if output_shape is not None:
        wanted = as_integers("output_shape", output_shape, ndim, minimum=0)
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(call.size, steps, strict=True))
    if wanted is not None:
        size, upper = wanted, auto_pad == "SAME_UPPER"
        total = [n - m for n, m in zip(uncropped, size, strict=True)]
        begins = tuple(n // 2 if upper else n - n // 2 for n in total)
    y = call.conv_transpose(offset=begins, output_size=size, stride=steps, dilation=spacing)
    return call.add_bias(y, "B", B)


def _call(
    X: ArrayLike,
    W: ArrayLike,
    group: int,
    kernel_shape: Sequence[int] | None,
    *,
    transposed: bool,
) -> Call:
    call = Call.of(
        "onnx",
        transposed=transposed,
        channels_first=True,
        groups=("group", group),
        batch_axes=(1,),
        X=X,
        W=W,
    )
    expected = call.kernel.shape[:-2]
    if (
        kernel_shape is not None
        and as_integers("kernel_shape", kernel_shape, call.ndim) != expected
    ):
        raise ArgumentValueError(
            "kernel_shape must be that of W",
            f"Pass {list(expected)}, or leave it out.",
            kernel_shape=kernel_shape,
        )
    return call


def _entries(name: str, value: Sequence[int] | None, ndim: int) -> Ints:
    """Strides or dilations."""
    return (1,) * ndim if value is None else as_integers(name, value, ndim, minimum=1)


def _pads(pads: Sequence[int] | None, auto_pad: str, ndim: int) -> tuple[Ints, Ints]:
    """Beginnings and ends."""
    if check_choice("auto_pad", auto_pad, AUTO_PADS) != "NOTSET" and pads is not None and any(pads):
        raise ArgumentValueError(
            "pads and auto_pad must not both be given",
            "Pass only one of them.",
            pads=pads,
            auto_pad=auto_pad,
        )
    if pads is None:
        return (0,) * ndim, (0,) * ndim
    if not hasattr(pads, "__len__") or len(pads) != 2 * ndim:
        raise ArgumentValueError(
            f"pads must hold {ndim} beginnings, then {ndim} ends",
            "Pass [low, ..., high, ...].",
            pads=pads,
        )
    entries = as_integers("pads", pads, 2 * ndim)
    return entries[:ndim], entries[ndim:]
