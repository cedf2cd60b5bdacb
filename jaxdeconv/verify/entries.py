"""Every entry of A and of At, recovered by coloured probes and compared one by one.

Given a pattern, probe c holds a one in every input of colour c. No two of them feed one output, so
each output *is* an entry of A. The same of At, with the transposed pattern. The pattern may be
wrong, so it is closed: random probes on which A itself and the recovered A must agree; a
matrix other than A agrees with all of them with a chance of at most q^-b.
"""

import dataclasses
import functools

import numpy as np

from jaxdeconv.verify.exact import LARGEST, Scheme, classify_exactness, scheme_of
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.matrices import Entries
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.patterns import Pattern
from jaxdeconv.verify.precision import NOUGHT, SENSIBLE, entry_bound, error_bound, underflow
from jaxdeconv.verify.report import Evidence, Status

__all__ = ["Comparison", "Recovered", "every_entry", "recover"]

NUMBERS = 2**27
"""The most numbers that are kept."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recovered:
    """A matrix in the form in which probes give it.

    Attributes:
        pattern: its colouring.
        values: `(probes, cells of the codomain)`.
    """

    pattern: Pattern
    values: np.ndarray

    def apply(self, block: np.ndarray) -> np.ndarray:
        """The matrix times each row of `block`."""
        result = np.zeros((len(block), self.values.shape[1]), self.values.dtype)
        for probe, values in enumerate(self.values):
            result += values * self.pattern.spread(block, probe)
        return result


def recover(operator: Operator, pattern: Pattern) -> Recovered:
    """All entries of `operator` inside the pattern, in `pattern.count` applications."""
    values = np.empty((pattern.count, operator.codomain.size), operator.codomain.wide)
    for start in range(0, pattern.count, operator.lanes):
        stop = min(pattern.count, start + operator.lanes)
        values[start:stop] = operator(pattern.probes(start, stop).astype(operator.domain.wide))
    return Recovered(pattern, values)


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Of the entries of A^T (A^H) with those of At.

    Attributes:
        expected: where they differ by more than rounding: what should be there.
        got: what At has.
        error: the largest difference, which rounding explains; 0 where all are equal to the bit.
        recovered: of A and of At.
    """

    expected: Entries
    got: Entries
    error: float
    recovered: tuple[Recovered, Recovered]


def every_entry(
    scheme: Scheme, sample: Sample, pattern: Pattern, origin: str
) -> tuple[Evidence, Comparison | None]:
    """Recover, close, compare.

    Args:
        scheme: of the probes that close the pattern.
        sample: the first of them.
        pattern: supposed to be a superset of A's entries.
        origin: of the pattern: 'given', 'detected' or 'complete'.

    Returns:
        The evidence, and the comparison if both lie within the pattern.
    """
    pair = sample.pair
    matrices = recover(pair.forward, pattern), recover(pair.backward, pattern.transpose)
    said = f"{pattern.count} + {pattern.transpose.count} probes"
    said += _ORIGINS.get(origin, f" in the colours of the {origin} pattern")
    closing = _closing(sample, scheme)
    samples = [sample] if closing is scheme else []
    samples += [closing.draw(pair) for _ in range(closing.rounds - len(samples))]
    leaks = [
        max((_leak(side, matrices[side], one) for one in samples), key=lambda x: x[0])
        for side in (0, 1)
    ]
    if leaks[0][0] > 1:
        text = f"{said}: A has entries outside of it, or is not linear; nothing is concluded"
        return Evidence("every entry", "structure", "inconclusive", text), None
    if leaks[1][0] > 1:  # what was recovered are not its entries
        text = f"{said}: At has entries outside of it, where A has none"
        return Evidence("every entry", "structure", "fail", text), None
    comparison = _compare(pair, matrices)
    wrong = len(comparison.expected.rows)
    if wrong:
        text = f"{said}: {wrong} of the entries differ"
        found = Evidence("every entry", "structure", "fail", text, entries=pair.sizes, wrong=wrong)
        return found, comparison
    scale = max(float(np.abs(m.values).max(initial=0)) for m in matrices) or 1.0
    outside = 0.0 if origin == "complete" else 2 * max(leak[1] for leak in leaks)
    limit = max(2 * comparison.error, outside) / scale
    chance = 0.0 if origin == "complete" else closing.chance**closing.rounds
    equal = f"equal up to {comparison.error / scale:.1g}" if comparison.error else "equal"
    status: Status = "pass" if limit <= SENSIBLE else "inconclusive"
    text = f"{said}: all entries {equal}; closed by {closing}"
    found = Evidence("every entry", "structure", status, text, chance, limit, entries=pair.sizes)
    return found, comparison


_ORIGINS = {"complete": ", one for every cell of domain and codomain"}


def _closing(sample: Sample, scheme: Scheme) -> Scheme:
    """The same scheme where nothing can round; else fewer and larger probes.

    One output is compared at a time, not a sum over all, so that larger probes lose little.
    """
    pair = sample.pair
    if pair.kind == "integer" or all(scheme.largest * x.load <= 1 for x in pair.operators):
        return scheme
    return scheme_of(pair, LARGEST[0])


def _leak(side: int, matrix: Recovered, sample: Sample) -> tuple[float, float]:
    """Whether a function differs from its recovered entries on random probes.

    Returns:
        Measured / allowed, above 1 if it does; and the most that was allowed for rounding.
    """
    pair, operator = sample.pair, sample.pair.operators[side]
    argument, result = ((sample.v, sample.y), (sample.u, sample.x))[side]
    with np.errstate(over="ignore"):
        off = result - matrix.apply(argument)
    if pair.kind == "integer":
        return 2.0 * bool((off.astype(np.uint64) & np.uint64(2**pair.bits - 1)).any()), 0.0
    if classify_exactness(operator, argument, result).proved:
        return 2.0 * bool(off.any()), 0.0
    largest = np.broadcast_to(np.abs(argument).max(axis=0), argument.shape)  # one bound for all
    allowed = 2 * error_bound(operator, largest, result)
    if operator.rounding.magnitude is None:  # sums of the recovered entries round, too
        sizes = Recovered(matrix.pattern, np.abs(matrix.values)).apply(np.abs(argument))
        allowed = allowed + 2.0 ** (6 - operator.rounding.bits) * sizes
    smallest = np.finfo(np.float64).tiny
    return float(np.max(np.abs(off) / np.maximum(allowed, smallest))), float(allowed.max())


def _compare(pair: Pair, matrices: tuple[Recovered, Recovered]) -> Comparison:
    """Entry by entry; rounding bounds are computed only where two differ."""
    forward, backward = matrices
    number = backward.pattern.number(np.arange(pair.sizes[1]))
    found: list[tuple[np.ndarray, ...]] = []
    error, bounds = 0.0, _Bounds(pair, matrices)
    for probe, values in enumerate(forward.values):
        source = forward.pattern.sources(probe)
        cols = np.flatnonzero(source >= 0)
        rows = source[cols]
        expected = np.conj(values[cols]) if pair.conjugate else values[cols]
        got = backward.values[number[cols], rows]
        off = _differ(expected, got, pair.bits)
        if not off.any():
            continue
        rows, cols, expected, got = rows[off], cols[off], expected[off], got[off]
        if pair.kind != "integer":
            allowed = bounds.forward(probe)[cols] + bounds.backward[number[cols], rows]
            if bounds.of_single_entries:
                least = np.minimum(bounds.largest[0][probe], bounds.largest[1][number[cols]])
                allowed += NOUGHT * least * pair.size_at(rows, cols)
            off_by = np.abs(expected - got)
            close = off_by <= allowed
            error = max(error, float(off_by[close].max(initial=0)))
            rows, cols, expected, got = (z[~close] for z in (rows, cols, expected, got))
        found.append((rows, cols, expected, got))
    empty = np.zeros(0, np.int64)
    parts = [np.concatenate(part) for part in zip(*found, strict=True)] if found else [empty] * 4
    rows, cols, expected, got = parts
    return Comparison(
        Entries(rows, cols, expected, pair.sizes),
        Entries(rows, cols, got, pair.sizes),
        error,
        matrices,
    )


def _differ(expected: np.ndarray, got: np.ndarray, bits: int) -> np.ndarray:
    if expected.dtype.kind == "i":
        return ((expected - got).astype(np.uint64) & np.uint64(2**bits - 1)) != 0
    return expected != got


class _Bounds:
    """Rounding errors of recovered entries, computed when they are needed."""

    def __init__(self, pair: Pair, matrices: tuple[Recovered, Recovered]) -> None:
        self._pair, self._matrices = pair, matrices
        self._backward: np.ndarray | None = None

    def forward(self, probe: int) -> np.ndarray:
        """Of the entries that one probe recovers: `(cells of the codomain,)`."""
        return self._of(0, probe, probe + 1)[0]

    @property
    def backward(self) -> np.ndarray:
        """Of all entries of At: `(probes, cells of the domain)`."""
        if self._backward is None:
            self._backward = self._of(1, 0, len(self._matrices[1].values))
        return self._backward

    @functools.cached_property
    def of_single_entries(self) -> bool:
        """Whether every probe of both holds a single one."""
        return tuple(len(matrix.values) for matrix in self._matrices) == self._pair.sizes

    @functools.cached_property
    def largest(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each column of A, and of each row, where probes hold single ones."""
        found = [
            np.abs(operator.unscaled(matrix.pattern.probes(0, matrix.pattern.count), matrix.values))
            for operator, matrix in zip(self._pair.operators, self._matrices, strict=True)
        ]
        return found[0].max(axis=1), found[1].max(axis=1)

    def _of(self, side: int, start: int, stop: int) -> np.ndarray:
        operator, matrix = self._pair.operators[side], self._matrices[side]
        values = matrix.values[start:stop]
        if operator.rounding.magnitude is None and self._are_products[side]:
            own = 2.0 ** (3 - operator.rounding.bits) + 2.0 ** (-operator.rounding.bits / 2)
            return own * np.abs(values) + underflow(operator)
        probes = matrix.pattern.probes(start, stop).astype(operator.domain.wide)
        return entry_bound(operator, probes, values)

    @functools.cached_property
    def _are_products(self) -> tuple[bool, bool]:
        """Whether entries have errors relative to themselves alone, as those of a matrix have.

        Those of a transform have errors relative to all entries. Other multiples show which.
        """
        return self._is_product(0), self._is_product(1)

    def _is_product(self, side: int) -> bool:
        operator, matrix = self._pair.operators[side], self._matrices[side]
        few = slice(0, operator.lanes)
        probes = matrix.pattern.probes(0, matrix.pattern.count)[few].astype(operator.domain.wide)
        values, off = matrix.values[few], 0.0
        for c in (0.75, 0.625):
            off = np.maximum(off, np.abs(operator(c * probes) / c - values))
        own = 2.0 ** (2 - operator.rounding.bits) * np.abs(values) + underflow(operator)
        return bool((off <= own).all())
