"""Swept layouts and compiled steps, as JSON and as tables."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import Place, table
from benchmarks.sharding.chips import Compiled
from benchmarks.sharding.divided import Outcome
from jaxdeconv.sharding.collectives import GATHERS

__all__ = ["CHIPS", "SWEEP", "Report", "Swept"]

SWEEP = Place("divided layouts")
CHIPS = Place("divided steps")

_SUMS = ("all-reduce", "reduce-scatter")


@dataclasses.dataclass(frozen=True)
class Swept:
    """The outcomes of many layouts.

    Attributes:
        jax: the version.
        who: 'ours' or 'stock'.
        sensible: see `layouts.draw`.
        cases: how many.
        wrong: seeds of those with a wrong entry.
        errors: one text each.
        gathered: how many programs have an all-gather or an all-to-all.
        whole: how many have one whose result is as large as v or u.
        date: of the run.
    """

    jax: str
    who: str
    sensible: bool
    cases: int
    wrong: Sequence[int]
    errors: Sequence[str]
    gathered: int
    whole: int
    date: str

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], date: str) -> "Swept":
        """Those of one kind of layout.

        Args:
            outcomes: at least one; all of one version of jax, and of one who.
            date: of the run.
        """
        first = outcomes[0]
        return cls(
            first.jax,
            first.who,
            first.sensible,
            len(outcomes),
            [one.case for one in outcomes if any(one.wrong.values())],
            [one.error for one in outcomes if one.error],
            sum(one.gathers > 0 for one in outcomes),
            sum(one.whole > 0 for one in outcomes),
            date,
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """What was swept."""
        return self.sensible, self.jax, self.who


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that was found.

    Attributes:
        swept: layouts.
        compiled: steps.
    """

    swept: Sequence[Swept] = ()
    compiled: Sequence[Compiled] = ()

    @classmethod
    def read_json(cls, path: Path) -> "Report":
        """Read what `write_json` wrote; nothing, if there is no such file."""
        if not path.exists():
            return cls()
        document = json.loads(path.read_text())
        return cls(
            [Swept(**entry) for entry in document["swept"]],
            [Compiled(**entry) for entry in document["compiled, not timed"]],
        )

    def write_json(self, path: Path) -> None:
        """Write everything."""
        document = {
            "swept": list(map(dataclasses.asdict, self.swept)),
            "compiled, not timed": list(map(dataclasses.asdict, self.compiled)),
        }
        path.write_text(json.dumps(document, indent=1) + "\n")

    def with_(self, *results: Swept | Compiled) -> "Report":
        """These results, too, in the place of older ones of the same."""
        swept = _newest([*self.swept, *(one for one in results if isinstance(one, Swept))])
        compiled = [*self.compiled, *(one for one in results if isinstance(one, Compiled))]
        return Report(swept, _newest(compiled))

    def any_wrong(self) -> bool:
        """Whether ours has a wrong number or an error, or gathers in a sensible layout."""
        ours = [one for one in self.swept if one.who == "ours"]
        return any(one.wrong or one.errors or (one.sensible and one.gathered) for one in ours)

    def sweep_table(self) -> str:
        """A row for every kind of layout, version of jax, and who."""
        header = ["layouts", "jax", "who", "cases", "wrong", "errors", "gather", "whole signal"]
        rows = [
            [
                "sensible" if one.sensible else "random",
                one.jax,
                one.who,
                *(str(n) for n in (one.cases, len(one.wrong), len(one.errors))),
                *(str(n) for n in (one.gathered, one.whole)),
            ]
            for one in sorted(self.swept, key=lambda one: (not one.sensible, one.jax, one.who))
        ]
        return table(header, rows, 3, [f"run on 8 CPU devices ({_spread(self.swept)})"])

    def chips_table(self) -> str:
        """A row for every step, device, who, mode and number of chips."""
        header = ["step", "compiled for", "who", "mode", "chips"]
        header += ["permuted MiB", "summed MiB", "gathered MiB", "temporary MiB"]
        rows = []
        for one in sorted(self.compiled, key=lambda one: one.key):
            name = f"{one.step}, {one.block}^3 each"
            words = [name, one.target, one.who, one.mode, str(one.chips)]
            if one.error:
                rows.append([*words, "refused", *["-"] * 3])
                continue
            sizes = one.bytes("collective-permute"), one.bytes(*_SUMS), one.bytes(*GATHERS)
            rows.append([*words, *(_mib(size) for size in (*sizes, one.temporary_bytes))])
        notes = [
            "of one chip; compiled, not timed "
            f"(jax {', '.join(sorted({one.jax for one in self.compiled}))}, "
            f"{_spread(self.compiled)})",
            *(f"{one.key}: {one.error[:200]}" for one in self.compiled if one.error),
        ]
        return table(header, rows, 4, notes)


def _newest(results: Iterable[Any]) -> list[Any]:
    return list({one.key: one for one in results}.values())


def _mib(size: int) -> str:
    return f"{size / 2**20:.2f}" if size < 100 * 2**20 else f"{size / 2**20:.0f}"


def _spread(results: Iterable[Any]) -> str:
    """'first to last' date."""
    dates = sorted({one.date for one in results})
    return " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
