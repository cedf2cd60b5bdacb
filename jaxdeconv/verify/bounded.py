"""Inner products compared by a bound, where rounding is possible.

Let every inner product be off by at most tol, and let the values of the probes lie at least d
apart. If an entry of D = A - At^T is larger than 4 tol / d^2, then at most one of the q values of
its cell of u leaves (u^T D) within 2 tol / d there, and if none does, at most one value of its cell
of v leaves u^T D v within tol. So the chance that a x b probes miss the entry is q^-a + q^-b at
most, the same as where nothing rounds. tol is what was measured and what rounding may hide. Probes
of 1 and -1 have shorter sums and need more rounds; they are drawn where larger ones decide nothing.

A failure is shown at an entry: where the products differ by more than rounding explains, the entry
is found by bisection. If it is right up to the rounding of constants, the products are taken to be,
and the entries that may still be wrong are the larger for it.
"""

import dataclasses
import math

from jaxdeconv.verify.additivity import with_noise
from jaxdeconv.verify.exact import LARGEST, NARROW, WIDTH, Products, Scheme, scheme_of
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.place import Place, locate
from jaxdeconv.verify.precision import SENSIBLE, measure
from jaxdeconv.verify.report import Evidence, Status
from jaxdeconv.verify.scales import equilibrated

__all__ = ["bounded"]


GAIN = 1 / 8
"""Of the smallest entry that is seen, from probes up to 8 to probes up to 2, at least."""


def bounded(pair: Pair, width: int = WIDTH) -> Products:
    """Integer probes between rows and columns of one size, enough for a small chance.

    The evidence is named 'rounding'. Of a few probes, sizes are not looked at.
    """
    found = _between(equilibrated(pair) if width >= NARROW else pair, width)
    if found.status == "inconclusive" and found.sample.pair.forward.is_scaled:
        # what is zero for one map may be rounding noise for the other, and was magnified
        found = _between(equilibrated(pair, silent=False), width)
    text = f"{found.scheme}: inner products {found.text}"
    rounds = found.scheme.rounds
    chance = found.scheme.chance**rounds if found.status == "pass" else None
    limit = None if found.status == "fail" else found.limit
    evidence = Evidence("rounding", "structure", found.status, text, chance, limit)
    return Products(evidence, found.sample, found.place)


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """What rounds of probes say.

    Attributes:
        status: the verdict.
        text: why.
        limit: the smallest wrong entry that is seen, relative to the largest of its row and column.
        scheme: of the probes.
        sample: of the last round.
        place: a wrong entry.
    """

    status: Status
    text: str
    limit: float
    scheme: Scheme
    sample: Sample
    place: Place | None


def _between(pair: Pair, width: int) -> _Found:
    """The verdict on a pair whose rows and columns are of one size."""
    if pair.forward.is_scaled:
        forward, backward = (with_noise(operator, pair.probes) for operator in pair.operators)
        pair = dataclasses.replace(pair, forward=forward, backward=backward)
    found = _in_rounds(scheme_of(pair, LARGEST[0], width), pair)
    if found.status == "inconclusive" and width >= NARROW:
        largest = 2 if found.limit * GAIN <= SENSIBLE else 1
        found = _in_rounds(scheme_of(pair, largest), pair)
    return found


def _in_rounds(scheme: Scheme, pair: Pair) -> _Found:
    """As many rounds as the scheme takes, with the largest of their limits."""
    limit = 0.0
    for _ in range(scheme.rounds):
        found = _judged(scheme, scheme.draw(pair))
        limit = max(limit, found.limit)
        if found.status != "pass":
            break
    return dataclasses.replace(found, limit=limit)


def _judged(scheme: Scheme, sample: Sample) -> _Found:
    """One round."""
    found, scale = measure(sample), sample.pair.scale
    constants = found.ratio > 1
    hidden = found.allowed + (found.measured if constants else 0.0)
    limit = 4 * hidden / scheme.spacing**2 / (scale or math.inf) if hidden else 0.0
    status: Status = "pass" if limit <= SENSIBLE else "inconclusive"
    place = locate(sample) if constants else None
    if place is not None:
        status, text = "fail", f"differ by {found}"
    elif not (scale or sample.x.any()):
        status, limit, text = "pass", 0.0, "are zero: both maps are"
    elif status == "pass":
        text = f"are equal up to {'rounded constants' if constants else 'rounding'}"
    else:
        text = f"decide nothing: a wrong entry of {limit:.1g} times the largest may be hidden"
    return _Found(status, text, limit, scheme, sample, place)
