"""`jaxdeconv calibrate`: measure the algorithms on this CPU, and let plans follow what it costs."""

import argparse
import dataclasses
import itertools
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import jax

from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.cli import outputs
from jaxdeconv.cli.progress import progress
from jaxdeconv.planning import calibration, costmodel, draws, processor, tuning_cache
from jaxdeconv.planning.calibration import Calibration, Timing
from jaxdeconv.planning.measuring import measure

__all__ = ["run"]

_SEED = 5  # not that of the costs that come with the package, nor of `benchmarks.regret`


def run(options: argparse.Namespace) -> int:
    """Measure, correct, keep, and print what is better for it; exit status 0.

    Args:
        options: what `arguments.calibrate_parser` parsed.

    Raises:
        ValueError: an output that cannot be written.
        OSError: the cache directory cannot be written to.
    """
    if options.forget:
        files = calibration.forget()
        removed = "\n".join(f"Removed {file}" for file in files)
        sys.stdout.write(f"{removed or 'Nothing was kept for this CPU.'}\n")
        return 0
    if options.output:
        path = outputs.check(options.output)
    else:
        path = costmodel.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        outputs.check(str(path))
    jax.config.update("jax_platforms", "cpu")
    seconds = 60 * options.minutes
    with progress(math.ceil(seconds), unit=" s") as advance:
        timings = _measured(seconds, advance)
    shipped = {name: costmodel.shipped(name) for name in costmodel.shipped_names()}
    found = calibration.calibrated(
        shipped[costmodel.nearest()], timings, others=[*shipped.values()]
    )
    lines = _comparison(found, timings)
    command = f"python -m jaxdeconv calibrate --minutes {options.minutes:g}"
    tuning_cache.write(path, calibration.document(found.table, command))
    tuning_cache.forget()
    lines.append(f"Kept in {path}. {_who_follows(options.output)}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _measured(seconds: float, advance: Callable[..., None]) -> list[Timing]:
    """As many problems as there is time for, and at least one of each leg."""
    begin = last = time.perf_counter()
    timings: list[Timing] = []
    for problem in _problems():
        now = time.perf_counter()
        if now - begin >= seconds and len(timings) >= len(LEGS):
            break
        kernel = "x".join(map(str, problem.geometry.kernel_size))
        advance(f"{problem.leg}, kernel {kernel}", now - last)
        last = now
        possible = (one for one in ALGORITHMS[problem.leg] if not one.reject(problem, "cpu"))
        planned = [one for one in possible if one.seconds is None and not one.spreads(problem)]
        timings.append((problem, {one.name: measure(one, problem) for one in planned}))
        jax.clear_caches()  # otherwise hundreds of compiled programs accumulate
    return timings


def _problems() -> Iterator[Problem]:
    """All legs of random geometries, layers and depthwise ones in turn."""
    kinds = (draws.geometries(_SEED), draws.layers(_SEED), draws.depthwise(_SEED + 1))
    for forward in itertools.chain.from_iterable(zip(*kinds, strict=True)):
        for leg in LEGS:
            yield dataclasses.replace(forward, leg=leg)


def _comparison(found: Calibration, timings: Sequence[Timing]) -> list[str]:
    """How far predictions and plans are from what was measured, before and after."""

    def error(predictions: _Predictions) -> float:
        both = zip(predictions, timings, strict=True)
        errors = (math.log(took[name] / one[name]) for one, (_, took) in both for name in one)
        return math.exp(statistics.median(map(abs, errors)))

    def loss(predictions: _Predictions) -> float:
        return math.exp(calibration.losses(predictions, timings).mean())

    rows = [
        ("measured / predicted, or its inverse: median", error),
        ("planned / fastest algorithm: geometric mean", loss),
    ]
    before, after = found.before, found.after
    plans = zip(before, after, strict=True)
    changed = sum(_fastest(one) != _fastest(other) for one, other in plans)
    return [
        f"{processor.processor()}: {sum(len(took) for _, took in timings)} times of {len(timings)} "
        "problems measured",
        f"{'':<46} {'before':>7} {'after':>7}",
        *(f"{text:<46} {of(before):>7.2f} {of(after):>7.2f}" for text, of in rows),
        f"The plan changes in {changed} of {len(timings)} problems. Each is predicted, 'after', by "
        "what was measured of others.",
    ]


_Predictions: TypeAlias = Sequence[Mapping[str, float]]


def _fastest(seconds: Mapping[str, float]) -> str:
    return min(seconds, key=seconds.__getitem__)


def _who_follows(output: str | None) -> str:
    if output:
        return f"Plans follow it where {costmodel.VARIABLE}={output} is set."
    if os.environ.get(costmodel.VARIABLE):
        return f"Plans follow it once the environment variable {costmodel.VARIABLE} is unset."
    return "Plans follow it from now on; 'jaxdeconv calibrate --forget' removes it."
