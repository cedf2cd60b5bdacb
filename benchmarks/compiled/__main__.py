"""`python -m benchmarks.compiled`: every leg and training step, compiled for a device not here."""

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import BenchCase
from benchmarks.compiled.compiling import compiled
from benchmarks.compiled.forms import COLUMNS, forms
from benchmarks.compiled.problems import NAMED, random_cases
from benchmarks.compiled.report import PLACE, Record, Report
from jaxdeconv.compilers.installing import installed
from jaxdeconv.compilers.targets import NAMES, Target, find

__all__ = ["main", "measured"]


def main(argv: Sequence[str] | None = None) -> int:
    """Compile, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=__doc__)
    parser.add_argument("--target", choices=NAMES, default="h100", help="the device")
    parser.add_argument("--dtypes", default="float32,bfloat16,float16", help="of the operands")
    parser.add_argument("--columns", default=",".join(COLUMNS), help="legs and training steps")
    parser.add_argument("--only", default="*", help="names of cases, a pattern")
    parser.add_argument("--random", type=int, default=0, help="this many random cases instead")
    parser.add_argument("--seed", type=int, default=0, help="of the random cases")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    parser.add_argument("--markdown", type=Path, help="insert the table into this file")
    options = parser.parse_args(argv)
    try:
        installed(find(options.target))
    except ValueError as error:
        parser.error(str(error))
    cases = random_cases(options.seed, options.random) if options.random else NAMED
    cases = [one for one in cases if fnmatch.fnmatch(one.name, options.only)]
    if not cases:
        parser.error(f"--only {options.only}: no case has such a name")
    dtypes, columns = options.dtypes.split(","), options.columns.split(",")
    report = Report(measured(cases, dtypes, columns, find(options.target)))
    note = f"{len(cases)} convolutions"
    if options.random:
        note += f", drawn with seed {options.seed}"
    text = report.markdown(note)
    print(text)
    if options.json:
        report.write_json(options.json)
    if options.markdown:
        PLACE.insert(text, options.markdown)
    return 0


def measured(
    cases: Sequence[BenchCase], dtypes: Sequence[str], columns: Sequence[str], target: Target
) -> list[Record]:
    """Every form of every case.

    Args:
        cases: which.
        dtypes: in which.
        columns: of `COLUMNS`.
        target: for which device.
    """
    jobs = [
        (case, form, dtype)
        for dtype in dtypes
        for case in cases
        for form in forms(case)
        if form.column in columns
    ]
    done = compiled([(form, dtype) for _, form, dtype in jobs], target, _progress(len(jobs)))
    return [
        Record(
            target.name,
            case.name,
            form.column,
            form.who,
            dtype,
            tally.seconds,
            tally.launches,
            tally.flops,
            case.flops * (3 if "step" in form.column else 1),
            tally.bytes,
        )
        for (case, form, dtype), tally in zip(jobs, done, strict=True)
    ]


def _progress(count: int):  # type: ignore[no-untyped-def]
    def show(number: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number + 1} of {count}")

    return show


if __name__ == "__main__":
    sys.exit(main())
