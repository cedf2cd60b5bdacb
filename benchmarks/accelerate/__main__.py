"""`python -m benchmarks.accelerate`: training steps of four frameworks, stock and accelerated."""

import argparse
import fnmatch
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import jax

from benchmarks import machine
from benchmarks.accelerate.compare import Comparison, compare
from benchmarks.accelerate.networks import NETWORKS, shrunk
from benchmarks.accelerate.report import PLACE, Report

__all__ = ["main"]

FRAMEWORKS = {
    "Flax NNX": "flax_nnx",
    "Flax Linen": "flax_linen",
    "Equinox": "equinox_modules",
    "Haiku": "haiku_modules",
}
"""Names -> modules of this package, imported when needed."""

_QUICK = 8  # --quick: divides channels and sizes by this


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if any accelerated value was wrong.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.markdown and not PLACE.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    report = Report.read_json(options.replay) if options.replay else _run(options)
    if not report.results:
        parser.error("no such network or framework")
    if options.json and not options.replay:
        report.write_json(options.json)
    print(report.markdown())
    if options.markdown:
        PLACE.insert(report.markdown(), options.markdown)
    return int(report.any_wrong())


def _run(options: argparse.Namespace) -> Report:
    jax.config.update("jax_enable_compilation_cache", False)
    description = machine.describe()
    networks = [one for one in NETWORKS if fnmatch.fnmatch(one.name, options.networks)]
    results: list[Comparison] = []
    for framework in (name for name in FRAMEWORKS if fnmatch.fnmatch(name, options.frameworks)):
        module = importlib.import_module(f"benchmarks.accelerate.{FRAMEWORKS[framework]}")
        for network in networks:
            one = shrunk(network, _QUICK) if options.quick else network
            found = compare(one, framework, module.train(one), options.rounds)
            print(f"{framework}, {one.name}: {found.ratio:.2f}x", file=sys.stderr, flush=True)
            results.append(found)
    given = {"rounds": options.rounds, "quick": options.quick}
    return Report(description, given, results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.accelerate", description=__doc__)
    add = parser.add_argument
    add("--networks", default="*", metavar="GLOB", help="names of networks, e.g. 'U-Net*'")
    add("--frameworks", default="*", metavar="GLOB", help="e.g. 'Flax*'")
    add("--rounds", type=int, default=5, help="of each pair")
    add("--quick", action="store_true", help="tiny networks, to see whether it runs")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        default=Path(__file__).parents[1] / "results_accelerate.json",
        help="where to write all measurements; benchmarks/results_accelerate.json",
    )
    add("--markdown", type=Path, metavar="FILE", help="put the table into a README")
    add("--replay", type=Path, metavar="FILE", help="show the results in such a JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
