"""The map that a program writes down: its jaxpr in double precision.

Whether At is the adjoint of A is a question about these maps; how precisely they are computed is
another. Every float is widened, constants exactly, and everything is computed in float64. Casts to
narrower floats are left out, since they round and do nothing else. Decisions that a program takes
by its constants (comparisons, indices, rounding to integers) are those of its own precision.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import JaxprEqn

from jaxdeconv.verify.analysis import jaxprs
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
        interpreter = _Widening(jax.default_backend(), x64)
        fixed = [interpreter.constant(leaf) for leaf in leaves[:parameters]]
        known = [Known(leaf, parts=Parts.LINEAR) for leaf in leaves[parameters:]]
        outs = interpreter.program(traced.jaxpr, [*fixed, *known])
        for out in outs:
            if out.unbounded:
                raise out.unbounded
        arrays = [interpreter.lift(out) for out in outs]
        return jax.tree.unflatten(jax.tree.structure(traced.codomain), arrays)

    return fun


@dataclasses.dataclass(frozen=True, eq=False)
class _Constant(Known):
    """A widened constant.

    Attributes:
        narrow: its value in the precision of the program; None where it is a tracer.
    """

    narrow: Any = None


class _Widening(Interpreter):
    """The same walk, in which `Known.array` is the widened value itself and not a bound on it."""

    def constant(self, value: Any) -> _Constant:
        """A constant as it stands in the program."""
        narrow = None if isinstance(value, jax.core.Tracer) else value
        return _Constant(_lifted(value), True, parts=Parts.CONSTANT, narrow=narrow)

    def evaluated(self, eqn: JaxprEqn, _: Rule, ins: Sequence[Known]) -> list[Known] | None:
        """The outputs of an equation of constants; what it decides, it decides as the program."""
        if eqn.primitive.name in ("jit", "pjit"):
            return None  # it is entered
        narrow = jaxprs.evaluate(eqn, [_narrow(x) for x in ins])
        if narrow is None:
            return None
        outs: list[Known] = [self.constant(value) for value in narrow]
        if eqn.primitive.name in _DECIDES or not any(map(_is_float, narrow)):
            return outs
        try:
            values = jaxprs.computed(lambda *args: _bound(eqn, args), [x.array for x in ins])
        except Exception:  # it has no wider form: the constant is as precise as the program's
            return outs
        same = (_is_float(x) or np.array_equal(x, y) for x, y in zip(narrow, values, strict=True))
        if not all(same):
            return outs  # it pivots, or sorts, in another order
        return [dataclasses.replace(out, array=x) for out, x in zip(outs, values, strict=True)]

    def bound_to(self, eqn: JaxprEqn, ins: Sequence[Known]) -> Sequence[Any]:
        """The outputs of an equation of constants whose values are tracers."""
        return _bound(eqn, [self.lift(x) for x in ins])

    def lift(self, known: Known) -> Array:
        """The array, in double precision."""
        return _lifted(known.array)

    def derived(self, eqn: JaxprEqn, rule: Rule, ins: Sequence[Known]) -> list[Known]:
        """The outputs of an equation in double precision."""
        reason = next((x.unbounded for x in ins if x.unbounded), None)
        if reason is None and (rule is UNKNOWN or eqn.effects):
            reason = Unbounded(eqn)
        if reason is not None:
            return [Known(None).without_bound(reason)] * len(eqn.outvars)
        arrays = [self.lift(x) for x in ins]
        name = eqn.primitive.name
        if name == "reduce_precision":
            return [Known(arrays[0])]
        if name.startswith("scatter"):  # its rule for one entry is a jaxpr of the old dtype
            return [Known(scatter_again(eqn, *arrays))]
        return [Known(array) for array in _bound(eqn, arrays)]


_DECIDES = frozenset({"floor", "ceil", "round", "sign", "nextafter", "bitcast_convert_type"})
"""What they give jumps, as indices and comparisons do, or is that of one width."""


def _narrow(known: Known) -> Any:
    """The value of a constant in the program's precision, if it is known."""
    return None if known.value is None else getattr(known, "narrow", None)


def _bound(eqn: JaxprEqn, arrays: Sequence[Any]) -> Sequence[Any]:
    """The outputs of a primitive of widened arrays."""
    params = {key: _wide_parameter(key, value) for key, value in eqn.params.items()}
    result = eqn.primitive.bind(*arrays, **params)
    return result if eqn.primitive.multiple_results else [result]


def _wide_parameter(name: str, value: Any) -> Any:
    """Dtypes are widened; algorithms of products are those of narrow operands."""
    if name == "precision" and value is not None:
        return (lax.Precision.HIGHEST,) * 2
    if isinstance(value, np.dtype):
        return wide(value)
    return value


def _is_float(value: Any) -> bool:
    return jaxprs.is_number(value.dtype) and jaxprs.is_float(value.dtype)


def _lifted(value: Any) -> Any:
    """In double precision; random keys stay what they are."""
    if not _is_float(value):
        return value
    if isinstance(value, jax.core.Tracer):
        return value.astype(wide(value.dtype))
    return np.asarray(value).astype(wide(value.dtype))
