"""Every checker on every trial; what was said, and what it is worth."""

import sys
from collections.abc import Iterable, Sequence

import jax

from benchmarks.verification.checkers import Checker, Subject, timed
from benchmarks.verification.pair import cells
from benchmarks.verification.records import Record
from benchmarks.verification.trials import Trial

__all__ = ["judge", "run"]

_FORGET = 25  # trials after which compiled programs are dropped: there are thousands


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
        hidden=trial.hidden,
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
