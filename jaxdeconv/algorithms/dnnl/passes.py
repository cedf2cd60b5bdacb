"""What oneDNN is to compute: one of its three passes over a convolution."""

import dataclasses
import json
import math
from typing import Any

FEW_OPERATIONS, FEW_BYTES = 5e6, 2**19
"""Less than this takes less time than a second thread needs to wake up."""

_DIRECTIONS = {
    "conv": "forward",
    "conv_transpose": "backward_data",
    "kernel_gradient": "backward_weights",
}


@dataclasses.dataclass(frozen=True)
class Pass:
    """One pass with everything static about it, in integers and names; sizes are those of K.

    Attributes:
        leg: what it computes.
        dtype: of the operands.
        result_dtype: of the result.
        batch: images.
        in_channels: of v, all groups together.
        out_channels: of u.
        input_size: of v.
        kernel_size: of w.
        stride: per spatial dimension.
        padding: (low, high); low is not negative.
        dilation: per spatial dimension.
        groups: of channels.
    """

    leg: str
    dtype: str
    result_dtype: str
    batch: int
    in_channels: int
    out_channels: int
    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def text(self) -> str:
        """All of it as a text, from which `read` makes it again."""
        return json.dumps(dataclasses.astuple(self), separators=(",", ":"))

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first to the last tap, in cells."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True))

    @property
    def output_size(self) -> tuple[int, ...]:
        """Of u."""
        sizes = zip(self.input_size, self.padding, self.reach, self.stride, strict=True)
        return tuple((n + low + high - reach) // s + 1 for n, (low, high), reach, s in sizes)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Channels last, the kernel's input and output channels too."""
        if self.leg == "kernel_gradient":
            return (*self.kernel_size, self.in_channels // self.groups, self.out_channels)
        if self.leg == "conv":
            return (self.batch, *self.output_size, self.out_channels)
        return (self.batch, *self.input_size, self.in_channels)

    @property
    def is_small(self) -> bool:
        """Whether one thread is faster than several."""
        positions, cells = (
            self.batch * math.prod(size) for size in (self.output_size, self.input_size)
        )
        entries = math.prod(self.kernel_size) * self.in_channels // self.groups * self.out_channels
        arrays = positions * self.out_channels + cells * self.in_channels + entries
        return 2 * positions * entries < FEW_OPERATIONS and 4 * arrays < FEW_BYTES

    @property
    def direction(self) -> str:
        """OneDNN's word for the pass."""
        return _DIRECTIONS[self.leg]


def read(text: bytes) -> Pass:
    """The pass of a text."""
    return Pass(*_tuples(json.loads(text)))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
