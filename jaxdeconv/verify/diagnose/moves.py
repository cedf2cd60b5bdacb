"""Faults that carry entries elsewhere: shifts, permutations, exchanged axes and sides."""

import itertools
from collections.abc import Iterator

import numpy as np

from jaxdeconv.verify.diagnose.causes import Cause, Guess
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair
from jaxdeconv.verify.diagnose.sparse import Sparse
from jaxdeconv.verify.diagnose.stencils import subsets

__all__ = [
    "circulant_flips",
    "column_flips",
    "describe",
    "exchanges",
    "mirrored",
    "name_axes",
    "offsets",
    "permutations",
    "phases",
    "reversals",
    "shifts",
    "swaps",
]

Index = tuple[np.ndarray, ...]

_COLUMNS_TRIED = 3  # from which the vector of a shift is read
_MOST_SLICES = 2**12
_MOST_PERMUTED = 4  # phases that are tried in every order


def shifts(block: LeafPair) -> Iterator[Guess]:
    """All entries moved by one vector along the domain, or along the codomain; lost or rolled."""
    for vector in offsets(block, "domain"):
        yield from _shifted(block, vector, block.x, block.domain, "the result")
    if block.visible.everything:
        for vector in offsets(block, "codomain"):
            yield from _shifted(block, vector, block.y, block.codomain, "the argument")


def offsets(block: LeafPair, side: str) -> list[tuple[int, ...]]:
    """Candidates for the vector of a shift: how far the corner of a full column, row, moved."""
    index = block.domain_index if side == "domain" else block.codomain_index
    lines = {"domain": lambda s: s.cols, "codomain": lambda s: s.rows}[side]
    touched = np.unique(lines(block.wrong))
    counts = np.bincount(lines(block.expected), minlength=max(block.expected.shape))[touched]
    fullest = touched[np.argsort(-counts, kind="stable")]
    middle = fullest[: max(1, int((counts == counts.max(initial=0)).sum()))]
    tried = {int(middle[len(middle) * i // 4]) for i in (1, 2, 3)} if len(middle) else set()
    found: dict[tuple[int, ...], None] = {}
    for line in sorted(tried)[:_COLUMNS_TRIED]:
        before = block.expected.where(lines(block.expected) == line)
        after = block.got.where(lines(block.got) == line)
        if len(before) and len(after):
            vector = tuple(
                int(b.min() - a.min()) for a, b in zip(index(before), index(after), strict=True)
            )
            found.setdefault(vector)
    return [vector for vector in found if any(vector)]


def _shifted(
    block: LeafPair, vector: tuple[int, ...], index: Index, shape: tuple[int, ...], what: str
) -> Iterator[Guess]:
    """Both kinds of shift by one vector; rolled channels are permuted, not shifted."""
    there = tuple(i + by for i, by in zip(index, vector, strict=True))
    rolled = tuple(i % n for i, n in zip(there, shape, strict=True))
    labels = [block.is_label(axis) for axis, by in enumerate(vector) if by and axis < len(shape)]
    text = f"{what} is shifted by {describe(vector)}"
    cause = Cause.PERMUTED if any(labels) else Cause.SHIFT
    for name, places, how in ((Cause.SHIFT, there, ""), (cause, rolled, ", with wrap-around")):
        moved = block.moved(x=places) if index is block.x else block.moved(y=places)
        yield Guess(name, text + how, moved)


def permutations(block: LeafPair) -> Iterator[Guess]:
    """The slices along one axis are the right ones in another order."""
    for axis in range(len(block.domain)):
        order = _order(block, axis, "domain")
        if order is not None:
            x = tuple(order[i] if a == axis else i for a, i in enumerate(block.x))
            yield _permuted(block, order, axis, "result", block.moved(x=x))
    for axis in range(len(block.codomain) if block.visible.everything else 0):
        order = _order(block, axis, "codomain")
        if order is not None:
            y = tuple(order[i] if a == axis else i for a, i in enumerate(block.y))
            yield _permuted(block, order, axis, "argument", block.moved(y=y))


def _order(block: LeafPair, axis: int, side: str) -> np.ndarray | None:
    """`order[i]`: where slice i went; None if the slices are others, or none moved.

    Equal slices leave a choice: a roll, where one will do; else those that can stay, stay.
    """
    size = getattr(block, side)[axis]
    if not 1 < size <= _MOST_SLICES:
        return None
    before = _slices(block, block.expected, axis, side)
    after = _slices(block, block.got, axis, side)
    if before == after or sorted(before) != sorted(after):
        return None
    for by in range(1, size):
        if after[by] == before[0] and after == before[-by:] + before[:-by]:
            return (np.arange(size) + by) % size
    order = np.array([i if after[i] == before[i] else -1 for i in range(size)])
    free: dict[bytes, list[int]] = {}
    for i in np.flatnonzero(order < 0):
        free.setdefault(after[i], []).append(int(i))
    for i in np.flatnonzero(order < 0):
        order[i] = free[before[i]].pop(0)
    return order


def _slices(block: LeafPair, entries: Sparse, axis: int, side: str) -> list[bytes]:
    """The content of each slice along an axis, comparable."""
    shape = getattr(block, side)
    index = list(block.domain_index(entries) if side == "domain" else block.codomain_index(entries))
    slot = index[axis]
    index[axis] = np.zeros_like(slot)
    flat = np.ravel_multi_index(index, shape)
    rows, cols = (flat, entries.cols) if side == "domain" else (entries.rows, flat)
    sequence = np.lexsort((cols, rows, slot))
    ends = np.searchsorted(slot[sequence], np.arange(1, shape[axis]))
    parts = [np.split(part[sequence], ends) for part in (rows, cols, entries.values)]
    return [b"".join(p.tobytes() for p in content) for content in zip(*parts, strict=True)]


def _permuted(block: LeafPair, order: np.ndarray, axis: int, what: str, predicted: Sparse) -> Guess:
    """A roll of cells is a shift; any other order, and any of channels, is a permutation."""
    if (order == (np.arange(len(order)) + order[0]) % len(order)).all() and not block.is_label(
        axis
    ):
        text = f"the {what} is rolled by {order[0]} along axis {axis}"
        return Guess(Cause.SHIFT, text, predicted)
    shown = np.array2string(order, separator=",", threshold=12)
    text = f"along axis {axis} the slices of the {what} are in the order {shown}"
    return Guess(Cause.PERMUTED, text, predicted)


def phases(block: LeafPair) -> Iterator[Guess]:
    """The residues modulo the stride in another order; what leaves the array is lost."""
    if block.stencil is None:
        return
    for axis, step in enumerate(block.stencil.steps):
        if step is None or step[0] == 1:
            continue
        p, i = step[0], block.x[axis]
        orders = itertools.permutations(range(p)) if p <= _MOST_PERMUTED else _rolls(p)
        for order in orders:
            there = i - i % p + np.array(order)[i % p]
            x = tuple(there if a == axis else other for a, other in enumerate(block.x))
            text = f"of every {p} cells along axis {axis} the order is {order}"
            yield Guess(Cause.STRIDE_PHASE, text, block.moved(x=x))


def _rolls(p: int) -> Iterator[tuple[int, ...]]:
    """Rolled orders, and the reverse one."""
    yield tuple(range(p))[::-1]
    for by in range(1, p):
        yield tuple((i + by) % p for i in range(p))


def reversals(block: LeafPair) -> Iterator[Guess]:
    """Both arrays reversed: mirrored columns, wherever the border is symmetric."""
    if len(block.domain) != len(block.codomain) or not block.visible.everything:
        return
    axes = tuple(a for a, n in enumerate(block.domain) if n > 1 and not block.is_label(a))
    for chosen in subsets(axes):
        x, y = (
            tuple(
                n - 1 - i if a in chosen else i for a, (i, n) in enumerate(zip(*pair, strict=True))
            )
            for pair in ((block.x, block.domain), (block.y, block.codomain))
        )
        text = mirrored(chosen)
        yield Guess(Cause.KERNEL_FLIP, text, block.moved(x=x, y=y))


def column_flips(block: LeafPair) -> Iterator[Guess]:
    """Each column mirrored in its own support: what an unflipped kernel does far from borders."""
    if not len(block.expected) or block.visible.everything:
        return
    columns, place = np.unique(block.expected.cols, return_inverse=True)
    for chosen in subsets(tuple(a for a, n in enumerate(block.domain) if n > 1)):
        x = list(block.x)
        for axis in chosen:
            low = np.full(len(columns), block.domain[axis])
            high = np.zeros(len(columns), np.int64)
            np.minimum.at(low, place, x[axis])
            np.maximum.at(high, place, x[axis])
            x[axis] = low[place] + high[place] - x[axis]
        text = mirrored(chosen)
        yield Guess(Cause.KERNEL_FLIP, text, block.moved(x=tuple(x)))


def circulant_flips(block: LeafPair) -> Iterator[Guess]:
    """A itself, where A is circulant: each column mirrored about its own index, wrapped."""
    if block.visible.everything or block.domain != block.codomain or not _is_circulant(block):
        return
    pairs = zip(block.x, block.y, block.domain, strict=True)
    mirror = block.moved(x=tuple((2 * j - i) % n for i, j, n in pairs))
    yield Guess(Cause.FORWARD, "At is A itself, if all of A is circulant", mirror)
    text = "the entries are in reverse order about the diagonal, with wrap-around"
    yield Guess(Cause.KERNEL_FLIP, text, mirror)


def _is_circulant(block: LeafPair) -> bool:
    """Whether a few columns are the same but for a roll."""
    seen = np.unique(block.expected.cols)
    tried = seen[:: max(1, len(seen) // _COLUMNS_TRIED)]
    rolled = [_rolled_to_zero(block.columns(np.array([col]))) for col in tried]
    return all(rolled[0].agrees(one, 2 * block.floor, block.slack) for one in rolled[1:])


def _rolled_to_zero(block: LeafPair) -> Sparse:
    """A column as it would be at index 0."""
    x = tuple((i - j) % n for i, j, n in zip(block.x, block.y, block.domain, strict=True))
    return block.moved(x=x, y=tuple(np.zeros_like(j) for j in block.y))


def exchanges(block: LeafPair) -> Iterator[Guess]:
    """Indices of domain and codomain exchanged: A itself, along some axes or all."""
    if len(block.domain) != len(block.codomain) or not block.visible.everything:
        return
    pairs = tuple(zip(block.domain, block.codomain, strict=True))
    axes = tuple(a for a, (n, m) in enumerate(pairs) if n == m and n > 1)
    everything = tuple(a for a, pair in enumerate(pairs) if pair != (1, 1))
    for chosen in dict.fromkeys((*subsets(axes), axes)):
        if not chosen:
            continue
        x = tuple(
            j if a in chosen else i for a, (i, j) in enumerate(zip(block.x, block.y, strict=True))
        )
        y = tuple(
            i if a in chosen else j for a, (i, j) in enumerate(zip(block.x, block.y, strict=True))
        )
        if chosen == everything:
            yield Guess(Cause.FORWARD, "At is A itself, not transposed", block.moved(x, y))
            conjugated = block.expected.values.conj()
            yield Guess(Cause.FORWARD, "At is A itself", block.moved(x, y, conjugated))
        dense = block.stencil is None and chosen != everything
        if dense or all(block.is_label(a) for a in chosen):
            text = f"argument and result are exchanged along {name_axes(chosen)}"
            yield Guess(Cause.PERMUTED, text, block.moved(x, y))
        elif block.stencil and not any(block.is_label(a) for a in chosen):
            text = mirrored(chosen)
            yield Guess(Cause.KERNEL_FLIP, text, block.moved(x, y))


def swaps(block: LeafPair) -> Iterator[Guess]:
    """Two axes exchanged, in the result, in the argument, or in both."""
    sides = ["x", "y", "xy"] if block.visible.everything else ["x"]
    names = {"x": "the result", "y": "the argument", "xy": "argument and result"}
    for a, b in itertools.combinations(range(len(block.domain)), 2):
        for side in sides:
            x, y = block.x, block.y
            if "x" in side:
                x = _swapped(x, block.domain, a, b)
            if "y" in side:
                if max(a, b) >= len(block.codomain):
                    continue
                y = _swapped(y, block.codomain, a, b)
            text = f"axes {a} and {b} of {names[side]} are exchanged"
            yield Guess(Cause.SWAPPED_AXES, text, block.moved(x, y))


def _swapped(index: Index, shape: tuple[int, ...], a: int, b: int) -> Index:
    """Where cells go if two axes are exchanged and the array is read in the old shape."""
    other, other_shape = list(index), list(shape)
    other[a], other[b] = other[b], other[a]
    other_shape[a], other_shape[b] = other_shape[b], other_shape[a]
    return np.unravel_index(np.ravel_multi_index(other, other_shape), shape)


def describe(vector: tuple[int, ...]) -> str:
    """A vector in words, without its zeros."""
    return " and ".join(f"{by:+d} along axis {axis}" for axis, by in enumerate(vector) if by)


def mirrored(axes: tuple[int, ...]) -> str:
    """The sentence on columns whose entries stand in reverse order, as by an unflipped kernel."""
    return f"the entries are in reverse order along {name_axes(axes)}"


def name_axes(axes: tuple[int, ...]) -> str:
    """Axes in words."""
    word = "axis" if len(axes) == 1 else "axes"
    return f"{word} {' and '.join(map(str, axes))}"
