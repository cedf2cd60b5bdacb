"""Why a pair fails: the cause, from all entries or from those around the wrong place."""

import dataclasses
import math

import jax
import numpy as np

from jaxdeconv.verify.diagnose import Diagnosis, diagnose
from jaxdeconv.verify.entries import Comparison, Recovered
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.matrices import Entries
from jaxdeconv.verify.pair import Pair
from jaxdeconv.verify.place import Place, place_of
from jaxdeconv.verify.precision import entry_bound, norms

__all__ = ["explain", "worst_place"]

PROBES = 16
"""Of each side, for the size of a fault."""

NEIGHBOURS = 64
"""Outputs around the wrong place that a diagnosis sees where not all entries are known."""

LARGE = 2**20
"""The most entries that are diagnosed as a whole."""


def worst_place(pair: Pair, comparison: Comparison) -> Place | None:
    """The entry that is furthest off; of several the one of the smallest output and input."""
    expected, got = comparison.expected, comparison.got
    if not len(expected.rows):
        return None
    with np.errstate(over="ignore"):
        off = np.abs(expected.values - got.values)
    k = np.lexsort((expected.rows, expected.cols, -off))[0]
    cells = int(expected.rows[k]), int(expected.cols[k])
    return place_of(pair, *cells, expected.values[k] + 0, got.values[k] + 0)


def relative_size(pair: Pair, comparison: Comparison | None) -> float | None:
    """|At - A^T| / |A| in the Frobenius norm: of all entries, or estimated from a few probes."""
    if pair.kind == "integer":
        return None
    if comparison:
        expected, got = comparison.expected, comparison.got
        off = (expected.values - got.values) / pair.size_at(expected.rows, expected.cols)
        entries = _entries(pair.forward, comparison.recovered[0], pair.sizes[::-1])
        return _norm(off) / (_norm(entries.values) or math.nan)
    u, v = (pair.probes.integers(one.domain, PROBES, 1) for one in pair.operators[::-1])
    forward, backward = (operator.scaled(None, None) for operator in pair.operators)
    sample = dataclasses.replace(pair, forward=forward, backward=backward).sample(u, v)
    cell = 2 if pair.kind == "complex" else 1  # |u|^2 of a cell
    size = _norm(sample.y) * math.sqrt(cell * PROBES)
    return _norm(sample.float_defects()) / (size or math.nan)


def _norm(values: np.ndarray) -> float:
    """Of all values together, in the 2-norm."""
    return float(norms(np.abs(values).reshape(1, -1))[0])


def explain(pair: Pair, comparison: Comparison | None, place: Place) -> Diagnosis | None:
    """The likely cause, from all entries, or from whole columns of At around the place."""
    spaces = pair.forward.domain, pair.forward.codomain
    if any(space.split for space in spaces):
        return None
    given = pair.forward.given or pair.forward  # which says how precise the entries are
    trees = given.domain.tree, given.codomain.tree
    if comparison and sum(m.values.size for m in comparison.recovered) <= LARGE:
        of_A, of_At = comparison.recovered
        expected = _entries(pair.forward, of_A, pair.sizes[::-1])
        got = _entries(pair.backward, of_At, pair.sizes)
        largest = float(np.abs(of_A.values).max(initial=0)) or 1.0
        unit = float(np.abs(expected.values).max(initial=0)) / largest
        return diagnose(
            _transposed(expected, pair.conjugate),
            got,
            *trees,
            tolerance=comparison.error * unit,
            conjugate=pair.conjugate,
        )
    cols = _around(pair, place.col)
    forward, backward = (operator.scaled(None, None) for operator in pair.operators)
    expected_columns = _derived_columns(forward, pair, cols)
    if expected_columns is None:
        return None
    probes = backward.domain.deltas(cols)
    got_columns = backward(probes)
    tolerance = 0.0
    if pair.kind != "integer":
        tolerance = 2 * float(entry_bound(backward, probes, got_columns).max())
    return diagnose(
        _columns(expected_columns, cols, pair.sizes),
        _columns(got_columns, cols, pair.sizes),
        *trees,
        cols=cols,
        tolerance=tolerance,
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


def _derived_columns(forward: Operator, pair: Pair, cols: np.ndarray) -> np.ndarray | None:
    """Columns of A^T by `jax.linear_transpose`, where A allows it: `(columns, cells)`."""
    if not forward.traceable or pair.kind == "integer":
        return None
    tree = forward.domain.tree
    try:
        with forward.arithmetic():
            transposed = jax.linear_transpose(lambda v: forward.fun(*forward.parameters, v), tree)
            derived = Operator.of("A^T", lambda u: transposed(u)[0], forward.codomain)
            columns = derived(derived.domain.deltas(cols))
    except Exception:  # no transpose rule: no diagnosis
        return None
    return np.conj(columns) if pair.conjugate else columns


def _entries(operator: Operator, matrix: Recovered, shape: tuple[int, int]) -> Entries:
    """As coordinates, whatever the scales: rows are the codomain of what was probed."""
    inputs, outputs = operator.scales
    rows, cols, values = [], [], []
    for probe, found in enumerate(matrix.values):
        source = matrix.pattern.sources(probe)
        lit = np.flatnonzero((source >= 0) & (found != 0))
        rows.append(lit)
        cols.append(source[lit])
        entries = found[lit]
        for scale, cells in ((outputs, lit), (inputs, source[lit])):
            entries = entries if scale is None else entries / scale[cells]
        values.append(entries)
    return Entries(np.concatenate(rows), np.concatenate(cols), np.concatenate(values), shape)


def _transposed(entries: Entries, conjugate: bool) -> Entries:
    values = np.conj(entries.values) if conjugate else entries.values
    return Entries(entries.cols, entries.rows, values, entries.shape[::-1])


def _columns(columns: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> Entries:
    which, rows = np.nonzero(columns)
    return Entries(rows, cols[which], columns[which, rows], shape)
