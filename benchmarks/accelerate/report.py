"""The results, as JSON and as a table."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accelerate.compare import Comparison
from benchmarks.machine import one_line
from benchmarks.markdown import Place, table
from benchmarks.timing import geometric_mean

__all__ = ["PLACE", "Report"]

PLACE = Place("accelerate")


@dataclasses.dataclass(frozen=True)
class Report:
    """A run.

    Attributes:
        machine: from `benchmarks.machine.describe`.
        options: as given.
        results: one for every network and framework.
    """

    machine: dict[str, Any]
    options: dict[str, Any]
    results: Sequence[Comparison]

    def write_json(self, path: Path) -> None:
        """Write everything, with the summary first."""
        document = {"summary": self.summary(), **dataclasses.asdict(self)}
        path.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def read_json(cls, path: Path) -> "Report":
        """Read what `write_json` wrote."""
        document = json.loads(path.read_text())
        results = [Comparison(**entry) for entry in document["results"]]
        return cls(document["machine"], document["options"], results)

    def summary(self) -> dict[str, dict[str, float]]:
        """Geometric means by group of networks, for each framework and all 'together'."""
        right = [one for one in self.results if not one.wrong]
        means: dict[str, dict[str, float]] = {}
        for group in dict.fromkeys(one.group for one in right):
            here = [one for one in right if one.group == group]
            means[group] = {
                name: geometric_mean(one.ratio for one in here if one.framework == name)
                for name in dict.fromkeys(one.framework for one in here)
            }
            means[group]["together"] = geometric_mean(one.ratio for one in here)
        return means

    def markdown(self) -> str:
        """The table: a row for every network, a column for every framework."""
        frameworks = list(dict.fromkeys(one.framework for one in self.results))
        networks = list(dict.fromkeys(one.network for one in self.results))
        found = {(one.network, one.framework): one for one in self.results}
        rows = [
            [network, *(_cell(found.get((network, name))) for name in frameworks)]
            for network in networks
        ]
        notes = [
            "ms stock -> ms accelerated, and the ratio; median over the rounds, which alternate",
            *(
                f"{group}: geometric mean {means['together']:.2f}x"
                for group, means in self.summary().items()
            ),
            one_line(self.machine),
        ]
        return table(["training step", *frameworks], rows, 1, notes)

    def any_wrong(self) -> bool:
        """Whether accelerated values differed from those of stock JAX."""
        return any(one.wrong for one in self.results)


def _cell(one: Comparison | None) -> str:
    if one is None:
        return "-"
    if one.wrong:
        return f"WRONG by {one.error:.0e}"
    stock, fast = (1e3 * one.seconds[name] for name in ("stock", "accelerated"))
    return f"{stock:.1f} -> {fast:.1f}: **{one.ratio:.2f}x**"
