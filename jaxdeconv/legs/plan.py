"""The plan of a call to a public leg, without computing it."""

import dataclasses
import inspect
from typing import Any, Unpack, cast

import jax

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, check_keywords, reporting
from jaxdeconv.legs import functions
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.legs.prepare import prepare
from jaxdeconv.planning import planner
from jaxdeconv.planning.planner import Plan

__all__ = ["plan"]


@reporting
def plan(
    leg: str, x: Any, y: Any, *, platform: str | None = None, **keywords: Unpack[LegKeywords]
) -> Plan:
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
        >>> plan("conv_transpose", u, w, groups=32, stride=2, platform="cuda").algorithm
        'depthwise'
    """
    check_choice("leg", leg, LEGS)
    platform = jax.default_backend() if platform is None else platform
    check_choice("platform", platform, planner.PLATFORMS)
    algorithm = keywords.pop("algorithm", planner.AUTO)
    if algorithm == planner.DERIVED:
        raise ArgumentValueError(
            "algorithm must be one that is planned, and the definition is not",
            "Pass 'auto' or leave it out.",
            algorithm=algorithm,
        )
    for name, value in zip(LEGS[leg].operands, (x, y), strict=True):
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            raise ArgumentTypeError(
                f"{name} must be an array or a jax.ShapeDtypeStruct",
                f"Pass for example jax.ShapeDtypeStruct({_shape(value)}, 'float32').",
                **{name: value},
            )
    problem = prepare(leg, x, y, _with_defaults(leg, x, y, keywords)).problem
    chosen = planner.choose(problem, platform)
    if algorithm == planner.AUTO:
        return chosen
    planner.check_forced(problem, platform, algorithm)
    return dataclasses.replace(chosen, algorithm=algorithm, reason="forced")


def _with_defaults(leg: str, x: Any, y: Any, keywords: LegKeywords) -> LegKeywords:
    """All keywords of a leg, from some of them."""
    function = getattr(functions, leg)
    check_keywords(function, keywords)
    bound = inspect.signature(function).bind(x, y, **keywords)
    bound.apply_defaults()
    return cast(LegKeywords, dict(bound.kwargs))


def _shape(value: Any) -> str:
    """A shape for the example in the message: `value` if it is one."""
    is_shape = isinstance(value, tuple | list) and all(type(n) is int for n in value)
    return str(tuple(value)) if is_shape else "(8, 64, 64, 3)"
