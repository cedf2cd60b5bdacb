"""The convolutions of `torch.nn.functional`, on JAX arrays; tensors are taken as arrays, too.

Channels first, with or without a batch axis. Kernels as torch stores them: `weight` of a
convolution is `(out, in/groups, *kernel_size)`, that of a transposed one `(in, out/groups,
*kernel_size)`, which is the `weight` of the convolution of which it is the transpose.
"""
# ruff: noqa: A002  # `input` is torch's name

from collections.abc import Sequence
from typing import Any

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers, is_sequence
from jaxdeconv.compat.bridge import Ints, Operands, operands
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]


@reporting
def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """`torch.nn.functional.conv1d`: see `conv2d`.

    Args:
        input: `(batch, in, length)` or `(in, length)`.
        weight: `(out, in/groups, kernel_size)`.
        bias: `(out,)`.
        stride: see `conv2d`.
        padding: see `conv2d`.
        dilation: see `conv2d`.
        groups: see `conv2d`.
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@reporting
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """`torch.nn.functional.conv2d`.

    Args:
        input: `(batch, in, height, width)` or `(in, height, width)`.
        weight: `(out, in/groups, *kernel_size)`.
        bias: `(out,)`.
        stride: an int, or one per spatial dimension, like `padding` and `dilation`.
        padding: at least 0, on both sides; 'valid' for none; 'same', with stride 1, for a result of
            the size of `input`, the odd cell of padding at the end.
        dilation: spacing of the kernel taps.
        groups: the q-th block of input channels feeds the q-th block of output channels.

    Returns:
        `(batch, out, *output_size)`, without batch if `input` has none.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@reporting
def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """`torch.nn.functional.conv3d`: see `conv2d`.

    Args:
        input: `(batch, in, depth, height, width)` or `(in, depth, height, width)`.
        weight: `(out, in/groups, *kernel_size)`.
        bias: `(out,)`.
        stride: see `conv2d`.
        padding: see `conv2d`.
        dilation: see `conv2d`.
        groups: see `conv2d`.
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


@reporting
def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    output_size: Sequence[int] | None = None,
) -> Array:
    """`torch.nn.functional.conv_transpose1d`: see `conv_transpose2d`.

    Args:
        input: `(batch, in, length)` or `(in, length)`.
        weight: `(in, out/groups, kernel_size)`.
        bias: `(out,)`.
        stride: see `conv_transpose2d`.
        padding: see `conv_transpose2d`.
        output_padding: see `conv_transpose2d`.
        groups: see `conv_transpose2d`.
        dilation: see `conv_transpose2d`.
        output_size: see `conv_transpose2d`.

    Example:
        >>> import jax.numpy as jnp
        >>> x, weight = jnp.array([[[1.0, 10.0]]]), jnp.array([[[1.0, 2.0, 4.0]]])
        >>> conv_transpose1d(x, weight, stride=2, padding=1, output_size=[4]).tolist()
        [[[2.0, 14.0, 20.0, 40.0]]]
    """
    sizes = (stride, padding, output_padding, dilation, output_size)
    return _conv_transpose(1, input, weight, bias, groups, *sizes)


@reporting
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    output_size: Sequence[int] | None = None,
) -> Array:
    """`torch.nn.functional.conv_transpose2d`, with the `output_size` of its modules.

    Args:
        input: `(batch, in, height, width)` or `(in, height, width)`.
        weight: `(in, out/groups, *kernel_size)`.
        bias: `(out,)`.
        stride: an int, or one per spatial dimension, like all that follow but `groups`.
        padding: at least 0: of the forward convolution, so it crops.
        output_padding: added to the size at the end; smaller than `stride` or than `dilation`.
        groups: the q-th block of input channels feeds the q-th block of output channels.
        dilation: spacing of the kernel taps.
        output_size: spatial size of the result, alone or behind batch and channels, instead of
            `output_padding`; from the smallest, `(size - 1) * stride - 2 * padding +
            dilation * (kernel_size - 1) + 1`, to that plus `stride - 1`.

    Returns:
        `(batch, out, *output_size)`, without batch if `input` has none.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    sizes = (stride, padding, output_padding, dilation, output_size)
    return _conv_transpose(2, input, weight, bias, groups, *sizes)


@reporting
def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    output_size: Sequence[int] | None = None,
) -> Array:
    """`torch.nn.functional.conv_transpose3d`: see `conv_transpose2d`.

    Args:
        input: `(batch, in, depth, height, width)` or `(in, depth, height, width)`.
        weight: `(in, out/groups, *kernel_size)`.
        bias: `(out,)`.
        stride: see `conv_transpose2d`.
        padding: see `conv_transpose2d`.
        output_padding: see `conv_transpose2d`.
        groups: see `conv_transpose2d`.
        dilation: see `conv_transpose2d`.
        output_size: see `conv_transpose2d`.
    """
    sizes = (stride, padding, output_padding, dilation, output_size)
    return _conv_transpose(3, input, weight, bias, groups, *sizes)


def _conv(
    ndim: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: IntOrInts,
    padding: IntOrInts | str,
    dilation: IntOrInts,
    groups: int,
) -> Array:
    both = _operands(ndim, input, weight, groups, transposed=False)
    steps = _entries("stride", stride, ndim, minimum=1)
    spacing = _entries("dilation", dilation, ndim, minimum=1)
    pads: Ints | str
    if isinstance(padding, str):
        pads = check_choice("padding", padding, ("same", "valid")).upper()
        if pads == "SAME" and max(steps) > 1:
            raise ArgumentValueError(
                "padding='same' needs stride 1", "Pass integers for padding.", stride=stride
            )
    else:
        pads = _entries("padding", padding, ndim, minimum=0)
    return both.add_bias(both.conv(stride=steps, padding=pads, dilation=spacing), "bias", bias)


def _conv_transpose(
    ndim: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    groups: int,
    stride: IntOrInts,
    padding: IntOrInts,
    output_padding: IntOrInts,
    dilation: IntOrInts,
    output_size: Sequence[int] | None,
) -> Array:
    both = _operands(ndim, input, weight, groups, transposed=True)
    steps = _entries("stride", stride, ndim, minimum=1)
    pads = _entries("padding", padding, ndim, minimum=0)
    spacing = _entries("dilation", dilation, ndim, minimum=1)
    extra = _entries("output_padding", output_padding, ndim, minimum=0)
    if any(a >= max(s, d) for a, s, d in zip(extra, steps, spacing, strict=True)):
        raise ArgumentValueError(
            "output_padding must be smaller than stride or than dilation",
            "Pass less, or output_size.",
            output_padding=output_padding,
            stride=stride,
            dilation=dilation,
        )
    smallest = tuple(
        (n - 1) * s - 2 * p + k
        for n, s, p, k in zip(both.size, steps, pads, both.span(spacing), strict=True)
    )
    size = tuple(n + a for n, a in zip(smallest, extra, strict=True))
    if output_size is not None:
        size = _output_size(output_size, smallest, steps, both)
        if any(extra):
            raise ArgumentValueError(
                "output_padding and output_size say the same thing twice",
                "Pass only one of them.",
                output_padding=output_padding,
                output_size=output_size,
            )
    if min(size) < 1:
        raise ArgumentValueError(
            "padding must leave something of the result",
            "Pass less padding.",
            padding=padding,
            output_size=size,
        )
    y = both.conv_transpose(low=pads, size=size, stride=steps, dilation=spacing)
    return both.add_bias(y, "bias", bias)


def _operands(ndim: int, input: Any, weight: Any, groups: int, *, transposed: bool) -> Operands:
    if getattr(weight, "ndim", ndim + 2) != ndim + 2:
        raise ArgumentValueError(
            f"weight must have {ndim + 2} axes", "Call the function of its rank.", weight=weight
        )
    return operands(
        "torch",
        transposed=transposed,
        channels_first=True,
        groups=("groups", groups),
        input=input,
        weight=weight,
    )


def _entries(name: str, value: IntOrInts, ndim: int, minimum: int) -> Ints:
    """As everywhere, and torch lets a single entry in a sequence stand for all."""
    if is_sequence(value) and len(value) == 1:
        value = value[0]
    return as_integers(name, value, ndim, minimum)


def _output_size(value: Sequence[int], smallest: Ints, steps: Ints, both: Operands) -> Ints:
    """The spatial size that is asked for, if the stride can reach it."""
    ndim = both.ndim
    if is_sequence(value) and len(value) == both.signal.ndim:
        value = value[both.signal.ndim - ndim :]
    size = as_integers("output_size", value, ndim)
    largest = tuple(n + s - 1 for n, s in zip(smallest, steps, strict=True))
    if any(not low <= n <= high for low, n, high in zip(smallest, size, largest, strict=True)):
        raise ArgumentValueError(
            "output_size must be one that the forward convolution maps to the size of input",
            f"Pass sizes from {smallest} to {largest}.",
            output_size=value,
        )
    return size
