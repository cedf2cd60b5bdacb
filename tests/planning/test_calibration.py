"""Costs are what was measured: fitted to many times, and corrected by a few."""

import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.planning import calibration, costmodel, draws, planner, tuning_cache
from jaxdeconv.planning.calibration import Row, Timing

NATIVE = next(one for one in ALGORITHMS["conv"] if one.name == "native")
SHIPPED = costmodel.shipped("amd")


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    """Costs are read once, and here each test has its own."""
    yield
    tuning_cache.forget()


def problems(count: int, seed: int) -> list[Problem]:
    """Random convolutions."""
    drawn = islice(draws.geometries(seed), count)
    return [dataclasses.replace(one, leg="conv") for one in drawn]


def samples(seconds: Callable) -> list[Row]:
    """The measurements of a run in which a problem takes `seconds` of its work."""
    return [calibration.row(one, "native", seconds(NATIVE.work(one))) for one in problems(40, 3)]


def timings(count: int, seed: int, **factors: float) -> list[Timing]:
    """What is measured where algorithms take `factors` times what the shipped costs say."""
    return [
        (one, {name: factors.get(name, 1.0) * took for name, took in predicted(one).items()})
        for one in problems(count, seed)
    ]


def predicted(problem: Problem, table: costmodel.Table = SHIPPED) -> dict[str, float]:
    possible = (one for one in ALGORITHMS["conv"] if not one.reject(problem, "cpu"))
    return calibration.predicted(table, problem, [one.name for one in possible])


def corrected(measured: list[Timing]) -> costmodel.Table:
    return calibration.corrected(SHIPPED, calibration.rows_of(measured))


def test_a_law_of_the_work_is_found() -> None:
    def seconds(work) -> float:
        return 1e-5 + 1e-11 * work.features[0] + 1e-10 * work.features[3]

    cost = calibration.fit(samples(seconds))
    for problem in problems(10, 4):  # none of them was fitted
        work = NATIVE.work(problem)
        assert cost.seconds(problem, work) == pytest.approx(seconds(work), rel=0.02)


def test_deviations_from_a_law_are_learnt_from_the_samples() -> None:
    def law(work) -> float:
        return 1e-5 + 1e-11 * work.features[0]

    def seconds(work) -> float:
        return law(work) * (2 if work.n > 16 else 1)

    cost, works = calibration.fit(samples(seconds)), [NATIVE.work(one) for one in problems(40, 3)]
    times = np.array([seconds(work) for work in works])
    fitted = [cost.seconds(one, work) for one, work in zip(problems(40, 3), works, strict=True)]
    error = np.abs(np.log(fitted / times))
    assert error.mean() < 0.5 * np.abs(np.log(1.4 * np.array([*map(law, works)]) / times)).mean()


@pytest.mark.every_variant
@pytest.mark.parametrize("rows", [3, 7, 50])
def test_non_negative_least_squares(rows: int) -> None:
    """The gradient vanishes where x > 0, and points out of x >= 0 elsewhere."""
    for seed in range(20):
        rng = np.random.default_rng([rows, seed])
        matrix, target = rng.standard_normal((rows, 5)), rng.standard_normal(rows)
        matrix[:, 4] *= seed % 2  # a column of zeros half of the time
        x = calibration.nonnegative(matrix, target)
        gradient = matrix.T @ (matrix @ x - target)
        assert x.min() >= 0
        assert gradient.min() > -1e-9
        assert np.abs(gradient[x > 0]).max(initial=0) < 1e-9


def test_one_slower_algorithm_is_found_out() -> None:
    """Measured on some problems, right on others: its own predictions and nobody else's."""
    table = corrected(timings(20, 5, im2col=3.0))
    for problem in problems(20, 6):
        for name, took in predicted(problem, table).items():
            wanted = (3.0 if name == "im2col" else 1.0) * predicted(problem)[name]
            assert took == pytest.approx(wanted, rel=0.25 if name == "im2col" else 0.02)


def test_the_plan_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [one for one in problems(60, 6) if plan_of(one) == "im2col"]
    document = calibration.document(corrected(timings(30, 5, im2col=30.0)), "test")
    (tmp_path / "costs.json").write_text(document)
    monkeypatch.setenv("JAXDECONV_COSTS", str(tmp_path / "costs.json"))
    tuning_cache.forget()
    now = {plan_of(one) for one in chosen}
    assert len(chosen) > 3
    assert now
    assert "im2col" not in now


def plan_of(problem: Problem) -> str:
    return planner.choose(problem, "cpu").algorithm


def test_a_faster_machine_is_faster_throughout() -> None:
    """Also where nothing was measured: another leg, an algorithm that was left out."""
    halved = {one.name: 0.5 for one in ALGORITHMS["conv"]}
    measured = [
        (problem, {name: took for name, took in seconds.items() if name != "depthwise"})
        for problem, seconds in timings(20, 5, **halved)
    ]
    table = corrected(measured)
    for leg, name in (("conv", "depthwise"), ("kernel_gradient", "native")):
        change = table[leg][name].offset - SHIPPED[leg][name].offset
        assert change == pytest.approx(math.log(0.5))


def test_one_odd_time_says_little() -> None:
    """Ten times too slow, of one problem: less is believed of those like it, little of others."""
    measured = timings(20, 5)
    measured[0][1]["native"] *= 10
    table, changes = corrected(measured), []
    for problem in problems(20, 6):
        before, after = predicted(problem), predicted(problem, table)
        assert all(after[name] == pytest.approx(before[name]) for name in {*after} - {"native"})
        if "native" in after:
            changes.append(after["native"] / before["native"])
    assert max(changes) < 5
    assert np.median(changes) < 1.5


@pytest.mark.every_variant
@pytest.mark.parametrize("enough", [True, False])
def test_an_algorithm_without_costs(enough: bool) -> None:
    """Gets some if it was measured often enough: fitted, or those of another CPU to its speed."""
    count = calibration.ENOUGH - (not enough)
    table = {leg: dict(by_name) for leg, by_name in SHIPPED.items()}
    measured = timings(count, 5, im2col=3.0)
    del table["conv"]["im2col"]
    rows = calibration.rows_of(measured)
    fitted, taken = calibration.extended(table, rows), calibration.extended(table, rows, [SHIPPED])
    assert ("im2col" in fitted["conv"]) is ("im2col" in taken["conv"]) is enough
    if enough:
        for problem, seconds in measured:
            assert 0.5 < predicted(problem, fitted)["im2col"] / seconds["im2col"] < 2
        for problem in problems(20, 6):
            wanted = 3 * predicted(problem)["im2col"]
            assert predicted(problem, taken)["im2col"] == pytest.approx(wanted)


@pytest.mark.every_variant
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_without_costs_on_a_faster_machine(strength: float) -> None:
    """The speed of the machine is not counted twice."""
    halved = timings(20, 5, **{one.name: 0.5 for one in ALGORITHMS["conv"]})
    table = {leg: dict(by_name) for leg, by_name in SHIPPED.items()}
    del table["conv"]["im2col"]
    rows = calibration.rows_of(halved)
    after = calibration.extended(
        calibration.corrected(table, rows, strength), rows, [SHIPPED], strength
    )
    for problem in problems(10, 6):
        wanted = {name: took / 2 for name, took in predicted(problem).items()}
        assert predicted(problem, after) == pytest.approx(wanted)


def noisy(measured: list[Timing], deviation: float) -> list[Timing]:
    """As on a machine on which much else runs."""
    rng = np.random.default_rng(8)
    return [
        (one, {name: took * rng.lognormal(0, deviation) for name, took in seconds.items()})
        for one, seconds in measured
    ]


def test_noise_is_not_believed() -> None:
    """The shipped costs are right here: nothing is left of a correction but a common factor."""
    found = calibration.calibrated(SHIPPED, noisy(timings(40, 5), 0.5)).table
    for problem in problems(20, 6):
        before, after = predicted(problem), predicted(problem, found)
        ratios = [after[name] / before[name] for name in before]
        assert ratios == pytest.approx([ratios[0]] * len(ratios))


def test_what_helps_is_believed() -> None:
    """A wrong cost, or a missing one, in spite of noise: plans for other problems are better."""
    others = timings(60, 6, im2col=5.0)
    table = {leg: dict(by_name) for leg, by_name in SHIPPED.items()}
    del table["conv"]["native"]
    measured = noisy(timings(40, 5, im2col=5.0), 0.1)
    found = calibration.calibrated(table, measured, others=[SHIPPED])

    def loss(table: costmodel.Table) -> float:
        return calibration.losses([predicted(one, table) for one, _ in others], others).mean()

    assert "native" in found.table["conv"]
    assert loss(found.table) < loss(table) / 3
    assert found.before == [predicted(one, table) for one, _ in measured]
    gain = calibration.losses(found.before, measured) - calibration.losses(found.after, measured)
    assert gain.mean() > 0.1


def test_what_is_left_out_is_not_seen() -> None:
    measured = timings(12, 5, im2col=3.0)
    before = calibration.left_out(costs_of, measured)
    measured[4] = (measured[4][0], dict.fromkeys(measured[4][1], 9.0))
    after = calibration.left_out(costs_of, measured)
    assert before[4] == after[4]
    assert before[4] != predicted(measured[4][0])
    assert before[5] != after[5]


def costs_of(rows: calibration.Rows) -> costmodel.Table:
    return calibration.corrected(SHIPPED, rows)


def test_a_document_holds_the_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = corrected(timings(9, 5, im2col=3.0))
    text = calibration.document(table, "test")
    assert json.loads(text)["command"] == "test"
    (tmp_path / "costs.json").write_text(text)
    monkeypatch.setenv("JAXDECONV_COSTS", str(tmp_path / "costs.json"))
    tuning_cache.forget()
    read = costmodel.table()
    for problem in problems(5, 6):
        assert predicted(problem, read) == pytest.approx(predicted(problem, table), rel=0.01)


def test_draws_are_reproducible() -> None:
    for draw in (draws.geometries, draws.layers, draws.depthwise):
        assert [*islice(draw(7), 3)] == [*islice(draw(7), 3)]
        assert [*islice(draw(7), 3)] != [*islice(draw(8), 3)]
    assert all(one.geometry.groups > 8 for one in islice(draws.depthwise(7), 3))
