"""Every checker on every trial; what was said, and what it is worth."""

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax

from benchmarks.verification.checkers import Checker, Subject, Verdict, timed
from benchmarks.verification.pair import cells
from benchmarks.verification.trials import Trial

__all__ = ["Record", "judge", "run"]

_FORGET = 25  # trials after which compiled programs are dropped: there are thousands


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
    """

    name: str
    fault: str
    cause: str
    size: str
    cells: int
    dtype: str
    seed: int
    verdicts: dict[str, Verdict]

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Record":
        """The inverse of `dataclasses.asdict`."""
        verdicts = {
            name: Verdict(**{**verdict, "others": tuple(verdict["others"])})
            for name, verdict in entry["verdicts"].items()
        }
        return cls(**{**entry, "verdicts": verdicts})


def judge(trial: Trial, checkers: Sequence[Checker]) -> Record:
    """All verdicts on one pair."""
    pair = trial.pair
    subject = Subject(pair, trial.seed)
    subject.warm()
    verdicts = {
        checker.name: timed(checker, subject.fresh()) for checker in checkers if checker.takes(pair)
    }
    return Record(
        name=pair.name,
        fault=trial.fault,
        cause=str(trial.cause or ""),
        size=trial.size,
        cells=cells(pair.domain),
        dtype=str(jax.tree.leaves(pair.domain)[0].dtype),
        seed=trial.seed,
        verdicts=verdicts,
    )


def run(trials: Iterable[Trial], checkers: Sequence[Checker]) -> list[Record]:
    """All trials; says on standard error what comes out otherwise than it should for the first."""
    records = []
    for number, trial in enumerate(trials, 1):
        record = judge(trial, checkers)
        records.append(record)
        verdict = record.verdicts.get(checkers[0].name)
        if verdict and verdict.status != ("fail" if trial.fault else "pass"):
            print(f"{verdict.status}: {record.name}, {record.fault}", file=sys.stderr, flush=True)
        if number % _FORGET == 0:
            jax.clear_caches()
            print(f"[{number}]", file=sys.stderr, flush=True)
    return records
