"""Seconds of one call, measured here and now; and whether legs are to be measured."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from jaxdeconv.algorithms import Algorithm, Problem
from jaxdeconv.errors import ArgumentValueError

__all__ = ["ONE_AT_A_TIME", "is_on", "measure", "seconds", "switched"]

_SECONDS_EACH = 0.05

ONE_AT_A_TIME = threading.Lock()
"""Held while something is measured: two at the same time would measure each other."""

VARIABLE = "JAXDECONV_AUTOTUNE"
"""The environment variable that switches it on for a whole process."""


def _from_environment() -> bool:
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "0", "1"):
        raise ArgumentValueError(
            f"the environment variable {VARIABLE} must be 0 or 1",
            "Set it to 1 to measure every leg when it is first compiled.",
            **{VARIABLE: value},
        )
    return value == "1"


_ON: Any = jax.make_user_context(_from_environment())
"""A part of the key of all that JAX caches: a function is compiled anew where this changes."""


def is_on() -> bool:
    """Whether legs that are traced now are to be measured."""
    return bool(_ON.value)


def switched(on: bool) -> contextlib.AbstractContextManager[Any]:
    """While this is entered, legs that are traced are measured later, or not."""
    context: contextlib.AbstractContextManager[Any] = _ON(on)
    return context


def measure(algorithm: Algorithm, problem: Problem) -> float:
    """Seconds of one call of a compiled algorithm, on JAX's default backend."""
    arrays = [jax.ShapeDtypeStruct(shape, problem.dtype) for shape in problem.operand_shapes]
    return seconds(lambda x, y: algorithm.apply(x, y, problem), arrays)


def seconds(function: Callable[..., Any], arrays: Sequence[Any]) -> float:
    """Seconds of one call of a function, compiled: the least of many, because noise only adds.

    It is compiled and called in a separate thread, where no trace, mesh or setting of the caller is
    active: the caller may be lowering a program.

    Args:
        function: of arrays.
        arrays: their shapes and dtypes.
    """
    config: Any = jax.config
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_seconds, function, arrays, config.jax_enable_x64).result()


def _seconds(function: Callable[..., Any], arrays: Sequence[Any], x64: bool) -> float:
    with jax.enable_x64(x64), switched(False):
        # ones: entries that neither vanish nor overflow
        device = jax.local_devices()[0]
        operands = [jax.device_put(np.ones(one.shape, one.dtype), device) for one in arrays]
        compiled = jax.jit(function)
        jax.block_until_ready(compiled(*operands))
        least, spent = float("inf"), 0.0
        while spent < _SECONDS_EACH:
            start = time.perf_counter()
            jax.block_until_ready(compiled(*operands))
            took = time.perf_counter() - start
            least, spent = min(least, took), spent + took
    return least
