"""The convolutions of Flax, `nn.Conv` and `nn.ConvTranspose`, as functions of their parameters.

Those of Linen and of NNX, which are the same. `kernel` and `bias` are the layers' parameters; the
other arguments are those of the layers.
"""

import math
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.choices import choice
from jaxdeconv.compat.bridge import Ints, Operands, masked, operands
from jaxdeconv.compat.lax import conv_general_dilated, transpose_places
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.integers import IntOrInts, as_integers
from jaxdeconv.paddings import PaddingLike, Pairs, as_padding

__all__ = ["conv", "conv_transpose"]

MODES = {"CIRCULAR": "circular", "REFLECT": "reflect", "CAUSAL": "zeros"}


@reporting
def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: IntOrInts | None = 1,
    padding: PaddingLike = "SAME",
    input_dilation: IntOrInts | None = 1,
    kernel_dilation: IntOrInts | None = 1,
    feature_group_count: int = 1,
    mask: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """`flax.linen.Conv` and `flax.nnx.Conv` with the parameters `kernel` and `bias`.

    Args:
        inputs: `(*batch, *size, in)`, with any number of batch axes, none included.
        kernel: `(*kernel_size, in/feature_group_count, features)`.
        bias: `(features,)`.
        strides: an int, or one per spatial dimension; None means 1.
        padding: 'SAME', 'VALID'; 'CIRCULAR' or 'REFLECT', by (kernel_size - 1)//2 cells below and
            kernel_size//2 above; 'CAUSAL', in one dimension, all below; an int; or one int or (low,
            high) pair per spatial dimension.
        input_dilation: spacing of the inputs, before they are padded; above 1 not with a name.
        kernel_dilation: spacing of the kernel taps.
        feature_group_count: groups of channels.
        mask: multiplies `kernel`, of its shape.
        dtype: in which to compute; None: the one to which the arrays promote, at least float32.
        precision: as in `jax.lax`.
        preferred_element_type: as in `jax.lax`; an argument of NNX's layers alone.

    Returns:
        `(*batch, *output_size, features)`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays.
    """
    inputs, kernel, bias = _promoted(dtype, inputs, masked(kernel, mask, "kernel"), bias)
    both = operands(
        "flax",
        transposed=False,
        channels_first=False,
        groups=("feature_group_count", feature_group_count),
        batch_axes=None,
        inputs=inputs,
        kernel=kernel,
    )
    steps = _entries("strides", strides, both.ndim)
    spacing = _entries("kernel_dilation", kernel_dilation, both.ndim)
    spread = _entries("input_dilation", input_dilation, both.ndim)
    settings: dict[str, Any] = {
        "precision": precision,
        "preferred_element_type": preferred_element_type,
    }
    if max(spread, default=1) == 1:
        pads, mode = _padding(padding, both.span(spacing))
        settings |= {"stride": steps, "dilation": spacing, "padding_mode": mode}
        return both.add_bias(both.conv(padding=pads, **settings), "bias", bias)
    if isinstance(padding, str):
        raise ArgumentValueError(
            "padding must be given in numbers where input_dilation is above 1",
            "Pass (low, high) pairs.",
            padding=padding,
            input_dilation=input_dilation,
        )
    pads = as_padding(padding, both.ndim)
    u = _conv_of_dilated(both, steps, pads, spread, spacing, settings)
    return both.add_bias(u, "bias", bias)


@reporting
def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: IntOrInts | None = None,
    padding: PaddingLike = "SAME",
    kernel_dilation: IntOrInts | None = None,
    mask: ArrayLike | None = None,
    transpose_kernel: bool = False,
    dtype: DTypeLike | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """`flax.linen.ConvTranspose`, `flax.nnx.ConvTranspose` with parameters `kernel` and `bias`.

    Args:
        inputs: `(*batch, *size, in)`, with any number of batch axes, none included.
        kernel: `(*kernel_size, in, features)` with its taps *backwards*; `(*kernel_size, features,
            in)`, taps forwards, if `transpose_kernel`.
        bias: `(features,)`.
        strides: an int, or one per spatial dimension; None means 1.
        padding: 'SAME' (size * strides); 'VALID'; 'CIRCULAR' (size * strides, what reaches over one
            end comes in at the other); or an int, or one int or (low, high) pair per spatial
            dimension: by which the *dilated* inputs are padded.
        kernel_dilation: spacing of the kernel taps; None means 1.
        mask: multiplies `kernel`, of its shape.
        transpose_kernel: take the kernel of the forward convolution. The result is the transpose of
            `conv`'s under 'SAME' and 'VALID' where the size divides; under 'CIRCULAR', as in Flax,
            only where (k - s + 1)//2 == (k - 1)//2 for a dilated kernel of k: else it is rotated.
        dtype: in which to compute; None: the one to which the arrays promote, at least float32.
        precision: as in `jax.lax`.
        preferred_element_type: as in `jax.lax`; an argument of NNX's layers alone.

    Returns:
        `(*batch, *output_size, features)`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays.

    Example:
        >>> x, kernel = jnp.array([[1.0], [10.0]]), jnp.array([4.0, 2.0, 1.0]).reshape(3, 1, 1)
        >>> conv_transpose(x, kernel, strides=2).ravel().tolist()
        [1.0, 2.0, 14.0, 20.0]
        >>> conv_transpose(x, kernel, strides=2, padding="CIRCULAR").ravel().tolist()
        [41.0, 2.0, 14.0, 20.0]
    """
    inputs, kernel, bias = _promoted(dtype, inputs, masked(kernel, mask, "kernel"), bias)
    both = operands(
        "keras" if transpose_kernel else "flax",  # with the first, both store it alike
        transposed=True,
        channels_first=False,
        batch_axes=None,
        inputs=inputs,
        kernel=kernel,
    )
    steps = _entries("strides", strides, both.ndim)
    spacing = _entries("kernel_dilation", kernel_dilation, both.ndim)
    settings: dict[str, Any] = {
        "stride": steps,
        "dilation": spacing,
        "precision": precision,
        "preferred_element_type": preferred_element_type,
    }
    spans = both.span(spacing)
    if padding == "CIRCULAR":
        size = tuple(n * s for n, s in zip(both.size, steps, strict=True))
        over = (max(k - s, 0) for k, s in zip(spans, steps, strict=True))
        low = tuple((n + 1) // 2 if transpose_kernel else n // 2 for n in over)
        settings["padding_mode"] = "circular"
    else:
        pads = padding if isinstance(padding, str) else as_padding(padding, both.ndim)
        names = ("SAME", "VALID", "CIRCULAR")
        low, size = transpose_places(both.size, spans, steps, pads, names)
    return both.add_bias(both.conv_transpose(low=low, size=size, **settings), "bias", bias)


def _padding(padding: PaddingLike, span: Ints) -> tuple[str | Pairs, Any]:
    """A name that our legs know, or pairs; and the padding mode."""
    if not isinstance(padding, str):
        return as_padding(padding, len(span)), "zeros"
    if choice("padding", padding, ("SAME", "VALID", *MODES)) not in MODES:
        return padding, "zeros"
    if padding != "CAUSAL":
        return tuple(((k - 1) // 2, k // 2) for k in span), MODES[padding]
    if len(span) != 1:
        raise ArgumentValueError(
            "padding='CAUSAL' is for one spatial dimension", "Pass pairs.", padding=padding
        )
    return ((span[0] - 1, 0),), "zeros"


def _conv_of_dilated(
    both: Operands, steps: Ints, pads: Any, spread: Ints, spacing: Ints, settings: Any
) -> Array:
    """The convolution of inputs with gaps, the padding being outside of them."""
    x = both.signal
    batch, rest = x.shape[: x.ndim - both.ndim - 1], x.shape[x.ndim - both.ndim - 1 :]
    x = jnp.reshape(x, (math.prod(batch), *rest))
    numbers, groups = both.dimension_numbers, both.groups
    u = conv_general_dilated(
        x, both.kernel, steps, pads, spread, spacing, numbers, groups, **settings
    )
    return jnp.reshape(u, (*batch, *u.shape[1:]))


def _entries(name: str, value: IntOrInts | None, ndim: int) -> Ints:
    """Strides or dilations."""
    return as_integers(name, 1 if value is None else value, ndim, minimum=1)


def _promoted(dtype: DTypeLike | None, *arrays: Any) -> list[Any]:
    """The arrays in the dtype in which Flax computes; what is no array is left to be refused."""
    given = [array for array in arrays if hasattr(array, "dtype")]
    common = jnp.result_type(*given) if dtype is None and given else jnp.dtype(dtype)
    if not jnp.issubdtype(common, jnp.inexact):
        if dtype is not None:
            raise ArgumentValueError(
                "dtype must be a floating or complex one",
                "Pass for example 'float32'.",
                dtype=dtype,
            )
        common = jnp.dtype(jnp.float32)
    return [
        jnp.asarray(array).astype(common) if hasattr(array, "dtype") else array for array in arrays
    ]
