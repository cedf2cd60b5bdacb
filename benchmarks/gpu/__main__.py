"""`python -m benchmarks.gpu`: correctness, times and constants on a GPU. See ../README.md."""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.gpu import algorithms, card, constants, correctness, report, rivals, roofline
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.journal import LOST, DeviceLost, Journal, supervise

__all__ = ["main"]

_NO_GPU = (
    "benchmarks.gpu: JAX finds no GPU here. Install jax[cuda12] on a machine with one, or pass "
    "--quick to try the program on the CPU."
)
_RACED = rivals.MODES[:2]  # float32 without TF32 adds little to what the planner must know


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write, print.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if an answer was wrong or something failed; 2 if there is no GPU.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.markdown and not report.PLACE.fits(options.markdown):
        parser.error(f"--markdown {options.markdown}: the file has no place for the table")
    if options.replay:
        document = json.loads(options.replay.read_text(encoding="utf-8"))
    elif not options.quick and options.journal is None:
        return _supervised(sys.argv[1:] if argv is None else argv)
    else:
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.6")  # torch needs some, too
        if not (options.quick or card.is_gpu()):
            print(_NO_GPU, file=sys.stderr)
            return 2
        try:
            document = Visit(options).run()
        except DeviceLost as error:
            print(f"benchmarks.gpu: the GPU is lost {error}", file=sys.stderr)
            return LOST
    print(report.markdown(document))
    if options.markdown:
        report.PLACE.insert(report.markdown(document), options.markdown)
    return int(report.any_fault(document))


def _supervised(argv: Sequence[str]) -> int:
    """The same in a child; this process uses no device."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-gpu-") as folder:
        journal = Path(folder) / "journal.jsonl"
        command = [sys.executable, "-m", "benchmarks.gpu", *argv, "--journal", str(journal)]
        return supervise(command, journal)


class Visit:
    """One run. Whatever it has found so far is written after every section.

    Attributes:
        found: what the JSON file will hold.
        budget: the minutes.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.quick: bool = options.quick
        self.torch = options.torch and importlib.util.find_spec("torch") is not None
        self.rounds, self.sample = (2, 1e-3) if self.quick else (5, 1e-2)
        journal = Journal(options.journal)
        self.budget = Budget(options.minutes, journal=journal, alive=card.works)
        self.cases = rivals.bench_cases(self.quick, options.images)
        folder = options.output or Path(__file__).parents[1]
        if self.quick and not options.output:
            folder = Path(tempfile.mkdtemp(prefix="benchmarks-gpu-"))
        name = card.kind()
        self.path = folder / f"results_gpu_{card.slug(name)}.json"
        self.checked: list[dict[str, str]] = []
        given = {"minutes": options.minutes, "quick": self.quick, "images": options.images}
        known = card.device_name(name)
        self.found: dict[str, Any] = {
            "card": name,
            "driver": card.driver(),
            "machine": machine.describe(),
            "options": given | {"torch": self.torch},
            "constants": {},
            "known": roofline.data_sheet(known) if known else {},
            "remembered": "nothing was fitted",
            "dispatch_seconds": None,
            "probes": [],
            "rivals": [],
            "algorithms": [],
        }

    def run(self) -> dict[str, Any]:
        """All sections in order of worth; what is left of the minutes goes to what was left out."""
        try:
            asked = self._check(correctness.questions(self.quick), until=0.3)
            self._fit(until=0.4)
            compared = self._compare(rivals.layers(self.cases, rivals.MODES[:2]), until=0.65)
            raced = self._race(until=0.85)
            compared = [*compared, *rivals.layers(self.cases, rivals.MODES[2:])]
            compared = self._compare(compared, until=1.0)
            raced = self._race(until=1.0, items=raced)
            self._check(asked, until=1.0)
        finally:  # an interrupt, too
            self._write()
        return self._document()

    def _check(
        self, items: Sequence[correctness.Question], until: float
    ) -> Sequence[correctness.Question]:
        return self._section("correctness", until, items, correctness.check, self.checked.extend)

    def _fit(self, until: float) -> None:
        found, probes = self.found, constants.probes(self.quick)
        rounds = self.rounds

        def measure(probe: constants.Probe) -> dict[str, Any]:
            return constants.measure(probe, rounds, 2 * self.sample)

        self._section("constants", until, probes, measure, found["probes"].append)
        found["constants"] = fitted = constants.fit(found["probes"])
        found["dispatch_seconds"] = algorithms.dispatch_seconds(self.sample)
        name = card.device_name(found["card"])
        if self.quick or not card.is_gpu():
            found["remembered"] = "a quick run, or no GPU: the constants mean nothing, none is kept"
        elif not name:
            found["remembered"] = "the package does not know this card: the constants are not used"
        elif fitted:
            versions, date = found["machine"]["versions"], found["machine"]["date"][:10]
            basis = (
                f"measured on {found['card']}, driver {found['driver'] or 'unknown'}, "
                f"jax {versions.get('jax')}, {date}, by python -m benchmarks.gpu"
            )
            roofline.remember(name, fitted, basis)
            found["remembered"] = f"the planner uses these for {name} on this machine: {basis}"

    def _compare(self, items: Sequence[rivals.Layer], until: float) -> Sequence[rivals.Layer]:
        def compare(layer: rivals.Layer) -> dict[str, Any]:
            return rivals.compare(layer, self.rounds, self.sample, self.torch)

        return self._section("rivals", until, items, compare, self.found["rivals"].append)

    def _race(
        self, until: float, items: Sequence[algorithms.Race] | None = None
    ) -> Sequence[algorithms.Race]:
        speeds = roofline.merged(self.found["known"], self.found["constants"])

        def race(one: algorithms.Race) -> dict[str, Any]:
            return algorithms.race(one, self.rounds, self.sample / 2, speeds)

        if items is None:
            cases = self.cases[:1] if self.quick else self.cases
            items = algorithms.races(cases, _RACED)
        return self._section("algorithms", until, items, race, self.found["algorithms"].append)

    def _section(self, name: str, until: float, items: Any, do: Any, done: Any) -> Any:
        left = self.budget.run(name, until, items, do, done)
        self._write()
        return left

    def _document(self) -> dict[str, Any]:
        faults = [one for one in self.checked if one["status"] != correctness.EXACT]
        budget = self.budget
        parts = {"spent": budget.spent, "left_out": budget.left_out, "failures": budget.failures}
        table = correctness.tally(self.checked)
        return self.found | {
            "correctness": {"table": table, "faults": faults},
            "budget": {"minutes": budget.minutes, **parts},
        }

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self._document(), indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=20.0, help="for everything; what does not fit is said")
    add("--quick", action="store_true", help="tiny problems, on any device: does it run?")
    add("--images", type=int, default=1, metavar="N", help="multiply the batches by N")
    add("--no-torch", dest="torch", action="store_false", help="leave torch out")
    add("--output", type=Path, metavar="FOLDER", help="of the JSON file; benchmarks/")
    add("--markdown", type=Path, metavar="FILE", help="put the tables into a README")
    add("--journal", type=Path, help=argparse.SUPPRESS)  # of a process that was ended
    add("--replay", type=Path, metavar="FILE", help="show the results in such a JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
