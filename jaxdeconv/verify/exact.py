"""Integer probes, and `==` wherever nothing can round.

Where every intermediate value of A v is a multiple of one power of two that its dtype holds, A v is
exact whatever the order of summation. That is derived from the jaxpr, for the probes in hand
(`Magnitude.load`). Where it does not hold, the results tell what is used instead:

- observed: nothing can be read (a callback), and the results are integers within range;
- nearest: the results are integers up to rounding (an FFT of an integer kernel): `rint`;
- rounded: only a defect beyond the rounding bound counts, and only entries above it are seen.

The last in numbers: let every inner product be off by at most tol, and let the values of the probes
lie at least d apart. If an entry of D = A - At^T is larger than 4 tol / d^2, then at most one of
the q values of its cell of u leaves (u^T D) within 2 tol / d there, and if none does, at most one
value of its cell of v leaves u^T D v within tol. So the chance that a x b probes do not see the
entry is q^-a + q^-b at most, as it is where nothing rounds and tol is zero.
"""

import dataclasses
import math
from typing import Literal, TypeAlias

import numpy as np

from jaxdeconv.verify.applications import Operator
from jaxdeconv.verify.arithmetic import distance_to_integers, dyadic_exponent, largest_part
from jaxdeconv.verify.pair import Block, Pair, Rounding
from jaxdeconv.verify.precision import SENSIBLE, measure
from jaxdeconv.verify.probes import survival
from jaxdeconv.verify.report import Evidence

__all__ = ["Result", "Scheme", "exact", "scheme", "scheme_of", "settled"]

WIDTH = 8
"""Probes of each side in one round."""

CHANCE = 1e-9
"""Rounds are added until a wrong pair passes with less than this probability."""

LARGEST = (8, 4, 2, 1)
"""Probes hold integers up to the first of these for which nothing can round."""

Way: TypeAlias = Literal["modular", "exact", "observed", "nearest", "rounded"]


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
        """As many as leave a wrong pair less than `CHANCE`."""
        return math.ceil(math.log(CHANCE) / math.log(self.chance))

    @property
    def spacing(self) -> int:
        """Between the values of a cell: -1 and 1 are two apart."""
        return 2 if self.largest == 1 else 1

    def draw(self, pair: Pair) -> Block:
        """One round, of a family with parameters of its own."""
        pair.renew()
        u, v = (
            pair.probes.integers(space, WIDTH, self.largest)
            if self.largest
            else pair.probes.residues(space, WIDTH)
            for space in (pair.forward.codomain, pair.forward.domain)
        )
        return pair.block(u, v)

    def __str__(self) -> str:
        values = f"integers up to {self.largest}" if self.largest else "uniform residues"
        return f"{self.rounds} x {WIDTH} x {WIDTH} probes of {values}"


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What became of a block of integers, as it can be compared.

    Attributes:
        way: why `values` may be compared by `==`, or 'rounded' where they may not.
        values: `(vectors, cells)`; 2^exponent times these are integers, unless 'rounded'.
        exponent: 0 for integers.
        distance: of `values` from what the function gave, at most.
    """

    way: Way
    values: np.ndarray
    exponent: int = 0
    distance: float = 0.0

    @property
    def proved(self) -> bool:
        """Whether no order of summation could have given anything else."""
        return self.way in ("modular", "exact")


def scheme(pair: Pair) -> Scheme:
    """Probes as large as they can be without rounding; ones where rounding is not ruled out."""
    if pair.kind == "integer":
        return scheme_of(pair, 0)
    pair.renew()
    load = 2 * max(rounding.load for rounding in pair.roundings)  # another draw may be larger
    return scheme_of(pair, next((largest for largest in LARGEST if largest * load <= 1), 1))


def scheme_of(pair: Pair, largest: int) -> Scheme:
    """The scheme of probes up to `largest`, in both parts of complex cells; 0 for residues."""
    values = (2 * largest) ** (2 if pair.kind == "complex" else 1) if largest else 2
    return Scheme(largest, pair.extra_chance + survival(values, WIDTH, WIDTH))


def exact(pair: Pair, drawn: Scheme) -> tuple[Evidence, Block]:
    """Integer probes, as many as it takes; and the last of them, for others to use.

    Returns:
        Evidence named 'exact' where inner products were compared by `==`, 'rounding' where only a
        bound could decide.
    """
    limit = 0.0
    for _ in range(drawn.rounds):
        block = drawn.draw(pair)
        results = (
            settled(pair.forward, pair.roundings[0], block.v, block.y),
            settled(pair.backward, pair.roundings[1], block.u, block.x),
        )
        found = _equal(pair, block, results) or _close(pair, drawn, block)
        limit = max(limit, found.detection_limit or 0.0)
        if found.status != "pass":
            break
    passed = found.status == "pass"
    text = f"{drawn}: {_how(pair, results)}; {found.text}"
    chance = drawn.chance**drawn.rounds if passed else None
    evidence = dataclasses.replace(found, text=text, false_acceptance=chance)
    return (dataclasses.replace(evidence, detection_limit=limit) if passed else evidence), block


def settled(
    operator: Operator, rounding: Rounding, block: np.ndarray, result: np.ndarray
) -> Result:
    """In what sense `result = operator(block)` is exact, the block holding integers."""
    if operator.domain.kind == "integer":
        return Result("modular", result)
    if largest_part(block) * rounding.load <= 1:
        return Result("exact", result, dyadic_exponent(result))
    peak, room = largest_part(result), 2.0**rounding.bits
    if rounding.magnitude is None:
        exponent = dyadic_exponent(result)
        if np.ldexp(peak, exponent) <= room:
            return Result("observed", result, exponent)
    distance = distance_to_integers(result)
    resolved = 16 * peak <= room and result.size >= 4 * WIDTH  # or all floats are integers
    if resolved and distance <= 1 / 16:
        unseen = 16 * peak / room  # what the last rounding may have hidden
        return Result("nearest", np.rint(result), 0, max(distance, unseen))
    return Result("rounded", result)


def _equal(pair: Pair, block: Block, results: tuple[Result, Result]) -> Evidence | None:
    """Compare by `==`; None where that decides nothing."""
    y, x = results
    if "rounded" in (y.way, x.way):
        return None
    settled_block = dataclasses.replace(block, y=y.values, x=x.values)
    defects = pair.defects(settled_block, y.exponent, x.exponent)
    wrong = np.count_nonzero(defects)
    if not wrong:
        zero = "" if block.y.any() or block.x.any() else "; both maps are zero"
        distance = 4 * max(y.distance, x.distance)
        limit = distance / (pair.scale or distance) if distance else 0.0
        if limit > SENSIBLE:
            return None
        text = f"all inner products equal{zero}"
        return Evidence("exact", "structure", "pass", text, detection_limit=limit)
    if not (y.proved and x.proved):
        return None
    text = f"inner products differ in {wrong} of {defects.size} numbers"
    return Evidence("exact", "structure", "fail", text)


def _close(pair: Pair, drawn: Scheme, block: Block) -> Evidence:
    """Compare by the rounding bound."""
    found = measure(pair, block)
    text, status = f"inner products: {found}", found.status
    if status != "pass":
        return Evidence("rounding", "structure", status, text)
    limit = 4 * found.allowed / drawn.spacing**2 / (pair.scale or math.inf)
    if not found.allowed / drawn.spacing**2 <= SENSIBLE * pair.scale / 4:
        status = "inconclusive"
        text += (
            f"; a wrong entry below {limit:.1g} times the largest would not be seen: give integer "
            "constants, a pattern, or a smaller shape"
        )
    return Evidence("rounding", "structure", status, text, detection_limit=limit)


def _how(pair: Pair, results: tuple[Result, Result]) -> str:
    """The two ways in words."""
    if pair.kind == "integer":
        return f"modulo 2^{pair.bits}"
    said = []
    for name, rounding, found in zip(("A v", "At u"), pair.roundings, results, strict=True):
        multiple = f"2^{found.exponent} {name}" if found.exponent else name
        said.append(
            {
                "exact": f"{multiple} integral, no partial sum can round",
                "observed": f"{multiple} integral as observed ({rounding.reason})",
                "nearest": f"{name} is within {found.distance:.1g} of integers, taken for these",
                "rounded": f"{name} rounds: constants that are no small integers, or large sums",
            }[found.way]
        )
    return ", ".join(said)
