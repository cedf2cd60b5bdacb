"""What the tests of compat share: data, the frameworks' own rules, and the comparison itself."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest

from tests.support.checks import check_equal

Draw = np.random.Generator

FAST = 6
"""Random calls per function in the fast lane."""


def integers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> np.ndarray:
    """Random numbers from -4 to 4, small enough for every sum of their products to be exact."""
    return np.random.default_rng([2026, seed, *shape]).integers(-4, 5, shape).astype(dtype)


def seeds(count: int) -> list[Any]:
    """`count` seeds, the first few of them in the fast lane."""
    return [
        pytest.param(seed, marks=pytest.mark.slow) if seed >= FAST else seed
        for seed in range(count)
    ]


@contextlib.contextmanager
def their_rules() -> Iterator[None]:
    """JAX's default rules for dtypes and ranks, on which the frameworks' layers rely."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def check_same(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """The same values, entry by entry."""
    got = jax.jit(ours)(*arrays)
    with their_rules():
        check_equal(got, jax.jit(theirs)(*arrays))


def check_same_gradients(
    ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray
) -> None:
    """The same values, and the same gradients in every argument, entry by entry."""
    with their_rules():
        shape = jax.eval_shape(theirs, *arrays)
        cotangent = integers(*shape.shape, seed=len(arrays), dtype=shape.dtype)
        expected = jax.jit(_with_gradients(theirs))(arrays, cotangent)
    got = jax.jit(_with_gradients(ours))(arrays, cotangent)
    for one, other in zip(got, expected, strict=True):
        check_equal(one, other)


def _with_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    def values(arrays: Any, cotangent: Any) -> Any:
        result, pull_back = jax.vjp(function, *arrays)
        return result, *pull_back(cotangent)

    return values


def ints(rng: Draw, low: int, high: int, ndim: int) -> tuple[int, ...]:
    """One number from low to high, both included, per dimension."""
    return tuple(map(int, rng.integers(low, high + 1, ndim)))
