"""One spatial dimension of a convolution, divided among devices: integers alone.

The forward convolution and the kernel gradient need windows of v, one for each block of u; the
transposed convolution needs windows of u, one for each block of v. So every cell of a result is
computed whole, on the device that holds it.
"""

import dataclasses
from collections.abc import Sequence

from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.sharding.windows import Window, ceil_div, spans

__all__ = ["Dimension", "Image", "Return"]


@dataclasses.dataclass(frozen=True)
class Return:
    """Padding on one side that one device computed, to be added to the cells that it copies.

    Attributes:
        owner: the device.
        start: where in its image the padding begins.
        sources: the cells that are copied.
        targets: the devices that hold these.
    """

    owner: int
    start: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Image:
    """The transposed convolution along one divided axis.

    Every device convolves its window of u; the result, its *image*, is `size` cells long.

    Attributes:
        window: of u.
        size: cells of every image.
        padding: of the convolution whose transpose gives the image.
        offsets: where in its image the block of every device begins; None where that is empty.
        returns: what has to be folded back.
    """

    window: Window
    size: int
    padding: tuple[int, int]
    offsets: tuple[int | None, ...]
    returns: tuple[Return, ...]


@dataclasses.dataclass(frozen=True)
class Dimension:
    """One spatial dimension of a convolution: see `ConvGeometry`.

    Attributes:
        n: size of v.
        o: size of u.
        k: length of the dilated kernel.
        s: stride.
        low: padding before v.
        high: padding behind it.
    """

    n: int
    o: int
    k: int
    s: int
    low: int
    high: int

    @classmethod
    def of(cls, geometry: ConvGeometry, dim: int) -> "Dimension":
        """Dimension number `dim` of a geometry."""
        return cls(
            geometry.input_size[dim],
            geometry.output_size[dim],
            geometry.dilated_kernel_size[dim],
            geometry.stride[dim],
            *geometry.padding[dim],
        )

    def window(self, parts: int) -> Window:
        """What K and G need of v where u is divided among `parts` devices."""
        block = ceil_div(self.o, parts)
        starts = tuple(self.s * block * i - self.low for i in range(parts))
        stops = tuple(
            start + (self.s * (b - a - 1) + self.k if a < b else 0)
            for start, (a, b) in zip(starts, spans(self.o, parts), strict=True)
        )
        return Window(self.n, starts, stops, self.s * (block - 1) + self.k)

    def image(self, parts: int, source: Sequence[int] | None = None) -> Image:
        """What K^T computes where v is divided among `parts` devices.

        Args:
            parts: number of devices.
            source: the cell that is copied to each place of the padded axis; None where the
                padding holds zeros, and is cropped.
        """
        blocks = spans(self.n, parts)
        last = max(i for i, (a, b) in enumerate(blocks) if a < b)
        low, high = (0, 0) if source is None else (max(self.low, 0), max(self.high, 0))
        computed = [
            (a - low * (i == 0), b + high * (i == last)) if a < b else None
            for i, (a, b) in enumerate(blocks)
        ]
        firsts = [self._first(one[0]) if one else 0 for one in computed]
        stops = [
            (one[1] - 1 + self.low) // self.s + 1 if one else first
            for one, first in zip(computed, firsts, strict=True)
        ]
        # where in the image of its window every device's computed cells begin
        begins = [
            one[0] + self.low - self.s * first if one else None
            for one, first in zip(computed, firsts, strict=True)
        ]
        least = min(begin for begin in begins if begin is not None)
        offsets = tuple(
            begin - least + low * (i == 0) if begin is not None else None
            for i, begin in enumerate(begins)
        )
        block = ceil_div(self.n, parts)
        size = max(a + block + high * (i == last) for i, a in enumerate(offsets) if a is not None)
        length = max(stop - first for first, stop in zip(firsts, stops, strict=True))
        length += self.s * (length - 1) + self.k < least  # a window whose image ends before it
        window = Window(self.o, tuple(firsts), tuple(stops), length)
        padding = least, self.s * (length - 1) + self.k - least - size
        returns = self._returns(source, block, (offsets[0] or 0) - low, last, offsets[last] or 0)
        return Image(window, size, padding, offsets, returns)

    def _first(self, cell: int) -> int:
        """The first y of which the image holds the cell or ends before it.

        The next one if that begins no later than the cell: then no row is computed for nothing.
        """
        before = cell + self.low - self.k + 1
        later = ceil_div(before, self.s)
        return later if self.s * later <= cell + self.low else before // self.s

    def _returns(
        self, source: Sequence[int] | None, block: int, first: int, last: int, offset: int
    ) -> tuple[Return, ...]:
        if source is None:
            return ()
        low, high = max(self.low, 0), max(self.high, 0)
        filled = self.n - last * block
        sides = (0, first, source[:low]), (last, offset + filled, source[len(source) - high :])
        return tuple(
            Return(owner, start, tuple(cells), tuple(sorted({cell // block for cell in cells})))
            for owner, start, cells in sides
            if len(cells)
        )
