"""Every algorithm that is possible on each leg of the benchmark cases, for the planner.

Beside the time of each stands what the fitted roofline predicts for its compiled program, and what
the plan predicts.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import BenchCase
from benchmarks.gpu import roofline
from benchmarks.gpu.programs import Call, Compiled, compile_all, time_in_turn
from benchmarks.gpu.rivals import Mode
from benchmarks.legs import LegCall, leg_calls

__all__ = ["STOCK", "Race", "dispatch_seconds", "race", "races"]

STOCK = "stock"


@dataclasses.dataclass(frozen=True)
class Race:
    """One leg of a case in a mode."""

    call: LegCall
    mode: Mode

    def __str__(self) -> str:
        return f"{self.call.leg} of {self.call.case.name}, {self.mode.name}"


def races(cases: Sequence[BenchCase], modes: Sequence[Mode]) -> list[Race]:
    """All legs of all cases in all modes, mode after mode."""
    return [Race(call, mode) for mode in modes for case in cases for call in leg_calls(case)]


def race(one: Race, rounds: int, sample: float, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Check and time all algorithms of one leg, and stock JAX.

    Args:
        one: which.
        rounds: samples of each, in turn.
        sample: the least length of a sample in seconds.
        constants: of the roofline; empty where they are not known.

    Returns:
        Seconds measured, and predicted by the roofline and by the plan; what was wrong or refused.
    """
    call, mode = one.call, one.mode
    plan = call.plan(mode.dtype)
    x, y = (array.astype(mode.dtype) for array in call.operands())
    possible = [each for each in plan.candidates if each.supported]
    functions = {each.algorithm: (call.ours(each.algorithm), (x, y)) for each in possible}
    functions[STOCK] = (call.stock(), (x, y))
    programs, refused = compile_all(functions, mode.precision)
    wrong = _wrong(programs, (x, y), mode.bound)
    right: dict[str, Call] = {name: each for name, each in programs.items() if name not in wrong}
    samples = time_in_turn(right, rounds, sample)
    return {
        "case": call.case.name,
        "leg": call.leg,
        "mode": mode.name,
        "choice": plan.algorithm,
        "seconds": {name: statistics.median(taken) for name, taken in samples.items()},
        "roofline": {
            name: roofline.predict(programs[name].text, constants) for name in right if constants
        },
        "planned": {
            each.algorithm: each.seconds
            for each in possible
            if np.isfinite(each.seconds) and each.algorithm in right
        },
        "wrong": wrong,
        "refused": refused,
    }


def _wrong(
    programs: Mapping[str, Compiled], operands: tuple[jax.Array, jax.Array], bound: float
) -> dict[str, str]:
    """Whose answer is further from stock's than two right ones can be."""
    if STOCK not in programs:
        raise RuntimeError("stock JAX does not compile: nothing to compare with")
    stock = programs[STOCK].program
    right = np.asarray(stock(*operands), np.float64)
    scale = float(np.asarray(stock(*map(jnp.abs, operands)), np.float64).max(initial=0)) or 1.0
    found: dict[str, str] = {}
    for name, each in programs.items():
        try:
            distance = np.abs(np.asarray(each.start(), np.float64) - right).max(initial=0) / scale
        except Exception as error:  # the device refuses it while it runs
            found[name] = f"{type(error).__name__}: {error}"[:300]
            continue
        if not distance <= 2 * bound:
            found[name] = f"{distance:.1e} away from {STOCK}, allowed {2 * bound:.0e}"
    return found


def dispatch_seconds(sample: float) -> float:
    """The time between two starts of the smallest program: what a queue cannot hide."""
    x = jnp.zeros(8)
    programs, _ = compile_all({0: (lambda x: x + 1, (x,))})
    return min(time_in_turn(programs, 5, sample)[0])
