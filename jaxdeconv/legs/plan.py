"""The plan of a call to a public leg, without computing it."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from jaxdeconv.arguments.choices import choice
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.legs.calls import DERIVED
from jaxdeconv.legs.functions import conv, conv_transpose, kernel_gradient
from jaxdeconv.planning import planner
from jaxdeconv.planning.planner import Plan
from jaxdeconv.primitives import PRIMITIVES, problem_of

__all__ = ["plan"]

_LEGS: dict[str, Callable[..., Array]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "kernel_gradient": kernel_gradient,
}


@reporting
def plan(leg: str, x: Any, y: Any, *, platform: str | None = None, **keywords: Any) -> Plan:
    """Which algorithm a leg would use for these arguments, and why; print the result.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: the leg's first argument, an array or a `jax.ShapeDtypeStruct`.
        y: its second argument, likewise.
        platform: 'cpu', 'cuda', 'rocm' or 'tpu'; None means JAX's default backend.
        keywords: those of the leg.

    Returns:
        The plan: `algorithm`, `candidates` with their predicted seconds, `reason`.

    Raises:
        ValueError: unknown leg or platform, or as the leg.
        TypeError: as the leg.

    Example:
        >>> u = jax.ShapeDtypeStruct((4, 64, 64, 32), "float32")
        >>> w = jax.ShapeDtypeStruct((3, 3, 1, 32), "float32")
        >>> plan("conv_transpose", u, w, groups=32, stride=2, platform="cpu").algorithm
        'depthwise'
    """
    choice("leg", leg, _LEGS)
    platform = jax.default_backend() if platform is None else platform
    choice("platform", platform, planner.PLATFORMS)
    algorithm = keywords.pop("algorithm", planner.AUTO)
    if algorithm == DERIVED:
        raise ArgumentValueError(
            "algorithm must be one that is planned, and the definition is not",
            "Pass 'auto' or leave it out.",
            algorithm=algorithm,
        )
    for name, value in zip(inspect.signature(_LEGS[leg]).parameters, (x, y), strict=False):
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            raise ArgumentTypeError(
                f"{name} must be an array or a jax.ShapeDtypeStruct",
                f"Pass for example jax.ShapeDtypeStruct({_shape(value)}, 'float32').",
                **{name: value},
            )
    jaxpr = jax.make_jaxpr(lambda x, y: _LEGS[leg](x, y, **keywords))(x, y)
    call = next(eqn for eqn in jaxpr.eqns if eqn.primitive is PRIMITIVES[leg])
    first, second = (var.aval for var in call.invars)
    problem = problem_of(leg, first, second, call.params["params"])
    chosen = planner.choose(problem, platform)
    if algorithm == planner.AUTO:
        return chosen
    planner.check_algorithm(problem, platform, algorithm)
    return dataclasses.replace(chosen, algorithm=algorithm, reason="forced")


def _shape(value: Any) -> str:
    """A shape for the example in the message: `value` if it is one."""
    is_shape = isinstance(value, tuple | list) and all(type(n) is int for n in value)
    return str(tuple(value)) if is_shape else "(8, 64, 64, 3)"
