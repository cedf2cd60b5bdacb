"""The measured table is complete, and its predictions are what its formula says."""

import math

import numpy as np
import pytest

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import ALGORITHMS, Problem, Work
from jaxdeconv.planning import costmodel

FLOAT32 = np.dtype(np.float32)
PROBLEM = Problem("conv", ConvGeometry((9, 8), 3, 2, 1), 2, 4, 6, FLOAT32, FLOAT32)
WORK = Work(m=40, k=36, n=6, moved=100, calls=2)


@pytest.mark.parametrize(
    ("leg", "name"),
    [
        (leg, one.name)
        for leg, many in ALGORITHMS.items()
        for one in many
        if one.name not in ("block_diagonal", "fft")  # for TPUs; predicted by a rule
    ],
)
def test_every_algorithm_was_measured(leg: str, name: str) -> None:
    cost = costmodel.table()[leg][name]
    assert len(cost.linear) == len(WORK.features) + 1
    assert all(c >= 0 for c in cost.linear)
    assert max(cost.linear) > 0
    assert cost.points.shape == (len(cost.weights), len(costmodel.coordinates(PROBLEM, WORK)))


def test_far_from_everything_the_work_decides() -> None:
    far = np.full((1, 13), 1e3)
    cost = costmodel.Cost((1e-9, 0, 0, 0, 1e-6, 0, 1e-3), 0.0, far, np.array([5.0]))
    assert cost.seconds(PROBLEM, WORK) == pytest.approx(1e-9 * 40 * 36 * 6 + 1e-4 + 1e-3)


def test_on_a_measured_problem_the_measurement_decides() -> None:
    here = np.array([costmodel.coordinates(PROBLEM, WORK)])
    cost = costmodel.Cost((0, 0, 0, 0, 0, 0, 1e-3), 0.1, here, np.array([math.log(3.0)]))
    assert cost.seconds(PROBLEM, WORK) == pytest.approx(3e-3 * math.exp(0.1))


def test_a_factor_of_e_is_a_step_of_one_scale() -> None:
    one = costmodel.coordinates(PROBLEM, WORK)
    more = costmodel.coordinates(PROBLEM, Work(m=40 * math.e, k=36, n=6, moved=100, calls=2))
    steps = np.subtract(more, one)
    assert np.count_nonzero(steps) == 1
    near = costmodel.similarity(np.array([one]), np.asarray(more))
    assert near == pytest.approx(math.exp(-(steps.max() ** 2) / 2))
