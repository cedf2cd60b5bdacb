"""`python -m benchmarks.verification`: planted faults and correct pairs, ours and the rivals."""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax

from benchmarks import machine
from benchmarks.verification import picture
from benchmarks.verification.checkers import ours
from benchmarks.verification.harness import run
from benchmarks.verification.mutants import MUTANTS
from benchmarks.verification.results import PLACE, Results
from benchmarks.verification.rivals import RIVALS
from benchmarks.verification.trials import Plan, Trial, correct_trials, mutant_trials

__all__ = ["main"]

_QUICK = Plan(small=1, middle_every=0, large_every=0)
_QUICK_PAIRS = 28  # one of each kind
_PAIRS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if ours refused a correct pair, accepted a wrong one, or was certain of a wrong cause.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.markdown and not PLACE.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    if options.replay:
        results = Results.merged([Results.read_json(path) for path in options.replay])
    else:
        results = _run(options)
    if options.json:
        results.write_json(options.json)
    print(results.markdown())
    if options.markdown:
        PLACE.insert(results.markdown(), options.markdown)
    if options.plot:
        picture.write(results, options.plot)
    return int(results.ours_failed())


def _run(options: argparse.Namespace) -> Results:
    description = machine.describe()
    with jax.enable_x64(True):  # for the rivals that want 64 bits; all dtypes stay what they are
        records = run(_trials(options), (ours, *RIVALS))
    return Results(description, [checker.name for checker in (ours, *RIVALS)], records)


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    """The share of this process: every n-th correct pair, and every n-th fault."""
    first, step = options.shard
    plan = _QUICK if options.quick else Plan()
    pairs = options.correct if options.correct is not None else _PAIRS
    pairs = _QUICK_PAIRS if options.quick else pairs
    correct = correct_trials(plan.seed, pairs)
    faults = [] if options.no_faults else MUTANTS[first - 1 :: step]
    yield from mutant_trials(faults, plan)
    yield from itertools.islice(correct, first - 1, None, step)


def _shard(text: str) -> tuple[int, int]:
    first, _, of = text.partition("/")
    if not (first.isdigit() and of.isdigit() and 1 <= int(first) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 2/4")
    return int(first), int(of)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.verification", description=__doc__)
    add = parser.add_argument
    add("--correct", type=int, metavar="N", help=f"as many correct pairs; {_PAIRS}")
    add("--no-faults", action="store_true", help="correct pairs alone")
    add("--quick", action="store_true", help="each fault and each kind of pair once")
    add("--shard", type=_shard, default=(1, 1), metavar="I/N", help="the I-th of N equal shares")
    add("--json", type=Path, metavar="FILE", help="write every verdict")
    add("--markdown", type=Path, metavar="FILE", help="put the table into a README")
    add("--plot", type=Path, metavar="FILE", help="write a picture")
    add("--replay", type=Path, nargs="+", metavar="FILE", help="judge nothing, read these shares")
    return parser


if __name__ == "__main__":
    sys.exit(main())
