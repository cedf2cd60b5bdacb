"""Integer probes, and `==` wherever nothing can round.

Where every intermediate value of A v is a multiple of one power of two that its dtype holds, A v is
exact whatever the order of summation. That is derived from the jaxpr, for the probes in hand
(`Magnitude.load`). Where it does not hold, the results tell what is used instead (`Exactness`).

Where they are rounded, in numbers: let every inner product be off by at most tol, and let the
values of the probes lie at least d apart. If an entry of D = A - At^T is larger than
4 tol / d^2, then at most one of the q values of its cell of u leaves (u^T D) within 2 tol / d
there, and if none does, at most one value of its cell of v leaves u^T D v within tol. So the chance
that a x b probes miss the entry is q^-a + q^-b at most, the same as where nothing rounds.
"""

import dataclasses
import enum
import math

import numpy as np

from jaxdeconv.verify.arithmetic import distance_to_integers, dyadic_exponent, largest_part
from jaxdeconv.verify.operator import Operator, Rounding
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.place import locate
from jaxdeconv.verify.precision import SENSIBLE, measure
from jaxdeconv.verify.probes import survival
from jaxdeconv.verify.report import Evidence
from jaxdeconv.verify.scales import block_measurements

__all__ = [
    "Exactness",
    "Result",
    "Scheme",
    "classify_exactness",
    "exact",
    "scheme_for",
    "scheme_of",
]

WIDTH = 8
"""Probes of each side in one round."""

CHANCE = 1e-9
"""Rounds are added until a wrong pair passes with a smaller probability than this."""

LARGEST = (8, 4, 2, 1)
"""Probes hold integers up to the first of these for which nothing can round."""


class Exactness(enum.Enum):
    """Why results may be compared by `==`; rounded ones may not."""

    MODULAR = "integers, modulo 2^bits"
    EXACT = "no order of summation can round: derived from the jaxpr"
    OBSERVED = "nothing can be read (a callback), and the results are integers within range"
    NEAREST = "integers but for rounding (an FFT of an integer kernel): the nearest are taken"
    ROUNDED = "only a defect beyond the rounding bound counts, and only entries above it are seen"


@dataclasses.dataclass(frozen=True)
class Scheme:
    """Which probes are drawn, and how many.

    Attributes:
        largest: integers up to it, of both signs; 0 for uniform residues.
        chance: bound on the chance that a wrong pair survives one round.
    """

    largest: int
    chance: float

    @property
    def rounds(self) -> int:
        """Enough to bring the chance of a wrong pair below `CHANCE`."""
        return math.ceil(math.log(CHANCE) / math.log(self.chance))

    @property
    def spacing(self) -> int:
        """The least distance between two values of a cell: -1 and 1 are two apart."""
        return 2 if self.largest == 1 else 1

    def draw(self, pair: Pair) -> Sample:
        """One round, of a family with parameters of its own."""
        pair = pair.drawn()
        u, v = (
            pair.probes.integers(space, WIDTH, self.largest)
            if self.largest
            else pair.probes.residues(space, WIDTH)
            for space in (pair.forward.codomain, pair.forward.domain)
        )
        return pair.sample(u, v)

    def __str__(self) -> str:
        values = f"integers up to {self.largest}" if self.largest else "uniform residues"
        return f"{self.rounds} x {WIDTH} x {WIDTH} probes of {values}"


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """The result for a block of integers, in a form that can be compared.

    Attributes:
        exactness: why `values` may be compared by `==`, if they may.
        values: `(vectors, cells)`; 2^exponent times these are integers, unless rounded.
        exponent: 0 for integers.
        distance: the largest of `values` from what the function gave.
    """

    exactness: Exactness
    values: np.ndarray
    exponent: int = 0
    distance: float = 0.0

    @property
    def proved(self) -> bool:
        """Whether every order of summation gives this result."""
        return self.exactness in (Exactness.MODULAR, Exactness.EXACT)


def scheme_for(pair: Pair) -> Scheme:
    """The largest probes with which nothing can round; 1 and -1 where rounding is possible."""
    if pair.kind == "integer":
        return scheme_of(pair, 0)
    load = 2 * max(rounding.load for rounding in pair.drawn().roundings)  # the next may be larger
    return scheme_of(pair, next((largest for largest in LARGEST if largest * load <= 1), 1))


def scheme_of(pair: Pair, largest: int) -> Scheme:
    """The scheme of probes up to `largest`, in both parts of complex cells; 0 for residues."""
    values = (2 * largest) ** (2 if pair.kind == "complex" else 1) if largest else 2
    return Scheme(largest, pair.extra_chance + survival(values, WIDTH, WIDTH))


def exact(pair: Pair, scheme: Scheme) -> tuple[Evidence, Sample]:
    """Integer probes, enough for `CHANCE`.

    Returns:
        The evidence and the last sample, for later steps. It is named 'exact' where inner
        products were compared by `==`, 'rounding' where only a bound could decide.
    """
    limit = 0.0
    for _ in range(scheme.rounds):
        sample = scheme.draw(pair)
        results = (
            classify_exactness(sample.pair.forward, sample.v, sample.y),
            classify_exactness(sample.pair.backward, sample.u, sample.x),
        )
        found = _equal(sample, results) or _close(scheme, sample)
        if found.status != "pass" and sample.pair.is_widened:
            found = _close_as_given(scheme, sample, found)
        limit = max(limit, found.detection_limit or 0.0)
        if found.status != "pass":
            break
    if found.status == "pass" and limit:
        found, limit = _by_scale(scheme, sample, found, limit)
    passed = found.status == "pass"
    text = f"{scheme}: {_describe(sample.pair, results)}; {found.text}"
    chance = scheme.chance**scheme.rounds if passed else None
    evidence = dataclasses.replace(found, text=text, false_acceptance=chance)
    return (dataclasses.replace(evidence, detection_limit=limit) if passed else evidence), sample


def _by_scale(
    scheme: Scheme, sample: Sample, found: Evidence, limit: float
) -> tuple[Evidence, float]:
    """The same for each leaf and each scale of rows and columns, with the largest of the limits."""
    double = all(rounding.bits >= 53 for rounding in sample.pair.roundings)
    negligible = 2.0**-44 * sample.pair.scale if double else 0.0  # what a zero may round to
    for block in block_measurements(sample):
        status = block.found.status
        if status == "pass" and block.scale <= negligible:
            continue
        own = 4 * block.found.allowed / scheme.spacing**2 / (block.scale or math.inf)
        if status == "pass" and own > SENSIBLE:
            status = "inconclusive"
        if status != "pass":
            text = f"{found.text}; but for {block.where}: {block.found}"
            return dataclasses.replace(found, status=status, text=text), own
        limit = max(limit, own)
    return found, limit


def classify_exactness(operator: Operator, block: np.ndarray, result: np.ndarray) -> Result:
    """In what sense `result = operator(block)` is exact, the block holding integers."""
    rounding = operator.rounding
    if operator.domain.kind == "integer":
        return Result(Exactness.MODULAR, result)
    if largest_part(block) * rounding.load <= 1:
        return Result(Exactness.EXACT, result, dyadic_exponent(result))
    peak, largest = largest_part(result), 2.0**rounding.bits
    if rounding.magnitude is None:
        exponent = dyadic_exponent(result)
        if np.ldexp(peak, exponent) <= largest:
            return Result(Exactness.OBSERVED, result, exponent)
    distance = distance_to_integers(result)
    resolved = 16 * peak <= largest and result.size >= 4 * WIDTH  # or all floats are integers
    if resolved and distance <= 1 / 16:
        unseen = 16 * peak / largest  # what the last rounding may have hidden
        return Result(Exactness.NEAREST, np.rint(result), 0, max(distance, unseen))
    return Result(Exactness.ROUNDED, result)


def _equal(sample: Sample, results: tuple[Result, Result]) -> Evidence | None:
    """Compare by `==`; None where that decides nothing."""
    y, x = results
    if Exactness.ROUNDED in (y.exactness, x.exactness):
        return None
    whole = dataclasses.replace(sample, y=y.values, x=x.values)
    defects = whole.defects(y.exponent, x.exponent)
    wrong = np.count_nonzero(defects)
    if not wrong:
        zero = "" if sample.y.any() or sample.x.any() else "; both maps are zero"
        distance = 4 * max(y.distance, x.distance)
        limit = distance / (sample.pair.scale or distance) if distance else 0.0
        if limit > SENSIBLE:
            return None
        text = f"all inner products equal{zero}"
        return Evidence("exact", "structure", "pass", text, detection_limit=limit)
    if not (y.proved and x.proved):
        return None
    text = f"inner products differ in {wrong} of {defects.size} numbers"
    return Evidence("exact", "structure", "fail", text)


def _close_as_given(scheme: Scheme, sample: Sample, found: Evidence) -> Evidence:
    """Compare maps that differ in double precision, whose constants may have been rounded.

    The entry that differs most decides, for at a single entry the bound is the narrowest.
    """
    place = locate(sample)
    if place is None:
        return _close(scheme, sample, as_given=True)
    text = f"{found.text}, by more than constants of the given precision explain"
    return dataclasses.replace(found, status="fail", text=text)


def _close(scheme: Scheme, sample: Sample, as_given: bool = False) -> Evidence:
    """Compare by a rounding bound."""
    found, scale = measure(sample, as_given), sample.pair.scale
    text, status = f"inner products: {found}", found.status
    if status != "pass":
        return Evidence("rounding", "structure", status, text)
    limit = 4 * found.allowed / scheme.spacing**2 / (scale or math.inf)
    if not found.allowed / scheme.spacing**2 <= SENSIBLE * scale / 4:
        status = "inconclusive"
        unseen = f"a wrong entry below {limit:.1g} times the largest would not be seen"
        text += f"; {unseen if limit <= 1 else 'this evidence decides nothing'}"
    return Evidence("rounding", "structure", status, text, detection_limit=limit)


def _describe(pair: Pair, results: tuple[Result, Result]) -> str:
    """Both results in words."""
    if pair.kind == "integer":
        return f"modulo 2^{pair.bits}"
    y, x = results
    return f"{_in_words('A v', pair.roundings[0], y)}, {_in_words('At u', pair.roundings[1], x)}"


def _in_words(name: str, rounding: Rounding, result: Result) -> str:
    multiple = f"2^{result.exponent} {name}" if result.exponent else name
    if result.exactness is Exactness.EXACT:
        return f"{multiple} integral, no partial sum can round"
    if result.exactness is Exactness.OBSERVED:
        return f"{multiple} integral as observed ({rounding.reason})"
    if result.exactness is Exactness.NEAREST:
        return f"{name} is within {result.distance:.1g} of integers and rounded to them"
    return f"{name} rounds: its constants are not small integers, or its sums are large"
