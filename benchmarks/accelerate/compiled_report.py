"""The compiled steps, as JSON and as tables."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accelerate.compiled import DTYPES, Row
from benchmarks.markdown import Place, table
from benchmarks.timing import geometric_mean
from jaxdeconv.compilers.targets import find

__all__ = ["PLACE", "CompiledReport"]

PLACE = Place("accelerate compiled")

_HEADER = (
    *("training step", "framework", "dtype"),
    *("stock us", "accelerated us", "ratio", "wasted stock", "wasted accelerated"),
)


@dataclasses.dataclass(frozen=True)
class CompiledReport:
    """Steps, compiled.

    Attributes:
        results: one for every device, network, framework and dtype.
    """

    results: Sequence[Row]

    def write_json(self, path: Path) -> None:
        """Write everything, with the summary first."""
        document = {
            "compiled, not timed": True,
            "summary": {target: self.summary(target) for target in self._targets()},
            "results": [_finite(dataclasses.asdict(one)) for one in self.results],
        }
        path.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def read_json(cls, path: Path) -> "CompiledReport":
        """Read what `write_json` wrote."""
        document = json.loads(path.read_text())
        return cls([Row(**_with_nan(entry)) for entry in document["results"]])

    def updated(self, path: Path) -> "CompiledReport":
        """These results, and what such a file has of other steps, in the file's order.

        Args:
            path: the file; it need not exist.
        """
        old = CompiledReport.read_json(path).results if path.exists() else []
        return CompiledReport(list({one.key: one for one in (*old, *self.results)}.values()))

    def summary(self, target: str) -> dict[str, dict[str, float]]:
        """Per dtype, and of all 'together': the geometric mean of the ratios, and the least.

        Args:
            target: the device.
        """
        right = [one for one in self.results if one.target == target and not one.error]
        found = {}
        for name in (*DTYPES, "together"):
            ratios = [one.ratio for one in right if name in (one.dtype, "together")]
            if ratios:
                found[name] = {"geometric mean": geometric_mean(ratios), "least": min(ratios)}
        return found

    def markdown(self) -> str:
        """A table for every device: a row for every step."""
        return "\n".join(self._table(target) for target in self._targets())

    def any_wrong(self) -> bool:
        """Whether the compiler refused a program."""
        return any(one.error for one in self.results)

    def _targets(self) -> list[str]:
        return list(dict.fromkeys(one.target for one in self.results))

    def _table(self, target: str) -> str:
        here = [one for one in self.results if one.target == target]
        means = self.summary(target)
        device = find(target)
        notes = [
            "compiled, not timed: predicted from the compiled programs "
            f"(jax {_spread(one.jax for one in here)}, {_spread(one.date for one in here)})",
            'accelerated: `accelerate(step, platforms="' + device.platform + '")`',
            *(
                f"{name}: geometric mean {each['geometric mean']:.2f}, "
                f"least {each['least']:.2f} ({self._least(target, name)})"
                for name, each in means.items()
            ),
            *(f"{_name(one)}: {_short(one.error)}" for one in here if one.error),
        ]
        heading = f"{device.name} ({device.kind}): {device.basis}\n\n"
        return heading + table(_HEADER, [_cells(one) for one in here], 3, notes)

    def _least(self, target: str, dtype: str) -> str:
        right = [
            one
            for one in self.results
            if one.target == target and not one.error and dtype in (one.dtype, "together")
        ]
        return _name(min(right, key=lambda one: one.ratio))


def _name(one: Row) -> str:
    return f"{one.network}, {one.framework}, {one.dtype}"


def _spread(values: Any) -> str:
    """'first to last' of versions or dates."""
    found = sorted(set(values))
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _cells(one: Row) -> list[str]:
    names = ("stock", "accelerated")
    words = [one.network, one.framework, one.dtype]
    if one.error:
        return [*words, "refused", *["-"] * 4]
    times = [f"{1e6 * one.seconds[name]:.0f}" for name in names]
    shares = [_percent(one.wasted[name]) for name in names]
    return [*words, *times, f"**{one.ratio:.2f}**", *shares]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.0%}"


def _short(error: str) -> str:
    return " ".join(error.split())[:200]


def _finite(entry: dict[str, Any]) -> dict[str, Any]:
    """JSON has no nan."""
    shares = entry["wasted"]
    return entry | {"wasted": {k: None if math.isnan(v) else v for k, v in shares.items()}}


def _with_nan(entry: dict[str, Any]) -> dict[str, Any]:
    shares = entry["wasted"]
    return entry | {"wasted": {k: math.nan if v is None else v for k, v in shares.items()}}
