"""What is timed: a forward pass and a training step, which return when their results are ready."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import BenchCase, Data

__all__ = [
    "PASSES",
    "Answers",
    "CompileCost",
    "Function",
    "Layout",
    "Prepare",
    "Program",
    "Unsupported",
    "jax_program",
    "training_step",
]

PASSES = ("forward", "step")

Function: TypeAlias = Callable[[Any, Any], Any]
"""(x, w) -> y, in the contestant's own layout."""


class Unsupported(Exception):
    """A contestant cannot express a case; the message says why."""


@dataclasses.dataclass(frozen=True)
class Answers:
    """A contestant's results in the canonical layout, to be checked."""

    forward: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dw: np.ndarray


@dataclasses.dataclass(frozen=True)
class CompileCost:
    """The cost of compilation, and the memory of the compiled program.

    Attributes:
        seconds: to trace, lower and compile; None if not measured.
        temp_bytes: peak temporary memory of the compiled program.
    """

    seconds: float | None
    temp_bytes: int


@dataclasses.dataclass(frozen=True)
class Program:
    """One contestant, ready to run one case.

    Attributes:
        forward: computes y.
        step: computes y and the gradients of sum(y * cotangent) in x and in w.
        answers: runs both once, and converts the results to the canonical layout.
        compile_cost: of (pass, whether to measure the seconds); None if nothing is compiled.
            Measuring clears all of JAX's caches, so do it last.
    """

    forward: Callable[[], Any]
    step: Callable[[], Any]
    answers: Callable[[], Answers]
    compile_cost: Callable[[str, bool], CompileCost] | None = None


Prepare: TypeAlias = Callable[[BenchCase, Data], Program]
"""Makes the program or raises `Unsupported`."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Conversion of signals and kernels to a contestant's layout and back; not timed."""

    signal: Callable[[np.ndarray], np.ndarray]
    signal_back: Callable[[np.ndarray], np.ndarray]
    kernel: Callable[[np.ndarray], np.ndarray]
    kernel_back: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def channels_last(cls) -> "Layout":
        """The canonical layout."""
        return cls(np.asarray, np.asarray, np.asarray, np.asarray)

    @classmethod
    def channels_first(cls) -> "Layout":
        """(batch, channels, *spatial) and (out, in/groups, *kernel), as torch has them."""
        return cls(
            lambda x: np.ascontiguousarray(np.moveaxis(x, -1, 1)),
            lambda x: np.moveaxis(x, 1, -1),
            lambda w: np.ascontiguousarray(np.moveaxis(w, (-1, -2), (0, 1))),
            lambda w: np.moveaxis(w, (0, 1), (-1, -2)),
        )


def jax_program(function: Function, data: Data, layout: Layout) -> Program:
    """A JAX function of (x, w) and its training step, both under `jax.jit`.

    All arrays are arguments, so nothing can be folded at compile time.
    """
    x, w, cotangent = map(
        jnp.asarray, (layout.signal(data.x), layout.kernel(data.w), layout.signal(data.cotangent))
    )
    run_forward, run_step = jax.jit(function), jax.jit(training_step(function))

    def answers() -> Answers:
        y, (y_again, dx, dw) = run_forward(x, w), run_step(x, w, cotangent)
        signals = (layout.signal_back(np.asarray(a)) for a in (y, y_again, dx))
        return Answers(*signals, layout.kernel_back(np.asarray(dw)))

    def compile_cost(name: str, timed: bool) -> CompileCost:
        arguments = (x, w) if name == "forward" else (x, w, cotangent)
        jitted = run_forward if name == "forward" else run_step
        return _compile_fresh(jitted, arguments) if timed else _compile_again(jitted, arguments)

    return Program(
        forward=lambda: jax.block_until_ready(run_forward(x, w)),
        step=lambda: jax.block_until_ready(run_step(x, w, cotangent)),
        answers=answers,
        compile_cost=compile_cost,
    )


def training_step(function: Function) -> Callable[..., tuple[jax.Array, ...]]:
    """(x, w, cotangent) -> y, and the gradients of sum(y * cotangent) in x and in w."""

    def step(x: jax.Array, w: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, ...]:
        y, pull_back = jax.vjp(function, x, w)
        return (y, *pull_back(cotangent))

    return step


def _compile_fresh(jitted: Any, arguments: tuple[jax.Array, ...]) -> CompileCost:
    """As in a new process: JAX's caches are cleared first."""
    jax.clear_caches()
    start = time.perf_counter()
    compiled = jax.jit(jitted.__wrapped__).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    return CompileCost(seconds, compiled.memory_analysis().temp_size_in_bytes)


def _compile_again(jitted: Any, arguments: tuple[jax.Array, ...]) -> CompileCost:
    """Without the seconds: from the cache."""
    memory = jitted.lower(*arguments).compile().memory_analysis()
    return CompileCost(None, memory.temp_size_in_bytes)
