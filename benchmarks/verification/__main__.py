"""`python -m benchmarks.verification`: planted faults and correct pairs, ours and the rivals."""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import jax

from benchmarks import machine
from benchmarks.verification import picture
from benchmarks.verification.checkers import ours
from benchmarks.verification.field import catalog, fourier_operators, trial
from benchmarks.verification.field.fourier_table import FourierResults
from benchmarks.verification.field.operator import Operator
from benchmarks.verification.field.table import FieldResults
from benchmarks.verification.harness import run
from benchmarks.verification.hidden import HIDDEN, hidden_trials
from benchmarks.verification.mutants import MUTANTS
from benchmarks.verification.pairs import KINDS
from benchmarks.verification.results import Results
from benchmarks.verification.rivals import RIVALS
from benchmarks.verification.trials import Plan, Trial, correct_trials, mutant_trials

__all__ = ["main"]

AnyResults: TypeAlias = Results | FieldResults

_QUICK = Plan(small=1, middle_every=0, large_every=0, hidden=1)
_QUICK_PAIRS = len(KINDS)
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
    kind: type[AnyResults] = {"field": FieldResults, "fourier": FourierResults}.get(
        options.operators, Results
    )
    if options.markdown and not kind.place.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    if options.plot and kind is not Results:
        parser.error("--plot: there is a picture of planted faults alone")
    results = _results(kind, options)
    if options.json:
        results.write_json(options.json)
    print(results.markdown())
    if options.markdown:
        kind.place.insert(results.markdown(), options.markdown)
    if options.plot:
        picture.write(results, options.plot)
    return int(results.failed())


def _results(kind: type, options: argparse.Namespace) -> AnyResults:
    if options.replay:
        return kind.merged([kind.read_json(path) for path in options.replay])
    if kind is not Results:
        return _field(kind, options)
    description = machine.describe()
    with jax.enable_x64(True):  # for the rivals that want 64 bits; all dtypes stay what they are
        records = run(_trials(options), (ours, *RIVALS))
    return Results(description, [checker.name for checker in (ours, *RIVALS)], records)


def _field(kind: type, options: argparse.Namespace) -> FieldResults:
    """The share of this process: every n-th operator."""
    fourier, description = kind is FourierResults, machine.describe()
    found = fourier_operators.operators() if fourier else catalog.operators(*options.library)
    argued: dict[str, str] = {}

    def noted() -> Iterator[Operator]:
        for operator in _share(found, options):
            if operator.argued:
                argued[operator.title] = operator.argued
            yield operator

    records = list(trial.run(noted()))
    return kind(description, records, argued, [] if fourier else catalog.missing(*options.library))


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    """The share of this process: every n-th correct pair, and every n-th fault."""
    plan = _QUICK if options.quick else Plan()
    pairs = options.correct if options.correct is not None else _PAIRS
    pairs = _QUICK_PAIRS if options.quick else pairs
    faults = "" if options.no_faults else options.faults
    if faults in ("all", "planted"):
        yield from mutant_trials(list(_share(MUTANTS, options)), plan)
    if faults in ("all", "hidden"):
        yield from hidden_trials(list(_share(HIDDEN, options)), plan)
    yield from _share(correct_trials(plan.seed, pairs), options)


def _share(found, options: argparse.Namespace):
    first, step = options.shard
    return itertools.islice(found, first - 1, None, step)


def _shard(text: str) -> tuple[int, int]:
    first, _, of = text.partition("/")
    if not (first.isdigit() and of.isdigit() and 1 <= int(first) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 2/4")
    return int(first), int(of)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.verification", description=__doc__)
    add = parser.add_argument
    operators = parser.add_mutually_exclusive_group()
    store = {"action": "store_const", "dest": "operators"}
    operators.add_argument("--field", const="field", help="operators in use, instead", **store)
    operators.add_argument("--fft", const="fourier", help="FFTs of all sizes, instead", **store)
    add("--library", nargs="+", default=(), choices=tuple(catalog.LIBRARIES), help="of --field")
    add("--correct", type=int, metavar="N", help=f"as many correct pairs; {_PAIRS}")
    add("--no-faults", action="store_true", help="correct pairs alone")
    add("--faults", default="all", choices=("all", "planted", "hidden"), help="which set of them")
    add("--quick", action="store_true", help="each fault and each kind of pair once")
    add("--shard", type=_shard, default=(1, 1), metavar="I/N", help="the I-th of N equal shares")
    add("--json", type=Path, metavar="FILE", help="write every verdict")
    add("--markdown", type=Path, metavar="FILE", help="put the table into a README")
    add("--plot", type=Path, metavar="FILE", help="write a picture")
    add("--replay", type=Path, nargs="+", metavar="FILE", help="judge nothing, read these shares")
    return parser


if __name__ == "__main__":
    sys.exit(main())
