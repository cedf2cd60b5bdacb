"""One verification: the kinds of evidence in their order, and what follows from them."""

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from jaxdeconv.verify.additivity import linear, with_noise
from jaxdeconv.verify.bounded import bounded
from jaxdeconv.verify.calls import Finding, NotFinite
from jaxdeconv.verify.detect import detect
from jaxdeconv.verify.double import in_double
from jaxdeconv.verify.entries import NUMBERS, Comparison, every_entry
from jaxdeconv.verify.exact import NARROW, WIDTH, Products, Scheme, exact, scheme_for
from jaxdeconv.verify.localise import explain, relative_size, worst_place
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.patterns import Pattern, blocks
from jaxdeconv.verify.place import Place, locate
from jaxdeconv.verify.precision import precision
from jaxdeconv.verify.repeatability import dtypes, repeatable
from jaxdeconv.verify.report import Evidence, Report, Status
from jaxdeconv.verify.scales import equilibrated
from jaxdeconv.verify.spaces import Space

__all__ = ["EvidenceLog", "Run", "begun"]


class EvidenceLog:
    """Evidence as it comes in.

    Attributes:
        lines: the evidence so far.
    """

    def __init__(self, *operators: Operator, progress: bool = False) -> None:
        self.lines: list[Evidence] = []
        self._progress = progress
        self._counts = [operator.count for operator in operators]
        self._last: tuple[float, list[int]]
        self.restart()

    def record(self, *lines: Evidence) -> None:
        """Add what a step found; the first line has the time and the applications since the last.

        The evidence of a step is evaluated before it is recorded, so this call ends the step.
        """
        for line in lines:
            now = time.perf_counter(), self._totals()
            spent = [new - old for new, old in zip(now[1], self._last[1], strict=True)]
            seconds = now[0] - self._last[0]
            self._last = now
            forward, backward = spent[0], sum(spent[1:])
            self.lines.append(
                dataclasses.replace(line, forward=forward, backward=backward, seconds=seconds)
            )
            if self._progress:
                cost = f"{forward} A + {backward} At, {seconds:.2g} s"
                sys.stderr.write(f"{line.name}: {line.status} ({cost})\n")

    def tolerate(self, size: float, tolerance: float) -> None:
        """Let a structure that is wrong by no more than was allowed pass."""
        self.lines = [
            dataclasses.replace(line, status="inconclusive") if line.about == "structure" else line
            for line in self.lines
        ]
        text = f"|At - A^T| / |A| is about {size:.2g}, within the tolerance of {tolerance:.2g}"
        self.record(Evidence("tolerance", "structure", "pass", text, caveat=f"At is off: {text}"))

    def restart(self) -> None:
        """Leave what was spent so far out of the next step."""
        self._last = time.perf_counter(), self._totals()

    @contextlib.contextmanager
    def until_a_finding(self) -> Iterator[None]:
        """Steps that end, as a failure, at the first result that is not finite, or the like."""
        try:
            yield
        except Finding as found:
            self.record(Evidence(found.name, "input", "fail", str(found)))

    def has(self, about: str, status: Status) -> bool:
        """Whether a line about a subject has a status."""
        return any(line.status == status for line in self.lines if line.about == about)

    def _totals(self) -> list[int]:
        return [count.total for count in self._counts]


def begun(fun: Callable[..., Any], domain: Any) -> tuple[Operator, EvidenceLog]:
    """One function to be judged, and its log, which has a line already if there are no cells."""
    operator = Operator.of("A", fun, Space.of(domain, "domain")).over_one_ring()
    log = EvidenceLog(operator)
    if not operator.domain.size or not operator.codomain.size:
        log.record(Evidence("cells", "input", "inconclusive", "there are no cells"))
    return operator, log


USUAL, FEW = 150, 3
"""Applications that a verification usually takes; probes of each side where these are too many."""


class Clock:
    """What a number of seconds allows.

    Attributes:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = time.perf_counter()

    def left(self, operators: tuple[Operator, Operator]) -> int:
        """How many more applications fit in."""
        left = self.seconds - (time.perf_counter() - self._start)
        each = sum(operator.count.seconds for operator in operators) / 2
        return 2**62 if math.isinf(left) else max(0, int(left / max(each, 1e-6)))


class Run:
    """The evidence on a pair, gathered step by step.

    Attributes:
        pair: A and At.
        log: the evidence so far.
    """

    def __init__(self, pair: Pair, progress: bool = False) -> None:
        self.pair = pair
        self.log = EvidenceLog(*pair.operators, progress=progress)
        self._products: Products | None = None
        self._comparison: Comparison | None = None

    def gather(
        self, pattern: Pattern | None = None, budget: int = 0, seconds: float = math.inf
    ) -> None:
        """All kinds of evidence that the pair admits.

        Args:
            pattern: of A, if the user knows one.
            budget: applications that the recovery of all entries may take; 0 leaves it out.
            seconds: that all of it should take. Where they are too few for the usual probes, there
                are about twenty applications of each function.
        """
        if not all(self.pair.sizes):
            text = "the domain or the codomain has no cells: there is nothing to see"
            self.log.record(Evidence("cells", "input", "inconclusive", text))
            return
        clock = Clock(seconds)
        with self.log.until_a_finding():
            forward, backward = map(self._repeatable, self.pair.operators)
            few = clock.left((forward, backward)) < USUAL
            forward, backward = (self._linear(one, few) for one in (forward, backward))
            self.pair = dataclasses.replace(self.pair, forward=forward, backward=backward)
            self.log.record(*dtypes(forward.domain, backward.codomain))
            self.pair = self._widened()
            scheme = scheme_for(self.pair, FEW if few else NARROW if self._is_large else WIDTH)
            self._products = self._judged(scheme, min(budget, clock.left((forward, backward))))
            self.log.record(self._products.evidence)
            sample = self._products.sample
            budget = min(budget, clock.left((forward, backward)))
            if not few and (pattern is not None or budget):
                self.log.record(self._entries(scheme, sample, pattern, budget))
            if not few and self.pair.kind != "integer" and not self.log.has("structure", "fail"):
                self.log.record(precision(sample.pair))

    def report(self, question: str, tolerance: float = 0.0) -> Report:
        """The verdict; on failure with the place and the cause, as far as they can be found.

        Args:
            question: that was asked.
            tolerance: of |At - A^T| / |A|.
        """
        found: dict[str, Any] = {}
        if self.log.has("structure", "fail") and self._products is not None:
            with contextlib.suppress(Finding):
                found = self._locate_fault(self._products)
            if found.get("size") is not None and found["size"] <= tolerance:
                self.log.tolerate(found["size"], tolerance)
        return Report(question, tuple(self.log.lines), self.pair.probes.seed, **found)

    def _repeatable(self, operator: Operator) -> Operator:
        """The operator, as it can be applied, after the evidence that it is a function."""
        evidence, operator = repeatable(operator, self.pair.probes)
        self.log.record(evidence)
        return operator

    def _linear(self, operator: Operator, few: bool) -> Operator:
        """The operator with its rounding, after the evidence that it is a linear map."""
        operator = with_noise(operator, self.pair.probes)
        self.log.record(linear(operator, self.pair.probes, few))
        return operator

    def _widened(self) -> Pair:
        """The maps whose structure is judged, in double precision where that can be had."""
        forward, backward = (
            with_noise(operator, self.pair.probes) if operator.given else operator
            for operator in map(in_double, self.pair.operators)
        )
        return dataclasses.replace(self.pair, forward=forward, backward=backward)

    def _judged(self, scheme: Scheme, budget: int) -> Products:
        """Inner products of probes: compared by `==`, or by what rounding explains.

        Of functions that cannot be read, small results may have been rounded away by large ones,
        unless their rows and columns are of one size.
        """
        readable = all(one.magnitude is not None for one in self.pair.roundings)
        sizes = scheme.width >= NARROW  # a few probes are not spent on them
        even = equilibrated(self.pair) if sizes and not readable else None
        found = None
        if even in (None, self.pair):
            with contextlib.suppress(NotFinite):  # of large entries, which are scaled below
                found = exact(self.pair, scheme)
        if found is not None:
            return found
        if even is None:
            even = equilibrated(self.pair) if sizes else self.pair
        return bounded(self.pair, even, scheme.width, budget)

    def _entries(
        self, scheme: Scheme, sample: Sample, pattern: Pattern | None, budget: int
    ) -> Evidence:
        n, m = self.pair.sizes
        origin = "given"
        if pattern is None:
            origin = "complete" if n + m <= budget else "detected"
            pattern = Pattern((blocks(n, m),)) if n + m <= budget else self._detected(budget)
        if pattern is None:
            text = "no sparse pattern found that few probes could recover: not every entry was seen"
            return Evidence("every entry", "structure", "inconclusive", text)
        evidence, self._comparison = every_entry(scheme, sample, pattern, origin)
        return evidence

    @property
    def _is_large(self) -> bool:
        return sum(self.pair.sizes) > NUMBERS // 2**5

    def _detected(self, budget: int) -> Pattern | None:
        if self._is_large:
            return None
        found = detect(self.pair.forward, self.pair.probes)
        if found is None or found.count + found.transpose.count > budget:
            return None
        n, m = found.sizes
        fits = found.count * m + found.transpose.count * n <= NUMBERS
        return found if fits else None

    def _locate_fault(self, products: Products) -> dict[str, Any]:
        """Where the structure is wrong and, if the maps are linear, why: parts of a report."""
        sample = products.sample
        place = worst_place(sample.pair, self._comparison) if self._comparison else None
        place = place or products.place or locate(sample)
        if place is None:
            text = "every entry that the bisection met is right up to rounding"
            self.log.record(Evidence("place", "structure", "inconclusive", text))
            return {}
        found: dict[str, Any] = {
            "place": self._describe(place),
            "size": relative_size(sample.pair, self._comparison),
        }
        if not (self.log.has("input", "fail") or self.log.has("linearity", "fail")):
            diagnosis = explain(sample.pair, self._comparison, place)
            if diagnosis is not None:
                cause, certain = str(diagnosis.cause or ""), diagnosis.certain
                found |= {"cause": cause, "certain": certain, "explanation": str(diagnosis)}
        self.log.record(Evidence("place", "structure", "fail", found["place"]))
        return found

    def _describe(self, place: Place) -> str:
        domain, codomain = self.pair.forward.domain, self.pair.forward.codomain
        return (
            f"output {codomain.where(place.col)}, input {domain.where(place.row)}: "
            f"expected {_shown(place.expected)}, got {_shown(place.got)}"
        )


def _shown(value: Any) -> str:
    """Of six digits, more than a reader compares; integers whole."""
    return repr(value) if isinstance(value, int) else repr(type(value)(f"{value:.6g}"))
