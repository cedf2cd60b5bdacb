"""No blind spot in scale: rows and columns brought to one size before anything is compared.

A bound on rounding is as large as the largest entries make it, and hides what is small beside them:
the density beside the velocity, the bias beside the weights. So A is compared as D A E, and At as
E At D, with diagonal D and E that bring all rows and columns to about the same size. Their entries
are powers of two, which scale every float exactly.

References: Sinkhorn & Knopp 1967, doi:10.2140/pjm.1967.21.343.
"""

import dataclasses

import numpy as np

from jaxdeconv.verify.arithmetic import largest_part
from jaxdeconv.verify.floats import tamed
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Pair

__all__ = ["equilibrated"]

SWEEPS = 2
"""Columns and rows, so often."""

EVEN = 6
"""Rows and columns within this many octaves of each other are left as they are: that is chance."""

PROBES = 3
"""Pairs of probes that show sizes."""


def equilibrated(pair: Pair, silent: bool = True) -> Pair:
    """The pair D A E, E At D; the pair itself where its rows and columns are of one size.

    Columns are measured by At and rows by A. Where one of them gives zeros alone, the other tells
    whether it should, and what it gives there is brought to the size of all else.

    Args:
        pair: A and At; integers have no scales.
        silent: whether to ask the other where one of them gives zeros alone; otherwise such rows
            and columns count as usual ones.

    Cost: 9 applications of each; up to 36 where sizes differ.
    """
    forward, backward = pair.operators
    if pair.kind == "integer":
        return pair
    outputs, inputs = np.zeros(pair.sizes[1]), np.zeros(pair.sizes[0])  # exponents of D and E
    for sweep in range(SWEEPS):
        inputs = _exponents(pair, backward, outputs, forward if silent else None)
        outputs = _exponents(pair, forward, inputs, backward if silent else None)
        if not sweep and _even(backward, inputs) and _even(forward, outputs):
            return pair
    return dataclasses.replace(
        pair,
        forward=forward.scaled(2.0**inputs, 2.0**outputs),
        backward=backward.scaled(2.0**outputs, 2.0**inputs),
    )


def _exponents(
    pair: Pair, operator: Operator, given: np.ndarray, other: Operator | None
) -> np.ndarray:
    """What brings the results of an operator to size one; its arguments are scaled by 2^given."""
    sizes = _sizes(pair, operator.scaled(2.0**given, None), np.ones(operator.domain.size))
    found = np.zeros(len(sizes))
    seen = sizes > 0
    found[seen] = -np.rint(np.log2(sizes[seen]))
    if seen.all() or not seen.any():
        return _kept(operator, found)
    usual = float(np.median(found[seen]))
    found[~seen] = usual
    if other is None:
        return _kept(operator, found)
    answer = _sizes(pair, other.scaled(2.0 ** _kept(operator, found), 2.0**given), ~seen)
    if answer.any():  # not zero for the other: as large as all else
        found[~seen] = usual - np.rint(np.log2(answer.max()))
    return _kept(operator, found)


def _sizes(pair: Pair, operator: Operator, where: np.ndarray) -> np.ndarray:
    """Of the results for probes that live on some cells; 0 where all is rounding: sums differ."""
    block = pair.probes.integers(operator.domain, 2 * PROBES, 1) * where
    smaller = tamed(operator, block)
    factor = largest_part(block) / (largest_part(smaller) or 1.0)
    v, w = smaller[:PROBES], smaller[PROBES:]
    results = operator.unchecked(np.concatenate([smaller, (v + w) / 2]))
    of_v, of_w, of_both = np.split(results, 3)
    with np.errstate(all="ignore"):
        off = np.abs(2 * of_both - of_v - of_w).max(axis=0)
        sizes = np.abs(np.concatenate([of_v, of_w])).max(axis=0)
        return np.where(off <= sizes / 64, sizes * factor, 0)  # NaN counts as rounding


def _kept(operator: Operator, exponents: np.ndarray) -> np.ndarray:
    """Within the range of the floats, with room for large and small results."""
    least, largest = np.log2(operator.limits)
    middle = np.clip(np.median(exponents), least / 2, largest / 2)
    return np.clip(exponents, max(least / 2, middle - 60), min(largest / 2, middle + 60))


def _even(operator: Operator, exponents: np.ndarray) -> bool:
    """Whether all are alike, and far enough from the ends of the range."""
    far = np.abs(exponents).max(initial=0) > np.log2(operator.limits[1]) / 2 - 2
    return bool(np.ptp(exponents) <= EVEN and not far)
