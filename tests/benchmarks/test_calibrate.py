"""The fitted cost model predicts what was measured."""

import json

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks import calibrate
from benchmarks.draws import random_cases
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.planning import costmodel
from jaxdeconv.planning.costmodel import Cost

ONEDNN = ALGORITHMS["conv"][0]


def samples(seconds) -> list[calibrate.Sample]:
    """The samples of a run in which a problem takes `seconds` of its work."""
    rows = []
    for case in random_cases(40, 3):
        work = ONEDNN.work(case.problem("conv"))
        point = costmodel.coordinates(case.problem("conv"), work)
        rows.append((work.features, point, seconds(work)))
    return rows


def fitted(rows: list[calibrate.Sample]) -> Cost:
    """The cost, as the package reads it from the file."""
    record = json.loads(json.dumps(calibrate.fit(rows)))
    points = np.reshape(record["points"], (len(rows), -1)) / costmodel.RESOLUTION
    return Cost(tuple(record["linear"]), record["offset"], points, np.array(record["weights"]))


def test_a_law_of_the_work_is_found() -> None:
    def seconds(work) -> float:
        return 1e-5 + 1e-11 * work.features[0] + 1e-10 * work.features[3]

    cost = fitted(samples(seconds))
    for case in random_cases(10, 4):  # none of them was fitted
        problem = case.problem("conv")
        work = ONEDNN.work(problem)
        assert cost.seconds(problem, work) == pytest.approx(seconds(work), rel=0.02)


def test_deviations_from_a_law_are_learnt_from_the_samples() -> None:
    def seconds(work) -> float:
        return (1e-5 + 1e-11 * work.features[0]) * (2 if work.n > 16 else 1)

    rows = samples(seconds)
    cost, law = fitted(rows), np.array([row[0][0] * 1e-11 + 1e-5 for row in rows])
    times = np.array([time for *_, time in rows])
    predicted = [
        cost.seconds(case.problem("conv"), ONEDNN.work(case.problem("conv")))
        for case in random_cases(40, 3)
    ]
    error = np.abs(np.log(predicted / times))
    assert error.mean() < 0.5 * np.abs(np.log(1.4 * law / times)).mean()


def test_the_problems_are_of_all_kinds() -> None:
    drawn = calibrate.problems(6, 6, 6, 1)
    assert len(drawn) == 3 * (len(calibrate.CASES) + 18)
    assert all(problem.geometry.groups > 8 for problem in drawn[-18:])
