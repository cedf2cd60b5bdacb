"""The convolutions of Keras 3, `keras.ops.conv` and `keras.ops.conv_transpose`, on JAX arrays."""

from collections.abc import Sequence

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers
from jaxdeconv.compat.bridge import implied_groups, operands
from jaxdeconv.errors import reporting

__all__ = ["conv", "conv_transpose"]

DATA_FORMATS = ("channels_last", "channels_first")


@reporting
def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: IntOrInts = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """`keras.ops.conv`.

    Args:
        inputs: `(batch, *size, in)`, or `(batch, in, *size)`.
        kernel: `(*kernel_size, in/groups, out)`; groups are what its channels say.
        strides: an int, or one per spatial dimension, like `dilation_rate`.
        padding: 'valid' or 'same', in any case.
        data_format: 'channels_last', which None means, or 'channels_first'.
        dilation_rate: spacing of the kernel taps.

    Returns:
        As `inputs`, with the channels of `kernel`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.
    """
    channels_first = _channels_first(data_format)
    both = operands(
        "keras",
        transposed=False,
        channels_first=channels_first,
        groups=("groups", implied_groups(inputs, kernel, channels_first=channels_first)),
        batch_axes=(1,),
        inputs=inputs,
        kernel=kernel,
    )
    return both.conv(
        stride=as_integers("strides", strides, both.ndim, minimum=1),
        padding=_padding(padding),
        dilation=as_integers("dilation_rate", dilation_rate, both.ndim, minimum=1),
    )


@reporting
def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: IntOrInts = 1,
    padding: str = "valid",
    output_padding: IntOrInts | None = None,
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """`keras.ops.conv_transpose`.

    Args:
        inputs: `(batch, *size, in)`, or `(batch, in, *size)`.
        kernel: `(*kernel_size, out, in)`.
        strides: an int, or one per spatial dimension, like `dilation_rate`.
        padding: 'valid' or 'same', in any case.
        output_padding: an int, or one per spatial dimension. With K = dilation_rate *
            (kernel_size - 1) + 1 the size of the result is, under 'valid', (size - 1) * strides + K
            + output_padding, where None means max(strides - K, 0); under 'same', (size - 1) *
            strides + K % 2 + output_padding, where None makes it size * strides.
        data_format: 'channels_last', which None means, or 'channels_first'.
        dilation_rate: spacing of the kernel taps.

    Returns:
        As `inputs`, with the channels of `kernel`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> x, kernel = jnp.array([[[1.0], [10.0]]]), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, kernel, strides=2, padding="same").ravel().tolist()
        [1.0, 2.0, 14.0, 20.0]
    """
    both = operands(
        "keras",
        transposed=True,
        channels_first=_channels_first(data_format),
        batch_axes=(1,),
        inputs=inputs,
        kernel=kernel,
    )
    steps = as_integers("strides", strides, both.ndim, minimum=1)
    spacing = as_integers("dilation_rate", dilation_rate, both.ndim, minimum=1)
    extra: Sequence[int | None] = (None,) * both.ndim
    if output_padding is not None:
        extra = as_integers("output_padding", output_padding, both.ndim, minimum=0)
    along = _same if _padding(padding) == "SAME" else _valid
    dimensions = zip(both.size, both.span(spacing), steps, extra, strict=True)
    low, size = zip(*(along(*numbers) for numbers in dimensions), strict=True)
    return both.conv_transpose(low=low, size=size, stride=steps, dilation=spacing)


def _valid(n: int, span: int, stride: int, extra: int | None) -> tuple[int, int]:
    """(low, size) of one dimension under 'valid'."""
    return 0, (n - 1) * stride + span + (max(stride - span, 0) if extra is None else extra)


def _same(n: int, span: int, stride: int, extra: int | None) -> tuple[int, int]:
    """(low, size) of one dimension under 'same'."""
    size = n * stride if extra is None else (n - 1) * stride + span % 2 + extra
    total = size - (n - 1) * stride + span - 2  # by which the dilated signal is to be padded
    return span - 1 - min(total - total // 2, span - 1), size


def _padding(padding: str) -> str:
    lower = padding.lower() if isinstance(padding, str) else padding
    return check_choice("padding", lower, ("valid", "same")).upper()


def _channels_first(data_format: str | None) -> bool:
    return (
        check_choice("data_format", data_format or "channels_last", DATA_FORMATS) == DATA_FORMATS[1]
    )
