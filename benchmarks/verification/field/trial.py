"""An operator judged under its time limit, by ours and by dottest."""

import contextlib
import dataclasses
import signal
import sys
import zlib
from collections.abc import Iterable, Iterator
from types import FrameType

import jax

from benchmarks.verification import rivals
from benchmarks.verification.checkers import Checker, Subject, Verdict, ours, ours_within
from benchmarks.verification.field.operator import RIGHT, Operator, pairs
from benchmarks.verification.harness import judge
from benchmarks.verification.records import Record
from benchmarks.verification.trials import Trial

__all__ = ["CHECKERS", "run"]

(_DOTTEST,) = (rival for rival in rivals.RIVALS if rival.name == "pylops dottest")

CHECKERS = (ours.name, _DOTTEST.name)
"""In the order of the table."""

_GRACE = 1.25  # a checker that keeps its own limit is stopped only beyond so many limits
_FORGET = 10  # operators after which compiled programs are dropped


class _Late(BaseException):
    """No Exception: nobody is to catch it on the way."""


def run(operators: Iterable[Operator]) -> Iterator[Record]:
    """Every pair of every operator; says on standard error what comes out otherwise than it should.

    Yields:
        Records; `size` holds the library, `fault` is '' for the right pair.
    """
    for number, operator in enumerate(operators, 1):
        with jax.enable_x64(operator.wide):
            for name, pair in pairs(operator):
                fault = "" if name == RIGHT else name
                seed = zlib.crc32(f"{pair.name} {fault}".encode())
                trial = Trial(pair, seed, fault, size=operator.library)
                record = judge(trial, (_limited(operator.seconds), _DOTTEST))
                verdict = record.verdicts[ours.name]
                if verdict.status != ("fail" if fault else "pass"):
                    print(f"{verdict.status}: {record.name}, {name}", file=sys.stderr, flush=True)
                yield record
        if number % _FORGET == 0:
            jax.clear_caches()


def _limited(seconds: float) -> Checker:
    """Ours, told of its limit, and stopped if it does not keep it."""
    told = ours_within(seconds)

    def check(subject: Subject) -> Verdict:
        try:
            with _alarm(_GRACE * seconds):
                return told.check(subject)
        except _Late:
            return Verdict("late", 0, 0)

    return dataclasses.replace(told, check=check)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `_Late` in this thread after so many seconds."""

    def ring(_: int, __: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
