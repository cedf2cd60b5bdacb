"""Faults confined to part of the arrays: borders dropped, blocks lost or counted twice."""

from collections.abc import Iterator

import numpy as np

from jaxdeconv.verify.diagnose.causes import Cause, Guess
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair, is_count
from jaxdeconv.verify.diagnose.sparse import Sparse

__all__ = ["boxes", "halos", "kept_box", "slabs"]

_MOST_DEVICES = 8
_BORDER = 3  # slices: this many are more likely a device's share than a border


def slabs(block: LeafPair) -> Iterator[Guess]:
    """Whole slices along one axis are lost, or multiplied: named by which slices they are."""
    factor = block.common_factor
    if factor is None:
        return
    wrong = block.wrong
    for what, shape, index, entries in (
        ("result", block.domain, block.domain_index, block.x),
        ("argument", block.codomain, block.codomain_index, block.y),
    ):
        for axis, (n, coordinate) in enumerate(zip(shape, index(wrong), strict=True)):
            live, lost = np.unique(entries[axis]), np.unique(coordinate)
            if len(lost) == len(live):
                continue
            predicted = _multiplied(block, np.isin(entries[axis], lost), factor)
            text = f"slices {_ranges(lost)} of {n} along axis {axis} of the {what} are "
            text += "zero" if factor == 0 else f"{factor:g} times what they should be"
            if factor:
                causes = _factor_causes(live, lost, n, factor)
            else:
                causes = _loss_causes(block, what, axis, live, lost, n)
            for cause in causes:
                yield Guess(cause, text, predicted, block.slack)


def _factor_causes(live: np.ndarray, wrong: np.ndarray, n: int, factor: complex) -> Iterator[Cause]:
    """What slices with one wrong factor can mean, the likeliest first."""
    single = len(wrong) == 1
    if single and factor == 2:
        yield Cause.DUPLICATED
    if is_count(factor) and (_is_share(live, wrong, n) or (factor in (2, 0.5) and not single)):
        yield Cause.DEVICES
    yield Cause.SIGN if factor == -1 else Cause.SCALE


def _loss_causes(
    block: LeafPair, what: str, axis: int, live: np.ndarray, lost: np.ndarray, n: int
) -> Iterator[Cause]:
    """What lost slices can mean, the likeliest first; `live` are those with entries."""
    paired = block.stencil if len(block.codomain) == len(block.domain) else None
    step = paired.steps[axis] if paired else None
    p = step[0] if step is not None and what == "result" else 1
    label = paired is not None and step is None
    ends = _at_ends(live, lost)
    share = _is_share(live, lost, n) or _is_share(live, np.setdiff1d(live, lost), n)
    if share and len(lost) >= _BORDER:
        yield Cause.DEVICES
    if p > 1 and ends and n - lost[0] < p:
        yield Cause.OUTPUT_PADDING
    if p > 1 and _is_phases(live, lost, p):
        yield Cause.STRIDE_PHASE
    if ends and not label:
        yield Cause.DROPPED_BORDER
    if share:
        yield Cause.DEVICES
    if label or not ends:
        yield Cause.MISSING_SLICE


def boxes(block: LeafPair) -> Iterator[Guess]:
    """A box of cells of the result is lost."""
    if block.common_factor != 0 or not len(block.wrong):
        return
    x = block.domain_index(block.wrong)
    spans = [(int(i.min()), int(i.max())) for i in x]
    inside = np.ones(len(block.expected), bool)
    touching = False
    for i, n, (low, high) in zip(block.x, block.domain, spans, strict=True):
        inside &= (i >= low) & (i <= high)
        touching |= (low, high) != (0, n - 1) and (low == 0 or high == n - 1)
    if touching:
        text = f"the cells {_corners(spans)} of the result are zero"
        yield Guess(Cause.DROPPED_BORDER, text, _multiplied(block, inside, 0))


def kept_box(block: LeafPair) -> Iterator[Guess]:
    """Only a box of cells of the result is kept: a frame is lost, or the ends of several axes."""
    if block.common_factor != 0 or not len(block.got):
        return
    inside = np.ones(len(block.expected), bool)
    spans, tails = [], True
    for axis, (i, found) in enumerate(zip(block.x, block.domain_index(block.got), strict=True)):
        low, high = int(found.min()), int(found.max())
        inside &= (i >= low) & (i <= high)
        step = block.stencil.steps[axis] if block.stencil else None
        spans.append((low, high))
        tails &= low == i.min() and (high == i.max() or block.domain[axis] - high <= _stride(step))
    predicted = _multiplied(block, ~inside, 0)
    text = f"only the cells {_corners(spans)} of the result of shape {block.domain} are not zero"
    if tails:
        yield Guess(Cause.OUTPUT_PADDING, text, predicted)
    yield Guess(Cause.DROPPED_BORDER, text, predicted)


def _stride(step: tuple[int, int] | None) -> int:
    return 1 if step is None else step[0]


def halos(block: LeafPair) -> Iterator[Guess]:
    """What crosses the boundary between n equal parts of an axis is lost."""
    if block.common_factor != 0:
        return
    for axis in range(min(len(block.domain), len(block.codomain))):
        for devices in range(2, _MOST_DEVICES + 1):
            if block.domain[axis] % devices or block.codomain[axis] % devices:
                continue
            home = block.x[axis] // (block.domain[axis] // devices)
            away = block.y[axis] // (block.codomain[axis] // devices)
            text = f"what crosses between {devices} equal parts of axis {axis} is lost"
            yield Guess(Cause.DEVICES, text, _multiplied(block, home != away, 0))


def _multiplied(block: LeafPair, where: np.ndarray, factor: complex) -> Sparse:
    values = block.expected.values
    return block.expected.with_values(np.where(where, values * factor, values))


def _at_ends(live: np.ndarray, lost: np.ndarray) -> bool:
    """Whether the slices are the first, the last, or some of both, of those with entries."""
    hit = np.isin(live, lost)
    low, high = int(np.argmin(hit)), int(np.argmin(hit[::-1]))
    return low + high == len(lost)


def _is_share(live: np.ndarray, wrong: np.ndarray, n: int) -> bool:
    """Whether the slices are one of several equal contiguous parts of the n."""
    shares = (k for k in range(2, _MOST_DEVICES + 1) if n % k == 0)
    return any(np.array_equal(live[live // (n // k) == i], wrong) for k in shares for i in range(k))


def _is_phases(live: np.ndarray, lost: np.ndarray, p: int) -> bool:
    """Whether the slices are all those of some residues modulo p."""
    residues = np.unique(lost % p)
    return len(residues) < p and np.array_equal(live[np.isin(live % p, residues)], lost)


def _ranges(slices: np.ndarray) -> str:
    return np.array2string(slices, separator=", ", threshold=8)


def _corners(spans: list[tuple[int, int]]) -> str:
    return "[" + ", ".join(f"{low}:{high + 1}" for low, high in spans) + "]"
