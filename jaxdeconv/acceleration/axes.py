"""One spatial dimension of a convolution of `jax.lax`, and its simplest equivalent.

The index i of the left operand, t of the right and y of the result are joined by

    a*i + low = d*t + s*y           (a: lhs_dilation, d: rhs_dilation, s: window_strides).

If two of the factors share a divisor g, the equation has solutions only where the rest, with the
third index, is divisible by g too: at every m-th entry from some first one on. Dropping the other
entries and dividing by g leaves a smaller convolution. This module deals with integers only.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

__all__ = ["LHS", "OUT", "RHS", "Axis", "Cut", "dilated", "simplify"]

T = TypeVar("T")

LHS, RHS, OUT = range(3)
"""The three arrays of a convolution, in the order of every triple of this package."""

Cut: TypeAlias = tuple[int, int]
"""(first, step) of the entries of an axis that take part."""


@dataclasses.dataclass(frozen=True)
class Axis:
    """One dimension; triples are for (left operand, right operand, result).

    Attributes:
        sizes: how many entries of each array take part.
        factors: (a, d, s).
        low: the low padding.
        cuts: which entries of the given arrays take part.
        spread: by how much the left operand is dilated beforehand, with explicit zeros.
    """

    sizes: tuple[int, int, int]
    factors: tuple[int, int, int]
    low: int
    cuts: tuple[Cut, Cut, Cut] = ((0, 1),) * 3
    spread: int = 1


def simplify(axis: Axis) -> Axis | None:
    """The same sums with pairwise coprime factors; None where no sum has a term.

    Example:
        >>> simplify(Axis(sizes=(8, 3, 7), factors=(2, 1, 2), low=1)).factors
        (1, 1, 1)
    """
    if 0 in axis.sizes:
        return None
    # an index that is always 0 needs no factor
    factors = [1 if n == 1 else f for n, f in zip(axis.sizes, axis.factors, strict=True)]
    axis = dataclasses.replace(axis, factors=_triple(factors))
    for which in (LHS, RHS, OUT):
        divisor = math.gcd(*(f for array, f in enumerate(axis.factors) if array != which))
        if divisor > 1:
            thinner = _thin(axis, which, divisor)
            return None if thinner is None else simplify(thinner)
    return axis


def dilated(axis: Axis) -> Axis:
    """The same sums over a left operand whose dilation is written out as zeros."""
    a, d, s = axis.factors
    lhs, rhs, out = axis.sizes
    sizes = (a * (lhs - 1) + 1, rhs, out)
    return dataclasses.replace(axis, sizes=sizes, factors=(1, d, s), spread=a)


def _thin(axis: Axis, which: int, divisor: int) -> Axis | None:
    """Keep the entries of one array that take part if the other two factors share a divisor."""
    factor = axis.factors[which]
    # Modulo the divisor only this array's term and `low` are left: factor*n = rest (for the left
    # operand a*i + low = 0). The solutions n are first, first + step, first + 2*step, ...
    rest = -axis.low if which == LHS else axis.low
    step = divisor // math.gcd(factor, divisor)
    firsts = (n for n in range(step) if (factor * n - rest) % divisor == 0)
    first = next(firsts, axis.sizes[which])
    if first >= axis.sizes[which]:
        return None
    sizes, factors, cuts = list(axis.sizes), list(axis.factors), list(axis.cuts)
    sizes[which] = len(range(first, sizes[which], step))
    factors[which] *= step
    begin, every = cuts[which]
    cuts[which] = (begin + every * first, every * step)
    low = (factor * first - rest) * (1 if which == LHS else -1) // divisor
    return Axis(_triple(sizes), _triple([f // divisor for f in factors]), low, _triple(cuts))


def _triple(values: Sequence[T]) -> tuple[T, T, T]:
    first, second, third = values
    return first, second, third
