"""The convolutions of TensorFlow, `tf.nn.convolution` and `tf.nn.conv_transpose`, on JAX arrays."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers, is_sequence
from jaxdeconv.compat.bridge import Ints, Operands, implied_groups, operands
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
    """`tf.nn.convolution`, which is `tf.nn.conv1d`, `conv2d` and `conv3d` as well.

    Args:
        input: `(batch, *size, in)`, or `(batch, in, *size)`.
        filters: `(*kernel_size, in/groups, out)`; groups are what its channels say.
        strides: an int; one per spatial dimension; or one per axis of `input`, 1 for batch and
            channels. None means 1.
        padding: 'VALID', 'SAME', or a (low, high) pair per axis of `input`, zeros for batch and
            channels.
        data_format: 'NWC', 'NHWC', 'NDHWC', which None means, or 'NCW', 'NCHW', 'NCDHW'.
        dilations: spacing of the kernel taps, written as `strides`.
        name: of the operation, as in `jax.named_scope`.

    Returns:
        As `input`, with the channels of `filters`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.
    """
    channels_first = _channels_first(data_format, filters)
    both = operands(
        "tensorflow",
        transposed=False,
        channels_first=channels_first,
        groups=("groups", implied_groups(input, filters, channels_first=channels_first)),
        batch_axes=(1,),
        input=input,
        filters=filters,
    )
    pads = _padding(padding, both)
    with jax.named_scope(name or "convolution"):
        return both.conv(
            stride=_entries("strides", strides, both),
            padding=pads,
            dilation=_entries("dilations", dilations, both),
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
    """`tf.nn.conv_transpose`, which is `tf.nn.conv{1,2,3}d_transpose` as well.

    Args:
        input: `(batch, *size, in)`, or `(batch, in, *size)`.
        filters: `(*kernel_size, out, in)`.
        output_shape: the whole shape of the result, batch and channels included: the forward
            convolution must map it to that of `input`.
        strides: an int; one per spatial dimension; or one per axis of `input`, 1 for batch and
            channels.
        padding: of the forward convolution: 'SAME', 'VALID', or a (low, high) pair per axis of
            `input`, zeros for batch and channels.
        data_format: 'NWC', 'NHWC', 'NDHWC', which None means, or 'NCW', 'NCHW', 'NCDHW'.
        dilations: spacing of the kernel taps, written as `strides`. None means 1.
        name: of the operation, as in `jax.named_scope`.

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
    both = operands(
        "tensorflow",
        transposed=True,
        channels_first=_channels_first(data_format, filters),
        batch_axes=(1,),
        input=input,
        filters=filters,
    )
    steps, spacing = _entries("strides", strides, both), _entries("dilations", dilations, both)
    size = _spatial(_output_shape(output_shape, both), both)
    pads = _padding(padding, both)
    dimensions = zip(both.size, both.span(spacing), steps, size, strict=True)
    if pads == "SAME":
        low = tuple(max((n - 1) * s + k - m, 0) // 2 for n, k, s, m in dimensions)
        fitting = tuple(-(-m // s) for m, s in zip(size, steps, strict=True))
    else:
        pairs = ((0, 0),) * both.ndim if isinstance(pads, str) else pads
        low = tuple(pair[0] for pair in pairs)
        fitting = tuple(
            (m + sum(pair) - k) // s + 1
            for (_, k, s, m), pair in zip(dimensions, pairs, strict=True)
        )
    if fitting != both.size:
        raise ArgumentValueError(
            "output_shape must be one that the forward convolution maps to the shape of input",
            f"For this output_shape pass an input of size {fitting}.",
            output_shape=output_shape,
            input_size=both.size,
        )
    with jax.named_scope(name or "conv_transpose"):
        return both.conv_transpose(low=low, size=size, stride=steps, dilation=spacing)


def _channels_first(data_format: str | None, filters: Any) -> bool:
    """Where the channels are; the letters of the data format must be as many as the axes."""
    ndim = getattr(filters, "ndim", 4) - 2
    known = [
        names[ndim - 1] for names in (CHANNELS_LAST, CHANNELS_FIRST) if 1 <= ndim <= len(names)
    ]
    return (
        data_format is not None
        and check_choice("data_format", data_format, known) in CHANNELS_FIRST
    )


def _spatial(entries: Sequence[Any], both: Operands) -> tuple[Any, ...]:
    """Of one entry per axis of a signal, those of the spatial axes."""
    return tuple(entries[2:] if both.channels_first else entries[1:-1])


def _entries(name: str, value: IntOrInts | None, both: Operands) -> Ints:
    """Strides or dilations, per spatial dimension."""
    if value is None:
        return (1,) * both.ndim
    if not is_sequence(value) or len(value) < both.signal.ndim:
        return as_integers(name, value, both.ndim, minimum=1)
    entries = as_integers(name, value, both.signal.ndim, minimum=1)
    spatial = _spatial(entries, both)
    if sum(entries) - sum(spatial) != 2:
        raise ArgumentValueError(
            f"{name} must be 1 for batch and channels",
            "Pass one entry per spatial dimension.",
            **{name: value},
        )
    return spatial


def _padding(padding: TensorFlowPadding, both: Operands) -> str | tuple[tuple[int, int], ...]:
    """A name, or pairs of the spatial dimensions."""
    if isinstance(padding, str):
        return check_choice("padding", padding, ("VALID", "SAME"))
    given = padding if is_sequence(padding) else ()
    if len(given) != both.signal.ndim or not all(is_sequence(p) and len(p) == 2 for p in given):
        raise ArgumentValueError(
            "padding must be a name, or a (low, high) pair per axis of input",
            "Pass 'VALID', 'SAME', or for example [[0, 0], [1, 1], [1, 1], [0, 0]].",
            padding=padding,
        )
    pairs = [as_integers("padding", pair, 2, minimum=0) for pair in given]
    spatial = tuple((low, high) for low, high in _spatial(pairs, both))
    if sum(map(sum, pairs)) != sum(map(sum, spatial)):
        raise ArgumentValueError(
            "padding must be 0 for batch and channels",
            "Pass (0, 0) for these axes.",
            padding=padding,
        )
    return spatial


def _output_shape(value: Sequence[int], both: Operands) -> Ints:
    """The shape of the result, its batch and channels checked."""
    shape = as_integers("output_shape", value, both.signal.ndim, minimum=0)
    channels = shape[1 if both.channels_first else -1]
    expected = both.kernel.shape[-2]
    if channels != expected or shape[0] != both.signal.shape[0]:
        raise ArgumentValueError(
            "output_shape must have the batch of input and the output channels of filters",
            f"Its batch is {both.signal.shape[0]}, its channels are {expected}.",
            output_shape=value,
        )
    return shape
