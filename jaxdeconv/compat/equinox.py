"""The convolutions of Equinox, `eqx.nn.Conv` and `ConvTranspose`, as functions of their parameters.

`weight` and `bias` are the layers' parameters; the other arguments are those of the layers.
"""

from collections.abc import Sequence
from typing import Literal, cast

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.choices import choice
from jaxdeconv.compat.bridge import Ints, operands
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.integers import IntOrInts, as_integers
from jaxdeconv.paddings import PaddingLike, Pairs, as_padding

__all__ = ["conv", "conv_transpose"]

Mode = Literal["zeros", "circular", "reflect", "replicate"]


@reporting
def conv(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "ZEROS",
) -> Array:
    """`eqx.nn.Conv` with the parameters `weight` and `bias`.

    Args:
        x: `(in, *size)`; for a batch use `jax.vmap`.
        weight: `(out, in/groups, *kernel_size)`.
        bias: `(out, 1, ...)` or `(out,)`.
        stride: an int, or one per spatial dimension.
        padding: an int; one int or (low, high) pair per spatial dimension; or 'SAME',
            'SAME_LOWER', 'VALID' in any case.
        dilation: spacing of the kernel taps.
        groups: of channels.
        padding_mode: 'ZEROS', 'REFLECT', 'REPLICATE' or 'CIRCULAR', in any case.

    Returns:
        `(out, *output_size)`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    both = operands(
        "equinox",
        transposed=False,
        channels_first=True,
        groups=("groups", groups),
        batch_axes=(0,),
        x=x,
        weight=weight,
    )
    u = both.conv(
        stride=as_integers("stride", stride, both.ndim, minimum=1),
        padding=_padding(padding, both.ndim),
        dilation=as_integers("dilation", dilation, both.ndim, minimum=1),
        padding_mode=_mode(padding_mode, ("ZEROS", "REFLECT", "REPLICATE", "CIRCULAR")),
    )
    return both.add_bias(u, "bias", bias)


@reporting
def conv_transpose(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "ZEROS",
) -> Array:
    """`eqx.nn.ConvTranspose` with the parameters `weight` and `bias`.

    Args:
        x: `(in, *size)`; for a batch use `jax.vmap`.
        weight: `(out, in/groups, *kernel_size)`, its taps *backwards*.
        bias: `(out, 1, ...)` or `(out,)`.
        stride: an int, or one per spatial dimension.
        padding: of the forward convolution: an int; one int or (low, high) pair per spatial
            dimension; or 'SAME', 'SAME_LOWER', 'VALID' in any case.
        output_padding: smaller than the stride. Under 'SAME' and 'SAME_LOWER' the size of the
            result is size * stride *minus* this, else the smallest possible *plus* this.
        dilation: spacing of the kernel taps.
        groups: of channels.
        padding_mode: 'ZEROS'; or 'CIRCULAR', with 'SAME' or 'SAME_LOWER' and no `output_padding`.

    Returns:
        `(out, *output_size)`.

    Raises:
        ValueError: sizes, channels or values do not fit.
        TypeError: not arrays, or of several dtypes.
    """
    both = operands(
        "equinox",
        transposed=True,
        channels_first=True,
        groups=("groups", groups),
        batch_axes=(0,),
        x=x,
        weight=weight,
    )
    steps = as_integers("stride", stride, both.ndim, minimum=1)
    spacing = as_integers("dilation", dilation, both.ndim, minimum=1)
    extra = as_integers("output_padding", output_padding, both.ndim, minimum=0)
    if any(a >= s for a, s in zip(extra, steps, strict=True)):
        raise ArgumentValueError(
            "output_padding must be smaller than stride",
            "Pass less.",
            output_padding=output_padding,
            stride=stride,
        )
    pads = _padding(padding, both.ndim)
    mode = _mode(padding_mode, ("ZEROS", "CIRCULAR"))
    if mode == "circular" and (any(extra) or pads not in ("SAME", "SAME_LOWER")):
        raise ArgumentValueError(
            "padding_mode='CIRCULAR' needs padding 'SAME' or 'SAME_LOWER', and no output_padding",
            "Pass these, or padding_mode='ZEROS'.",
            padding=padding,
            output_padding=output_padding,
        )
    low, size = _places(pads, both.size, both.span(spacing), steps, extra)
    v = both.conv_transpose(low=low, size=size, stride=steps, dilation=spacing, padding_mode=mode)
    return both.add_bias(v, "bias", bias)


def _places(
    pads: str | Pairs, sizes: Ints, spans: Ints, steps: Ints, extra: Ints
) -> tuple[Ints, Ints]:
    """Low and size, per spatial dimension."""
    dimensions = zip(sizes, spans, steps, extra, strict=True)
    if pads in ("SAME", "SAME_LOWER"):
        odd_cell = 1 if pads == "SAME_LOWER" else 0
        low = tuple((max(0, k - s + a) + odd_cell) // 2 for _, k, s, a in dimensions)
        return low, tuple(n * s - a for n, s, a in zip(sizes, steps, extra, strict=True))
    pairs = ((0, 0),) * len(sizes) if isinstance(pads, str) else pads
    size = tuple(
        (n - 1) * s + k + a - sum(pair)
        for (n, k, s, a), pair in zip(dimensions, pairs, strict=True)
    )
    return tuple(pair[0] for pair in pairs), size


def _padding(padding: PaddingLike, ndim: int) -> str | Pairs:
    """A name or pairs; 'CAUSAL' is none of Equinox's."""
    if isinstance(padding, str):
        return choice("padding", padding.upper(), ("SAME", "SAME_LOWER", "VALID"))
    return as_padding(padding, ndim)


def _mode(padding_mode: str, allowed: Sequence[str]) -> Mode:
    upper = padding_mode.upper() if isinstance(padding_mode, str) else padding_mode
    return cast(Mode, choice("padding_mode", upper, allowed).lower())
