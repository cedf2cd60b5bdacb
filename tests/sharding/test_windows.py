"""Windows by brute force: every block gets the cells that its outputs are sums over.

The plans are carried out on lists, as `fetch` carries them out on arrays.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from jaxdeconv.boundary import source_index
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.sharding.dimension import Dimension
from jaxdeconv.sharding.windows import Copies, Hop, Window, ceil_div, spans

pytestmark = pytest.mark.every_variant

PARTS = (1, 2, 3, 4, 8)


def dimensions(sizes: range, pads: tuple[int, ...]) -> Iterator[Dimension]:
    """Every size, dilated kernel, stride and padding, as far as there is an output."""
    for n, k, s, low, high in itertools.product(sizes, (1, 2, 3, 5), (1, 2, 3), pads, pads):
        if n + min(low, 0) + min(high, 0) >= 0:
            one = Dimension.of(ConvGeometry(n, k, s, ((low, high),)), 0)
            if one.o:
                yield one


def sent(hops: tuple[Hop, ...], size: int, parts: int) -> list[list[Any]]:
    """What arrives at every device, one hop behind the other; None where nobody sends."""
    block = ceil_div(size, parts)
    cells = [x if x < size else None for x in range(parts * block)]
    arrived: list[list[Any]] = [[] for _ in range(parts)]
    for hop in hops:
        senders = {i: j for j, i in hop.pairs}
        assert len(senders) == len(set(senders.values())) == len(hop.pairs)
        assert all(0 <= j < parts and j - i == hop.distance for i, j in senders.items())
        for i, row in enumerate(arrived):
            j = senders.get(i)
            stretch = range(hop.start, hop.stop)
            row += [None if j is None else cells[j * block + x] for x in stretch]
    return arrived


def fetched(window: Window) -> list[list[Any]]:
    """The windows of all devices; None stands for padding."""
    result = []
    arrived = sent(window.hops, window.size, window.parts)
    for cells, offset in zip(arrived, window.offsets, strict=True):
        places = range(offset or 0, (offset or 0) + window.length)
        result.append([cells[x] if 0 <= x < len(cells) else None for x in places])
    return result


def fill(windows: list[list[Any]], copies: Copies, window: Window) -> None:
    arrived = sent(copies.hops, window.size, window.parts)
    for cells, have, row in zip(windows, arrived, copies.table, strict=True):
        for at, where in enumerate(row, start=copies.start):
            if where >= 0:
                cells[at] = have[where]


@pytest.mark.parametrize("parts", PARTS)
def test_every_output_finds_its_inputs(parts: int) -> None:
    for one in dimensions(range(1, 12), (-2, 0, 1, 4)):
        windows = fetched(one.window(parts))
        for (a, b), cells in zip(spans(one.o, parts), windows, strict=True):
            for y in range(a, b):
                first = one.s * y - one.low
                expected = [x if 0 <= x < one.n else None for x in range(first, first + one.k)]
                at = one.s * (y - a)
                assert cells[at : at + one.k] == expected, (one, parts, y)


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate", "symmetric"])
@pytest.mark.parametrize("parts", PARTS)
def test_padding_is_filled_with_copies(parts: int, mode: str) -> None:
    for one in dimensions(range(1, 9), (-1, 0, 2, 9)):
        source = source_index(one.n, one.low, one.high, mode).tolist()
        window = one.window(parts)
        windows = fetched(window)
        for copies in window.copies(source, one.low):
            fill(windows, copies, window)
        for (a, b), cells in zip(spans(one.o, parts), windows, strict=True):
            for y in range(a, b):
                expected = source[one.s * y : one.s * y + one.k]
                at = one.s * (y - a)
                assert cells[at : at + one.k] == expected, (one, parts, y)


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect"])
@pytest.mark.parametrize("parts", PARTS)
def test_every_input_finds_its_outputs(parts: int, mode: str) -> None:
    """Images hold, at every place, the u that reach it and by which tap; padding returns."""
    for one in dimensions(range(1, 9), (-1, 0, 1, 5)):
        source = None
        if mode != "zeros":
            source = source_index(one.n, one.low, one.high, mode).tolist()
        image = one.image(parts, source)
        images = [
            reached(one, cells, image.size, image.padding[0]) for cells in fetched(image.window)
        ]
        local = ConvGeometry(image.size, one.k, one.s, (image.padding,))  # is it one, and whole?
        assert local.output_size == (image.window.length,)
        got: list[list[Any]] = [[] for _ in range(one.n)]
        for i, (a, b) in enumerate(spans(one.n, parts)):
            for x in range(a, b):
                assert (image.offsets[i] or 0) + ceil_div(one.n, parts) <= image.size
                got[x] += images[i][(image.offsets[i] or 0) + x - a]
        for back in image.returns:
            assert {x // ceil_div(one.n, parts) for x in back.sources} == {*back.targets}
            for at, x in enumerate(back.sources, start=back.start):
                got[x] += images[back.owner][at]
        assert [sorted(found) for found in got] == transposed(one, source), (one, parts)


def reached(one: Dimension, cells: list[Any], size: int, low: int) -> list[list[Any]]:
    """Which u reach every cell of an image, from a window of them."""
    found: list[list[Any]] = [[] for _ in range(size)]
    for y, cell in enumerate(cells):
        for t in range(one.k):
            x = one.s * y + t - low
            if 0 <= x < size and cell is not None:
                found[x].append((cell, t))
    return found


def transposed(one: Dimension, source: list[int] | None) -> list[list[Any]]:
    found: list[list[Any]] = [[] for _ in range(one.n)]
    for y, t in itertools.product(range(one.o), range(one.k)):
        x = one.s * y + t - one.low if source is None else source[one.s * y + t]
        if 0 <= x < one.n:
            found[x].append((y, t))
    return [sorted(one) for one in found]


def test_alike_blocks_need_no_more_than_the_halo() -> None:
    """A kernel of 3 in steps of 1 takes one cell from either side; one of 2 in steps of 2, none."""
    one = Dimension.of(ConvGeometry(32, 3, 1, 1), 0)
    for window in (one.window(4), one.image(4).window):
        assert [(hop.stop - hop.start, hop.distance) for hop in window.hops] == [
            (1, -1),
            (8, 0),
            (1, 1),
        ]
        assert {*window.offsets} == {0}
    one = Dimension.of(ConvGeometry(32, 2, 2), 0)
    for window in (one.window(4), one.image(4).window):
        assert [hop.distance for hop in window.hops] == [0]
