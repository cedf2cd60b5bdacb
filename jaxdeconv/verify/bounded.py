"""Inner products compared by a bound, where rounding is possible.

Let every inner product be off by at most tol, and let the values of the probes lie at least d
apart. If an entry of D = A - At^T is larger than 4 tol / d^2, then at most one of the q values of
its cell of u leaves (u^T D) within 2 tol / d there, and if none does, at most one value of its cell
of v leaves u^T D v within tol. So the chance that a x b probes miss the entry is q^-a + q^-b at
most, the same as where nothing rounds. tol is what was measured and what rounding may hide. Probes
of 1 and -1 have more rounds and shorter sums, and are drawn where larger ones do not resolve enough.

A failure is shown at an entry: where the products differ by more than rounding explains, the entry
is found by bisection. If it is right up to the rounding of constants, the products are taken to be,
and the entries that may still be wrong are the larger for it.
"""

import dataclasses
import math

import numpy as np

from jaxdeconv.verify.exact import LARGEST, Scheme, scheme_of
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.place import locate
from jaxdeconv.verify.precision import SENSIBLE, Measurement, measure
from jaxdeconv.verify.report import Evidence, Status

__all__ = ["bounded"]


def bounded(pair: Pair) -> tuple[Evidence, Sample]:
    """Integer probes compared by what rounding explains, enough for a small chance.

    Returns:
        The evidence, named 'rounding', and the last sample, for later steps.
    """
    evidence, sample = _with_probes(scheme_of(pair, LARGEST[0]), pair)
    if evidence.status == "inconclusive":
        evidence, sample = _with_probes(scheme_of(pair, 1), pair)
    return evidence, sample


def _with_probes(scheme: Scheme, pair: Pair) -> tuple[Evidence, Sample]:
    limit = 0.0
    for _ in range(scheme.rounds):
        sample = scheme.draw(pair)
        status, text, smallest = _judged(scheme, sample)
        limit = max(limit, smallest)
        if status != "pass":
            break
    text = f"{scheme}: inner products {text}"
    if status == "fail":
        return Evidence("rounding", "structure", status, text), sample
    chance = scheme.chance**scheme.rounds if status == "pass" else None
    return Evidence("rounding", "structure", status, text, chance, limit), sample


def _judged(scheme: Scheme, sample: Sample) -> tuple[Status, str, float]:
    """One round: the verdict, why, and the smallest wrong entry that it sees."""
    found, scale = measure(sample), sample.pair.scale
    limit = _smallest_seen(found, scheme, scale)
    if found.ratio > 1 and locate(sample) is not None:
        return "fail", f"differ by {found}", limit
    text = "are equal up to rounding" if found.ratio <= 1 else "are equal up to rounded constants"
    if not scale and not sample.x.any():
        return "pass", "are zero: both maps are", 0.0
    if limit <= SENSIBLE:
        return "pass", f"{text} ({found})", limit
    return "inconclusive", f"decide nothing: {found}", limit


def _smallest_seen(found: Measurement, scheme: Scheme, scale: float) -> float:
    """Relative to the largest entry of a row and column."""
    hidden = found.allowed + (found.measured if found.ratio > 1 else 0.0)
    return 4 * hidden / scheme.spacing**2 / (scale or math.inf) if hidden else 0.0
