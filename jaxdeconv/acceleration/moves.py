"""Reshapes, scatters and gathers as integers: what they do to each axis."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from jaxdeconv.acceleration.excerpt import Constant

__all__ = ["Regular", "grouped", "regular"]


def grouped(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """Pair the axes of a reshape in the smallest groups; axes of length 1 go by themselves.

    Example:
        >>> list(grouped((2, 3, 4), (6, 1, 4)))
        [([0, 1], [0]), ([], [1]), ([2], [2])]
    """
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and old[i] == 1:
            yield [i], []
            i += 1
            continue
        if j < len(new) and new[j] == 1:
            yield [], [j]
            j += 1
            continue
        before, after = [i], [j]
        left, right = old[i], new[j]
        while left != right:
            if left < right:
                before.append(before[-1] + 1)
                left *= old[before[-1]]
            else:
                after.append(after[-1] + 1)
                right *= new[after[-1]]
        yield before, after
        i, j = before[-1] + 1, after[-1] + 1


@dataclasses.dataclass(frozen=True)
class Regular:
    """Entries of one axis at equal distances.

    Attributes:
        first: index.
        step: from one to the next.
        count: how many.
        axis: of the counterpart (the array that is scattered or gathered) that runs over them;
            None if there is none.
    """

    first: int
    step: int
    count: int
    axis: int | None


def regular(
    indices: Constant,
    mapped: Sequence[int],
    collapsed: Sequence[int],
    windows: Sequence[int],
    sizes: Sequence[int],
    counterpart: Sequence[int],
) -> list[Regular] | None:
    """Recognise a scatter or gather whose indices form a regular grid; None if they do not.

    Args:
        indices: of the windows, the components of an index last.
        mapped: the axis of the array for each component.
        collapsed: axes of the array along which a window is one entry, with no axis in the
            counterpart.
        windows: axes of the counterpart that run over windows.
        sizes: of the array.
        counterpart: sizes of the array that is scattered or gathered.

    Returns:
        One progression for each axis of the array.
    """
    where = indices.value
    batches = [axis for axis in range(len(counterpart)) if axis not in windows]
    inside = iter(windows)
    found: list[Regular] = []
    free = set(batches)
    for axis, size in enumerate(sizes):
        window = None if axis in collapsed else next(inside)
        index = np.zeros(where.shape[:-1], np.int64)
        if axis in mapped:
            index = where[..., list(mapped).index(axis)].astype(np.int64)
        one = _progression(index, batches)
        if one is None or (window is not None and one.axis is not None):
            return None
        if window is not None:
            one = Regular(one.first, 1, counterpart[window], window)
        if one.first < 0 or one.first + one.step * (one.count - 1) >= size:
            return None
        if one.axis in free:
            free.remove(one.axis)
        elif window is None and one.axis is not None:
            return None  # two axes follow the same index: a diagonal
        found.append(one)
    return found if all(counterpart[axis] == 1 for axis in free) else None


def _progression(index: np.ndarray, batches: Sequence[int]) -> Regular | None:
    """The progression of indices that increase evenly along one axis, and along no other."""
    long = [axis for axis, n in enumerate(index.shape) if n > 1 and np.diff(index, axis=axis).any()]
    if not long:
        return Regular(int(index.flat[0]), 1, 1, None)
    if len(long) > 1:
        return None
    (axis,) = long
    line = np.moveaxis(index, axis, 0).reshape(index.shape[axis], -1)
    steps = np.diff(line, axis=0)
    if (line != line[:, :1]).any() or steps.min() != steps.max() or steps.min() < 1:
        return None
    return Regular(int(line[0, 0]), int(steps[0, 0]), len(line), batches[axis])
