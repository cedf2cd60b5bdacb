"""Timing on a clock that the tests hold."""

import gc
import math
from collections.abc import Callable

import pytest

from benchmarks.timing import (
    Stopwatch,
    alternate,
    gemm_peak,
    geometric_mean,
    median_ratio,
    no_collection,
)


class World:
    """A clock that only the functions move, and a log of their calls."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log = ""

    def function(self, name: str, *seconds: float) -> Callable[[], None]:
        """Takes the given times in turn, then the last for ever."""
        left = list(seconds)

        def run() -> None:
            self.now += left.pop(0) if len(left) > 1 else left[0]
            self.log += name

        return run

    def stopwatch(self, sample: float, settle: float = 0.0) -> Stopwatch:
        return Stopwatch(sample, settle, lambda: self.now)


def test_estimate_ignores_the_first_call() -> None:
    world = World()
    assert world.stopwatch(3).estimate(world.function("a", 100, 2, 1, 2)) == 1
    assert world.log == "aaa"


def test_estimate_of_something_immeasurably_short_ends() -> None:
    world = World()
    assert world.stopwatch(1).estimate(world.function("a", 0)) == 0
    assert len(world.log) == 102


def test_a_sample_lasts_long_enough() -> None:
    world = World()
    assert world.stopwatch(3).measure(world.function("a", 0.5), 0.5) == 0.5
    assert world.log == "a" * 6


def test_settling_is_not_timed() -> None:
    world = World()
    assert world.stopwatch(1, settle=2).measure(world.function("a", 9, 9, 1), 1) == 1
    assert world.log == "aaa"


def test_a_slow_function_need_not_settle() -> None:
    world = World()
    assert world.stopwatch(1, settle=2).measure(world.function("a", 20), 20) == 20
    assert world.log == "a"


def test_alternation() -> None:
    world = World()
    a, b = world.function("a", 1), world.function("b", 2)
    assert alternate((a, b), 3, world.stopwatch(0.5)) == [[1, 1, 1], [2, 2, 2]]
    assert world.log == "aa" + "bb" + "ab" * 3


def test_a_slow_moment_leaves_the_ratio_alone() -> None:
    world = World()
    a, b = world.function("a", 1, 1, 1, 50, 1), world.function("b", 2, 2, 2, 100, 2)
    base, other = alternate((a, b), 3, world.stopwatch(0.5))
    assert max(base) == 50
    assert median_ratio(base, other) == 2


def test_no_rounds() -> None:
    with pytest.raises(ValueError, match="rounds must be at least 1; got rounds=0"):
        alternate((), 0)


def test_median_ratio() -> None:
    assert median_ratio([1, 2, 1], [3, 8, 100]) == 4


@pytest.mark.parametrize(("ratios", "mean"), [([2, 0.5], 1), ([4, 1], 2), ([3], 3)])
def test_geometric_mean(ratios: list[float], mean: float) -> None:
    assert geometric_mean(ratios) == pytest.approx(mean)


def test_geometric_mean_of_nothing() -> None:
    assert math.isnan(geometric_mean([]))


def test_no_collection() -> None:
    assert gc.isenabled()
    with no_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_gemm_peak() -> None:
    times = iter(range(1000))
    assert gemm_peak(10, 5, Stopwatch(clock=lambda: float(next(times)))) == 2000
