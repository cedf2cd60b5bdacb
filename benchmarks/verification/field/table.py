"""What the field shows: counts by library, the tables, JSON."""

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.machine import one_line
from benchmarks.markdown import Place, table
from benchmarks.verification import records
from benchmarks.verification.checkers import Verdict
from benchmarks.verification.field.trial import CHECKERS
from benchmarks.verification.records import Record

__all__ = ["FieldResults", "counted"]

_HEADER = (
    "library",
    "operators",
    "right: pass / undecided / refused",
    "wrong: caught / undecided / passed",
    "A, At applied",
    "seconds",
    "dottest: right refused",
    "dottest: wrong passed",
    "seconds",
)


@dataclasses.dataclass(frozen=True)
class FieldResults:
    """A run.

    Attributes:
        machine: from `machine.describe`.
        records: of all pairs; `size` holds the library.
        argued: name -> why the right pair need not pass.
        missing: libraries that are not installed.
        place: of the table in a README.
    """

    machine: dict[str, Any]
    records: Sequence[Record]
    argued: Mapping[str, str]
    missing: Sequence[str] = ()
    place: ClassVar[Place] = Place("field")

    @classmethod
    def merged(cls, shares: Sequence[Self]) -> Self:
        """All shares as one run, on the machine of the first."""
        argued = {name: why for share in shares for name, why in share.argued.items()}
        all_records = [record for share in shares for record in share.records]
        return cls(shares[0].machine, all_records, argued, shares[0].missing)

    def write_json(self, path: Path) -> None:
        """The machine and what stands in no record, then one line per pair."""
        head = {
            "machine": self.machine,
            "argued": dict(self.argued),
            "missing": list(self.missing),
            "unexpected": self.unexpected(),
        }
        records.write(path, head, self.records)

    @classmethod
    def read_json(cls, path: Path) -> Self:
        """What `write_json` wrote."""
        head, found = records.read(path)
        return cls(head["machine"], found, head["argued"], head["missing"])

    def unexpected(self) -> dict[str, str]:
        """'pair, fault' -> what ours said of it, where that is not what it should be."""
        said = {}
        for record in self.records:
            verdict = record.verdicts[CHECKERS[0]]
            wanted = "fail" if record.fault else "pass"
            if verdict.status != wanted and (record.fault or record.name not in self.argued):
                said[f"{record.name}, {record.fault or 'right'}"] = verdict.status
        return said

    def failed(self) -> bool:
        """Whether a wrong pair passed, or a right one that is not argued did not."""
        return any(
            said == "pass" or name.endswith(", right") for name, said in self.unexpected().items()
        )

    def markdown(self) -> str:
        """One row per library and one for all; who is argued, the machine."""
        libraries = list(dict.fromkeys(record.size for record in self.records))
        rows = [_row(name, [r for r in self.records if r.size == name]) for name in libraries]
        rows.append(_row("all", self.records))
        return table(_HEADER, rows, 1, self._notes())

    def _notes(self) -> list[str]:
        faults = sorted({record.fault for record in self.records} - {""})
        notes = [
            "each operator as its users call it, in its own dtype, JAX in its 32-bit mode; wrong "
            f"pairs: {', '.join(faults)}, where that changes the adjoint",
            "applications and seconds are medians of all pairs; ours include compilation; dottest "
            "at its default rtol",
        ]
        if self.argued:
            argued = (f"{name} ({why})" for name, why in self.argued.items())
            notes.append(f"right pairs that need not pass: {'; '.join(argued)}")
        if self.missing:
            notes.append(f"not installed: {', '.join(self.missing)}")
        return [*notes, one_line(self.machine)]


def counted(found: Iterable[Record], checker: str) -> str:
    """`pass / undecided / refused` of right pairs, `caught / undecided / passed` of wrong ones."""
    said = [(record.fault, record.verdicts[checker].status) for record in found]
    good, bad = ("fail", "pass") if said and said[0][0] else ("pass", "fail")
    statuses = [status for _, status in said]
    undecided = len(said) - statuses.count(good) - statuses.count(bad)
    return f"{statuses.count(good)} / {undecided} / {statuses.count(bad)}"


def _row(name: str, found: Sequence[Record]) -> list[str]:
    right = [record for record in found if not record.fault]
    wrong = [record for record in found if record.fault]
    verdicts = [record.verdicts[CHECKERS[0]] for record in found]
    rivals = [r.verdicts[CHECKERS[1]] for r in found if CHECKERS[1] in r.verdicts]
    return [
        name,
        str(len(right)),
        counted(right, CHECKERS[0]),
        counted(wrong, CHECKERS[0]),
        f"{_median(verdicts, 'forward'):.0f}, {_median(verdicts, 'backward'):.0f}",
        f"{_median(verdicts, 'seconds'):.2g}",
        _share(right, "fail"),
        _share(wrong, "pass"),
        f"{_median(rivals, 'seconds'):.2g}",
    ]


def _median(verdicts: Sequence[Verdict], what: str) -> float:
    return statistics.median(getattr(verdict, what) for verdict in verdicts) if verdicts else 0


def _share(found: Sequence[Record], status: str) -> str:
    """Of those that dottest takes."""
    asked = [r.verdicts[CHECKERS[1]].status for r in found if CHECKERS[1] in r.verdicts]
    return f"{asked.count(status)} of {len(asked)}"
