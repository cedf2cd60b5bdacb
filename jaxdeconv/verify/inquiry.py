"""One verification: the kinds of evidence in their order, and what follows from them."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

from jaxdeconv.verify.additivity import linear
from jaxdeconv.verify.applications import NotFinite, Operator
from jaxdeconv.verify.detect import detect
from jaxdeconv.verify.entries import NUMBERS, Comparison, every_entry
from jaxdeconv.verify.exact import Scheme, exact, scheme
from jaxdeconv.verify.localise import Place, explain, first_place, locate
from jaxdeconv.verify.pair import Block, Pair
from jaxdeconv.verify.patterns import Pattern, blocks
from jaxdeconv.verify.precision import precision
from jaxdeconv.verify.report import Evidence, Report, Status
from jaxdeconv.verify.sanity import dtypes, repeatable

__all__ = ["Inquiry", "Ledger"]


class Ledger:
    """Evidence as it comes in.

    Attributes:
        operators: whose applications are counted.
        lines: the evidence so far.
    """

    def __init__(self, operators: tuple[Operator, ...]) -> None:
        self.operators = operators
        self.lines: list[Evidence] = []

    def keep(self, step: Callable[[], Evidence]) -> None:
        """Keep what a step finds, with what it took."""
        start, before = time.perf_counter(), self._applied()
        evidence = step()
        spent = [now - then for now, then in zip(self._applied(), before, strict=True)]
        seconds = time.perf_counter() - start
        self.lines.append(
            dataclasses.replace(
                evidence, forward=spent[0], backward=sum(spent[1:]), seconds=seconds
            )
        )

    def _applied(self) -> list[int]:
        return [operator.applications for operator in self.operators]


class Inquiry:
    """The evidence on a pair, gathered step by step.

    Attributes:
        pair: A and At.
        ledger: the evidence so far.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.ledger = Ledger(pair.operators)
        self._block: Block | None = None
        self._comparison: Comparison | None = None

    def gather(self, pattern: Pattern | None, budget: int) -> None:
        """All kinds of evidence that the pair admits.

        Args:
            pattern: of A, if the user knows one.
            budget: applications that the recovery of all entries may take; 0 leaves it out.
        """
        pair = self.pair
        if not all(pair.sizes):
            text = "the domain or the codomain has no cells: there is nothing to see"
            self.ledger.lines.append(Evidence("cells", "input", "inconclusive", text))
            return
        try:
            for operator, bounds in zip(pair.operators, pair.roundings, strict=True):
                for step in (repeatable, linear):
                    self.ledger.keep(functools.partial(step, operator, bounds, pair.probes))
            self.ledger.lines += dtypes(pair.forward.domain, pair.backward.codomain)
            drawn = scheme(pair)
            self.ledger.keep(lambda: self._exact(drawn))
            if pattern is not None or budget:
                self.ledger.keep(lambda: self._entries(drawn, pattern, budget))
            if pair.kind != "integer" and not self._structure("fail"):
                self.ledger.keep(lambda: precision(pair))
        except NotFinite as found:
            self.ledger.lines.append(Evidence("finite", "input", "fail", str(found)))

    def report(self, question: str) -> Report:
        """The verdict; on failure with the place and the cause, as far as they can be found."""
        found: dict[str, Any] = {}
        if self._structure("fail") and self._block is not None:
            with contextlib.suppress(NotFinite):
                self.ledger.keep(lambda: self._traced(found))
        return Report(question, tuple(self.ledger.lines), self.pair.probes.seed, **found)

    def _traced(self, found: dict[str, Any]) -> Evidence:
        """Where the structure is wrong, and, if the maps are linear, why; into `found`."""
        place = self._place()
        if place is None:
            text = "every entry that the bisection met is right up to rounding"
            return Evidence("place", "structure", "inconclusive", text)
        found["place"] = self._said(place)
        basis = [e.status for e in self.ledger.lines if e.about in ("input", "linearity")]
        diagnosis = None if "fail" in basis else explain(self.pair, self._comparison, place)
        if diagnosis is not None:
            cause = str(diagnosis.cause or "")
            found |= {"cause": cause, "certain": diagnosis.certain, "explanation": str(diagnosis)}
        return Evidence("place", "structure", "fail", found["place"])

    def _exact(self, drawn: Scheme) -> Evidence:
        evidence, self._block = exact(self.pair, drawn)
        return evidence

    def _entries(self, drawn: Scheme, pattern: Pattern | None, budget: int) -> Evidence:
        pair, (n, m) = self.pair, self.pair.sizes
        assert self._block is not None
        origin = "given"
        if pattern is None:
            origin = "complete" if n + m <= budget else "detected"
            pattern = Pattern((blocks(n, m),)) if n + m <= budget else self._detected(budget)
        if pattern is None:
            text = "no sparse pattern found that few probes could recover: not every entry was seen"
            return Evidence("every entry", "structure", "inconclusive", text)
        evidence, self._comparison = every_entry(pair, drawn, self._block, pattern, origin)
        return evidence

    def _detected(self, budget: int) -> Pattern | None:
        found = detect(self.pair.forward, self.pair.probes)
        if found is None or found.count + found.transpose.count > budget:
            return None
        n, m = found.sizes
        fits = found.count * m + found.transpose.count * n <= NUMBERS
        return found if fits else None

    def _structure(self, status: Status) -> bool:
        """Whether evidence for the structure has a status."""
        return any(e.status == status for e in self.ledger.lines if e.about == "structure")

    def _place(self) -> Place | None:
        found = first_place(self._comparison) if self._comparison else None
        assert self._block is not None
        return found or locate(self.pair, self._block)

    def _said(self, place: Place) -> str:
        domain, codomain = self.pair.forward.domain, self.pair.forward.codomain
        return (
            f"output {codomain.where(place.col)}, input {domain.where(place.row)}: "
            f"expected {place.expected}, got {place.got}"
        )
