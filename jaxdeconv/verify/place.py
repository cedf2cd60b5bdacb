"""Where a pair fails: one output and one input whose entry is wrong.

The defect <A v, u> - <v, At u> is additive in u. So cut u into parts, apply At to each (A v is
known already), keep a part with a defect, and go on until one cell is left; then the same with v.
That takes O(log cells) applications and needs no knowledge of the maps.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.precision import NOUGHT, entry_bound

__all__ = ["Place", "locate", "place_of"]

PARTS = 8
"""Parts that a support is cut into at once."""


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
    spaces = pair.forward.domain, pair.backward.domain
    delta = spaces[0].deltas(np.array([row])), spaces[1].deltas(np.array([col]))
    y, x = pair.forward(delta[0]), pair.backward(delta[1])
    expected, got = y[0, col], x[0, row]
    expected = np.add(np.conj(expected) if pair.conjugate else expected, 0)  # -0.0 + 0 is 0.0
    if pair.kind == "integer":
        same = (int(expected) - int(got)) % 2**pair.bits == 0
    else:
        allowed = entry_bound(pair.forward, delta[0], y)[0, col]
        allowed += entry_bound(pair.backward, delta[1], x)[0, row]
        column = np.abs(pair.forward.unscaled(delta[0], y)).max()
        line = np.abs(pair.backward.unscaled(delta[1], x)).max()
        allowed += NOUGHT * min(column, line) * pair.size_at(row, col)
        same = bool(abs(expected - got) <= allowed)
    return None if same else place_of(pair, row, col, expected, got)


def place_of(pair: Pair, row: int, col: int, expected: Any, got: Any) -> Place:
    """The place in units of A and At, whatever their scales."""
    if pair.kind == "integer":
        return Place(row, col, int(expected), int(got))
    size = pair.size_at(row, col)
    return Place(row, col, (expected / size).item(), (got / size).item())


def _delta(vector: np.ndarray, cell: int) -> np.ndarray:
    result = np.zeros_like(vector)
    result[cell] = vector[cell]
    return result
