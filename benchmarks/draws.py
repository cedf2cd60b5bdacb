"""Random cases: geometries of every kind, and layers like those of networks."""

import itertools
from collections.abc import Iterator
from typing import cast

from benchmarks.cases import BenchCase, Leg
from jaxdeconv.algorithms import Problem
from jaxdeconv.planning import draws

__all__ = ["layer_cases", "random_cases"]


def random_cases(count: int, seed: int = 0) -> tuple[BenchCase, ...]:
    """Draw random geometries: see `jaxdeconv.planning.draws.geometries`.

    Args:
        count: how many.
        seed: the same seed gives the same cases; a longer list starts with the shorter one.
    """
    return _cases(draws.geometries(seed), count, f"random {seed}", "random")


def layer_cases(count: int, seed: int = 0) -> tuple[BenchCase, ...]:
    """Draw layers of networks: see `jaxdeconv.planning.draws.layers`.

    Args:
        count: how many.
        seed: the same seed gives the same cases; a longer list starts with the shorter one.
    """
    return _cases(draws.layers(seed), count, f"layer {seed}", "drawn")


def _cases(drawn: Iterator[Problem], count: int, name: str, source: str) -> tuple[BenchCase, ...]:
    return tuple(
        BenchCase(
            f"{name}.{index}",
            source,
            problem.geometry,
            problem.in_per_group,
            problem.out_per_group,
            problem.batch_size,
            cast(Leg, problem.leg),
        )
        for index, problem in enumerate(itertools.islice(drawn, count))
    )
