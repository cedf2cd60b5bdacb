"""One verification: the kinds of evidence in their order, and what follows from them."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from jaxdeconv.verify.additivity import linear, with_noise
from jaxdeconv.verify.bounded import bounded
from jaxdeconv.verify.detect import detect
from jaxdeconv.verify.entries import NUMBERS, Comparison, every_entry
from jaxdeconv.verify.exact import Products, Scheme, exact, scheme_for
from jaxdeconv.verify.localise import explain, relative_size, worst_place
from jaxdeconv.verify.operator import Finding, Operator
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

    def __init__(self, *operators: Operator) -> None:
        self.lines: list[Evidence] = []
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
            self.lines.append(
                dataclasses.replace(
                    line, forward=spent[0], backward=sum(spent[1:]), seconds=seconds
                )
            )

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


class Run:
    """The evidence on a pair, gathered step by step.

    Attributes:
        pair: A and At.
        log: the evidence so far.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.log = EvidenceLog(*pair.operators)
        self._products: Products | None = None
        self._comparison: Comparison | None = None

    def gather(self, pattern: Pattern | None, budget: int) -> None:
        """All kinds of evidence that the pair admits.

        Args:
            pattern: of A, if the user knows one.
            budget: applications that the recovery of all entries may take; 0 leaves it out.
        """
        if not all(self.pair.sizes):
            text = "the domain or the codomain has no cells: there is nothing to see"
            self.log.record(Evidence("cells", "input", "inconclusive", text))
            return
        with self.log.until_a_finding():
            forward, backward = map(self._sound, self.pair.operators)
            self.pair = dataclasses.replace(self.pair, forward=forward, backward=backward)
            self.log.record(*dtypes(forward.domain, backward.codomain))
            self.pair = self._widened()
            scheme = scheme_for(self.pair)
            self._products = self._judged(scheme)
            self.log.record(self._products.evidence)
            sample = self._products.sample
            if pattern is not None or budget:
                self.log.record(self._entries(scheme, sample, pattern, budget))
            if self.pair.kind != "integer" and not self.log.has("structure", "fail"):
                self.log.record(precision(sample.pair))

    def report(self, question: str) -> Report:
        """The verdict; on failure with the place and the cause, as far as they can be found."""
        found: dict[str, Any] = {}
        if self.log.has("structure", "fail") and self._products is not None:
            with contextlib.suppress(Finding):
                found = self._locate_fault(self._products)
        return Report(question, tuple(self.log.lines), self.pair.probes.seed, **found)

    def _sound(self, operator: Operator) -> Operator:
        """The operator, as it can be applied, after the evidence that it is a linear map."""
        evidence, operator = repeatable(operator, self.pair.probes)
        self.log.record(evidence)
        operator = with_noise(operator, self.pair.probes)
        self.log.record(linear(operator, self.pair.probes))
        return operator

    def _widened(self) -> Pair:
        """The maps whose structure is judged, in double precision where that can be had."""
        forward, backward = (
            with_noise(operator.widened, self.pair.probes) if operator.widened.given else operator
            for operator in self.pair.operators
        )
        return dataclasses.replace(self.pair, forward=forward, backward=backward)

    def _judged(self, scheme: Scheme) -> Products:
        """Inner products of probes: compared by `==`, or by what rounding explains.

        Of functions that cannot be read, small results may have been rounded away by large ones,
        unless their rows and columns are of one size.
        """
        readable = all(one.magnitude is not None for one in self.pair.roundings)
        comparable = readable or equilibrated(self.pair) is self.pair
        found = exact(self.pair, scheme) if comparable else None
        return found or bounded(self.pair)

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

    def _detected(self, budget: int) -> Pattern | None:
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
