"""Weights that a program closes over: rearranged while it is lowered, not by XLA's compiler.

Under `jax.jit` such weights are constants. XLA folds what a leg makes of them alone (reversals,
transpositions, reshapes) when it compiles, with an interpreter that takes a second for some
millions of entries, and complains about it. JAX does the same in milliseconds.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.extend.core.primitives import jit_p
from jax.interpreters import mlir

from jaxdeconv.planning import planner
from jaxdeconv.primitives import PRIMITIVES, problem_of

__all__ = ["LARGE", "Weights", "is_large", "prepared"]

LARGE = 2**20
"""Entries of a constant that XLA is left to fold."""


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """An array that is a constant of the program that is traced; compared by identity.

    Attributes:
        value: the array.
    """

    value: Array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return "constant"


def is_large(value: Any) -> bool:
    """Whether XLA should not be left to fold a constant."""
    return isinstance(value, jax.Array) and value.size > LARGE and value.dtype.itemsize > 2


def prepared(
    compute: Callable[[Array, Array], Array],
    known: Sequence[Weights | None],
    avals: Sequence[Any],
    context: mlir.LoweringRuleContext,
    platform: str,
) -> Callable[[Array, Array], Array]:
    """The same function, all done that depends on the constants alone.

    Args:
        compute: a function of two arrays, by a leg.
        known: those of the two that are constants.
        avals: abstract values of the two.
        context: in which it is lowered: for one device, and not for an export.
        platform: for which it is lowered.
    """
    module = context.module_context
    is_plain = not module.lowering_parameters.for_export and (
        getattr(module.axis_context, "num_devices", 2) in (1, None)
    )
    if known == (None, None) or not is_plain:
        return compute
    program = jax.make_jaxpr(compute)(*avals)

    def computed(*operands: Array) -> Array:
        given = (
            operand if one is None else one.value
            for one, operand in zip(known, operands, strict=True)
        )
        (result,) = _evaluated(program, [*given], platform)
        return result

    return computed


def _evaluated(program: ClosedJaxpr, operands: Sequence[Any], platform: str) -> list[Any]:
    """A program's results; what is known is computed at once, and legs are looked into."""
    jaxpr: Jaxpr = program.jaxpr
    values = dict(zip(jaxpr.constvars, program.consts, strict=True))
    values |= dict(zip(jaxpr.invars, operands, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        inner = _inner(equation, platform)
        if not any(isinstance(one, jax.core.Tracer) for one in given):
            with jax.ensure_compile_time_eval():
                found = equation.primitive.bind(*given, **equation.params)
        elif inner is not None:
            found = _evaluated(inner, given, platform)
        else:
            found = equation.primitive.bind(*given, **equation.params)
        results = found if isinstance(found, list | tuple) else [found]
        values |= dict(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _inner(equation: Any, platform: str) -> ClosedJaxpr | None:
    """The program within an equation: a compiled function's, or a leg's."""
    if equation.primitive is jit_p:
        return equation.params["jaxpr"]
    legs = {primitive: leg for leg, primitive in PRIMITIVES.items()}
    if equation.primitive not in legs:
        return None
    x, y = (jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars)
    family, params = planner.PLATFORMS[platform], equation.params["params"]
    problem = problem_of(legs[equation.primitive], x, y, params, platform=family)
    algorithm = planner.find(problem, platform, params.algorithm)
    return jax.make_jaxpr(lambda x, y: algorithm.apply(x, y, problem).astype(params.dtype))(x, y)
