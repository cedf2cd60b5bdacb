"""Predicted seconds of an algorithm on a CPU: its work, corrected by measured problems nearby.

    log seconds = log(c . (features, 1)) + offset + sum over i of a_i exp(-|z - z_i|^2 / 2)

The first term is linear in `Work.features` (multiplications, operands, temporaries, launches) with
measured c >= 0. What it does not know (when XLA's convolution falls into its slow loop, how well a
narrow product fills the vector units, the caches) is interpolated from the calibration problems
z_i, in the logarithms of the sizes that matter, each to its own scale: Gaussian-process regression
of the residuals. Far from everything measured the correction fades to the offset. The scales are
those with which problems left out of the fit are predicted best. `benchmarks/calibrate.py` measures
and fits; `costs/cpu.json` holds the result.
Reference: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
"""

import dataclasses
import functools
import importlib.resources
import json
import math

import numpy as np

from jaxdeconv.algorithms import Problem, Work

__all__ = ["RESOLUTION", "Cost", "coordinates", "similarity", "table"]

RESOLUTION = 1000
"""The file holds the z_i one after the other, in units of 1/RESOLUTION: whole numbers read fast."""


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
    """z: where a problem lies among the measured ones, every logarithm to its scale."""
    geometry = problem.geometry
    sizes = (
        *((0.12, work.m), (0.12, work.k), (0.12, work.n), (0.33, work.times)),
        *((0.06, work.moved), (0.23, work.calls), (0.08, problem.batch_size)),
        *((0.16, problem.kernel_taps), (0.08, math.prod(geometry.stride))),
        *((0.32, problem.in_per_group), (0.23, problem.out_per_group)),
    )
    dilated = max(geometry.dilation, default=1) > 1
    logarithms = (scale * math.log(max(size, 1.0)) for scale, size in sizes)
    return (*logarithms, 1.3 * geometry.ndim, 0.08 * dilated)


def similarity(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    """exp(-|z - z_i|^2 / 2) for every z_i."""
    weights: np.ndarray = np.exp(-np.square(points - point).sum(-1) / 2)
    return weights


@functools.cache
def table() -> dict[str, dict[str, Cost]]:
    """All that was measured, by leg and algorithm."""
    file = importlib.resources.files("jaxdeconv.planning") / "costs" / "cpu.json"
    return {
        leg: {
            name: Cost(
                tuple(cost["linear"]),
                cost["offset"],
                np.reshape(cost["points"], (len(cost["weights"]), -1)) / RESOLUTION,
                np.asarray(cost["weights"]),
            )
            for name, cost in by_name.items()
        }
        for leg, by_name in json.loads(file.read_text())["costs"].items()
    }
