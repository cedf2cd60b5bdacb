"""Measure the costs of this CPU that come with the package: `python -m benchmarks.calibrate`.

Times every algorithm of every leg on the benchmark cases, on seeded random problems, on layers like
those of networks and on depthwise ones, and fits `jaxdeconv.planning.costmodel` to the times.
Rewrites jaxdeconv/planning/costs/cpu_NAME.json of the nearest CPU, or writes `--output`. Takes an
hour or two; the machine should be idle. `python -m jaxdeconv calibrate` corrects costs in minutes.
"""

import argparse
import dataclasses
import fnmatch
import itertools
import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

import jaxdeconv
from benchmarks.cases import CASES
from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.planning import calibration, costmodel, draws
from jaxdeconv.planning.calibration import Row, Rows
from jaxdeconv.planning.measuring import measure

Samples: TypeAlias = dict[str, dict[str, list[Row]]]
"""By leg and algorithm, in the order of the problems."""

COSTS = Path(jaxdeconv.__file__).parent / "planning" / "costs"


def problems(random: int, layers: int, depthwise: int, seed: int) -> list[Problem]:
    """One problem per case and leg."""
    forward = [
        *(case.problem(case.leg) for case in CASES),
        *itertools.islice(draws.geometries(seed), random),
        *itertools.islice(draws.layers(seed), layers),
        *itertools.islice(draws.depthwise(seed + 1), depthwise),
    ]
    return [dataclasses.replace(one, leg=leg) for one in forward for leg in ALGORITHMS]


def pooled(samples: Rows, earlier: Rows) -> Samples:
    """Two runs as one; if both measured a problem, the smaller time, as noise only adds."""

    def both(leg: str, name: str) -> list[Row]:
        least: dict[Any, float] = {}
        for run in (earlier, samples):
            for row, point, time in run[leg].get(name, []):
                problem = (tuple(row), tuple(point))
                least[problem] = min(time, least.get(problem, time))
        return [(*problem, time) for problem, time in least.items()]

    return {
        leg: {name: both(leg, name) for name in {**earlier[leg], **samples[leg]}} for leg in samples
    }


def main() -> None:
    """Measure, fit, write, and print how well the model fits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=360, help="number of random geometries")
    parser.add_argument("--layers", type=int, default=120, help="number of random layers")
    parser.add_argument(
        "--depthwise", type=int, default=80, help="number of further depthwise ones"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*", metavar="GLOB", help="algorithms; see --merge")
    parser.add_argument("--samples", type=Path, help="also write the samples to this file")
    parser.add_argument(
        "--merge",
        type=Path,
        help="samples of an earlier run of the same code, on any problems or algorithms",
    )
    parser.add_argument("--output", type=Path, default=COSTS / f"cpu_{costmodel.nearest()}.json")
    arguments = parser.parse_args()
    samples: Samples = {leg: {} for leg in ALGORITHMS}
    todo = problems(arguments.random, arguments.layers, arguments.depthwise, arguments.seed)
    for number, problem in enumerate(todo, 1):
        sys.stderr.write(f"\r{number}/{len(todo)} problems")
        for algorithm in ALGORITHMS[problem.leg]:
            if not fnmatch.fnmatch(algorithm.name, arguments.only) or algorithm.seconds is not None:
                continue
            if algorithm.reject(problem, "cpu"):
                continue
            row = calibration.row(problem, algorithm.name, measure(algorithm, problem))
            samples[problem.leg].setdefault(algorithm.name, []).append(row)
    if arguments.merge:
        samples = pooled(samples, json.loads(arguments.merge.read_text()))
    if arguments.samples:
        arguments.samples.write_text(json.dumps(samples))
    table: costmodel.Table = {leg: {} for leg in ALGORITHMS}
    for leg, by_name in samples.items():
        for name, rows in by_name.items():
            table[leg][name] = calibration.fit(rows)
            print(f"{leg:<16} {name:<12} {len(rows):>4} samples")
    arguments.output.write_text(calibration.document(table, "python -m benchmarks.calibrate"))


if __name__ == "__main__":
    main()
