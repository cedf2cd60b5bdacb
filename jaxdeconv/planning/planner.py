"""Which algorithm for which leg, geometry, dtype and platform, and why. Decides, never computes.

On a CPU the choice is the least predicted time (`costmodel`: measured, and corrected for a CPU by
`python -m jaxdeconv calibrate`). On a GPU it is the least time that a roofline predicts from what
compiled programs launch, move and multiply (`roofline`; its speeds are remeasured by `python -m
benchmarks.gpu`). On a TPU a roofline says little, because XLA:TPU has its own ways with groups and
zeros: there an order of preference follows the cycles that it estimates. The plan says which of
these it is. What `autotune` measured on this machine takes precedence over all of them.
"""

import contextlib
import contextvars
import dataclasses
import functools
import math
from collections.abc import Iterator

import jax

from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Problem, Work
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.planning import costmodel, devices, roofline, tuning_cache

AUTO = "auto"
"""The algorithm that the plan chooses."""

DERIVED = "derived"
"""No algorithm: JAX's own differentiation of the definition."""

PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "rocm": "gpu", "gpu": "gpu", "tpu": "tpu"}
"""JAX's names of platforms -> the families that the plan tells apart."""

MEASURED = "measured by autotune"
"""The reason of a plan that follows what was measured on this machine."""

OURS = frozenset((leg, one.name) for leg, many in ALGORITHMS.items() for one in many)
"""What is there before anybody registers one: of these the work is known on accelerators, too."""

PREFERENCE = {
    "conv": ("native", "im2col", "per_tap"),
    "conv_transpose": ("native", "subpixel", "phases", "overlap_add"),
    "kernel_gradient": ("block_diagonal", "native", "im2col", "per_tap"),
}
"""The order on TPUs, as XLA:TPU estimates its own programs' cycles. What is not here comes last."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One algorithm, judged for one problem.

    Attributes:
        algorithm: its name.
        rejected: why it is not used; '' if it could be.
        seconds: predicted time; infinite where it is rejected, nan where nothing was measured.
        work: what it does; None where it is rejected.
        spreads: whether it spreads NaN and infinity, so that 'auto' does not take it.
        error: the bound on its error over |x| |y|, if it has one (see `Algorithm`); then 'auto'
            does not take it either.
    """

    algorithm: str
    rejected: str
    seconds: float
    work: Work | None
    spreads: bool = False
    error: float = 0.0

    @property
    def supported(self) -> bool:
        """Whether it could be used."""
        return not self.rejected

    @property
    def on_request(self) -> str:
        """Why 'auto' never takes it; '' if it may."""
        reasons = ["spreads NaN and infinity"] if self.spreads else []
        if self.error:
            reasons.insert(
                0, f"error relative to the largest entry, at most {self.error:.0e} |x| |y|"
            )
        return "; ".join(reasons)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The choice for one problem on one platform, with its reasons; print it.

    Attributes:
        problem: what is to be computed.
        platform: 'cpu', 'gpu' or 'tpu'.
        algorithm: the name of the choice.
        candidates: all algorithms of the leg, best first, rejected ones last.
        reason: where the choice comes from.
    """

    problem: Problem
    platform: str
    algorithm: str
    candidates: tuple[Candidate, ...]
    reason: str

    def __str__(self) -> str:
        problem = self.problem
        lines = [
            f"{problem.leg} on {self.platform}: {self.algorithm} ({self.reason})",
            f"{problem.geometry}",
            f"batch {problem.batch_size}, "
            f"channels {problem.in_channels} -> {problem.out_channels}, "
            f"{problem.dtype.name} accumulated in {problem.accumulator.name}",
            "",
            f"{'algorithm':<15} {'ms':>9} {'MFLOP':>9} {'temp MiB':>9}",
        ]
        for one in self.candidates:
            if one.work is None:
                lines.append(f"{one.algorithm:<15} {'-':>9} {'-':>9} {'-':>9}  {one.rejected}")
                continue
            flops = 2e-6 * one.work.features[0]
            time = f"{1e3 * one.seconds:.3f}" if math.isfinite(one.seconds) else "-"
            memory = one.work.memory / 2**20
            note = "" if math.isfinite(one.seconds) else "  on request: not measured"
            note = f"  on request: {one.on_request}" if one.on_request else note
            lines.append(f"{one.algorithm:<15} {time:>9} {flops:>9.1f} {memory:>9.2f}{note}")
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


@tuning_cache.follows
@functools.lru_cache(maxsize=4096)
def choose(problem: Problem, platform: str) -> Plan:
    """The plan for a problem; takes well under a millisecond, and is made once per trace.

    Args:
        problem: what is to be computed.
        platform: JAX's name of the platform that is compiled for.
    """
    family = PLATFORMS.get(platform, "gpu")
    problem = dataclasses.replace(problem, platform=family).adapted()
    device = None if family == "cpu" else devices.of_family(family)
    judged = [_judge(one, problem, family, device) for one in ALGORITHMS[problem.leg]]
    measured = _measured(judged, problem, family)
    if measured:
        judged = sorted(measured, key=lambda one: (bool(one.on_request), one.seconds))
        reason = MEASURED
    elif device is None:
        judged.sort(key=lambda one: (*_asked_for(one), _known(one.seconds)))
        judged, reason = _least_memory(judged)
    elif family == "gpu":
        judged.sort(key=lambda one: (*_asked_for(one), _handicapped(one, problem)))
        reason = f"predicted for {device.name} from compiled programs, not measured"
    else:
        rank = {name: place for place, name in enumerate(PREFERENCE[problem.leg])}
        last = len(rank)
        judged.sort(key=lambda one: (*_asked_for(one), rank.get(one.algorithm, last)))
        reason = "by the cycles that XLA:TPU estimates for such programs, not measured"
    return Plan(problem, family, judged[0].algorithm, tuple(judged), reason)


def _asked_for(one: Candidate) -> tuple[bool, bool]:
    """The first keys by which candidates are sorted: what 'auto' may take comes first."""
    return bool(one.rejected), bool(one.on_request)


LARGE = 2**26
"""Bytes of temporaries for which a plan takes something slower that needs fewer."""

NEAR = 1.2
"""How much slower at most: predictions are off by as much, and fresh pages cost time."""


def _least_memory(judged: list[Candidate]) -> tuple[list[Candidate], str]:
    """The candidates, with the first one chosen; and why it is that one.

    The fastest, unless it needs much memory and another one is nearly as fast with less.
    """
    fastest = judged[0]
    if fastest.work is None or fastest.work.memory <= LARGE:
        return judged, "least predicted time"
    near = [
        one
        for one in judged
        if one.work and not one.on_request and one.seconds <= NEAR * fastest.seconds
    ]
    best = min(near, key=lambda one: one.work.memory if one.work else math.inf, default=fastest)
    if best is fastest:
        return judged, "least predicted time"
    rest = [one for one in judged if one is not best]
    return [best, *rest], "least memory of those near the least predicted time"


def find(problem: Problem, platform: str, algorithm: str) -> Algorithm:
    """The algorithm of this name if it can compute the problem, else the planned one.

    A forced algorithm that was possible for the call may be impossible for what `vmap` or `grad`
    make of it; these go by the plan.
    """
    plan = choose(problem, platform)
    possible = {one.algorithm for one in plan.candidates if one.supported}
    name = algorithm if algorithm in possible else plan.algorithm
    return next(one for one in ALGORITHMS[problem.leg] if one.name == name)


def is_inexact(leg: str, algorithm: str) -> bool:
    """Whether the algorithm of this name has larger errors than sums of products have."""
    return any(one.name == algorithm and one.error for one in ALGORITHMS[leg])


_TRACED_FOR = contextvars.ContextVar("traced_for", default="")


@contextlib.contextmanager
def traced_for(platform: str) -> Iterator[None]:
    """While this is entered, a forced algorithm must be one that can run on another platform.

    Args:
        platform: JAX's name of the platform that what is traced will be lowered for.
    """
    token = _TRACED_FOR.set(platform)
    try:
        yield
    finally:
        _TRACED_FOR.reset(token)


def platform_traced_for() -> str:
    """JAX's name of a platform: its default backend, unless `traced_for` says otherwise."""
    return _TRACED_FOR.get() or jax.default_backend()


def is_possible(problem: Problem, platform: str, algorithm: str) -> bool:
    """Whether the algorithm of this name exists and can compute the problem."""
    candidates = choose(problem, platform).candidates
    return any(one.algorithm == algorithm and one.supported for one in candidates)


def check_forced(problem: Problem, platform: str, algorithm: str) -> None:
    """Refuse the name of an algorithm that does not exist or cannot compute the problem."""
    if is_possible(problem, platform, algorithm):
        return
    candidates = choose(problem, platform).candidates
    why = next((f": {one.rejected}" for one in candidates if one.algorithm == algorithm), "")
    possible = {one.algorithm for one in candidates if one.supported}
    in_order = (one.name for one in ALGORITHMS[problem.leg] if one.name in possible)
    names = [AUTO, DERIVED, *in_order]
    raise ArgumentValueError(
        f"algorithm must be one that can compute this {problem.leg}{why}",
        f"Pass one of {', '.join(map(repr, names))}.",
        algorithm=algorithm,
    )


def _measured(judged: list[Candidate], problem: Problem, family: str) -> list[Candidate]:
    """The candidates with what `autotune` measured here; none if it measured none of use."""
    if PLATFORMS.get(jax.default_backend()) != family:
        return []
    found = tuning_cache.recall(problem, family)
    if found is None or not any(
        one.supported and not one.on_request and one.algorithm in found.seconds for one in judged
    ):
        return []
    return [
        dataclasses.replace(one, seconds=found.seconds.get(one.algorithm, math.inf))
        if one.supported
        else one
        for one in judged
    ]


def _judge(
    algorithm: Algorithm, problem: Problem, family: str, device: devices.Device | None
) -> Candidate:
    rejected = algorithm.reject(problem, family)
    if rejected:
        return Candidate(algorithm.name, rejected, math.inf, None)
    work = algorithm.work(problem)
    seconds = _predict(problem, algorithm, work, device)
    error = algorithm.error(problem) if algorithm.error else 0.0
    return Candidate(algorithm.name, "", seconds, work, algorithm.spreads(problem), error)


def _predict(
    problem: Problem, algorithm: Algorithm, work: Work, device: devices.Device | None
) -> float:
    if device is not None:
        if (problem.leg, algorithm.name) not in OURS:
            return math.nan
        return roofline.seconds(problem, work, device.constants)
    if algorithm.seconds is not None:
        return algorithm.seconds(problem)
    return costmodel.seconds(problem, algorithm.name, work)


NATIVE_AHEAD = 1.2
"""How much faster than XLA's own convolution another algorithm must be predicted to be on a GPU:
the prediction does not know how well cuDNN uses the device."""

LEAN = 1.2
"""An algorithm that multiplies by more zeros than these must be predicted to be faster, too."""


def _handicapped(one: Candidate, problem: Problem) -> float:
    """Predicted seconds, weighted by how far the prediction can be trusted."""
    lean = one.work is not None and one.work.features[0] <= LEAN * problem.products
    trusted = lean and one.algorithm == "native"
    return _known(one.seconds) * (1 if trusted else NATIVE_AHEAD if lean else 1.1 * NATIVE_AHEAD)


def _known(seconds: float) -> float:
    """Infinite where nothing is known, so that it comes last."""
    return math.inf if math.isnan(seconds) else seconds
