"""`python -m benchmarks.sharding`: legs and training steps that are divided among devices.

sweep   random layouts on eight CPU devices, ours and stock JAX's, against one device
chips   what a training step exchanges on 8, 32 and 256 chips: compiled and not timed
show    the tables of what was found
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.machine import today
from benchmarks.sharding.chips import MODES, TARGETS, Compiled, compiled
from benchmarks.sharding.divided import WHO
from benchmarks.sharding.report import CHIPS, SWEEP, Report, Swept
from benchmarks.sharding.steps import MESHES, STEPS
from benchmarks.sharding.sweep import swept

__all__ = ["main"]

_RESULTS = Path(__file__).parents[1] / "results_sharding.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run or compile, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if ours was wrong, raised, or gathered in a sensible layout.
    """
    options = _parser().parse_args(argv)
    report = Report.read_json(options.json)
    for one in {"sweep": _sweep, "chips": _chips, "show": lambda _: ()}[options.what](options):
        report = report.with_(one)
        report.write_json(options.json)
        print(one, file=sys.stderr, flush=True)
    tables = {SWEEP: report.sweep_table(), CHIPS: report.chips_table()}
    for place, text in tables.items():
        print(text)
        if options.markdown:
            place.insert(text, options.markdown)
    return int(report.any_wrong())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharding", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=("sweep", "chips", "show"))
    parser.add_argument("--who", default=",".join(WHO), help="ours, stock or both")
    parser.add_argument("--cases", type=int, default=300, help="of each kind of layout")
    parser.add_argument("--targets", default="cpu,h100", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--chips", default=",".join(map(str, MESHES)))
    parser.add_argument("--modes", default="auto", help=f"of {', '.join(MODES)}")
    parser.add_argument("--block", type=int, default=64, help="size of a chip's part")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file of all results")
    parser.add_argument("--markdown", type=Path, help="insert the tables into this file")
    return parser


def _sweep(options: argparse.Namespace) -> Iterator[Swept]:
    for who, sensible in itertools.product(options.who.split(","), (True, False)):
        yield Swept.of(swept(who, sensible, options.cases), today())


def _chips(options: argparse.Namespace) -> Iterator[Compiled]:
    lists = (options.targets, options.steps, options.who, options.modes, options.chips)
    for target, step, who, mode, chips in itertools.product(*(one.split(",") for one in lists)):
        yield compiled(target, int(chips), step, who, mode, options.block)


if __name__ == "__main__":
    sys.exit(main())
