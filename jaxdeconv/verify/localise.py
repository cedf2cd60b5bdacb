"""Where a pair fails: one output and one input whose entry is wrong, and its surroundings.

The defect <A v, u> - <v, At u> is additive in u. So cut u into parts, apply At to each (A v is
known already), keep a part with a defect, and go on until one cell is left; then the same with v.
That takes O(log cells) applications and needs no knowledge of the maps.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxdeconv.verify.diagnose import Diagnosis, diagnose
from jaxdeconv.verify.entries import Comparison, Recovered
from jaxdeconv.verify.matrices import Entries
from jaxdeconv.verify.operator import Operator
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.precision import error_bound

__all__ = ["Place", "explain", "first_place", "locate"]

PARTS = 8
"""Parts that a support is cut into at once."""

NEIGHBOURS = 64
"""Outputs around the wrong place that a diagnosis sees where not all entries are known."""

LARGE = 2**20
"""The most entries that are diagnosed as a whole."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A wrong entry.

    Attributes:
        row: the cell of the domain.
        col: the cell of the codomain.
        expected: what At should have there, by A.
        got: what it has.
    """

    row: int
    col: int
    expected: Any
    got: Any


def first_place(comparison: Comparison) -> Place | None:
    """The wrong entry of the smallest output, and there of the smallest input."""
    expected, got = comparison.expected, comparison.got
    if not len(expected.rows):
        return None
    k = np.lexsort((expected.rows, expected.cols))[0]
    row, col = int(expected.rows[k]), int(expected.cols[k])
    return Place(row, col, (expected.values[k] + 0).item(), (got.values[k] + 0).item())


def locate(sample: Sample) -> Place | None:
    """A wrong entry, by bisection; None if what is found is within rounding."""
    pair = sample.pair
    a, b = np.unravel_index(np.argmax(_defects(sample)), (len(sample.u), len(sample.v)))
    u, v, y = sample.u[a], sample.v[b], sample.y[b]

    def of_u(parts: np.ndarray) -> np.ndarray:
        images = pair.backward(parts)
        return _defects(Sample(pair, parts, v[None], y[None], images))[:, 0]

    col = _bisect(u, of_u)
    u = _delta(u, col)
    x = pair.backward(u[None])

    def of_v(parts: np.ndarray) -> np.ndarray:
        return _defects(Sample(pair, u[None], parts, pair.forward(parts), x))[0]

    row = _bisect(v, of_v)
    return _entry(pair, row, col)


def explain(pair: Pair, comparison: Comparison | None, place: Place) -> Diagnosis | None:
    """The likely cause, from all entries, or from whole columns of At around the place."""
    spaces = pair.forward.domain, pair.forward.codomain
    if any(space.split for space in spaces):
        return None
    trees = spaces[0].tree, spaces[1].tree
    error = comparison.error if comparison else 0.0
    if comparison and sum(m.values.size for m in comparison.recovered) <= LARGE:
        forward, backward = comparison.recovered
        expected = _transposed(_entries(forward, pair.sizes[::-1]), pair.conjugate)
        return diagnose(expected, _entries(backward, pair.sizes), *trees, tolerance=error)
    cols = _around(pair, place.col)
    expected_columns = _derived_columns(pair, cols)
    if expected_columns is None:
        return None
    got_columns = pair.backward(_deltas(pair.backward, cols))
    bound = error_bound(pair.backward, _deltas(pair.backward, cols), got_columns)
    return diagnose(
        _columns(expected_columns, cols, pair.sizes),
        _columns(got_columns, cols, pair.sizes),
        *trees,
        cols=cols,
        tolerance=2 * float(bound.max(initial=0)) if pair.kind != "integer" else 0.0,
    )


def _bisect(vector: np.ndarray, defects: Callable[[np.ndarray], np.ndarray]) -> int:
    """A cell of `vector` with a defect of its own."""
    cells = np.flatnonzero(vector)
    while len(cells) > 1:
        pieces = np.array_split(cells, min(PARTS, len(cells)))
        parts = np.zeros((len(pieces), len(vector)), vector.dtype)
        for part, piece in zip(parts, pieces, strict=True):
            part[piece] = vector[piece]
        cells = pieces[int(np.argmax(defects(parts)))]
    return int(cells[0])


def _defects(sample: Sample) -> np.ndarray:
    if sample.pair.kind == "integer":
        return (sample.defects()[0] != 0).astype(np.float64)
    return sample.float_defects()


def _entry(pair: Pair, row: int, col: int) -> Place | None:
    """What A and At have at one entry; None where they agree up to rounding."""
    delta = _deltas(pair.forward, np.array([row])), _deltas(pair.backward, np.array([col]))
    y, x = pair.forward(delta[0]), pair.backward(delta[1])
    expected, got = y[0, col], x[0, row]
    expected = np.add(np.conj(expected) if pair.conjugate else expected, 0)  # -0.0 + 0 is 0.0
    if pair.kind == "integer":
        same = (int(expected) - int(got)) % 2**pair.bits == 0
    else:
        y_bound = error_bound(pair.forward, delta[0], y)[0, col]
        x_bound = error_bound(pair.backward, delta[1], x)[0, row]
        same = bool(abs(expected - got) <= y_bound + x_bound)
    return None if same else Place(row, col, expected.item(), got.item())


def _delta(vector: np.ndarray, cell: int) -> np.ndarray:
    result = np.zeros_like(vector)
    result[cell] = vector[cell]
    return result


def _deltas(operator: Operator, cells: np.ndarray) -> np.ndarray:
    block = np.zeros((len(cells), operator.domain.size), operator.domain.wide)
    block[np.arange(len(cells)), cells] = 1
    return block


def _around(pair: Pair, col: int) -> np.ndarray:
    """Outputs near to one: a box around it within its leaf."""
    space = pair.forward.codomain
    leaf, index, start = space.split_cell(col)
    shape = space.leaves[leaf].shape
    left, box = NEIGHBOURS, []
    for position, size in zip(reversed(index), reversed(shape), strict=True):
        width = min(size, 4, left)
        left //= max(1, width)
        low = min(max(0, position - width // 2), size - width)
        box.append(np.arange(low, low + width))
    grid = np.meshgrid(*reversed(box), indexing="ij")
    return np.sort(
        start + np.ravel_multi_index([g.ravel() for g in grid], shape)
        if shape
        else np.array([start])
    )


def _derived_columns(pair: Pair, cols: np.ndarray) -> np.ndarray | None:
    """Columns of A^T by `jax.linear_transpose`, where A allows it: `(columns, cells)`."""
    forward = pair.forward
    if not forward.traceable or pair.kind == "integer":
        return None
    tree = forward.domain.tree
    try:
        transposed = jax.linear_transpose(lambda v: forward.fun(*forward.parameters, v), tree)
        derived = Operator.of("A^T", lambda u: transposed(u)[0], forward.codomain)
        columns = derived(_deltas(derived, cols))
    except Exception:  # no transpose rule: no diagnosis
        return None
    return np.conj(columns) if pair.conjugate else columns


def _entries(matrix: Recovered, shape: tuple[int, int]) -> Entries:
    """As coordinates: rows of the matrix are the codomain of what was probed."""
    rows, cols, values = [], [], []
    for probe, found in enumerate(matrix.values):
        source = matrix.pattern.sources(probe)
        lit = np.flatnonzero((source >= 0) & (found != 0))
        rows.append(lit)
        cols.append(source[lit])
        values.append(found[lit])
    return Entries(np.concatenate(rows), np.concatenate(cols), np.concatenate(values), shape)


def _transposed(entries: Entries, conjugate: bool) -> Entries:
    values = np.conj(entries.values) if conjugate else entries.values
    return Entries(entries.cols, entries.rows, values, entries.shape[::-1])


def _columns(columns: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> Entries:
    which, rows = np.nonzero(columns)
    return Entries(rows, cols[which], columns[which, rows], shape)
