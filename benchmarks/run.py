"""`python -m benchmarks.run`: ours against every rival, on real layers. See README.md here."""

import argparse
import fnmatch
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
from rich.console import Console

from benchmarks import machine, plot
from benchmarks.cases import CASES, BenchCase
from benchmarks.contestants import RIVALS
from benchmarks.draws import random_cases
from benchmarks.measure import CaseResult, measure
from benchmarks.report import PLACE, Report
from benchmarks.timing import gemm_peak

__all__ = ["main", "prepare_process", "print_report"]

_QUICK_FLOPS = 5.5e7  # --quick: only cases with at most this many
_WIDTH = 190  # of the table if the output is not a terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if any answer was wrong.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.markdown and not PLACE.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    if options.replay:
        report = Report.read_json(options.replay)
    else:
        cases = _select(options)
        if not cases:
            parser.error(f"--cases {options.cases}: no such case; see benchmarks/cases.py")
        report = _run(cases, options)
    if options.json:  # first, so that the numbers are kept whatever happens next
        report.write_json(options.json)
    print_report(report)
    if options.markdown:
        PLACE.insert(report.markdown(), options.markdown)
    if options.plot:
        plot.write(report, options.plot)
    return int(report.any_wrong())


def prepare_process() -> None:
    """Use the same number of threads for all, and no cache of compiled programs."""
    if importlib.util.find_spec("torch"):
        importlib.import_module("torch").set_num_threads(os.cpu_count() or 1)
    jax.config.update("jax_enable_compilation_cache", False)


def print_report(report: Report) -> None:
    """The table and the lines below it, on standard output."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(report.table())
    for line in report.last_lines():
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _run(cases: Sequence[BenchCase], options: argparse.Namespace) -> Report:
    prepare_process()
    description = machine.describe()
    rounds = options.rounds or (3 if options.quick else 7)
    peak = gemm_peak()
    print(f"matrix product: {peak / 1e9:.0f} GFLOP/s", file=sys.stderr)
    names = [name for rival in options.rivals for name in RIVALS[rival]]
    results: list[CaseResult] = []
    for index, case in enumerate(cases, 1):
        print(f"[{index}/{len(cases)}] {case.name}: {case.geometry}", file=sys.stderr, flush=True)
        result = measure(case, names, rounds, peak, first_call=options.first_call)
        for reason in (*result.wrong.values(), *result.skipped.values()):
            print(f"    not timed: {reason}", file=sys.stderr)
        results.append(result)
    given = {"rounds": rounds, "cases": options.cases, "random": options.random}
    given |= {"seed": options.seed, "quick": options.quick}
    return Report(description, given, peak, tuple(options.rivals), results)


def _select(options: argparse.Namespace) -> list[BenchCase]:
    cases = [case for case in CASES if fnmatch.fnmatch(case.name, options.cases)]
    if options.quick:
        cases = [case for case in cases if case.flops <= _QUICK_FLOPS]
    return [*cases, *random_cases(options.random, options.seed)]


def _rivals(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in RIVALS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(RIVALS)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    add = parser.add_argument
    add("--cases", default="*", metavar="GLOB", help="names of cases, e.g. 'DCGAN*'")
    add("--random", type=int, default=0, metavar="N", help="add N random geometries")
    add("--seed", type=int, default=0, help="of the random geometries")
    add("--rivals", type=_rivals, default=["torch", "stock"], help=f"of {','.join(RIVALS)}")
    add("--rounds", type=int, default=None, help="of each pair of contestants; 7, or 3 if quick")
    add(
        "--quick",
        action="store_true",
        help="few rounds of the small cases, to see whether it runs",
    )
    add("--no-first-call", dest="first_call", action="store_false", help="do not time compilers")
    add("--json", type=Path, metavar="FILE", help="write all measurements")
    add("--markdown", type=Path, metavar="FILE", help="put the table into a README")
    add("--plot", type=Path, metavar="FILE", help="write a picture, e.g. benchmarks.png")
    add("--replay", type=Path, metavar="FILE", help="show the results in such a JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
