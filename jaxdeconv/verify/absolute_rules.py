"""|A| |v| one primitive at a time.

What moves entries about moves their bounds, sums of any sign become sums of bounds, products with a
constant (`absolute_products`) become products with its magnitude.

Every rule also counts the roundings of the primitive itself and of the bound.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn

from jaxdeconv.verify import jaxprs
from jaxdeconv.verify.absolute_products import PRODUCTS
from jaxdeconv.verify.absolute_terms import (
    Rule,
    Tally,
    Term,
    roundings,
    summed,
    unbounded,
    worst,
)
from jaxdeconv.verify.jaxprs import aval, bits_of, is_float

__all__ = ["EXACT", "RULES"]


# --- entries moved about, entries added


def _bound(eqn: JaxprEqn, *arrays: Any, **changed: Any) -> Any:
    """The primitive itself, of bounds."""
    return eqn.primitive.bind(*arrays, **{**eqn.params, **changed})


def _moved(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term | list[Term]:
    result = _bound(eqn, *(x.bar for x in ins))
    if not eqn.primitive.multiple_results:
        return summed(eqn, ins, result)
    return [summed(eqn, ins, array) for array in result]


def _same(_: JaxprEqn, ins: Sequence[Term], __: Tally) -> list[Term]:
    """Same shape, same magnitude: neg, conj, real, copies."""
    return [dataclasses.replace(x, array=x.bar, constant=False) for x in ins]


def _placed(operands: int) -> Rule:
    """The first inputs are moved about, the others say where to."""

    def rule(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
        places = _values(eqn, ins[operands:])
        return summed(eqn, ins[:operands], _bound(eqn, *(x.bar for x in ins[:operands]), *places))

    return rule


def _values(eqn: JaxprEqn, terms: Sequence[Term]) -> list[Any]:
    if not all(x.constant for x in terms):
        raise unbounded(eqn)
    return [x.array for x in terms]


def _select(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    which, *cases = ins
    return summed(eqn, cases, _bound(eqn, *_values(eqn, [which]), *(x.bar for x in cases)))


def _gather(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    operand, places = ins
    fill = eqn.params["fill_value"]
    array = _bound(eqn, operand.bar, *_values(eqn, [places]), fill_value=fill and abs(fill))
    return summed(eqn, [operand], array)


def _added(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    x, y = (term.bar for term in ins)
    return summed(eqn, ins, x + y, 1)


def _complex(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    return dataclasses.replace(_added(eqn, ins, _), error=worst(ins, "error"))


def _reduced(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    """A sum over axes, windows or beginnings, in any order."""
    (x,) = ins
    shape = x.bar.shape
    if "axes" in eqn.params:
        length = math.prod(shape[axis] for axis in eqn.params["axes"])
    elif "axis" in eqn.params:
        length = shape[eqn.params["axis"]]
    else:
        length = math.prod(eqn.params["window_dimensions"])
    return summed(eqn, ins, _bound(eqn, x.bar), max(length - 1, 0))


def _scattered(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    operand, places, updates = ins
    (where,) = _values(eqn, [places])
    scatter = lax.scatter if eqn.primitive.name == "scatter" else lax.scatter_add
    names = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    params = {name: eqn.params[name] for name in names}
    array = scatter(operand.bar, where, updates.bar, **params)
    if scatter is lax.scatter:
        return summed(eqn, [operand, updates], array)
    ones = [np.zeros(operand.bar.shape, np.int32), where, np.ones(updates.bar.shape, np.int32)]
    collisions = math.prod(updates.bar.shape)
    known = jaxprs.computed(lambda *args: scatter(*args, **params).max(initial=0), ones)
    return summed(eqn, [operand, updates], array, collisions if known is None else int(known))


def _converted(eqn: JaxprEqn, ins: Sequence[Term], tally: Tally) -> Term:
    (x,) = ins
    old, new = aval(eqn.invars[0]).dtype, aval(eqn.outvars[0]).dtype
    if is_float(old) and not is_float(new):
        raise unbounded(eqn)
    bits = bits_of(new)
    if eqn.primitive.name == "reduce_precision":
        bits = eqn.params["mantissa_bits"] + 1
    if bits < bits_of(old):
        term = summed(eqn, ins, x.bar)
        rounded = dataclasses.replace(term, error=x.error + roundings(1, bits, new))
        tally.value(rounded, bits)
        return rounded
    return summed(eqn, ins, x.bar)


# --- several devices


def _psum(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> list[Term]:
    count = math.prod(lax.axis_size(axis) for axis in eqn.params["axes"]) - 1
    result = _bound(eqn, *(x.bar for x in ins))
    arrays = result if eqn.primitive.multiple_results else [result]
    return [summed(eqn, [x], array, count) for x, array in zip(ins, arrays, strict=True)]


def _reduce_scatter(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> Term:
    return summed(eqn, ins, _bound(eqn, ins[0].bar), eqn.params["axis_size"] - 1)


def _integer_pow(eqn: JaxprEqn, ins: Sequence[Term], _: Tally) -> list[Term]:
    if eqn.params["y"] != 1:
        raise unbounded(eqn)
    return _same(eqn, ins, _)


def _named(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_MOVES = {
    **_named(_moved, "reshape transpose slice concatenate broadcast_in_dim squeeze"),
    **_named(_moved, "rev pad split unstack stack tile ppermute all_gather all_to_all"),
    **_named(_moved, "all_gather_invariant pvary"),
    **_named(_same, "neg conj real imag copy stop_gradient name optimization_barrier"),
    **_named(_same, "sharding_constraint reshard device_put layout_constraint relayout"),
    **_named(_placed(1), "dynamic_slice"),
    **_named(_placed(2), "dynamic_update_slice"),
    "select_n": _select,
    "gather": _gather,
}

RULES: dict[str, Rule] = {
    **_MOVES,
    **_named(_added, "add sub add_any"),
    **_named(_reduced, "reduce_sum cumsum reduce_window_sum"),
    **_named(_scattered, "scatter scatter-add scatter-sub"),
    **_named(_converted, "convert_element_type reduce_precision"),
    **PRODUCTS,
    **_named(_psum, "psum psum_invariant"),
    **_named(_reduce_scatter, "reduce_scatter"),
    "complex": _complex,
    "integer_pow": _integer_pow,
}

EXACT = frozenset(_MOVES)
"""Primitives that round nothing: a constant that goes through keeps its error and its grid."""
