"""What the trials show: rates, a table for the README, JSON."""

import collections
import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.machine import one_line
from benchmarks.markdown import Place
from benchmarks.verification import records
from benchmarks.verification.records import Record
from benchmarks.verification.trials import SIZES

__all__ = ["Results"]

_DIAGNOSES = ("named", "named among others", "unknown", "another suspected", "another for certain")


@dataclasses.dataclass(frozen=True)
class Results:
    """A run.

    Attributes:
        machine: from `machine.describe`.
        checkers: in the order of the table, ours first.
        records: one per trial.
        place: of the table in a README.
    """

    machine: dict[str, Any]
    checkers: Sequence[str]
    records: Sequence[Record]
    place: ClassVar[Place] = Place("verification")

    @classmethod
    def merged(cls, shares: Sequence["Results"]) -> "Results":
        """All shares as one run, on the machine of the first."""
        first = shares[0]
        return cls(
            first.machine, first.checkers, [record for share in shares for record in share.records]
        )

    def write_json(self, path: Path) -> None:
        """The summary, then one line per trial."""
        head = {
            "summary": self.summary(),
            "diagnosis": self.diagnoses(),
            "machine": self.machine,
            "checkers": list(self.checkers),
        }
        records.write(path, head, self.records)

    @classmethod
    def read_json(cls, path: Path) -> "Results":
        """What `write_json` wrote."""
        head, found = records.read(path)
        return cls(head["machine"], head["checkers"], found)

    @property
    def wrong(self) -> list[Record]:
        """Trials with a planted fault."""
        return [record for record in self.records if record.fault]

    @property
    def correct(self) -> list[Record]:
        """Trials without."""
        return [record for record in self.records if not record.fault]

    def said(self, checker: str, status: str, records: Iterable[Record]) -> tuple[int, int]:
        """How often a checker said so, of how many that it was asked."""
        asked = [r.verdicts[checker].status for r in records if checker in r.verdicts]
        return asked.count(status), len(asked)

    def summary(self) -> dict[str, dict[str, Any]]:
        """Per checker: what it caught, by size too, what it refused, what that took."""
        return {checker: self._summarise(checker) for checker in self.checkers}

    def _summarise(self, checker: str) -> dict[str, Any]:
        verdicts = [r.verdicts[checker] for r in self.records if checker in r.verdicts]

        planted = [record for record in self.wrong if not record.hidden]
        hidden = [record for record in self.wrong if record.hidden]

        def median(value: Callable[[Any], float]) -> float | None:
            return statistics.median(map(value, verdicts)) if verdicts else None

        sizes = {
            size: self.said(checker, "fail", [r for r in planted if r.size == size])
            for size in SIZES
        }
        return {
            "caught": self.said(checker, "fail", planted),
            "caught by size": sizes,
            "hidden caught": self.said(checker, "fail", hidden),
            "hidden undecided": self.said(checker, "inconclusive", hidden)[0],
            "faults let through": sorted(
                {
                    r.fault
                    for r in self.wrong
                    if checker in r.verdicts and r.verdicts[checker].status == "pass"
                }
            ),
            "wrong pairs undecided": self.said(checker, "inconclusive", self.wrong)[0],
            "refused": self.said(checker, "fail", self.correct),
            "correct pairs undecided": self.said(checker, "inconclusive", self.correct),
            "forward": median(lambda v: v.forward),
            "backward": median(lambda v: v.backward),
            "seconds": median(lambda v: v.seconds),
        }

    def diagnoses(self) -> dict[str, int]:
        """What ours said of the causes that it knows, where it caught the fault."""
        counts = dict.fromkeys(_DIAGNOSES, 0)
        for record in self.wrong:
            if record.cause and record.verdicts[self.checkers[0]].status == "fail":
                counts[self.diagnosis(record)] += 1
        return counts

    def diagnosis(self, record: Record) -> str:
        """One of the five kinds."""
        verdict = record.verdicts[self.checkers[0]]
        if verdict.cause == record.cause:
            return _DIAGNOSES[0]
        if record.cause in verdict.others:
            return _DIAGNOSES[1]
        return _DIAGNOSES[2] if not verdict.cause else _DIAGNOSES[4 if verdict.certain else 3]

    def failed(self) -> bool:
        """Whether ours accepted a fault, refused a correct pair, raised, or was certainly wrong."""
        name = self.checkers[0]
        certain = [
            r for r in self.wrong if r.verdicts[name].certain and r.verdicts[name].cause != r.cause
        ]
        accepted = self.said(name, "pass", self.wrong)[0]
        raised = self.said(name, "raised", self.records)[0]
        return bool(accepted or raised or self.said(name, "fail", self.correct)[0] or certain)

    def markdown(self) -> str:
        """The table, the diagnoses and the machine."""
        headers = [
            "checker",
            "wrong pairs caught",
            *(f"of {size} cells" for size in SIZES),
            "hidden",
            "correct pairs refused",
            "undecided",
            "A, At applied",
            "seconds",
        ]
        rows = [headers, ["---", *["---:"] * (len(headers) - 1)]]
        rows += [self._row(name, entry) for name, entry in self.summary().items()]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([*lines, "", *(f"- {line}" for line in self.notes()), ""])

    def notes(self) -> list[str]:
        """What the table rests on."""
        name, counts = self.checkers[0], self.diagnoses()
        named = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        hidden = [record for record in self.wrong if record.hidden]
        planted = [record for record in self.wrong if not record.hidden]
        undecided = [
            self.said(name, "inconclusive", rs)[0] for rs in (planted, hidden, self.correct)
        ]
        return [
            f"{_faults(planted)} faults planted in {len(planted)} pairs, {_faults(hidden)} that "
            f"hide (in small units, beyond usual probes, in how a function is called) in "
            f"{len(hidden)} pairs, and {len(self.correct)} correct pairs; each checker at its "
            "defaults, on the pairs whose dtypes and size it takes",
            f"correct pairs: {_extent(self.correct)}",
            f"{name}: undecided on {undecided[0]} planted and {undecided[1]} hidden faults and "
            f"{undecided[2]} correct pairs; the cause of {sum(counts.values())} faults: {named}",
            "applications and seconds are medians; ours include compilation, the rivals' functions "
            "were compiled beforehand; the rules of scico and ODL are written out",
            one_line(self.machine),
        ]

    def _row(self, name: str, entry: dict[str, Any]) -> list[str]:
        sizes = [_rate(*entry["caught by size"][size]) for size in SIZES]
        effort = "-"
        if entry["forward"] is not None:
            effort = f"{entry['forward']:.0f}, {entry['backward']:.0f}"
        seconds = "-" if entry["seconds"] is None else f"{entry['seconds']:.2g}"
        right = [_rate(*entry[what]) for what in ("refused", "correct pairs undecided")]
        hidden = _rate(*entry["hidden caught"])
        return [name, _rate(*entry["caught"]), *sizes, hidden, *right, effort, seconds]


def _faults(found: Iterable[Record]) -> int:
    return len({record.fault for record in found})


def _extent(found: Sequence[Record]) -> str:
    """`2 to 99856 cells; float32 310, int8 90`."""
    if not found:
        return "none"
    counts = collections.Counter(record.dtype for record in found)
    dtypes = ", ".join(f"{dtype} {count}" for dtype, count in counts.most_common())
    sizes = [record.cells for record in found]
    return f"{min(sizes)} to {max(sizes)} cells; {dtypes}"


def _rate(count: int, of: int) -> str:
    """`98.3 % of 120`; all and none are said without rounding."""
    if not of:
        return "-"
    percent = 100 * count / of
    shown = f"{percent:.0f}" if count in (0, of) else f"{min(max(percent, 0.1), 99.9):.1f}"
    return f"{shown} % of {of}"
