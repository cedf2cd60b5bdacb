"""Remeasure the cost model of the planner on this CPU: `python -m benchmarks.calibrate`.

Times every algorithm of every leg on the benchmark cases, on seeded random problems, on layers like
those of networks and on depthwise ones, and fits `jaxdeconv.planning.costmodel` to the times.
Writes jaxdeconv/planning/costs/cpu.json. Takes about half an hour; the machine should be idle.
"""

import argparse
import itertools
import json
import platform
import sys
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
from scipy.optimize import nnls

import jaxdeconv
from benchmarks.cases import CASES
from benchmarks.draws import layer_cases, random_cases
from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.steps import FEW_GROUPS
from jaxdeconv.planning import costmodel
from jaxdeconv.planning.measuring import measure

Sample: TypeAlias = tuple[tuple[float, ...], tuple[float, ...], float]
"""Features of the work, coordinates of the problem, measured seconds."""

Samples: TypeAlias = dict[str, dict[str, list[Sample]]]
"""By leg and algorithm, in the order of the problems."""

COSTS = Path(jaxdeconv.__file__).parent / "planning" / "costs" / "cpu.json"


def problems(random: int, layers: int, depthwise: int, seed: int) -> list[Problem]:
    """One problem per case and leg."""
    others = (c for c in random_cases(20 * depthwise, seed + 1) if c.geometry.groups > FEW_GROUPS)
    cases = [
        *CASES,
        *random_cases(random, seed),
        *layer_cases(layers, seed),
        *itertools.islice(others, depthwise),
    ]
    return [case.problem(leg) for case in cases for leg in ALGORITHMS]


def fit(rows: list[Sample]) -> dict[str, Any]:
    """The cost of one algorithm (`jaxdeconv.planning.costmodel.Cost`) from its samples.

    Non-negative least squares on relative errors gives the coefficients. A Gaussian process (prior
    standard deviation 0.55, noise 0.14) then models the logarithms of the residuals.
    """
    features = np.array([(*row, 1.0) for row, _, _ in rows])
    points = np.array([point for _, point, _ in rows])
    times = np.array([time for _, _, time in rows])
    relative = features / times[:, None]
    scale = np.where(relative.max(0) > 0, relative.max(0), 1.0)
    linear = nnls(relative / scale, np.ones(len(rows)))[0] / scale
    residuals = np.log(times / np.maximum(features @ linear, 1e-7))
    offset = residuals.mean()
    covariance = 0.3 * np.array([costmodel.similarity(points, point) for point in points])
    weights = np.linalg.solve(covariance + 0.02 * np.eye(len(rows)), residuals - offset)
    return {
        "linear": [float(f"{c:.4g}") for c in linear],
        "offset": round(float(offset), 4),
        "points": np.rint(costmodel.RESOLUTION * points).astype(int).ravel().tolist(),
        "weights": np.round(0.3 * weights, 4).tolist(),
    }


def pooled(samples: Samples, earlier: Samples) -> Samples:
    """Two runs as one; if both measured a problem, the smaller time, as noise only adds."""

    def both(leg: str, name: str) -> list[Sample]:
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
    parser.add_argument("--samples", type=Path, help="also write the samples to this file")
    parser.add_argument(
        "--merge",
        type=Path,
        help="samples of an earlier run of the same code, on any problems",
    )
    parser.add_argument("--output", type=Path, default=COSTS)
    arguments = parser.parse_args()
    samples: Samples = {leg: {} for leg in ALGORITHMS}
    todo = problems(arguments.random, arguments.layers, arguments.depthwise, arguments.seed)
    for number, problem in enumerate(todo, 1):
        sys.stderr.write(f"\r{number}/{len(todo)} problems")
        for algorithm in ALGORITHMS[problem.leg]:
            if algorithm.reject(problem, "cpu"):
                continue
            work = algorithm.work(problem)
            point = costmodel.coordinates(problem, work)
            row = (work.features, point, measure(algorithm, problem))
            samples[problem.leg].setdefault(algorithm.name, []).append(row)
    if arguments.merge:
        samples = pooled(samples, json.loads(arguments.merge.read_text()))
    if arguments.samples:
        arguments.samples.write_text(json.dumps(samples))
    fitted: dict[str, dict[str, Any]] = {leg: {} for leg in ALGORITHMS}
    for leg, by_name in samples.items():
        for name, rows in by_name.items():
            fitted[leg][name] = fit(rows)
            print(f"{leg:<16} {name:<12} {len(rows):>4} samples")
    record = {
        "command": "python -m benchmarks.calibrate",
        "machine": f"{platform.machine()}, {jax.local_device_count()} CPU device",
        "jax": jax.__version__,
        "model": "jaxdeconv.planning.costmodel",
        "costs": fitted,
    }
    arguments.output.write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
