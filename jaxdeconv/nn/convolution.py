"""The forward convolution of a layer: the arguments of every framework, checked, in one form."""

import dataclasses
import math
import string
from typing import Any

from jaxdeconv import boundary
from jaxdeconv.arguments.dtypes import check_groups
from jaxdeconv.arguments.integers import (
    IntOrInts,
    PaddingLike,
    Pairs,
    as_integer,
    as_integers,
    as_padding,
    count_entries,
    is_sequence,
)
from jaxdeconv.errors import ArgumentValueError

__all__ = ["Convolution", "resolve"]

PADDING_MODES = {"CIRCULAR": "circular", "REFLECT": "reflect"}
"""Flax's names for a padding mode with the padding that keeps the size.

An odd total padding has its extra cell at the end.
"""


@dataclasses.dataclass(frozen=True)
class Convolution:
    """The forward convolution K of a layer, without its sizes: arguments checked by `resolve`.

    Attributes:
        kernel_size: one entry per spatial dimension, like `stride` and `dilation`.
        stride: see `jaxdeconv.conv`.
        padding: of K, a name in upper case or (low, high) pairs.
        dilation: see `jaxdeconv.conv`.
        groups: see `jaxdeconv.conv`.
        padding_mode: one of `jaxdeconv.boundary.MODES`.
        keeps_size: whether the transpose gives stride * size where no size is asked for, as with a
            named padding, although `padding` is a tuple of pairs.
        kernel_size_is_int: whether there is one spatial dimension because `kernel_size` was an int.
        channels_first: whether signals are `(*batch, channels, *spatial)`.
        kernel_channels_first: whether the kernel is `(out_channels, in_channels/groups,
            *kernel_size)`.
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | Pairs
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    keeps_size: bool
    kernel_size_is_int: bool = False
    channels_first: bool = False
    kernel_channels_first: bool = False

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return len(self.kernel_size)

    @property
    def channel_axis(self) -> int:
        """The channel axis of a signal, counted from the end."""
        return -1 - self.ndim if self.channels_first else -1

    @property
    def signal_axes(self) -> str:
        """The axes of a signal, as text."""
        return (
            "(*batch, channels, *spatial)"
            if self.channels_first
            else "(*batch, *spatial, channels)"
        )

    @property
    def keywords(self) -> dict[str, Any]:
        """K as keywords of `jaxdeconv.conv` and `jaxdeconv.conv_transpose`."""
        spatial = string.ascii_lowercase[: self.ndim]
        signal = f"NC{spatial}" if self.channels_first else f"N{spatial}C"
        kernel = f"OI{spatial}" if self.kernel_channels_first else f"{spatial}IO"
        fields = ("stride", "padding", "dilation", "groups", "padding_mode")
        return {name: getattr(self, name) for name in fields} | {
            "dimension_numbers": (signal, kernel, signal)
        }

    def kernel_shape(self, in_channels: int, out_channels: int) -> tuple[int, ...]:
        """Shape of the kernel of K, from `in_channels` to `out_channels`, and of its transpose.

        Raises:
            ValueError: groups that do not divide both.
        """
        check_groups(self.groups, in_channels, out_channels)
        channels = (in_channels // self.groups, out_channels)
        if self.kernel_channels_first:
            return (*channels[::-1], *self.kernel_size)
        return (*self.kernel_size, *channels)

    def fan_in(self, channels: int) -> int:
        """Number of kernel entries that feed an output of a layer with `channels` input channels.

        Of a transpose with stride > 1 all taps are counted, although each output sees only some of
        them: every framework counts like this.
        """
        return channels // self.groups * math.prod(self.kernel_size)


def resolve(
    kernel_size: IntOrInts,
    *,
    ndim: int | None = None,
    stride: IntOrInts | None = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts | None = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    channels_first: bool = False,
    kernel_channels_first: bool = False,
) -> Convolution:
    """The convolution that a layer's arguments describe, checked.

    Args:
        kernel_size: an int, or one entry per spatial dimension.
        ndim: number of spatial dimensions; None for as many as `kernel_size` has entries.
        stride: as in `jaxdeconv.conv`; None is 1.
        padding: as in `jaxdeconv.conv`; also 'CIRCULAR' and 'REFLECT', which stand for that
            `padding_mode` and the padding that keeps the size.
        dilation: as in `jaxdeconv.conv`; None is 1.
        groups: as in `jaxdeconv.conv`.
        padding_mode: as in `jaxdeconv.conv`, in any case.
        channels_first: see `Convolution`.
        kernel_channels_first: see `Convolution`.

    Raises:
        ValueError: a value or a tuple length breaks a rule of `jaxdeconv.conv`.
        TypeError: something that must be a static integer is not one.
    """
    dimensions = count_entries(kernel_size) if ndim is None else as_integer("ndim", ndim, 0)
    kernel = as_integers("kernel_size", kernel_size, dimensions, minimum=1)
    spacing = as_integers("dilation", 1 if dilation is None else dilation, dimensions, minimum=1)
    mode = padding_mode.lower() if isinstance(padding_mode, str) else padding_mode
    named = PADDING_MODES.get(padding.upper()) if isinstance(padding, str) else None
    if named is not None:
        if mode not in ("zeros", named):
            raise ArgumentValueError(
                "padding and padding_mode must not name different modes",
                f"Pass padding_mode={named!r}, or padding='SAME'.",
                padding=padding,
                padding_mode=padding_mode,
            )
        total = [d * (k - 1) for k, d in zip(kernel, spacing, strict=True)]
        padding, mode = tuple((r // 2, r - r // 2) for r in total), named
    boundary.check_mode(mode)
    return Convolution(
        kernel_size=kernel,
        stride=as_integers("stride", 1 if stride is None else stride, dimensions, minimum=1),
        padding=as_padding(padding, dimensions),
        dilation=spacing,
        groups=as_integer("groups", groups, minimum=1),
        padding_mode=mode,
        keeps_size=named is not None,
        kernel_size_is_int=ndim is None and not is_sequence(kernel_size),
        channels_first=channels_first,
        kernel_channels_first=kernel_channels_first,
    )
