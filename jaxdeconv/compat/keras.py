"""The convolutions of Keras 3, `keras.ops.conv` and `keras.ops.conv_transpose`, on JAX arrays."""

from collections.abc import Sequence

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integers
from jaxdeconv.compat.call import Call, implied_groups
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
        inputs: `(batch, *size, in_channels)`, or `(batch, in_channels, *size)`.
        kernel: `(*kernel_size, in_channels/groups, out_channels)`; its shape determines the groups.
        strides: an int, or one per spatial dimension, like `dilation_rate`.
        padding: 'valid' or 'same', in any case.
        data_format: 'channels_last', which None means, or 'channels_first'.
        dilation_rate: spacing of the kernel taps.

    Returns:
        As `inputs`, with the output channels of `kernel`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.
    """
    channels_first = _channels_first(data_format)
    call = Call.of(
        "keras",
        transposed=False,
        channels_first=channels_first,
        groups=("groups", implied_groups(inputs, kernel, channels_first=channels_first)),
        batch_axes=(1,),
        inputs=inputs,
        kernel=kernel,
    )
    return call.conv(
        stride=as_integers("strides", strides, call.ndim, minimum=1),
        padding=_padding(padding),
        dilation=as_integers("dilation_rate", dilation_rate, call.ndim, minimum=1),
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
        inputs: `(batch, *size, in_channels)`, or `(batch, in_channels, *size)`.
        kernel: `(*kernel_size, out_channels, in_channels)`.
        output_padding: an int, or one per spatial dimension. With K = dilation_rate *
            (kernel_size - 1) + 1 the size of the result is, under 'valid', (size - 1) * strides + K
            + output_padding, where None means max(strides - K, 0); under 'same', (size - 1) *
            strides + K % 2 + output_padding, where None makes it size * strides.

    Other arguments: as in `conv`.

    Returns:
        As `inputs`, with the output channels of `kernel`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of two dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> x, kernel = jnp.array([[[1.0], [10.0]]]), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, kernel, strides=2, padding="same").ravel().tolist()
        [1.0, 2.0, 14.0, 20.0]
    """
    call = Call.of(
        "keras",
        transposed=True,
        channels_first=_channels_first(data_format),
        batch_axes=(1,),
        inputs=inputs,
        kernel=kernel,
    )
    steps = as_integers("strides", strides, call.ndim, minimum=1)
    spacing = as_integers("dilation_rate", dilation_rate, call.ndim, minimum=1)
    extra: Sequence[int | None] = (None,) * call.ndim
    if output_padding is not None:
        extra = as_integers("output_padding", output_padding, call.ndim, minimum=0)
    along = _same if _padding(padding) == "SAME" else _valid
    dimensions = zip(call.size, call.dilated_kernel_size(spacing), steps, extra, strict=True)
    offset, size = zip(*(along(*numbers) for numbers in dimensions), strict=True)
    return call.conv_transpose(offset=offset, output_size=size, stride=steps, dilation=spacing)


def _valid(n: int, kernel: int, stride: int, extra: int | None) -> tuple[int, int]:
    """(offset, output size) of one dimension under 'valid'."""
    return 0, (n - 1) * stride + kernel + (max(stride - kernel, 0) if extra is None else extra)


def _same(n: int, kernel: int, stride: int, extra: int | None) -> tuple[int, int]:
    """(offset, output size) of one dimension under 'same'."""
    size = n * stride if extra is None else (n - 1) * stride + kernel % 2 + extra
    total = size - (n - 1) * stride + kernel - 2  # Keras's padding of the dilated input
    return kernel - 1 - min(total - total // 2, kernel - 1), size


def _padding(padding: str) -> str:
    lower = padding.lower() if isinstance(padding, str) else padding
    return check_choice("padding", lower, ("valid", "same")).upper()


def _channels_first(data_format: str | None) -> bool:
    return (
        check_choice("data_format", data_format or "channels_last", DATA_FORMATS) == DATA_FORMATS[1]
    )
