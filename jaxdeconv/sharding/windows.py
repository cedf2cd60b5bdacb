"""Which cells of an axis a device needs, and who has them: integers alone, one axis at a time.

An axis of `size` cells is divided into `parts` blocks of ceil(size / parts) cells; the last blocks
may hold fewer cells, or none. A device needs a *window*: the cells [start, stop), which may begin
before the axis and end behind it.

Cells travel in *hops*: every device sends the same stretch of its block to the device that is a
distance away. Where the padding holds copies (circular, reflect, ...), `Copies` say of which cells.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property

__all__ = ["Copies", "Hop", "Window", "ceil_div", "spans"]

Interval = tuple[int, int]


def ceil_div(a: int, b: int) -> int:
    """Quotient of two integers, rounded up."""
    return -(-a // b)


def spans(size: int, parts: int) -> list[Interval]:
    """[start, stop) of every device's block; start == stop where it is empty."""
    block = ceil_div(size, parts)
    return [(min(i * block, size), min((i + 1) * block, size)) for i in range(parts)]


@dataclasses.dataclass(frozen=True)
class Hop:
    """Cells [start, stop) of a block, sent from device j to device i for all `pairs` (j, i).

    Attributes:
        start: first cell, counted from the start of the block.
        stop: end.
        distance: j - i; at distance 0 nothing is sent.
        pairs: as `jax.lax.ppermute` wants them.
    """

    start: int
    stop: int
    distance: int
    pairs: tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Window:
    """The cells that every device needs of one divided axis.

    Attributes:
        size: cells of the whole axis.
        starts: first cell of the window of every device.
        stops: end of what it needs; equal to the start where that is nothing.
        length: cells of every window.
    """

    size: int
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    length: int

    @property
    def parts(self) -> int:
        """Number of devices."""
        return len(self.starts)

    @property
    def block(self) -> int:
        """Cells of a block."""
        return ceil_div(self.size, self.parts)

    @cached_property
    def _needed(self) -> list[Interval | None]:
        """What every device needs of the axis itself, counted from the start of its own block."""
        needed: list[Interval | None] = []
        for i, (start, stop) in enumerate(zip(self.starts, self.stops, strict=True)):
            first, last = max(start, 0), min(stop, self.size)
            own = i * self.block
            needed.append((first - own, last - own) if first < last else None)
        return needed

    @cached_property
    def stretch(self) -> Interval:
        """The cells that any device needs, counted from the start of its own block."""
        needed = [one for one in self._needed if one]
        return min((a for a, _ in needed), default=0), max((b for _, b in needed), default=0)

    @cached_property
    def hops(self) -> tuple[Hop, ...]:
        """Where the cells of `stretch` come from, in their order."""
        (first, last), block = self.stretch, self.block
        if first == last:
            return ()
        hops = []
        for distance in range(first // block, ceil_div(last, block)):
            start, stop = max(first, distance * block), min(last, (distance + 1) * block)
            pairs = tuple(
                (i + distance, i)
                for i, needed in enumerate(self._needed)
                if needed and needed[0] < stop and start < needed[1]
            )
            hops.append(Hop(start - distance * block, stop - distance * block, distance, pairs))
        return tuple(hops)

    @property
    def offsets(self) -> tuple[int | None, ...]:
        """Where in `stretch` the window of every device begins; None where it needs nothing."""
        return tuple(
            start - i * self.block - self.stretch[0] if start < stop else None
            for i, (start, stop) in enumerate(zip(self.starts, self.stops, strict=True))
        )

    @property
    def ends(self) -> tuple[int, ...]:
        """How many cells of its window every device needs."""
        return tuple(stop - start for start, stop in zip(self.starts, self.stops, strict=True))

    def copies(self, source: Sequence[int], low: int) -> tuple["Copies", ...]:
        """The stretches of the windows that are padding, and the cells that they are copies of.

        Args:
            source: the cell that is copied to each place of the padded axis.
            low: padding before the axis.
        """
        tables: dict[int, list[int]] = {}
        for i, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            for at in range(end):
                if not 0 <= start + at < self.size:
                    row = tables.setdefault(at, [-1] * self.parts)
                    row[i] = source[start + at + low]
        found: list[Copies] = []
        for run in _runs(sorted(tables)):
            by_device = zip(*(tables[at] for at in run), strict=True)
            found.append(Copies.of(run[0], tuple(by_device), self.block))
        return tuple(found)


def _runs(places: Iterable[int]) -> list[list[int]]:
    """Integers that follow each other without a gap."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


@dataclasses.dataclass(frozen=True)
class Copies:
    """A stretch of every window that holds copies of cells.

    Attributes:
        start: where in the window it begins.
        hops: what is sent. What arrives is put one after the other.
        table: for every device and cell of the stretch, where in what arrived its value is; -1 for
            a cell that is no copy.
    """

    start: int
    hops: tuple[Hop, ...]
    table: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, start: int, sources: tuple[tuple[int, ...], ...], block: int) -> "Copies":
        """From the cells of the axis that every device needs, -1 for none."""
        needed: dict[int, set[tuple[int, int]]] = {}  # by distance: who needs which cell of a block
        for i, row in enumerate(sources):
            for cell in row:
                if cell >= 0:
                    needed.setdefault(cell // block - i, set()).add((i, cell % block))
        hops, begins, total = [], {}, 0
        for distance, who in sorted(needed.items()):
            cells = [cell for _, cell in who]
            pairs = tuple((i + distance, i) for i in sorted({i for i, _ in who}))
            hops.append(Hop(min(cells), max(cells) + 1, distance, pairs))
            begins[distance] = total - min(cells)
            total += max(cells) + 1 - min(cells)
        table = tuple(
            tuple(begins[cell // block - i] + cell % block if cell >= 0 else -1 for cell in row)
            for i, row in enumerate(sources)
        )
        return cls(start, tuple(hops), table)
