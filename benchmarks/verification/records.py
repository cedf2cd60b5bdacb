"""What was said of one pair, in types that JSON has; files of such records."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.verification.checkers import Verdict

__all__ = ["Record", "read", "write"]


@dataclasses.dataclass(frozen=True)
class Record:
    """One trial, in types that JSON has.

    Attributes:
        name: of the pair.
        fault: planted; '' for a correct pair.
        cause: of the fault, '' if a diagnosis need not know it.
        size: as in the trial.
        cells: of the domain.
        dtype: of its first leaf.
        seed: of the checkers.
        verdicts: checker -> its verdict; those that do not take the pair are missing.
        hidden: whether the fault is of the second set, of those that hide from usual probes.
    """

    name: str
    fault: str
    cause: str
    size: str
    cells: int
    dtype: str
    seed: int
    verdicts: dict[str, Verdict]
    hidden: bool = False

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Record":
        """The inverse of `dataclasses.asdict`."""
        verdicts = {
            name: Verdict(**{**verdict, "others": tuple(verdict["others"])})
            for name, verdict in entry["verdicts"].items()
        }
        return cls(**{**entry, "verdicts": verdicts})


def write(path: Path, head: Mapping[str, Any], records: Sequence[Record]) -> None:
    """The head, then one line per record."""
    lines = ",\n".join(json.dumps(_compact(record)) for record in records)
    text = json.dumps(head, indent=1).removesuffix("\n}")
    path.write_text(f'{text},\n "records": [\n{lines}\n]}}\n')


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """What `write` wrote."""
    document = json.loads(path.read_text())
    return document, [Record.from_json(entry) for entry in document.pop("records")]


def _compact(record: Record) -> dict[str, Any]:
    """As a dictionary; times to three digits."""
    entry = dataclasses.asdict(record)
    for verdict in entry["verdicts"].values():
        verdict["seconds"] = float(f"{verdict['seconds']:.3g}")
    return entry
