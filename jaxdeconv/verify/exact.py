"""Integer probes, and `==` wherever nothing can round.

Where every intermediate value of A v is a multiple of one power of two that its dtype holds, A v is
exact whatever the order of summation. That is derived from the jaxpr, for the probes in hand
(`Magnitude.load`). Where it does not hold, `bounded` compares by a bound.
"""

import dataclasses
import enum
import math

import numpy as np

from jaxdeconv.verify.arithmetic import dyadic_exponent, largest_part
from jaxdeconv.verify.calls import Rounding
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.place import Place, locate
from jaxdeconv.verify.precision import SENSIBLE
from jaxdeconv.verify.probes import survival
from jaxdeconv.verify.report import Evidence
from jaxdeconv.verify.spaces import Space

__all__ = [
    "LARGEST",
    "NARROW",
    "WIDTH",
    "Exactness",
    "Products",
    "Result",
    "Scheme",
    "classify_exactness",
    "exact",
    "scheme_for",
    "scheme_of",
]

WIDTH, NARROW = 8, 4
"""Probes of each side in one round, and where a block of the usual width would take much memory."""

CHANCE = 1e-9
"""Rounds are added until a wrong pair passes with a smaller probability than this."""

LARGEST = (8, 4, 2, 1)
"""Probes hold integers up to the first of these for which nothing can round."""


class Exactness(enum.Enum):
    """Why results may be compared by `==`; rounded ones may not."""

    MODULAR = "integers, modulo 2^bits"
    EXACT = "no order of summation can round: derived from the jaxpr"
    OBSERVED = "nothing can be read (a callback), and the results are integers within range"
    ROUNDED = "something rounds: `bounded` compares"


@dataclasses.dataclass(frozen=True)
class Scheme:
    """Which probes are drawn, and how many.

    Attributes:
        largest: integers up to it, of both signs; 0 for uniform residues.
        chance: bound on the chance that a wrong pair survives one round.
        width: probes of each side in one round.
    """

    largest: int
    chance: float
    width: int = WIDTH

    @property
    def rounds(self) -> int:
        """Enough to bring the chance of a wrong pair below `CHANCE`; one of a few probes."""
        if self.width < NARROW:
            return 1
        return math.ceil(math.log(CHANCE) / math.log(self.chance))

    @property
    def spacing(self) -> int:
        """The least distance between two values of a cell: -1 and 1 are two apart."""
        return 2 if self.largest == 1 else 1

    def probes(self, pair: Pair, space: Space) -> np.ndarray:
        """Those of one side, in one round."""
        if self.largest:
            return pair.probes.integers(space, self.width, self.largest)
        return pair.probes.residues(space, self.width)

    def draw(self, pair: Pair) -> Sample:
        """One round, of a family with parameters of its own."""
        pair = pair.drawn()
        u, v = (self.probes(pair, one.domain) for one in pair.operators[::-1])
        return pair.sample(u, v)

    def __str__(self) -> str:
        values = f"integers up to {self.largest}" if self.largest else "uniform residues"
        return f"{self.rounds} x {self.width} x {self.width} probes of {values}"


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """The result for a block of integers, in a form that can be compared.

    Attributes:
        exactness: why `values` may be compared by `==`, if they may.
        values: `(vectors, cells)`; 2^exponent times these are integers, unless rounded.
        exponent: 0 for integers.
        hidden: entries below it may have been rounded away; 0 where nothing rounds.
    """

    exactness: Exactness
    values: np.ndarray
    exponent: int = 0
    hidden: float = 0.0

    @property
    def proved(self) -> bool:
        """Whether every order of summation gives this result."""
        return self.exactness in (Exactness.MODULAR, Exactness.EXACT)


@dataclasses.dataclass(frozen=True, eq=False)
class Products:
    """What inner products of probes say.

    Attributes:
        evidence: the verdict on the structure.
        sample: the last probes, for later steps.
        place: a wrong entry, if it was looked for and found.
    """

    evidence: Evidence
    sample: Sample
    place: Place | None = None


def scheme_for(pair: Pair, width: int = WIDTH) -> Scheme:
    """The largest probes with which nothing can round; 1 and -1 where something does."""
    if pair.kind == "integer":
        return scheme_of(pair, 0, width)
    operators = pair.drawn().operators
    if any(operator.rounding.magnitude is None for operator in operators):
        return scheme_of(pair, LARGEST[0], width)  # the results will tell
    load = 2 * max(operator.load for operator in operators)  # the next may be larger
    fitting = (largest for largest in LARGEST if largest * load <= 1)
    return scheme_of(pair, next(fitting, 1), width)


def scheme_of(pair: Pair, largest: int, width: int = WIDTH) -> Scheme:
    """The scheme of probes up to `largest`, in both parts of complex cells; 0 for residues."""
    values = (2 * largest) ** (2 if pair.kind == "complex" else 1) if largest else 2
    return Scheme(largest, pair.extra_chance + survival(values, width, width), width)


def exact(pair: Pair, scheme: Scheme) -> Products | None:
    """Integer probes compared by `==`, enough for `CHANCE`.

    Returns:
        The evidence, named 'exact'; None where something rounds, or where maps differ by no more
        than constants of the given precision may.
    """
    limit = 0.0
    for _ in range(scheme.rounds):
        sample = scheme.draw(pair)
        results = (
            classify_exactness(sample.pair.forward, sample.v, sample.y),
            classify_exactness(sample.pair.backward, sample.u, sample.x),
        )
        found = _equal(sample, results)
        if found is None:
            return None
        limit = max(limit, found.detection_limit or 0.0)
        text = f"{scheme}: {_describe(sample.pair, results)}; {found.text}"
        evidence = dataclasses.replace(found, text=text)
        if found.status != "pass":
            place = locate(sample)
            unexplained = place is not None or pair.kind == "integer"
            return Products(evidence, sample, place) if unexplained else None
    chance = scheme.chance**scheme.rounds
    evidence = dataclasses.replace(evidence, false_acceptance=chance, detection_limit=limit)
    return Products(evidence, sample)


def classify_exactness(operator: Operator, block: np.ndarray, result: np.ndarray) -> Result:
    """In what sense `result = operator(block)` is exact, the block holding integers."""
    rounding = operator.rounding
    if operator.domain.kind == "integer":
        return Result(Exactness.MODULAR, result)
    if largest_part(block) * operator.load <= 1:
        return Result(Exactness.EXACT, result, dyadic_exponent(result))
    if rounding.magnitude is None and not operator.is_scaled:
        peak, exponent = largest_part(result), dyadic_exponent(result)
        if np.ldexp(peak, exponent) <= 2.0**rounding.bits:
            hidden = 16 * peak * 2.0**-rounding.bits  # what the last rounding may have absorbed
            return Result(Exactness.OBSERVED, result, exponent, hidden)
    return Result(Exactness.ROUNDED, result)


def _equal(sample: Sample, results: tuple[Result, Result]) -> Evidence | None:
    """Compare by `==`; None where that decides nothing."""
    y, x = results
    if Exactness.ROUNDED in (y.exactness, x.exactness):
        return None
    whole = dataclasses.replace(sample, y=y.values, x=x.values)
    defects = whole.defects(y.exponent, x.exponent)
    wrong = np.count_nonzero(defects)
    if wrong:
        if not (y.proved and x.proved):
            return None
        text = f"inner products differ in {wrong} of {defects.size} numbers"
        return Evidence("exact", "structure", "fail", text)
    caveat = "" if sample.y.any() or sample.x.any() else "both maps are zero"
    zero = f"; {caveat}" if caveat else ""
    hidden = max(y.hidden, x.hidden)
    limit = hidden / (sample.pair.scale or hidden) if hidden else 0.0
    if limit > SENSIBLE:
        return None
    text = f"all inner products equal{zero}"
    return Evidence("exact", "structure", "pass", text, detection_limit=limit, caveat=caveat)


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
    return f"{name} rounds: its constants are not small integers, or its sums are large"
