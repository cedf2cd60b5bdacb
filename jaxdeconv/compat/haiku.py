"""The convolutions of Haiku, `hk.ConvND` and `hk.ConvNDTranspose`, as functions.

`w` and `b` are the modules' parameters; the other arguments are those of the modules.
"""

from collections.abc import Callable, Sequence

from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike

from jaxdeconv.choices import choice
from jaxdeconv.compat.bridge import Ints, Operands, masked, operands
from jaxdeconv.compat.lax import LaxPadding, transpose_places
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.integers import IntOrInts, as_integers, is_sequence
from jaxdeconv.paddings import Pairs, as_padding

__all__ = ["conv", "conv_transpose"]

PadFn = Callable[[int], Sequence[int]]
HaikuPadding = LaxPadding | Sequence[int] | PadFn | Sequence[PadFn]

CHANNELS_LAST = ("channels_last", "N...C", "NWC", "NHWC", "NDHWC")
CHANNELS_FIRST = ("channels_first", "NC...", "NCW", "NCHW", "NCDHW")


@reporting
def conv(
    inputs: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    *,
    stride: IntOrInts = 1,
    rate: IntOrInts = 1,
    padding: HaikuPadding = "SAME",
    data_format: str = "channels_last",
    mask: ArrayLike | None = None,
    feature_group_count: int = 1,
    precision: PrecisionLike = None,
) -> Array:
    """`hk.ConvND` with the parameters `w` and `b`.

    Args:
        inputs: `(batch, *size, in)`, or as `data_format` says; batch may be missing.
        w: `(*kernel_shape, in/feature_group_count, out)`.
        b: `(out,)`; channels first also `(out, 1, ...)`.
        stride: an int, or one per spatial dimension.
        rate: spacing of the kernel taps, likewise.
        padding: 'SAME', 'SAME_LOWER' or 'VALID' in any case; a (low, high) pair, or one per spatial
            dimension; or functions from the dilated kernel size to a pair (`hk.pad`), one or one
            per spatial dimension.
        data_format: 'channels_last', 'channels_first', or such as 'NHWC', 'NC...'.
        mask: multiplies `w`, of its shape.
        feature_group_count: groups of channels.
        precision: as in `jax.lax`.

    Returns:
        As `inputs`, with the channels of `w`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    both = operands(
        "haiku",
        transposed=False,
        channels_first=_channels_first(data_format),
        groups=("feature_group_count", feature_group_count),
        inputs=inputs,
        w=masked(w, mask, "w"),
    )
    spacing = as_integers("rate", rate, both.ndim, minimum=1)
    u = both.conv(
        stride=as_integers("stride", stride, both.ndim, minimum=1),
        padding=_padding(padding, both.span(spacing)),
        dilation=spacing,
        precision=precision,
    )
    return both.add_bias(u, "b", b)


@reporting
def conv_transpose(
    inputs: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    *,
    stride: IntOrInts = 1,
    output_shape: IntOrInts | None = None,
    padding: LaxPadding = "SAME",
    data_format: str = "channels_last",
    mask: ArrayLike | None = None,
    precision: PrecisionLike = None,
) -> Array:
    """`hk.ConvNDTranspose` with the parameters `w` and `b`.

    Args:
        inputs: `(batch, *size, in)`, or as `data_format` says; batch may be missing.
        w: `(*kernel_shape, out, in)`, its taps *backwards*.
        b: `(out,)`; channels first also `(out, 1, ...)`.
        stride: an int, or one per spatial dimension.
        output_shape: spatial size of the result, one that the forward convolution with this
            `padding` maps to that of `inputs`. None: what `jax.lax.conv_transpose` gives.
        padding: 'SAME' or 'VALID'; without `output_shape` also (low, high) pairs by which the
            dilated input is padded.
        data_format: 'channels_last', 'channels_first', or such as 'NHWC', 'NC...'.
        mask: multiplies `w`, of its shape.
        precision: as in `jax.lax`.

    Returns:
        As `inputs`, with the output channels of `w`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> x, w = jnp.array([[1.0], [10.0]]), jnp.array([4.0, 2.0, 1.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, w, stride=2, output_shape=3).ravel().tolist()
        [2.0, 14.0, 20.0]
    """
    both = operands(
        "haiku",
        transposed=True,
        channels_first=_channels_first(data_format),
        inputs=inputs,
        w=masked(w, mask, "w"),
    )
    steps, ones = as_integers("stride", stride, both.ndim, minimum=1), (1,) * both.ndim
    if output_shape is None:
        pads = padding if isinstance(padding, str) else as_padding(padding, both.ndim)
        low, size = transpose_places(both.size, both.span(ones), steps, pads)
    else:
        size = as_integers("output_shape", output_shape, both.ndim, minimum=0)
        low = _low_for(size, choice("padding", padding, ("SAME", "VALID")), both, steps)
    v = both.conv_transpose(low=low, size=size, stride=steps, dilation=ones, precision=precision)
    return both.add_bias(v, "b", b)


def _low_for(size: Ints, padding: str, both: Operands, steps: Ints) -> Ints:
    """The low padding with which the forward convolution maps `size` to that of the signal."""
    kernel = both.kernel.shape[: both.ndim]
    same = padding == "SAME"
    fitting = tuple(
        -(-m // s) if same else (m - k + s) // s
        for m, k, s in zip(size, kernel, steps, strict=True)
    )
    if fitting != both.size:
        raise ArgumentValueError(
            "output_shape must be one that the forward convolution maps to the size of inputs",
            f"For this output_shape pass inputs of size {fitting}.",
            output_shape=size,
            inputs_size=both.size,
        )
    dimensions = zip(both.size, kernel, steps, size, strict=True)
    return tuple(max((n - 1) * s + k - m, 0) // 2 if same else 0 for n, k, s, m in dimensions)


def _padding(padding: HaikuPadding, span: Ints) -> str | Pairs:
    """A name or pairs, from all that Haiku takes."""
    ndim = len(span)
    if isinstance(padding, str):
        return choice("padding", padding.upper(), ("SAME", "SAME_LOWER", "VALID"))
    pads = list(padding) if is_sequence(padding) else [padding]
    if len(pads) == 2 and not any(is_sequence(entry) or callable(entry) for entry in pads):
        pads = [pads]
    if len(pads) == 1:
        pads *= ndim
    if len(pads) == ndim:
        pads = [pad(k) if callable(pad) else pad for pad, k in zip(pads, span, strict=True)]
    if not all(is_sequence(pair) for pair in pads):
        raise ArgumentValueError(
            "padding must be a name, (low, high) pairs, or functions that return them",
            "Pass for example 'SAME', (1, 1), or hk.pad.causal.",
            padding=padding,
        )
    return as_padding(pads, ndim)


def _channels_first(data_format: str) -> bool:
    return choice("data_format", data_format, CHANNELS_LAST + CHANNELS_FIRST) in CHANNELS_FIRST
