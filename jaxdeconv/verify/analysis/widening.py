"""The map that a program writes down: its jaxpr in double precision.

Whether At is the adjoint of A is a question about these maps; how precisely they are computed is
another. What does not depend on the argument is computed as the program computes it, and widened
exactly; everything else is computed in float64. Casts to narrower floats are left out, since they
round and do nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import JaxprEqn

from jaxdeconv.verify.analysis.bounds import scatter_again
from jaxdeconv.verify.analysis.interpreter import Interpreter
from jaxdeconv.verify.analysis.jaxprs import Traced
from jaxdeconv.verify.analysis.known import Known, Parts, Unbounded
from jaxdeconv.verify.analysis.table import UNKNOWN, Rule

__all__ = ["wide", "widened"]


def wide(dtype: Any) -> np.dtype:
    """The double precision that holds a dtype; integers and booleans stay what they are."""
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return np.dtype(np.complex128)
    return np.dtype(np.float64) if jnp.issubdtype(dtype, jnp.floating) else np.dtype(dtype)


def widened(traced: Traced, parameters: int, x64: bool) -> Callable[..., Any]:
    """The function in double precision, to be traced and called in 64-bit mode.

    Args:
        traced: the function.
        parameters: how many leaves of its arguments are parameters: they keep their dtypes.
        x64: whether the function was traced in 64-bit mode.

    Returns:
        A function of the same parameters and a widened argument; it raises `Unbounded` when it is
        traced if a primitive of the function cannot be widened.
    """

    def fun(*arguments: Any) -> Any:
        leaves = jax.tree.leaves(arguments)
        fixed = [Known(leaf, True, parts=Parts.CONSTANT) for leaf in leaves[:parameters]]
        known = [Known(leaf, parts=Parts.LINEAR) for leaf in leaves[parameters:]]
        interpreter = _Widening(jax.default_backend(), x64)
        outs = interpreter.program(traced.jaxpr, [*fixed, *known])
        for out in outs:
            if out.unbounded:
                raise out.unbounded
        arrays = [interpreter.lift(out) for out in outs]
        return jax.tree.unflatten(jax.tree.structure(traced.codomain), arrays)

    return fun


class _Widening(Interpreter):
    """The same walk, in which `Known.array` is the widened value itself and not a bound on it."""

    def lift(self, known: Known) -> Array:
        array = jnp.asarray(known.array)
        return array.astype(wide(array.dtype)) if known.constant else array

    def derived(self, eqn: JaxprEqn, rule: Rule, ins: Sequence[Known]) -> list[Known]:
        reason = next((x.unbounded for x in ins if x.unbounded), None)
        if reason is None and (rule is UNKNOWN or eqn.effects):
            reason = Unbounded(eqn)
        if reason is not None:
            return [Known(None).without_bound(reason)] * len(eqn.outvars)
        arrays = [self.lift(x) for x in ins]
        name = eqn.primitive.name
        if name == "reduce_precision":
            return [Known(arrays[0])]
        if name in ("scatter", "scatter-add"):
            return [Known(scatter_again(eqn, *arrays))]
        if name in ("scatter-sub", "scatter-mul", "scatter-min", "scatter-max"):
            # their rules for one entry are jaxprs of the old dtype
            return [Known(None).without_bound(Unbounded(eqn))]
        params = {key: _wide_parameter(key, value) for key, value in eqn.params.items()}
        result = eqn.primitive.bind(*arrays, **params)
        return [Known(array) for array in (result if eqn.primitive.multiple_results else [result])]


def _wide_parameter(name: str, value: Any) -> Any:
    """Dtypes are widened; algorithms of products are those of narrow operands."""
    if name == "precision" and value is not None:
        return (lax.Precision.HIGHEST,) * 2
    if isinstance(value, np.dtype):
        return wide(value)
    return value
