"""Results as a table for a terminal, as Markdown for the README, and as JSON."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.contestants import OURS, RIVALS
from benchmarks.machine import one_line
from benchmarks.markdown import Place, table
from benchmarks.measure import CaseResult
from benchmarks.programs import PASSES
from benchmarks.timing import geometric_mean

__all__ = ["PLACE", "Report", "ratio"]

_MIB = 2**20
_WORDS = 3  # columns of the table before the numbers
PLACE = Place("benchmark table")


@dataclasses.dataclass(frozen=True)
class Report:
    """A run.

    Attributes:
        machine: from `machine.describe`.
        options: rounds, seed and the like, as given.
        peak: operations per second of the matrix product.
        rivals: keys of `RIVALS`, in the order of the columns.
        results: one per case.
    """

    machine: dict[str, Any]
    options: dict[str, Any]
    peak: float
    rivals: Sequence[str]
    results: Sequence[CaseResult]

    def write_json(self, path: Path) -> None:
        """Write everything, with the summary first."""
        document = {"summary": self.summary(), **dataclasses.asdict(self)}
        path.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def read_json(cls, path: Path) -> "Report":
        """Read what `write_json` wrote."""
        document = json.loads(path.read_text())
        del document["summary"]
        results = [CaseResult.from_json(entry) for entry in document["results"]]
        return cls(**{**document, "results": results})

    def summary(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Per rival and pass: geometric mean of the ratios, number of cases, the worst case."""
        return {
            rival: {name: self._summarise(rival, name) for name in PASSES} for rival in self.rivals
        }

    def table(self) -> Table:
        """The table for a terminal: green where the rival takes longer, red where we do."""
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for index, header in enumerate(self._headers()):
            shown.add_column(
                header.replace(" ", "\n", 1), justify="left" if index < _WORDS else "right"
            )
        for result in self.results:
            words, numbers = self._row(result)[:_WORDS], self._row(result)[_WORDS:]
            shown.add_row(*map(Text, words), *map(_coloured, numbers))
        return shown

    def markdown(self) -> str:
        """The table and the lines below it."""
        rows = [self._row(result) for result in self.results]
        return table(self._headers(), rows, _WORDS, self.last_lines())

    def last_lines(self) -> list[str]:
        """The machine, geometric means, worst cases, and contestants with wrong answers."""
        lines = [
            "time in ms; a rival's column is its time over ours: above 1 we are faster",
            one_line(self.machine),
            f"matrix product: {self.peak / 1e9:.0f} GFLOP/s",
        ]
        for rival, passes in self.summary().items():
            for name, entry in passes.items():
                if entry["cases"]:
                    lines.append(
                        f"{rival} / ours, {name}: geometric mean {entry['mean']:.2f} over "
                        f"{entry['cases']} cases, worst {entry['worst_ratio']:.2f} "
                        f"({entry['worst_case']})"
                    )
        return lines + [
            f"WRONG, not timed: {result.name}: {fault}"
            for result in self.results
            for fault in result.wrong.values()
        ]

    def any_wrong(self) -> bool:
        """Whether an answer, ours or a rival's, was wrong."""
        return any(result.wrong for result in self.results)

    def _summarise(self, rival: str, name: str) -> dict[str, Any]:
        ratios = {result.name: ratio(result, name, rival) for result in self.results}
        known = {case: value for case, value in ratios.items() if not math.isnan(value)}
        worst = min(known, key=known.__getitem__, default=None)
        return {
            "cases": len(known),
            "mean": geometric_mean(known.values()) if known else None,
            "worst_case": worst,
            "worst_ratio": known[worst] if worst is not None else None,
        }

    def _headers(self) -> list[str]:
        headers = ["case", "leg", "algorithm"]
        for name in PASSES:
            columns = ("ms", *self.rivals, "of peak")
            headers += [f"{name} {column}" for column in columns]
        if self._has_first_calls():
            headers.append("compile stock")
        return [*headers, "temp MiB"]

    def _row(self, result: CaseResult) -> list[str]:
        leg = {"conv": "K", "conv_transpose": "Kᵀ"}[result.leg]
        cells = [result.name, leg, result.algorithms.get(result.leg, "-")]
        for name in PASSES:
            passed = result.passes.get(name)
            cells.append(_milliseconds(passed.seconds[OURS]) if passed else "-")
            cells += [_times(ratio(result, name, rival)) for rival in self.rivals]
            cells.append(f"{100 * passed.peak_fraction:.0f} %" if passed else "-")
        step = result.passes.get("step")
        if self._has_first_calls():
            first = step.first_call if step else {}
            both = "stock" in first and OURS in first
            cells.append(_times(first["stock"] / first[OURS]) if both else "-")
        temp = [passed.temp_bytes.get(OURS, 0) / _MIB for passed in result.passes.values()]
        return [*cells, " / ".join(f"{size:.1f}" for size in temp) or "-"]

    def _has_first_calls(self) -> bool:
        passes = (passed for result in self.results for passed in result.passes.values())
        return any({OURS, "stock"} <= passed.first_call.keys() for passed in passes)


def ratio(result: CaseResult, name: str, rival: str) -> float:
    """Time of the rival's fastest contestant over ours in one pass; nan if none ran."""
    passed = result.passes.get(name)
    ratios = passed.ratios if passed else {}
    return min((ratios[one] for one in RIVALS[rival] if one in ratios), default=math.nan)


def _number(value: float) -> str:
    """Three digits or two decimals: 0.12, 1.23, 12.3, 123."""
    decimals = sum(value < limit for limit in (10, 100))
    return f"{value:.{decimals}f}"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3f}" if seconds < 1e-3 else _number(1e3 * seconds)


def _times(value: float) -> str:
    return "-" if math.isnan(value) else f"{_number(value)}x"


def _coloured(cell: str) -> Text:
    """Ratios that differ from 1 by more than noise are coloured."""
    style = ""
    if cell.endswith("x"):
        value = float(cell[:-1])
        style = "green" if value > 1.05 else "red" if value < 0.95 else ""
    return Text(cell, style)
