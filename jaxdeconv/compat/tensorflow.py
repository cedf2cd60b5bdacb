"""The convolutions of TensorFlow, `tf.nn.convolution` and `tf.nn.conv_transpose`, on JAX arrays."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers, is_sequence
from jaxdeconv.compat.call import Call, Ints, implied_groups
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = ["conv_transpose", "convolution"]

CHANNELS_LAST = ("NWC", "NHWC", "NDHWC")
CHANNELS_FIRST = ("NCW", "NCHW", "NCDHW")

TensorFlowPadding = str | Sequence[Sequence[int]]


@reporting
def convolution(
    input: ArrayLike,  # noqa: A002  # TensorFlow's name
    filters: ArrayLike,
    strides: IntOrInts | None = None,
    padding: TensorFlowPadding = "VALID",
    data_format: str | None = None,
    dilations: IntOrInts | None = None,
    name: str | None = None,
) -> Array:
    """`tf.nn.convolution`, and with it `tf.nn.conv1d`, `conv2d` and `conv3d`.

    Args:
        input: `(batch, *size, in_channels)`, or `(batch, in_channels, *size)`.
        filters: `(*kernel_size, in_channels/groups, out_channels)`; its shape determines the
            groups.
        strides: an int; one per spatial dimension; or one per axis of `input`, 1 for batch and
            channels. None means 1.
        padding: 'VALID', 'SAME', or a (low, high) pair per axis of `input`, zeros for batch and
            channels.
        data_format: 'NWC', 'NHWC', 'NDHWC', which None means, or 'NCW', 'NCHW', 'NCDHW'.
        dilations: spacing of the kernel taps, written as `strides`.
        name: of the operation, as in `jax.named_scope`.

    Returns:
        As `input`, with the output channels of `filters`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.
    """
    channels_first = _channels_first(data_format, filters)
    call = Call.of(
        "tensorflow",
        transposed=False,
        channels_first=channels_first,
        groups=("groups", implied_groups(input, filters, channels_first=channels_first)),
        batch_axes=(1,),
        input=input,
        filters=filters,
    )
    pads = _padding(padding, call)
    with jax.named_scope(name or "convolution"):
        return call.conv(
            stride=_entries("strides", strides, call),
            padding=pads,
            dilation=_entries("dilations", dilations, call),
        )


@reporting
def conv_transpose(
    input: ArrayLike,  # noqa: A002  # TensorFlow's name
    filters: ArrayLike,
    output_shape: Sequence[int],
    strides: IntOrInts,
    padding: TensorFlowPadding = "SAME",
    data_format: str | None = None,
    dilations: IntOrInts | None = None,
    name: str | None = None,
) -> Array:
    """`tf.nn.conv_transpose`, and with it `tf.nn.conv{1,2,3}d_transpose`.

    Args:
        input: `(batch, *size, in_channels)`, or `(batch, in_channels, *size)`.
        filters: `(*kernel_size, out_channels, in_channels)`.
        output_shape: the whole shape of the result, batch and channels included: the forward
            convolution must map it to that of `input`.
        padding: of the forward convolution, written as in `convolution`.

    Other arguments: as in `convolution`.

    Returns:
        An array of shape `output_shape`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> x, filters = jnp.array([[[1.0], [10.0]]]), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, filters, (1, 4, 1), strides=2).ravel().tolist()
        [1.0, 2.0, 14.0, 20.0]
        >>> conv_transpose(x, filters, (1, 3, 1), strides=2).ravel().tolist()
        [2.0, 14.0, 20.0]
    """
    call = Call.of(
        "tensorflow",
        transposed=True,
        channels_first=_channels_first(data_format, filters),
        batch_axes=(1,),
        input=input,
        filters=filters,
    )
    steps, spacing = _entries("strides", strides, call), _entries("dilations", dilations, call)
    size = _spatial(_output_shape(output_shape, call), call)
    pads = _padding(padding, call)
    kernel = call.dilated_kernel_size(spacing)
    dimensions = zip(call.size, kernel, steps, size, strict=True)
    if pads == "SAME":
        offset = tuple(max((n - 1) * s + k - m, 0) // 2 for n, k, s, m in dimensions)
        fitting = tuple(-(-m // s) for m, s in zip(size, steps, strict=True))
    else:
        pairs = ((0, 0),) * call.ndim if isinstance(pads, str) else pads
        offset = tuple(low for low, _ in pairs)
        fitting = tuple(
            (m + sum(pair) - k) // s + 1
            for (_, k, s, m), pair in zip(dimensions, pairs, strict=True)
        )
    if fitting != call.size:
        raise ArgumentValueError(
            "output_shape must be one that the forward convolution maps to the shape of input",
            f"For this output_shape pass an input of size {fitting}.",
            output_shape=output_shape,
            input_size=call.size,
        )
    with jax.named_scope(name or "conv_transpose"):
        return call.conv_transpose(offset=offset, output_size=size, stride=steps, dilation=spacing)


def _channels_first(data_format: str | None, filters: Any) -> bool:
    """Whether channels come first in a data format, which must name as many axes as there are."""
    ndim = getattr(filters, "ndim", 4) - 2
    known = [
        names[ndim - 1] for names in (CHANNELS_LAST, CHANNELS_FIRST) if 1 <= ndim <= len(names)
    ]
    return (
        data_format is not None
        and check_choice("data_format", data_format, known) in CHANNELS_FIRST
    )


def _spatial(entries: Sequence[Any], call: Call) -> tuple[Any, ...]:
    """Of one entry per axis of a signal, those of the spatial axes."""
    return tuple(entries[2:] if call.channels_first else entries[1:-1])


def _entries(name: str, value: IntOrInts | None, call: Call) -> Ints:
    """Strides or dilations, per spatial dimension."""
    if value is None:
        return (1,) * call.ndim
    if not is_sequence(value) or len(value) < call.signal.ndim:
        return as_integers(name, value, call.ndim, minimum=1)
    entries = as_integers(name, value, call.signal.ndim, minimum=1)
    spatial = _spatial(entries, call)
    if sum(entries) - sum(spatial) != 2:
        raise ArgumentValueError(
            f"{name} must be 1 for batch and channels",
            "Pass one entry per spatial dimension.",
            **{name: value},
        )
    return spatial


def _padding(padding: TensorFlowPadding, call: Call) -> str | tuple[tuple[int, int], ...]:
    """A name, or pairs of the spatial dimensions."""
    if isinstance(padding, str):
        return check_choice("padding", padding, ("VALID", "SAME"))
    given = padding if is_sequence(padding) else ()
    if len(given) != call.signal.ndim or not all(is_sequence(p) and len(p) == 2 for p in given):
        raise ArgumentValueError(
            "padding must be a name, or a (low, high) pair per axis of input",
            "Pass 'VALID', 'SAME', or for example [[0, 0], [1, 1], [1, 1], [0, 0]].",
            padding=padding,
        )
    pairs = [as_integers("padding", pair, 2, minimum=0) for pair in given]
    spatial = tuple((low, high) for low, high in _spatial(pairs, call))
    if sum(map(sum, pairs)) != sum(map(sum, spatial)):
        raise ArgumentValueError(
            "padding must be 0 for batch and channels",
            "Pass (0, 0) for these axes.",
            padding=padding,
        )
    return spatial


def _output_shape(value: Sequence[int], call: Call) -> Ints:
    """The shape of the result, its batch and channels checked."""
    shape = as_integers("output_shape", value, call.signal.ndim, minimum=0)
    channels = shape[1 if call.channels_first else -1]
    expected = call.kernel.shape[-2]
    if channels != expected or shape[0] != call.signal.shape[0]:
        raise ArgumentValueError(
            "output_shape must have the batch of input and the output channels of filters",
            f"Its batch is {call.signal.shape[0]}, its channels are {expected}.",
            output_shape=value,
        )
    return shape
