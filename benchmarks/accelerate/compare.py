"""One training step, stock against accelerated: check that the values are the same, then time."""

import dataclasses
import itertools
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.accelerate.networks import Network
from benchmarks.accelerate.training import Training
from benchmarks.timing import Stopwatch, alternate, median_ratio
from jaxdeconv.acceleration import accelerate

__all__ = ["BOUND", "Comparison", "compare", "difference"]

BOUND = 2e-4
"""Relative to the largest entry of an array: rounding, through a dozen layers and back."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result for one network in one framework.

    Attributes:
        network: its name.
        framework: its name.
        group: of the network.
        error: largest difference of two entries, relative to the largest entry of the array.
        seconds: median of the 'stock' and the 'accelerated' step; empty if the values differ.
        ratio: median over the rounds of stock / accelerated; nan if the values differ.
    """

    network: str
    framework: str
    group: str
    error: float
    seconds: dict[str, float]
    ratio: float

    @property
    def wrong(self) -> bool:
        """Whether the values differ by more than rounding; such a step is not timed."""
        return not self.error <= BOUND


def compare(
    network: Network,
    framework: str,
    training: Training,
    rounds: int,
    transform: Callable[[Any], Any] = accelerate,
    stopwatch: Stopwatch | None = None,
) -> Comparison:
    """Run one step in stock JAX and accelerated, compare all numbers, then time both.

    Args:
        network: what is trained.
        framework: name of the framework.
        training: the step.
        rounds: of the two in turn.
        transform: applied to the step before it is compiled.
        stopwatch: how a sample is taken.
    """
    stock = training.compile(training.step)
    fast = training.compile(transform(training.step))
    arguments = training.arguments
    expected, got = (_numbers(training, step, arguments()) for step in (stock, fast))
    error = _largest(got, expected)
    if BOUND < error < np.inf:  # a gradient may nearly cancel, and the error be stock JAX's
        error = _largest([number.astype(np.float64) for number in got], _exact(training))
    if not error <= BOUND:
        return Comparison(network.name, framework, network.group, error, {}, float("nan"))
    calls = [_call(training, step) for step in (fast, stock)]
    ours, theirs = alternate(calls, rounds, stopwatch)
    seconds = {"stock": statistics.median(theirs), "accelerated": statistics.median(ours)}
    ratio = median_ratio(ours, theirs)
    return Comparison(network.name, framework, network.group, error, seconds, ratio)


def _largest(got: list[Any], expected: list[Any]) -> float:
    return max(itertools.starmap(difference, zip(got, expected, strict=True)))


def difference(got: Any, expected: Any) -> float:
    """Largest difference of two arrays, relative to the largest entry; infinite if types differ.

    Args:
        got: any array.
        expected: what it should be.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or got.dtype != expected.dtype or not np.isfinite(got).all():
        return float("inf")
    largest = float(np.abs(expected).max(initial=0.0)) or 1.0
    return float(np.abs(got - expected).max(initial=0.0)) / largest


def _numbers(training: Training, step: Callable[..., Any], arguments: Any) -> list[Any]:
    """All arrays after the first step, including the optimiser's state (the gradients)."""
    numbers = training.numbers(arguments, step(*arguments))
    return [np.asarray(x) for x in jax.tree.leaves(numbers) if isinstance(x, jax.Array)]


def _exact(training: Training) -> list[Any]:
    """The same for the stock step in float64."""
    arguments = training.arguments()  # in single precision: in double, other numbers are drawn
    with jax.enable_x64(True):
        wide = jax.tree.map(_widened, arguments)
        numbers = _numbers(training, training.compile(training.step), wide)
    return [number.astype(np.float64) for number in numbers]


def _widened(x: Any) -> Any:
    """Single precision converted to double, everything else as it is."""
    return jnp.asarray(x, np.float64) if getattr(x, "dtype", None) == np.float32 else x


def _call(training: Training, step: Callable[..., Any]) -> Callable[[], Any]:
    arguments = training.arguments()
    return lambda: jax.block_until_ready(step(*arguments))
