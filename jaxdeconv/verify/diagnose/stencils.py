"""Shift-invariant matrices: the few values that repeat, and their places.

Along some axes ("spatial") the entries depend on delta = q x - p y alone, where a step q of the
codomain moves the domain by p (p = stride, q = 1 for a strided convolution); along the others
("labels": channels) on both indices. The steps are found from the entries alone.
"""

import dataclasses
import itertools

import numpy as np

from jaxdeconv.verify.diagnose.sparse import Sparse

__all__ = ["Stencil", "fit", "subsets"]

Shape = tuple[int, ...]
Step = tuple[int, int]

_STEPS: tuple[Step, ...] = (*((p, 1) for p in range(1, 9)), *((1, q) for q in range(2, 5)))


@dataclasses.dataclass(frozen=True, eq=False)
class Stencil:
    """The values that a matrix repeats.

    Attributes:
        domain: shape of the array that rows index.
        codomain: shape of the array that columns index; as many axes.
        steps: (p, q) of each spatial axis, None for a label axis.
        periods: of each axis, n where delta counts modulo n (a circular border), else 0.
        taps: `(taps, axes)` delta of each value along the spatial axes, 0 along labels.
        labels: `(taps, 2, axes)` index in the domain and in the codomain, 0 along spatial axes.
        values: `(taps,)`.
        exact: whether the taps reproduce the matrix up to its border.
    """

    domain: Shape
    codomain: Shape
    steps: tuple[Step | None, ...]
    periods: Shape
    taps: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    exact: bool = False

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes along which it repeats."""
        return tuple(axis for axis, step in enumerate(self.steps) if step is not None)

    def hull(self, axis: int) -> tuple[int, int]:
        """Smallest and largest delta along an axis."""
        return int(self.taps[:, axis].min()), int(self.taps[:, axis].max())

    def render(self) -> Sparse:
        """The matrix that repeats these values."""
        grid = tuple(
            n if step is not None else 1 for n, step in zip(self.codomain, self.steps, strict=True)
        )
        cells = np.indices(grid).reshape(len(grid), -1)  # [axes, cells]
        inside = np.ones((len(self.values), cells.shape[1]), bool)
        x, y = [], []
        for axis, step in enumerate(self.steps):
            here, there = cells[axis][None] + self.labels[:, 1, axis, None], None
            if step is None:
                there = np.broadcast_to(self.labels[:, 0, axis, None], inside.shape)
            else:
                there, rest = np.divmod(self.taps[:, axis, None] + step[0] * here, step[1])
                if self.periods[axis]:
                    there = there % self.domain[axis]
                inside &= (rest == 0) & (there >= 0) & (there < self.domain[axis])
            x.append(there)
            y.append(np.broadcast_to(here, inside.shape))
        rows = np.ravel_multi_index([i[inside] for i in x], self.domain)
        cols = np.ravel_multi_index([i[inside] for i in y], self.codomain)
        values = np.broadcast_to(self.values[:, None], inside.shape)[inside]
        return Sparse.collect(rows, cols, values, _matrix_shape(self.domain, self.codomain))

    def with_taps(self, taps: np.ndarray) -> "Stencil":
        """The same values elsewhere."""
        return dataclasses.replace(self, taps=taps)


def fit(entries: Sparse, domain: Shape, codomain: Shape) -> Stencil | None:
    """Find steps and taps; None where nothing repeats.

    The taps are first read from all columns, which is right under zero padding however small the
    arrays; where that does not reproduce the matrix (a reflected border adds its own values), from
    the central columns, and the stencil is marked as not exact.
    """
    if len(domain) != len(codomain) or not len(entries):
        return None
    x, y = np.unravel_index(entries.rows, domain), np.unravel_index(entries.cols, codomain)
    steps = tuple(
        _step(entries, x[axis], y[axis], axis, domain, codomain) for axis in range(len(domain))
    )
    if all(step is None for step in steps):
        return None
    everywhere = np.ones(len(entries), bool)
    for circular in (True, False):
        whole = _read(entries, steps, everywhere, domain, codomain, circular=circular)
        if whole.render().agrees(entries):
            return dataclasses.replace(whole, exact=True)
    central = np.ones(len(entries), bool)
    for axis, step in enumerate(steps):
        if step is not None:
            middle = (codomain[axis] - step[1]) // 2
            central &= (y[axis] >= middle) & (y[axis] < middle + step[1])
    if not central.any():
        return None
    return _read(entries, steps, central, domain, codomain, circular=False)


def _step(
    entries: Sparse, x: np.ndarray, y: np.ndarray, axis: int, domain: Shape, codomain: Shape
) -> Step | None:
    """The step for which two central columns are the same but for a move along the domain."""
    row_unit, col_unit = _unit(domain, axis), _unit(codomain, axis)
    for p, q in _STEPS:
        middle = (codomain[axis] - q) // 2
        if middle < 0 or p >= domain[axis] or middle + q >= codomain[axis]:
            continue
        first = entries.where((y == middle) & (x + p < domain[axis]))
        second = entries.where((y == middle + q) & (x >= p))
        moved = Sparse(
            first.rows + p * row_unit, first.cols + q * col_unit, first.values, entries.shape
        )
        if len(second) and moved.agrees(second):
            return p, q
    return None


def _read(
    entries: Sparse,
    steps: tuple[Step | None, ...],
    chosen: np.ndarray,
    domain: Shape,
    codomain: Shape,
    *,
    circular: bool,
) -> Stencil:
    """Collect the distinct (delta, labels) of the chosen entries, each with its first value."""
    entries = entries.where(chosen)
    x, y = np.unravel_index(entries.rows, domain), np.unravel_index(entries.cols, codomain)
    zero = np.zeros(len(entries), np.int64)
    taps, periods, here, there = [], [], [], []
    for axis, step in enumerate(steps):
        delta = zero if step is None else step[1] * x[axis] - step[0] * y[axis]
        folded, period = delta, 0
        if step is not None and circular:
            folded, period = _fold(delta, step[1] * domain[axis])
        taps.append(folded)
        periods.append(period)
        there.append(x[axis] if step is None else zero)
        here.append(y[axis] if step is None else zero)
    table = np.stack((*taps, *there, *here), axis=1)  # [entries, 3 axes]
    low = table.min(axis=0)
    keys = np.ravel_multi_index(tuple((table - low).T), tuple(np.ptp(table, axis=0) + 1))
    _, first = np.unique(keys, return_index=True)
    taps_of, labels = np.split(table[first], [len(steps)], axis=1)
    return Stencil(
        domain,
        codomain,
        steps,
        tuple(periods),
        taps_of,
        labels.reshape(len(first), 2, len(steps)),
        entries.values[first],
    )


def _fold(delta: np.ndarray, period: int) -> tuple[np.ndarray, int]:
    """Count delta modulo the period, if twins a period apart occur: the arc nearest to 0."""
    distinct = np.unique(delta)
    if not np.isin(distinct + period, distinct).any():
        return delta, 0
    residues = np.unique(distinct % period)
    gaps = np.diff(residues, append=residues[0] + period)
    start = int(residues[(int(gaps.argmax()) + 1) % len(residues)])
    length = period - int(gaps.max())
    if 2 * start + length > period:
        start -= period
    return (delta - start) % period + start, period


def _unit(shape: Shape, axis: int) -> int:
    """How far apart neighbours along an axis are in the flattened array."""
    return int(np.prod(shape[axis + 1 :], dtype=np.int64))


def _matrix_shape(domain: Shape, codomain: Shape) -> tuple[int, int]:
    return int(np.prod(domain, dtype=np.int64)), int(np.prod(codomain, dtype=np.int64))


def subsets(axes: tuple[int, ...], most: int = 3) -> list[tuple[int, ...]]:
    """Every non-empty choice of at most `most` axes, smallest first."""
    sizes = range(1, min(most, len(axes)) + 1)
    return [chosen for size in sizes for chosen in itertools.combinations(axes, size)]
