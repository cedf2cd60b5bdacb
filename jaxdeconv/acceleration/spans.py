"""Where the entries of an array are along one axis, before and after a convolution.

Before: an operand is a smaller array, its core, with zeros between and around its entries
(`Placed`). After: some entries of a result are used, perhaps with zeros around them (`Taken`). This
module deals with integers only.
"""

import dataclasses
import math
from typing import Self

__all__ = ["Placed", "Taken"]


@dataclasses.dataclass(frozen=True)
class Placed:
    """One axis of an operand: entry k of the core is at first + step*k, all others are zero.

    Attributes:
        size: of the axis.
        first: index of the core's first entry.
        step: from one entry to the next.
        count: entries of the core.
        backwards: whether the core is read from its end.
    """

    size: int
    first: int
    step: int
    count: int
    backwards: bool = False

    @classmethod
    def whole(cls, size: int) -> Self:
        """An axis without zeros."""
        return cls(size, 0, 1, size)

    @property
    def is_whole(self) -> bool:
        """Whether the axis is that of the core."""
        return self == Placed.whole(self.size)

    @property
    def padding(self) -> tuple[int, int, int]:
        """Padding of the core that gives the axis, as `lax.pad` takes it."""
        last = self.first + self.step * (self.count - 1)
        return self.first, self.size - 1 - last, self.step - 1

    def padded(self, low: int, high: int, interior: int) -> tuple[Self, slice] | None:
        """The axis under `lax.pad`: what it becomes, and which entries of the core are left.

        None if none is left.
        """
        every = interior + 1
        size = max(0, every * (self.size - 1) + 1 if self.size else 0) + low + high
        return self._moved(low + every * self.first, every * self.step, 1, size)

    def sliced(self, start: int, limit: int, stride: int) -> tuple[Self, slice] | None:
        """The axis under `lax.slice`, likewise."""
        size = len(range(start, limit, stride))
        return self._moved(self.first - start, self.step, stride, size)

    def reversed(self) -> Self:
        """The axis under `lax.rev`."""
        _, high, _ = self.padding
        return dataclasses.replace(self, first=high, backwards=not self.backwards)

    def _moved(self, first: int, step: int, every: int, size: int) -> tuple[Self, slice] | None:
        """Entries at (first + step*k) / every where that is an integer of 0, ..., size - 1."""
        period = every // math.gcd(step, every)
        fits = next((k for k in range(period) if (first + step * k) % every == 0), None)
        if fits is None:
            return None
        lowest = max(0, -(first // step))
        highest = min(self.count - 1, (every * size - 1 - first) // step)
        left = range(lowest + (fits - lowest) % period, highest + 1, period)
        if not left:
            return None
        apart = step * period // every if len(left) > 1 else 1
        at = (first + step * left[0]) // every
        moved = dataclasses.replace(self, size=size, first=at, step=apart, count=len(left))
        ends = (left[0], left[-1])
        if self.backwards:
            ends = (self.count - 1 - left[-1], self.count - 1 - left[0])
        return moved, slice(ends[0], ends[1] + 1, period)


@dataclasses.dataclass(frozen=True)
class Taken:
    """One axis after a convolution: entry low + k is the result's entry first + step*k.

    Attributes:
        first: index in the result.
        step: from one entry to the next; negative if the result is read from its end.
        count: how many entries are used.
        low: zeros before them.
        high: zeros after them.
    """

    first: int
    step: int
    count: int
    low: int = 0
    high: int = 0

    @property
    def size(self) -> int:
        """Of the axis."""
        return self.low + self.count + self.high

    def sliced(self, start: int, stride: int, size: int) -> Self | None:
        """Its entries start + stride*k for k below `size`; zero where there are none.

        None if all of them are zero.
        """
        first = max(0, -((start - self.low) // stride))
        last = min(size - 1, (self.low + self.count - 1 - start) // stride)
        if first > last:
            return None
        at = self.first + self.step * (start + stride * first - self.low)
        count = last - first + 1
        step = self.step * stride if count > 1 else 1
        return type(self)(at, step, count, first, size - 1 - last)

    def reversed(self) -> Self:
        """The axis under `lax.rev`."""
        last = self.first + self.step * (self.count - 1)
        step = -self.step if self.count > 1 else 1
        return type(self)(last, step, self.count, self.high, self.low)
