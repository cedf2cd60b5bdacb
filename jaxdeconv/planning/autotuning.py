"""Legs that are measured where they are first compiled: `autotuning`.

Nothing is measured where the answer would come too late or be another one: in programs that are
exported, that are for another platform than JAX's default backend, that XLA divides among devices,
or that several processes run, which must all be given the same program.
"""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator

import jax

from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.planning import measuring, planner, tuning_cache
from jaxdeconv.planning.planner import Plan

__all__ = ["Tuned", "Tuning", "autotuning", "can_measure", "is_measured", "settle", "tune"]

_WATCHERS: list[list["Tuned"]] = []


@dataclasses.dataclass(frozen=True)
class Tuned:
    """A leg that was measured.

    Attributes:
        predicted: the plan before.
        measured: the plan since.
    """

    predicted: Plan
    measured: Plan

    def __str__(self) -> str:
        problem, chosen, before = self.measured.problem, self.measured, self.predicted
        first, second = problem.operand_shapes
        seconds = {one.algorithm: one.seconds for one in before.candidates}
        told = [
            f"{problem.leg} of {problem.dtype.name}{[*first]} and {[*second]}, "
            f"stride {problem.geometry.stride}: {chosen.algorithm}",
            f"{1e3 * chosen.candidates[0].seconds:.3g} ms measured",
            f"{1e3 * seconds[chosen.algorithm]:.3g} ms predicted",
        ]
        if before.algorithm != chosen.algorithm:
            slower = next(
                one.seconds for one in chosen.candidates if one.algorithm == before.algorithm
            )
            told.append(f"instead of {before.algorithm}, {1e3 * slower:.3g} ms measured")
        return ", ".join(told)


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What is measured while `autotuning` is entered; print it at the end.

    Attributes:
        legs: every leg that was measured, in order; those that were known already are not.
    """

    legs: list[Tuned]

    def __str__(self) -> str:
        return "\n".join([f"legs measured: {len(self.legs)}", *map(str, self.legs)])

    __repr__ = __str__  # what a notebook shows


@reporting
def autotuning(enabled: bool = True) -> "contextlib._GeneratorContextManager[Tuning]":
    """While this is entered, every leg is measured when it is first compiled; or a decorator.

    As `torch.backends.cudnn.benchmark` does, it times the algorithms of every leg, whatever calls
    it: a public function, a layer, a derivative, a function under `accelerate`. The fastest is
    compiled into the program. What was measured is kept in a file, as by `jaxdeconv.autotune`: it
    is measured once, and later processes follow it, with or without `autotuning`.

    A function that was compiled before is compiled anew, for use inside; outside, it stays as it
    was. One that is first called inside is compiled again for calls outside. So enter it for the
    whole program, or set the environment variable `JAXDECONV_AUTOTUNE=1` before Python starts. It
    holds for one thread; a program is measured if it was traced inside, wherever it is compiled.

    Args:
        enabled: False switches it off, as in a part of a program for which it is on.

    Returns:
        A context manager and decorator (`@autotuning()`). `with autotuning() as tuned` gives a
        `Tuning`, whose `legs` are what was measured meanwhile, in any thread; print it.

    Raises:
        TypeError: `enabled` is not a bool, or what is decorated (write `@autotuning()`).

    On several devices, what one of them computes is measured. Planned by prediction, without being
    measured, are legs with `algorithm="name"`; programs for `jax.export`, for other platforms than
    JAX's default backend, or that several processes run; legs that XLA divides itself
    (`jaxdeconv.sharding`); and in automatic mode on GPUs all that are divided.

    Cost: compiles every algorithm that 'auto' may take, once for every distinct leg, and runs each
        for about 50 milliseconds: a second or two per leg, one or two minutes for a network and its
        gradients. The operands of one leg are allocated meanwhile.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxdeconv import conv
        >>> with autotuning() as tuned:
        ...     u = jax.jit(conv)(jnp.ones((1, 8, 2)), jnp.ones((3, 2, 4)))
        >>> u.shape
        (1, 6, 4)
    """
    if not isinstance(enabled, bool):
        raise ArgumentTypeError(
            "enabled must be a bool",
            "Write @autotuning(), with parentheses."
            if callable(enabled)
            else "Pass True or False, or leave it out.",
            enabled=enabled,
        )
    return _entered(enabled)


@contextlib.contextmanager
def _entered(enabled: bool) -> Iterator[Tuning]:
    legs: list[Tuned] = []
    _WATCHERS.append(legs)
    try:
        with measuring.switched(enabled):
            yield Tuning(legs)
    finally:
        _WATCHERS[:] = [one for one in _WATCHERS if one is not legs]


def can_measure(platform: str) -> bool:
    """Whether what is measured here is what a program for this platform will take."""
    ours, here = planner.PLATFORMS.get(platform), planner.PLATFORMS.get(jax.default_backend())
    return ours == here and jax.process_count() == 1


def settle(problem: Problem, platform: str) -> None:
    """Measure a leg, unless that has been done or cannot be done.

    Args:
        problem: that the plan will be asked for.
        platform: JAX's name of the platform that is compiled for.
    """
    is_fixed = problem.exported or problem.partitioned or problem.batch is None
    if is_fixed or not can_measure(platform) or is_measured(problem, platform):
        return
    with measuring.ONE_AT_A_TIME:
        if is_measured(problem, platform):
            return
        before = planner.choose(problem, platform)
        after = tune(problem, platform, on_request=False)
    if after.reason == planner.MEASURED:
        for legs in _WATCHERS:
            legs.append(Tuned(before, after))


def is_measured(problem: Problem, platform: str) -> bool:
    """Whether the plan follows what was measured on this machine."""
    return planner.choose(problem, platform).reason == planner.MEASURED


def tune(problem: Problem, platform: str, *, on_request: bool = True) -> Plan:
    """Time all algorithms of a problem, and remember the answer; the new plan.

    One that fails is left out, with a warning.

    Args:
        problem: that the plan will be asked for.
        platform: JAX's name of JAX's default backend.
        on_request: whether to time those, too, that 'auto' never takes.
    """
    planned = planner.choose(problem, platform)
    possible = {
        one.algorithm
        for one in planned.candidates
        if one.supported and (on_request or not one.on_request)
    }
    seconds = {}
    for one in ALGORITHMS[problem.leg]:
        if one.name not in possible:
            continue
        try:
            seconds[one.name] = measuring.measure(one, planned.problem)
        except Exception as error:  # of any kind: XLA's, or that of an algorithm of the user's
            warnings.warn(f"jaxdeconv: {one.name} cannot be measured: {error}", stacklevel=2)
    if seconds:
        measured = tuning_cache.Measured(seconds)
        tuning_cache.remember(planned.problem, planned.platform, measured)
    return planner.choose(problem, platform)
