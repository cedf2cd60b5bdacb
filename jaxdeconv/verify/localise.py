"""Why a pair fails: the cause, from all entries or from those around the wrong place."""

import jax
import numpy as np

from jaxdeconv.verify.diagnose import Diagnosis, diagnose
from jaxdeconv.verify.entries import Comparison, Recovered
from jaxdeconv.verify.matrices import Entries
from jaxdeconv.verify.operator import Operator
from jaxdeconv.verify.pair import Pair
from jaxdeconv.verify.place import Place, deltas
from jaxdeconv.verify.precision import tolerance

__all__ = ["explain", "first_place"]

NEIGHBOURS = 64
"""Outputs around the wrong place that a diagnosis sees where not all entries are known."""

LARGE = 2**20
"""The most entries that are diagnosed as a whole."""


def first_place(comparison: Comparison) -> Place | None:
    """The wrong entry of the smallest output, and there of the smallest input."""
    expected, got = comparison.expected, comparison.got
    if not len(expected.rows):
        return None
    k = np.lexsort((expected.rows, expected.cols))[0]
    row, col = int(expected.rows[k]), int(expected.cols[k])
    return Place(row, col, (expected.values[k] + 0).item(), (got.values[k] + 0).item())


def explain(pair: Pair, comparison: Comparison | None, place: Place) -> Diagnosis | None:
    """The likely cause, from all entries, or from whole columns of At around the place."""
    spaces = pair.forward.domain, pair.forward.codomain
    if any(space.split for space in spaces):
        return None
    given = pair.forward.given or pair.forward  # which says how precise the entries are
    trees = given.domain.tree, given.codomain.tree
    error = comparison.error if comparison else 0.0
    if comparison and sum(m.values.size for m in comparison.recovered) <= LARGE:
        forward, backward = comparison.recovered
        expected = _transposed(_entries(forward, pair.sizes[::-1]), pair.conjugate)
        return diagnose(
            expected,
            _entries(backward, pair.sizes),
            *trees,
            tolerance=error,
            conjugate=pair.conjugate,
        )
    cols = _around(pair, place.col)
    expected_columns = _derived_columns(pair, cols)
    if expected_columns is None:
        return None
    got_columns = pair.backward(deltas(pair.backward, cols))
    bound = tolerance(pair.backward, deltas(pair.backward, cols), got_columns)
    return diagnose(
        _columns(expected_columns, cols, pair.sizes),
        _columns(got_columns, cols, pair.sizes),
        *trees,
        cols=cols,
        tolerance=2 * float(bound.max(initial=0)) if pair.kind != "integer" else 0.0,
        conjugate=pair.conjugate,
    )


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
        with forward.arithmetic():
            transposed = jax.linear_transpose(lambda v: forward.fun(*forward.parameters, v), tree)
            derived = Operator.of("A^T", lambda u: transposed(u)[0], forward.codomain)
            columns = derived(deltas(derived, cols))
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
