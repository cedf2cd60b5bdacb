"""Faults of values that repeat: mirrored, moved, spread, one of them wrong, the border lost."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from jaxdeconv.verify.diagnose.causes import Cause, Guess
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair
from jaxdeconv.verify.diagnose.moves import describe, mirrored, name_axes, offsets
from jaxdeconv.verify.diagnose.stencils import Stencil, subsets

__all__ = ["borders", "flips", "paddings", "spacings", "transposed_kernels", "wrong_tap"]


def flips(block: LeafPair) -> Iterator[Guess]:
    """The taps mirrored in their hull, and about 0 where the border is circular."""
    stencil = block.stencil
    if stencil is None:
        return
    wide = tuple(axis for axis in stencil.spatial if np.ptp(stencil.taps[:, axis]))
    for chosen in subsets(wide):
        centres = {tuple(sum(stencil.hull(axis)) for axis in chosen)}
        if all(stencil.periods[axis] for axis in chosen):
            centres.add((0,) * len(chosen))
        for centre in sorted(centres):
            taps = stencil.taps.copy()
            taps[:, chosen] = np.array(centre) - taps[:, chosen]
            text = mirrored(chosen)
            yield Guess(Cause.KERNEL_FLIP, text, stencil.with_taps(taps).render())


def paddings(block: LeafPair) -> Iterator[Guess]:
    """The taps moved: by any vector, or so that the borders of both sides are exchanged."""
    stencil = block.stencil
    if stencil is None:
        return
    for vector in offsets(block, "domain"):
        if any(by and stencil.steps[axis] is None for axis, by in enumerate(vector)):
            continue
        reach = [1 if step is None else step[1] for step in stencil.steps]
        predicted = stencil.with_taps(stencil.taps + np.array(vector) * reach).render()
        if all(_exchanges_sides(stencil, axis, by) for axis, by in enumerate(vector) if by):
            sides = [_sides(stencil, axis) for axis, by in enumerate(vector) if by]
            shown = ", ".join(f"({low}, {high}) as ({high}, {low})" for low, high in sides)
            text = f"borders of (low, high) cells are taken {shown}: shifted by {describe(vector)}"
            yield Guess(Cause.PADDING_SIDE, text, predicted)
        text = f"every column is shifted by {describe(vector)}"
        yield Guess(Cause.SHIFT, text, predicted)


def _sides(stencil: Stencil, axis: int) -> tuple[int, int]:
    """How far the first and the last column reach over the ends of the domain: its padding."""
    low, high = stencil.hull(axis)
    p, q = stencil.steps[axis] or (1, 1)
    return -low // q, (p * (stencil.codomain[axis] - 1) + high) // q - stencil.domain[axis] + 1


def _exchanges_sides(stencil: Stencil, axis: int, by: int) -> bool:
    """Whether a shift gives the low side the padding of the high one, remainder included."""
    low, high = _sides(stencil, axis)
    p, _ = stencil.steps[axis] or (1, 1)
    return high <= low - by < high + p


def transposed_kernels(block: LeafPair) -> Iterator[Guess]:
    """Two spatial axes of the kernel exchanged."""
    stencil = block.stencil
    if stencil is None:
        return
    for a, b in (pair for pair in subsets(stencil.spatial, 2) if len(pair) == 2):
        taps = stencil.taps.copy()
        low = stencil.taps.min(axis=0)
        taps[:, a], taps[:, b] = (
            stencil.taps[:, b] - low[b] + low[a],
            stencil.taps[:, a] - low[a] + low[b],
        )
        text = f"axes {a} and {b} are exchanged in every column"
        yield Guess(Cause.SWAPPED_AXES, text, stencil.with_taps(taps).render())


def spacings(block: LeafPair) -> Iterator[Guess]:
    """The values of the kernel are right, the distances between them or the steps are not."""
    stencil, found = block.stencil, block.found
    if stencil is None or found is None or (stencil.spatial != found.spatial):
        return
    taps, changes = stencil.taps.copy(), []
    for axis in stencil.spatial:
        before, after = np.unique(stencil.taps[:, axis]), np.unique(found.taps[:, axis])
        if len(before) != len(after):
            return
        taps[:, axis] = after[np.searchsorted(before, stencil.taps[:, axis])]
        if stencil.steps[axis] != found.steps[axis]:
            p, q = stencil.steps[axis], found.steps[axis]
            changes.append(f"the step along axis {axis} is {q} instead of {p}")
        if (np.diff(before) != np.diff(after)).any():
            gaps = f"{np.diff(after)[0]} instead of {np.diff(before)[0]}"
            changes.append(f"the entries along axis {axis} are {gaps} cells apart")
    if changes:
        other = dataclasses.replace(stencil, taps=taps, steps=found.steps, periods=found.periods)
        yield Guess(Cause.SPACING, "; ".join(changes), other.render())


def wrong_tap(block: LeafPair) -> Iterator[Guess]:
    """One tap of the kernel has other values, wherever it stands."""
    stencil, found = block.stencil, block.found
    if stencil is None or found is None or not (stencil.exact and found.exact):
        return
    if (stencil.steps, len(np.unique(stencil.taps, axis=0)) > 1) != (found.steps, True):
        return
    before, after = (_table(s) for s in (stencil, found))
    changed = {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    if len(changed) == 1:
        (tap,) = changed
        shown = " and ".join(_diagonal(stencil, axis, tap[axis]) for axis in stencil.spatial)
        text = f"only entries with {shown} are wrong"
        yield Guess(Cause.WRONG_TAP, text, found.render())


def _diagonal(stencil: Stencil, axis: int, delta: int) -> str:
    """Where a value stands, as an equation between indices."""
    p, q = stencil.steps[axis] or (1, 1)
    x, y = (f"{step} {side}" if step > 1 else side for step, side in ((q, "input"), (p, "output")))
    return f"{x} - {y} = {delta} along axis {axis}"


def _table(stencil: Stencil) -> dict[tuple, complex]:
    """(tap, labels) -> value."""
    labels = stencil.labels.reshape(len(stencil.taps), -1).tolist()
    keys = zip(stencil.taps.tolist(), labels, strict=True)
    return {
        (tuple(tap), tuple(labels)): value
        for (tap, labels), value in zip(keys, stencil.values.tolist(), strict=True)
    }


def borders(block: LeafPair) -> Iterator[Guess]:
    """The kernel alone, cropped at the ends, where expected entries wrap or fold back."""
    stencil = block.stencil
    if stencil is None:
        return
    if not stencil.exact:
        text = "the border is cropped: entries that should be folded back to the inside are lost"
        yield Guess(Cause.CROPPED_BORDER, text, stencil.render())
        return
    for chosen in subsets(tuple(axis for axis, n in enumerate(stencil.periods) if n)):
        periods = tuple(0 if axis in chosen else n for axis, n in enumerate(stencil.periods))
        text = f"the circular border is cropped instead of wrapped along {name_axes(chosen)}"
        cropped = dataclasses.replace(stencil, periods=periods).render()
        yield Guess(Cause.CROPPED_BORDER, text, cropped)
