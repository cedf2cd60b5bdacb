"""The convolutions of `torch.nn.functional` on JAX arrays, which may also be given as tensors.

Channels first, with or without a batch axis. Kernels as torch stores them: `weight` of a
convolution is `(out_channels, in_channels/groups, *kernel_size)`, that of a transposed convolution
`(in_channels, out_channels/groups, *kernel_size)`: one and the same array for a convolution and its
transpose.
"""
# ruff: noqa: A002  # `input` is torch's name

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers, is_sequence
from jaxdeconv.compat.call import Call, Ints
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

Parameters = ParamSpec("Parameters")


def _conv(
    _ndim: int,
    /,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """`torch.nn.functional.conv{1,2,3}d`.

    Args:
        input: `(batch, in_channels, *size)` or `(in_channels, *size)`.
        weight: `(out_channels, in_channels/groups, *kernel_size)`.
        bias: `(out_channels,)`.
        stride: an int, or one per spatial dimension, like `padding` and `dilation`.
        padding: at least 0, on both sides; 'valid' for none; 'same', with stride 1, for a result of
            the size of `input`, an odd total padding having its extra cell at the end.
        dilation: spacing of the kernel taps.
        groups: the q-th block of input channels feeds the q-th block of output channels.

    Returns:
        `(batch, out_channels, *output_size)`, without batch if `input` has none.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    call = _call(_ndim, input, weight, groups, transposed=False)
    steps = _entries("stride", stride, _ndim, minimum=1)
    spacing = _entries("dilation", dilation, _ndim, minimum=1)
    if isinstance(padding, str):
        padding = check_choice("padding", padding, ("same", "valid")).upper()
        if padding == "SAME" and max(steps) > 1:
            raise ArgumentValueError(
                "padding='same' needs stride 1", "Pass integers for padding.", stride=stride
            )
    else:
        padding = _entries("padding", padding, _ndim, minimum=0)
    return call.add_bias(call.conv(stride=steps, padding=padding, dilation=spacing), "bias", bias)


def _conv_transpose(
    _ndim: int,
    /,
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
    """`torch.nn.functional.conv_transpose{1,2,3}d`, with the `output_size` of torch's modules.

    Args:
        input: `(batch, in_channels, *size)` or `(in_channels, *size)`.
        weight: `(in_channels, out_channels/groups, *kernel_size)`.
        bias: `(out_channels,)`.
        stride: an int, or one per spatial dimension, like all that follow but `groups`.
        padding: at least 0: of the forward convolution, so it crops the result.
        output_padding: added to the size at the end; smaller than `stride` or than `dilation`.
        groups: the q-th block of input channels feeds the q-th block of output channels.
        dilation: spacing of the kernel taps.
        output_size: spatial size of the result, alone or behind batch and channels, instead of
            `output_padding`; from the smallest, `(size - 1) * stride - 2 * padding +
            dilation * (kernel_size - 1) + 1`, to that plus `stride - 1`.

    Returns:
        `(batch, out_channels, *output_size)`, without batch if `input` has none.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> x, weight = jnp.array([[[1.0, 10.0]]]), jnp.array([[[1.0, 2.0, 4.0]]])
        >>> conv_transpose1d(x, weight, stride=2, padding=1, output_size=[4]).tolist()
        [[[2.0, 14.0, 20.0, 40.0]]]
    """
    call = _call(_ndim, input, weight, groups, transposed=True)
    steps = _entries("stride", stride, _ndim, minimum=1)
    crops = _entries("padding", padding, _ndim, minimum=0)
    spacing = _entries("dilation", dilation, _ndim, minimum=1)
    extra = _entries("output_padding", output_padding, _ndim, minimum=0)
    if any(a >= max(s, d) for a, s, d in zip(extra, steps, spacing, strict=True)):
        raise ArgumentValueError(
            "output_padding must be smaller than stride or than dilation",
            "Pass less, or output_size.",
            output_padding=output_padding,
            stride=stride,
            dilation=dilation,
        )
    dimensions = zip(call.size, steps, crops, call.dilated_kernel_size(spacing), strict=True)
    smallest = tuple((n - 1) * s - 2 * p + k for n, s, p, k in dimensions)
    size = tuple(n + a for n, a in zip(smallest, extra, strict=True))
    if output_size is not None:
        size = _output_size(output_size, smallest, steps, call)
        if any(extra):
            raise ArgumentValueError(
                "output_padding and output_size must not both be given",
                "Pass only one of them.",
                output_padding=output_padding,
                output_size=output_size,
            )
    if min(size) < 1:
        raise ArgumentValueError(
            "padding must leave at least one cell of the result in every dimension",
            "Pass less padding.",
            padding=padding,
            output_size=size,
        )
    y = call.conv_transpose(offset=crops, output_size=size, stride=steps, dilation=spacing)
    return call.add_bias(y, "bias", bias)


def _for_ndim(
    ndim: int, function: Callable[Concatenate[int, Parameters], Array]
) -> Callable[Parameters, Array]:
    """The function of torch for `ndim` spatial dimensions: its signature, name and docstring."""

    @functools.wraps(function)
    def for_ndim(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Array:
        return function(ndim, *args, **kwargs)

    signature = inspect.signature(function)
    parameters = [*signature.parameters.values()][1:]
    for_ndim.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    for_ndim.__name__ = for_ndim.__qualname__ = f"{function.__name__.removeprefix('_')}{ndim}d"
    for_ndim.__doc__ = (function.__doc__ or "").replace("{1,2,3}", str(ndim))
    return reporting(for_ndim)


conv1d = _for_ndim(1, _conv)
conv2d = _for_ndim(2, _conv)
conv3d = _for_ndim(3, _conv)
conv_transpose1d = _for_ndim(1, _conv_transpose)
conv_transpose2d = _for_ndim(2, _conv_transpose)
conv_transpose3d = _for_ndim(3, _conv_transpose)


def _call(ndim: int, input: Any, weight: Any, groups: int, *, transposed: bool) -> Call:
    if getattr(weight, "ndim", ndim + 2) != ndim + 2:
        raise ArgumentValueError(
            f"weight must have {ndim + 2} axes",
            "Call the function for its number of spatial dimensions.",
            weight=weight,
        )
    return Call.of(
        "torch",
        transposed=transposed,
        channels_first=True,
        groups=("groups", groups),
        input=input,
        weight=weight,
    )


def _entries(name: str, value: IntOrInts, ndim: int, minimum: int) -> Ints:
    """As everywhere, but as in torch a sequence with a single entry holds for all dimensions."""
    if is_sequence(value) and len(value) == 1:
        value = value[0]
    return as_integers(name, value, ndim, minimum)


def _output_size(value: Sequence[int], smallest: Ints, steps: Ints, call: Call) -> Ints:
    """The spatial size that is asked for, if the stride can reach it."""
    if is_sequence(value) and len(value) == call.signal.ndim:
        value = value[call.signal.ndim - call.ndim :]
    size = as_integers("output_size", value, call.ndim)
    largest = tuple(n + s - 1 for n, s in zip(smallest, steps, strict=True))
    if any(not low <= n <= high for low, n, high in zip(smallest, size, largest, strict=True)):
        raise ArgumentValueError(
            "output_size must be one that the forward convolution maps to the size of input",
            f"Pass sizes from {smallest} to {largest}.",
            output_size=value,
        )
    return size
