"""Compare how long two functions take, on a machine that is not idle.

They are timed in alternation, A B A B ..., so that a slow moment of the machine affects both; the
ratio of a round is B's time over A's, and the result is the median over the rounds. A sample
repeats a function for long enough to be measured, after some untimed calls that fill the caches
with its data, and let the other function's spinning threads go to sleep.
"""

import contextlib
import dataclasses
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

__all__ = ["Stopwatch", "alternate", "gemm_peak", "geometric_mean", "median_ratio", "no_collection"]

Function: TypeAlias = Callable[[], Any]
Samples: TypeAlias = list[float]
"""Seconds per call, one entry per round."""


@dataclasses.dataclass(frozen=True)
class Stopwatch:
    """How a sample is taken.

    Attributes:
        sample: minimum length of a sample in seconds.
        settle: seconds of untimed calls before a sample; none if one call is ten times as long.
        clock: reads the time in seconds.
    """

    sample: float = 3e-3
    settle: float = 2e-3
    clock: Callable[[], float] = time.perf_counter

    def once(self, function: Function) -> float:
        """Seconds of one call."""
        start = self.clock()
        function()
        return self.clock() - start

    def estimate(self, function: Function) -> float:
        """Seconds of a warm call: the first one is ignored."""
        self.once(function)
        least = self.once(function)
        spent = least
        while spent < self.sample:
            latest = self.once(function)
            least, spent = min(least, latest), spent + max(latest, self.sample / 100)
        return least

    def measure(self, function: Function, estimate: float) -> float:
        """Seconds per call over one sample."""
        if estimate < 10 * self.settle:
            for _ in range(self._repeats(self.settle, estimate)):
                function()
        repeats = self._repeats(self.sample, estimate)
        start = self.clock()
        for _ in range(repeats):
            function()
        return (self.clock() - start) / repeats

    def _repeats(self, wanted: float, estimate: float) -> int:
        return max(1, math.ceil(wanted / max(estimate, 1e-7)))


def alternate(
    functions: Sequence[Function], rounds: int, stopwatch: Stopwatch | None = None
) -> list[Samples]:
    """Time functions in turn, round after round: A B C A B C ...

    Args:
        functions: each returns when its result is ready.
        rounds: how often each is timed, at least once.
        stopwatch: how a sample is taken.

    Returns:
        For each function its samples, one per round.
    """
    if rounds < 1:
        raise ValueError(f"alternate: rounds must be at least 1; got rounds={rounds}. Pass 7.")
    stopwatch = stopwatch or Stopwatch()
    with no_collection():
        estimates = [stopwatch.estimate(function) for function in functions]
        samples: list[Samples] = [[] for _ in functions]
        for _ in range(rounds):
            for function, estimate, taken in zip(functions, estimates, samples, strict=True):
                taken.append(stopwatch.measure(function, estimate))
    return samples


def median_ratio(base: Samples, other: Samples) -> float:
    """Median over the rounds of other / base."""
    return statistics.median(b / a for a, b in zip(base, other, strict=True))


def geometric_mean(ratios: Iterable[float]) -> float:
    """The geometric mean; nan if there are none."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(statistics.fmean(logarithms)) if logarithms else math.nan


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Suspend Python's garbage collector."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def gemm_peak(size: int = 1024, calls: int = 60, stopwatch: Stopwatch | None = None) -> float:
    """Floating-point operations per second of a square float32 matrix product in JAX.

    Args:
        size: rows and columns.
        calls: how many; the fastest counts.
        stopwatch: how a call is timed.
    """
    stopwatch = stopwatch or Stopwatch()
    a = jnp.ones((size, size), jnp.float32)
    product = jax.jit(jnp.matmul)
    with no_collection():
        fastest = min(
            stopwatch.once(lambda: product(a, a).block_until_ready()) for _ in range(calls + 1)
        )
    return 2 * size**3 / fastest
