"""Find a sparsity pattern by looking: which outputs light up when one slice of inputs does.

Every axis of the domain is taken with the axis of the codomain in its place. A short axis is tried
slice by slice. On a long one, a few slices show how far an input reaches and how outputs advance
with inputs; then slices so far apart that they cannot meet are tried together, and every output is
ascribed to the slice that is nearest. The result is a guess, which `entries` verifies.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.patterns import Factor, Pattern, blocks
from jaxdeconv.verify.probes import Probes

__all__ = ["detect"]

SHORT = 16
"""An axis up to this size is tried slice by slice."""

MANY = 128
"""The most slices that are tried along one axis."""

RUN = 4
"""Adjacent slices that are sampled, at two places, to see how far an input reaches."""


def detect(operator: Operator, probes: Probes) -> Pattern | None:
    """The pattern of an operator between arrays of one rank; None if none is found."""
    spaces = operator.domain, operator.codomain
    if any(len(space.leaves) != 1 or space.split for space in spaces):
        return None
    shapes = [space.leaves[0].shape for space in spaces]
    if len(shapes[0]) != len(shapes[1]):
        return None
    axes = [_Axis(axis, n, m) for axis, (n, m) in enumerate(zip(*shapes, strict=True))]
    looks = _footprints(operator, probes, [(axis.axis, axis.sample()) for axis in axes])
    combs = [axis.combs(lit) for axis, lit in zip(axes, looks, strict=True)]
    if any(comb is None for comb in combs):
        return None
    wanted = [(axis.axis, comb or []) for axis, comb in zip(axes, combs, strict=True)]
    looks = _footprints(operator, probes, wanted)
    return Pattern(tuple(axis.factor(lit) for axis, lit in zip(axes, looks, strict=True)))


class _Axis:
    """One axis of the domain, `n` long, and the one in its place in the codomain, `m` long.

    Use: `sample` names slices; `combs` takes the outputs they reach and names sets of slices;
    `factor` takes the outputs which those reach.
    """

    def __init__(self, axis: int, n: int, m: int) -> None:
        self.axis, self.n, self.m = axis, n, m
        self._combs: list[np.ndarray] = []
        self._dense = False
        self._advance, self._offset = 1.0, 0.0

    def sample(self) -> list[np.ndarray]:
        """A few slices inside a long axis."""
        if self.n <= SHORT:
            return []
        third = self.n // 3  # in runs, since every other input, or two in three, may feed nothing
        return [np.array([start + step]) for start in (third, 2 * third) for step in range(RUN)]

    def combs(self, lit: list[np.ndarray]) -> list[np.ndarray] | None:
        """Sets of slices whose outputs do not overlap; None where there are too many."""
        self._dense = any(2 * len(outputs) > self.m for outputs in lit) and self.n > SHORT
        spacing = self.n if self.n <= SHORT else self._spacing(lit)
        if self._dense or 2 * spacing > MANY:
            return [] if self._dense and self.n <= MANY else None
        whole = self.n - self.n % spacing
        self._combs = [np.arange(start, whole, spacing) for start in range(spacing)]
        self._combs += [np.array([cell]) for cell in range(whole, self.n)]
        return self._combs

    def factor(self, lit: list[np.ndarray]) -> Factor:
        """Every lit output ascribed to the nearest slice of its comb."""
        if self._dense:
            return blocks(self.n, self.m)
        inputs = [
            comb[_nearest(outputs, self._advance * comb + self._offset, self.m)]
            for comb, outputs in zip(self._combs, lit, strict=True)
        ]
        return Factor(np.concatenate(inputs), np.concatenate(lit), (self.n, self.m))

    def _spacing(self, lit: list[np.ndarray]) -> int:
        """How far apart slices must be, from the reach of those that were sampled."""
        cells = [int(cell[0]) for cell in self.sample()]
        seen = [(cell, outputs) for cell, outputs in zip(cells, lit, strict=True) if outputs.size]
        if len(seen) < 2:
            return MANY
        (first, start), (last, stop) = seen[0], seen[-1]
        advance = (stop.mean() - start.mean()) / max(1, last - first)
        simple = float(Fraction(advance).limit_denominator(SHORT))
        advance = simple if abs(simple - advance) * self.n < 8 else advance
        if advance <= 0:
            return MANY
        shifts = np.concatenate([outputs - advance * cell for cell, outputs in seen])
        self._advance, self._offset = advance, (shifts.min() + shifts.max()) / 2
        reach = (shifts.max() - shifts.min()) / 2
        return min(self.n, math.floor(2 * reach / advance) + 2)


def _footprints(
    operator: Operator, probes: Probes, wanted: Sequence[tuple[int, list[np.ndarray]]]
) -> list[list[np.ndarray]]:
    """For each axis and each set of its slices, which outputs along that axis are not zero."""
    shapes = operator.domain.leaves[0].shape, operator.codomain.leaves[0].shape
    tasks = [(axis, cells) for axis, sets in wanted for cells in sets]
    values = probes.integers(operator.domain, 1, 3)[0].reshape(shapes[0])
    lit = []
    for start in range(0, len(tasks), operator.lanes):
        chosen = tasks[start : start + operator.lanes]
        block = np.zeros((len(chosen), *shapes[0]), values.dtype)
        for vector, (axis, cells) in zip(block, chosen, strict=True):
            place = (*(slice(None),) * axis, cells)
            vector[place] = values[place]
        y = operator(block.reshape(len(chosen), -1)).reshape(len(chosen), *shapes[1])
        for vector, (axis, _) in zip(y, chosen, strict=True):
            others = tuple(k for k in range(vector.ndim) if k != axis)
            lit.append(np.flatnonzero((vector != 0).any(axis=others)))
    found = iter(lit)
    return [[next(found) for _ in sets] for _, sets in wanted]


def _nearest(outputs: np.ndarray, centres: np.ndarray, period: int) -> np.ndarray:
    """Which centre is nearest to each output, around the end of the axis too."""
    around = np.concatenate([centres - period, centres, centres + period])
    order = np.argsort(around)
    around = around[order]
    right = np.clip(np.searchsorted(around, outputs), 1, len(around) - 1)
    left_is_nearer = outputs - around[right - 1] <= around[right] - outputs
    return order[np.where(left_is_nearer, right - 1, right)] % len(centres)
