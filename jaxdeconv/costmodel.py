"""Predicted seconds of an algorithm on a CPU: its work, corrected by measured problems nearby.

    log seconds = log(c . (features, 1)) + offset + sum over i of a_i exp(-|z - z_i|^2 / (2 R^2))

The first term is linear in `Work.features` (multiplications, operands, temporaries, launches) with
measured c >= 0. What it does not know (when XLA's convolution falls into its slow loop, how well a
narrow product fills the vector units, the caches) is interpolated from the calibration problems
z_i, in the logarithms of the sizes that matter: Gaussian-process regression of the residuals. Far
from everything measured the correction fades to the offset. `benchmarks/calibrate.py` measures and
fits; `costs/cpu.json` holds the result.
Reference: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
"""

import dataclasses
import functools
import importlib.resources
import json
import math

import numpy as np

from jaxdeconv.algorithms import Problem, Work

__all__ = ["RADIUS", "Cost", "coordinates", "similarity", "table"]

RADIUS = 6.0
"""R, in units of the coordinates: problems a factor e apart in one size are 1 apart."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What was measured of one algorithm of one leg.

    Attributes:
        linear: c, seconds per feature, and the constant.
        offset: mean of the residuals' logarithms.
        points: z_i, `[problems, coordinates]`.
        weights: a_i, `[problems]`.
    """

    linear: tuple[float, ...]
    offset: float
    points: np.ndarray
    weights: np.ndarray

    def seconds(self, problem: Problem, work: Work) -> float:
        """The predicted time of one call."""
        base = sum(c * f for c, f in zip(self.linear, (*work.features, 1.0), strict=True))
        near = similarity(self.points, np.asarray(coordinates(problem, work)))
        correction = self.offset + float(near @ self.weights)
        width = problem.accumulator.itemsize / 4  # measured in float32
        return float(width * max(base, 1e-7) * math.exp(correction))


def coordinates(problem: Problem, work: Work) -> tuple[float, ...]:
    """z: where a problem lies among the measured ones."""
    geometry = problem.geometry
    sizes = (
        *(work.m, work.k, work.n, work.times, work.moved, work.calls),
        *(problem.images, problem.positions, problem.taps, math.prod(geometry.stride)),
        *(problem.ins_per_group, problem.outs_per_group),
        geometry.kernel_size[-1] if geometry.ndim else 1,
    )
    kinds = (2.0 * geometry.ndim, 2.0 * (max(geometry.dilation, default=1) > 1))
    return (*(math.log(max(size, 1.0)) for size in sizes), *kinds)


def similarity(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    """exp(-|z - z_i|^2 / (2 R^2)) for every z_i."""
    weights: np.ndarray = np.exp(-np.square(points - point).sum(-1) / (2 * RADIUS**2))
    return weights


@functools.cache
def table() -> dict[str, dict[str, Cost]]:
    """All that was measured, by leg and algorithm."""
    file = importlib.resources.files("jaxdeconv") / "costs" / "cpu.json"
    return {
        leg: {
            name: Cost(
                tuple(cost["linear"]),
                cost["offset"],
                np.asarray(cost["points"]),
                np.asarray(cost["weights"]),
            )
            for name, cost in by_name.items()
        }
        for leg, by_name in json.loads(file.read_text())["costs"].items()
    }
