"""Measure the algorithms on the spot, and let the planner remember the fastest."""

from typing import Any, Unpack

import jax

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.legs.plan import plan
from jaxdeconv.planning import autotuning
from jaxdeconv.planning.planner import Plan

__all__ = ["autotune"]


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

    Cost: compiles every algorithm, and runs each for about 50 milliseconds. One that fails is left
        out, with a warning.
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
    return autotuning.tune(planned.problem, platform)
