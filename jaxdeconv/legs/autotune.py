"""Measure the algorithms on the spot, and let the planner remember the fastest."""

import time
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Problem
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.legs.plan import plan
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.planning.planner import Plan

__all__ = ["autotune"]

_SECONDS_EACH = 0.05


@reporting
def autotune(leg: str, x: Any, y: Any, **keywords: Unpack[LegKeywords]) -> Plan:
    """Time every algorithm that can compute a leg, on this device, and use the fastest from now on.

    The answer is kept in a file (see `jaxdeconv.planning.tuning_cache`), and every plan for the
    same problem on the same kind of device under the same version of jax, in this process or a
    later one, follows it. So does the next eager call, though it was compiled before. What you
    compiled yourself, by `jax.jit` and its like, stays as it is: tune before, or call its
    `clear_cache()`.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: the leg's first argument, an array or a `jax.ShapeDtypeStruct`; only its shape and dtype
            matter.
        y: its second argument, likewise.
        keywords: those of the leg, but no `algorithm`.

    Returns:
        The new plan, whose candidates carry the measured seconds.

    Raises:
        ValueError: unknown leg, an `algorithm`, or as the leg.
        TypeError: as the leg.

    Cost: compiles every algorithm, and runs each for about 50 milliseconds.
    """
    given: dict[str, Any] = {**keywords}
    if "platform" in given:
        raise ArgumentValueError(
            "platform must be left out: what is timed is JAX's default backend",
            "Leave it out, or ask jaxdeconv.plan.",
            platform=given["platform"],
        )
    if "algorithm" in given:
        raise ArgumentValueError(
            "algorithm must be left out: all of them are timed",
            "Leave it out.",
            algorithm=given["algorithm"],
        )
    platform = jax.default_backend()
    planned = plan(leg, x, y, platform=platform, **keywords)
    seconds = {
        one.name: measure(one, planned.problem)
        for one in ALGORITHMS[leg]
        if not one.reject(planned.problem, planned.platform)
    }
    tuning_cache.remember(planned.problem, planned.platform, tuning_cache.Measured(seconds))
    return planner.choose(planned.problem, platform)


def measure(algorithm: Algorithm, problem: Problem) -> float:
    """Seconds of one call of a compiled algorithm: the least of many, because noise only adds."""
    # ones: entries that neither vanish nor overflow
    operands = [jnp.ones(shape, problem.dtype) for shape in problem.operand_shapes]
    function = jax.jit(lambda x, y: algorithm.apply(x, y, problem))
    jax.block_until_ready(function(*operands))
    least, spent = float("inf"), 0.0
    while spent < _SECONDS_EACH:
        start = time.perf_counter()
        jax.block_until_ready(function(*operands))
        took = time.perf_counter() - start
        least, spent = min(least, took), spent + took
    return least
