"""Weights that a program closes over: rearranged while it is lowered, not by XLA's compiler.

Under `jax.jit` such weights are constants. When it compiles, XLA folds whatever a leg computes from
them only (reversals, transpositions, reshapes), with an interpreter that takes a second for a few
million entries, and warns about it. JAX does the same in milliseconds.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.extend.core.primitives import jit_p
from jax.interpreters import mlir

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.primitives import PRIMITIVES, on_one_device

__all__ = ["LARGE", "Weights", "is_large", "prepared"]

LARGE = 2**20
"""Up to this many entries of a constant, XLA may do the folding."""


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
    """Whether a constant is too large for XLA to fold."""
    return isinstance(value, jax.Array) and value.size > LARGE and value.dtype.itemsize > 2


def prepared(
    compute: Callable[[Array, Array], Array],
    known: Sequence[Weights | None],
    context: mlir.LoweringRuleContext,
    platform: str,
) -> Callable[[Array, Array], Array]:
    """The same function, with everything that depends only on constants computed beforehand.

    Args:
        compute: a function of two arrays, by a leg.
        known: those of the two that are constants.
        context: of the lowering, with plain types. For exports and for several devices,
            `compute` is returned.
        platform: for which it is lowered.
    """
    module = context.module_context
    is_plain = not module.lowering_parameters.for_export and (
        getattr(module.axis_context, "num_devices", 2) in (1, None)
    )
    if known == (None, None) or not is_plain:
        return compute

    def computed(*operands: Array) -> Array:
        program = jax.make_jaxpr(compute)(*context.avals_in)
        given = (
            operand if one is None else one.value
            for one, operand in zip(known, operands, strict=True)
        )
        (result,) = _evaluated(program, [*given], platform)
        return result

    return computed


def _evaluated(program: ClosedJaxpr, operands: Sequence[Any], platform: str) -> list[Any]:
    """A program's results; known values are computed at once, also inside legs."""
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
    legs = {PRIMITIVES[name]: leg for name, leg in LEGS.items()}
    if equation.primitive not in legs or equation.params["params"].spatial_axes:
        return None
    x, y = (jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars)
    leg = on_one_device(legs[equation.primitive], platform, equation.params["params"])
    return jax.make_jaxpr(leg)(x, y)
