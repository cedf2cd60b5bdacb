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
from collections.abc import Iterator

import numpy as np

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


def bounded(pair: Pair, even: Pair, width: int = WIDTH, budget: int = 0) -> Products:
    """Integer probes between rows and columns of one size, enough for a small chance.

    The evidence is named 'rounding'.

    Args:
        pair: A and At.
        even: the same between rows and columns of one size.
        width: probes of each side in one round.
        budget: applications for probes that live on parts of the cells, where sums of all round too
            much.
    """
    found = _between(even, width, budget)
    if found.status == "inconclusive" and found.sample.pair.forward.is_scaled:
        # what is zero for one map may be rounding noise for the other, and was magnified
        found = _between(equilibrated(pair, silent=False), width, budget)
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


def _between(pair: Pair, width: int, budget: int) -> _Found:
    """The verdict on a pair whose rows and columns are of one size."""
    if pair.forward.is_scaled:
        forward, backward = (with_noise(operator, pair.probes) for operator in pair.operators)
        pair = dataclasses.replace(pair, forward=forward, backward=backward)
    found = _in_rounds(scheme_of(pair, LARGEST[0], width), pair)
    if found.status == "inconclusive" and width >= NARROW:
        largest = 2 if found.limit * GAIN <= SENSIBLE else 1
        found = _in_rounds(scheme_of(pair, largest, width), pair)
        parts = math.ceil(1.5 * found.limit / SENSIBLE) if math.isfinite(found.limit) else budget
        scheme = scheme_of(pair, 1, width)
        if found.status == "inconclusive" and 2 * parts * width * scheme.rounds <= budget:
            found = _in_rounds(scheme, pair, parts)
    return found


def _in_rounds(scheme: Scheme, pair: Pair, parts: int = 1) -> _Found:
    """As many rounds as the scheme takes, with the largest of their limits.

    Args:
        scheme: of the probes.
        pair: A and At.
        parts: that the cells of each side are cut into, each with probes of its own.
    """
    limit = 0.0
    for _ in range(scheme.rounds):
        samples = [scheme.draw(pair)] if parts == 1 else _in_parts(scheme, pair, parts)
        for sample in samples:
            found = _judged(scheme, sample)
            limit = max(limit, found.limit)
            if found.status != "pass":
                return dataclasses.replace(found, limit=limit)
    return dataclasses.replace(found, limit=limit)


def _in_parts(scheme: Scheme, pair: Pair, parts: int) -> Iterator[Sample]:
    """Probes of one part of the inputs with those of one part of the outputs, for all of them.

    Sums over n / parts cells round less than those over n, by as much as there are parts.
    """
    u, v = (_cut(scheme.probes(pair, one.domain), parts) for one in pair.operators[::-1])
    images = [(part, pair.backward(part)) for part in u]
    for v_part in v:
        y = pair.forward(v_part)
        for u_part, x in images:
            yield Sample(pair, u_part, v_part, y, x)


def _cut(block: np.ndarray, parts: int) -> list[np.ndarray]:
    """Blocks that add up to one; each lives on every `parts`-th cell."""
    which = np.arange(block.shape[1]) % parts
    return [np.where(which == part, block, 0) for part in range(parts)]


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
