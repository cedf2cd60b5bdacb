"""`python -m benchmarks.accelerate`: training steps of four frameworks, stock and accelerated.

With `--compiled`, for devices that are not here: compiled and not timed.
"""

import argparse
import fnmatch
import importlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import jax

from benchmarks import machine
from benchmarks.accelerate import compiled, compiled_report, report
from benchmarks.accelerate.compare import Comparison, compare
from benchmarks.accelerate.compiled_report import CompiledReport
from benchmarks.accelerate.full_size import FULL_SIZE
from benchmarks.accelerate.networks import NETWORKS, Network, shrunk
from benchmarks.accelerate.report import Report
from jaxdeconv.compilers.installing import installed
from jaxdeconv.compilers.targets import find

__all__ = ["main"]

FRAMEWORKS = {
    "Flax NNX": "flax_nnx",
    "Flax Linen": "flax_linen",
    "Equinox": "equinox_modules",
    "Haiku": "haiku_modules",
}
"""Names -> modules of this package, imported when needed."""

_FOLDER = Path(__file__).parents[1]

_QUICK = 8  # --quick: divides channels and sizes by this


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or compile, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if any accelerated value was wrong, or a compiler refused a program.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    place = compiled_report.PLACE if options.compiled else report.PLACE
    if options.markdown and not place.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    if options.compiled and not options.replay:
        try:
            for target in options.compiled:
                installed(find(target))
        except ValueError as error:
            parser.error(str(error))
    found = _found(options)
    if not found.results:
        parser.error("no such network, framework or dtype")
    print(found.markdown())
    if options.markdown:
        place.insert(found.markdown(), options.markdown)
    return int(found.any_wrong())


def _found(options: argparse.Namespace) -> Report | CompiledReport:
    if options.replay:
        return (CompiledReport if options.compiled else Report).read_json(options.replay)
    return _compile(options) if options.compiled else _run(options)


def _run(options: argparse.Namespace) -> Report:
    jax.config.update("jax_enable_compilation_cache", False)
    description = machine.describe()
    results: list[Comparison] = []
    for framework, module, network in _steps(options, NETWORKS):
        found = compare(network, framework, module.train(network), options.rounds)
        print(f"{framework}, {network.name}: {found.ratio:.2f}x", file=sys.stderr, flush=True)
        results.append(found)
    given = {"rounds": options.rounds, "quick": options.quick}
    done = Report(description, given, results)
    if results:
        done.write_json(options.json or _FOLDER / "results_accelerate.json")
    return done


def _compile(options: argparse.Namespace) -> CompiledReport:
    """The file is written after every step: there are many, and some take minutes."""
    file = options.json or _FOLDER / "results_accelerate_compiled.json"
    found = CompiledReport([])
    dtypes = fnmatch.filter(compiled.DTYPES, options.dtypes)
    steps = list(_steps(options, FULL_SIZE))
    for target, (framework, module, network), dtype in itertools.product(
        options.compiled, steps, dtypes
    ):
        training = module.train(network, compiled.DTYPES[dtype])
        explanation = compiled.explain_step(training, target)
        one = compiled.row(explanation, network, framework, dtype)
        print(f"{' '.join(one.key)}: {one.ratio:.2f}", file=sys.stderr, flush=True)
        if options.details:
            options.details.mkdir(parents=True, exist_ok=True)
            text = str(explanation)
            (options.details / f"{' '.join(one.key)}.txt").write_text(f"{text}\n")
        found = CompiledReport([*found.results, one])
        if options.json or not options.quick:
            found = found.updated(file)
            found.write_json(file)
    return found


def _steps(
    options: argparse.Namespace, networks: Sequence[Network]
) -> Iterator[tuple[str, ModuleType, Network]]:
    """The frameworks and networks that were asked for."""
    for framework in fnmatch.filter(FRAMEWORKS, options.frameworks):
        module = importlib.import_module(f"benchmarks.accelerate.{FRAMEWORKS[framework]}")
        for network in networks:
            if fnmatch.fnmatch(network.name, options.networks):
                yield framework, module, shrunk(network, _QUICK) if options.quick else network


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.accelerate", description=__doc__)
    add = parser.add_argument
    add("--networks", default="*", metavar="GLOB", help="names of networks, e.g. 'U-Net*'")
    add("--frameworks", default="*", metavar="GLOB", help="e.g. 'Flax*'")
    add("--rounds", type=int, default=5, help="of each pair")
    add("--quick", action="store_true", help="tiny networks, to see whether it runs")
    add(
        "--compiled",
        type=lambda names: names.split(","),
        metavar="TARGETS",
        help="compile for these devices, e.g. h100,v5e, and time nothing",
    )
    add("--dtypes", default="*", metavar="GLOB", help="with --compiled: float32, mixed or both")
    add("--details", type=Path, metavar="FOLDER", help="with --compiled: all that was found")
    add("--json", type=Path, metavar="FILE", help="where to write; default: see benchmarks/README")
    add("--markdown", type=Path, metavar="FILE", help="put the table into a README")
    add("--replay", type=Path, metavar="FILE", help="show the results in such a JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
