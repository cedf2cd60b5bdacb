"""Programs on a device: compiled in parallel, and timed in turn with many calls per sample.

A device works on a queue: a sample starts a function many times and waits once, so that neither the
wait nor the start of a single call is timed while the device is busy.
"""

import concurrent.futures
import contextlib
import dataclasses
import math
import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import jax

from benchmarks.timing import Samples, Stopwatch, alternate, median_ratio, no_collection

__all__ = ["Call", "Compiled", "compile_all", "ratio", "time_in_turn"]

Key = TypeVar("Key", bound=Hashable)
_SLOW = 8.0  # times the fastest: such functions are timed by a single sample


@dataclasses.dataclass(frozen=True)
class Call:
    """A function with its arguments, on a device.

    Attributes:
        start: queues one call, and returns what `wait` takes.
        wait: returns when that, and all before it, is ready.
    """

    start: Callable[[], Any]
    wait: Callable[[Any], Any] = jax.block_until_ready

    def several(self, count: int) -> None:
        """Queue some calls and wait for the last."""
        for _ in range(count - 1):
            self.start()
        self.wait(self.start())


@dataclasses.dataclass(frozen=True)
class Compiled(Call):
    """A JAX function, compiled for its arguments.

    Attributes:
        program: takes arguments of the same shapes.
        text: the optimized HLO.
    """

    program: Callable[..., Any] = lambda: None
    text: str = ""


def compile_all(
    functions: Mapping[Key, tuple[Callable[..., Any], Sequence[Any]]], precision: str | None = None
) -> tuple[dict[Key, Compiled], dict[Key, str]]:
    """Trace functions one by one, and compile them on all cores.

    XLA locks the GPU while it times kernels to choose among them: that is not disturbed.

    Args:
        functions: each with its arguments.
        precision: of float32 products, as in `jax.default_matmul_precision`.

    Returns:
        The programs, and what JAX or XLA said of those that they refused.
    """
    lowered: dict[Key, Any] = {}
    refused: dict[Key, str] = {}
    for key, (function, operands) in functions.items():
        try:
            with jax.default_matmul_precision(precision) if precision else contextlib.nullcontext():
                lowered[key] = jax.jit(function).lower(*operands)
        except Exception as error:
            refused[key] = _line(error)
    compiled: dict[Key, Compiled] = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {key: pool.submit(one.compile) for key, one in lowered.items()}
        for key, future in futures.items():
            try:
                compiled[key] = _bound(future.result(), functions[key][1])
            except Exception as error:
                refused[key] = _line(error)
    return compiled, refused


def _bound(program: Any, operands: Sequence[Any]) -> Compiled:
    return Compiled(lambda: program(*operands), program=program, text=program.as_text())


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def time_in_turn(
    calls: Mapping[Key, Call],
    rounds: int,
    sample: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, Samples]:
    """Time functions in alternation, each with as many calls per sample as fill it.

    Args:
        calls: what to time.
        rounds: samples of each; those that are much slower than the fastest get one.
        sample: the least length of a sample in seconds.
        clock: reads the time in seconds.

    Returns:
        For each its samples in seconds per call.
    """
    stopwatch = Stopwatch(0.0, 0.0, clock)  # `several` fills the sample
    with no_collection():
        seconds = {key: _estimate(call, sample, stopwatch) for key, call in calls.items()}
    limit = _SLOW * min(seconds.values(), default=math.inf)
    timed = [key for key in calls if seconds[key] <= limit]
    counts = {key: max(1, math.ceil(sample / max(seconds[key], 1e-7))) for key in timed}
    runs = [lambda key=key: calls[key].several(counts[key]) for key in timed]
    found = {key: [seconds[key]] for key in calls}
    for key, taken in zip(timed, alternate(runs, rounds, stopwatch), strict=True):
        found[key] = [one / counts[key] for one in taken]
    return found


def _estimate(call: Call, sample: float, stopwatch: Stopwatch) -> float:
    """Seconds per call over a tenth of a sample or more; the first call is not timed."""
    call.several(1)
    count = 1
    while True:
        spent = stopwatch.once(lambda: call.several(count))  # noqa: B023  called at once
        if spent >= sample / 10 or count >= 2**20:
            return spent / count
        count *= 4


def ratio(base: Samples, other: Samples) -> float:
    """`other` over `base`, round by round where both have all rounds."""
    if len(base) == len(other):
        return median_ratio(base, other)
    return statistics.median(other) / statistics.median(base)
