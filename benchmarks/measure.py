"""One case: prepare every contestant, check every answer, then time each rival against ours."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Self

from benchmarks.cases import BenchCase
from benchmarks.check import Reference, WrongAnswer
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.legs import leg_calls
from benchmarks.programs import PASSES, Prepare, Program, Unsupported
from benchmarks.timing import Stopwatch, alternate, median_ratio

__all__ = ["CaseResult", "PassResult", "measure"]


@dataclasses.dataclass(frozen=True)
class PassResult:
    """The forward pass or the training step of one case; keys are names of contestants.

    Attributes:
        seconds: median seconds per call.
        ratios: the rival's time over ours as the two alternated, median over the rounds.
        first_call: seconds to trace and compile, for those that do; empty if not asked for.
        temp_bytes: peak temporary memory of the compiled program.
        peak_fraction: useful operations per second, as a fraction of the matrix product's.
    """

    seconds: dict[str, float]
    ratios: dict[str, float]
    first_call: dict[str, float]
    temp_bytes: dict[str, int]
    peak_fraction: float


@dataclasses.dataclass(frozen=True)
class CaseResult:
    """All results for one case, in types that JSON has.

    Attributes:
        name: of the case.
        source: of the case.
        leg: which map is the forward pass.
        geometry: in words.
        shapes: of x, w and y.
        flops: useful operations of the forward pass.
        algorithms: leg -> the algorithm that the plan chose.
        errors: contestant -> relative error of its answers.
        skipped: contestant -> why it was not timed.
        wrong: contestant -> what was wrong with its answers; it was not timed either.
        passes: 'forward' and 'step'; empty if our own answer was wrong.
    """

    name: str
    source: str
    leg: str
    geometry: str
    shapes: dict[str, list[int]]
    flops: int
    algorithms: dict[str, str]
    errors: dict[str, float]
    skipped: dict[str, str]
    wrong: dict[str, str]
    passes: dict[str, PassResult]

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`."""
        passes = {name: PassResult(**values) for name, values in entry["passes"].items()}
        return cls(**{**entry, "passes": passes})


BESIDE_TORCH = Stopwatch(sample=20e-3, settle=60e-3)
"""libgomp's threads, which torch uses, spin for some 10 ms after a call, each on a core, and the
system takes tens of ms more to spread XLA's threads over the cores again: until then, our programs
may take up to twice as long."""


def measure(
    case: BenchCase,
    names: Sequence[str],
    rounds: int,
    peak: float,
    first_call: bool = True,
    stopwatch: Stopwatch | None = None,
    contestants: Mapping[str, Prepare] = CONTESTANTS,
) -> CaseResult:
    """Run one case.

    Args:
        case: what to run.
        names: the rivals' contestants.
        rounds: of each pair.
        peak: operations per second of the matrix product.
        first_call: whether to time the compilers too.
        stopwatch: how a sample is taken; None for `BESIDE_TORCH`.
        contestants: must hold `OURS` and all of `names`.
    """
    programs, errors, skipped, wrong = _prepare(case, names, contestants)
    stopwatch = stopwatch or BESIDE_TORCH
    passes = {}
    if OURS in programs:
        timed = {name: _time(name, programs, rounds, stopwatch) for name in PASSES}
        for name, legs in zip(PASSES, (1, 3), strict=True):
            ideal = legs * case.flops / peak
            passes[name] = _pass_result(name, programs, timed[name], ideal, first_call)
    return CaseResult(
        name=case.name,
        source=case.source,
        leg=case.leg,
        geometry=str(case.geometry),
        shapes={"x": list(case.x_shape), "w": list(case.w_shape), "y": list(case.y_shape)},
        flops=case.flops,
        algorithms=_algorithms(case),
        errors=errors,
        skipped=skipped,
        wrong=wrong,
        passes=passes,
    )


def _prepare(
    case: BenchCase, names: Sequence[str], contestants: Mapping[str, Prepare]
) -> tuple[dict[str, Program], dict[str, float], dict[str, str], dict[str, str]]:
    """The programs whose answers are right; errors, reasons to skip, and faults of all."""
    data = case.data()
    reference = Reference.of(case, data)
    programs: dict[str, Program] = {}
    skipped: dict[str, str] = {}
    for name in (OURS, *names):
        try:
            programs[name] = contestants[name](case, data)
        except Unsupported as reason:
            skipped[name] = str(reason)
    answers = {name: program.answers() for name, program in programs.items()}
    errors: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for name, given in answers.items():
        try:
            ours = answers[OURS] if OURS in errors else None  # only if it passed
            errors[name] = reference.check(name, given, ours)
        except WrongAnswer as fault:
            wrong[name] = str(fault)
            del programs[name]
    return programs, errors, skipped, wrong


def _time(
    name: str, programs: Mapping[str, Program], rounds: int, stopwatch: Stopwatch
) -> tuple[dict[str, float], dict[str, float]]:
    """Time one pass of every rival against ours: median seconds, and ratios."""
    ours = getattr(programs[OURS], name)
    our_samples: list[float] = []
    seconds, ratios = {}, {}
    for rival, program in programs.items():
        if rival != OURS:
            base, other = alternate((ours, getattr(program, name)), rounds, stopwatch)
            our_samples += base
            seconds[rival] = statistics.median(other)
            ratios[rival] = median_ratio(base, other)
    if not our_samples:
        (our_samples,) = alternate((ours,), rounds, stopwatch)
    return {OURS: statistics.median(our_samples), **seconds}, ratios


def _pass_result(
    name: str,
    programs: Mapping[str, Program],
    timed: tuple[dict[str, float], dict[str, float]],
    ideal: float,
    first_call: bool,
) -> PassResult:
    """Add compilation costs; `ideal` is the time of the pass at the peak, in seconds."""
    seconds, ratios = timed
    costs = {
        rival: program.compile_cost(name, first_call)
        for rival, program in programs.items()
        if program.compile_cost
    }
    return PassResult(
        seconds=seconds,
        ratios=ratios,
        first_call={r: cost.seconds for r, cost in costs.items() if cost.seconds is not None},
        temp_bytes={r: cost.temp_bytes for r, cost in costs.items()},
        peak_fraction=ideal / seconds[OURS],
    )


def _algorithms(case: BenchCase) -> dict[str, str]:
    return {call.leg: call.plan().algorithm for call in leg_calls(case)}
