"""Timing with a fake clock."""

import gc
from collections.abc import Callable

import pytest

from benchmarks.timing import Stopwatch, alternate, median_ratio, no_collection


class World:
    """A clock that advances only by the functions, and a log of their calls."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log = ""

    def function(self, name: str, *seconds: float) -> Callable[[], None]:
        """A function that takes these times in turn, and then always the last."""
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


def test_settling_is_not_timed() -> None:
    world = World()
    assert world.stopwatch(1, settle=2).measure(world.function("a", 9, 9, 1), 1) == 1
    assert world.log == "aaa"


def test_alternation() -> None:
    world = World()
    a, b = world.function("a", 1), world.function("b", 2)
    assert alternate((a, b), 3, world.stopwatch(0.5)) == [[1, 1, 1], [2, 2, 2]]
    assert world.log == "aa" + "bb" + "ab" * 3


def test_a_slow_moment_does_not_change_the_ratio() -> None:
    world = World()
    a, b = world.function("a", 1, 1, 1, 50, 1), world.function("b", 2, 2, 2, 100, 2)
    base, other = alternate((a, b), 3, world.stopwatch(0.5))
    assert max(base) == 50
    assert median_ratio(base, other) == 2


def test_no_rounds() -> None:
    with pytest.raises(ValueError, match="rounds must be at least 1; got rounds=0"):
        alternate((), 0)


def test_no_collection() -> None:
    assert gc.isenabled()
    with no_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
