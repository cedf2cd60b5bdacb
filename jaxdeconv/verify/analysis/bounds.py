"""|A| |v| one primitive at a time.

What moves entries about moves their bounds, sums of any sign become sums of bounds, products with a
constant (`products`) become products with its magnitude. Every rule also counts the roundings of
the primitive itself and of the bound.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax import Array, lax
from jax.extend.core import JaxprEqn

from jaxdeconv.verify.analysis import jaxprs
from jaxdeconv.verify.analysis.jaxprs import aval, bits_of, is_float
from jaxdeconv.verify.analysis.known import Known, Unbounded, worst
from jaxdeconv.verify.analysis.log import RoundingLog, roundings

__all__ = [
    "BoundRule",
    "added",
    "choice",
    "converted",
    "from_parts",
    "gather",
    "integer_pow",
    "moved",
    "placed",
    "psum",
    "reduce_scatter",
    "reduced",
    "same",
    "scatter_again",
    "scatter_multiplied",
    "scattered",
]

BoundRule: TypeAlias = Callable[[JaxprEqn, Sequence[Known], RoundingLog], Known | list[Known]]
"""From an equation and what is known of its inputs to bounds on its outputs; raises `Unbounded`."""


def summed(eqn: JaxprEqn, ins: Sequence[Known], array: Array, count: float = 0) -> Known:
    """What is formed by adding up the inputs with `count` roundings."""
    dtype = aval(eqn.outvars[0]).dtype
    error = worst(ins, "error") + roundings(count, bits_of(dtype), dtype)
    grid = max((x.grid for x in ins), default=math.inf)
    return Known(array, False, error, worst(ins, "slack") + count, grid)


# --- entries moved about, entries added


def _bound(eqn: JaxprEqn, *arrays: Any, **changed: Any) -> Any:
    """The primitive itself, of bounds."""
    return eqn.primitive.bind(*arrays, **{**eqn.params, **changed})


def moved(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known | list[Known]:
    """The same entries elsewhere, or several times."""
    result = _bound(eqn, *(x.magnitude for x in ins))
    if not eqn.primitive.multiple_results:
        return summed(eqn, ins, result)
    return [summed(eqn, ins, array) for array in result]


def same(_: JaxprEqn, ins: Sequence[Known], __: RoundingLog) -> list[Known]:
    """Same shape, same magnitude: neg, conj, real, copies."""
    return [dataclasses.replace(x, array=x.magnitude, constant=False) for x in ins]


def placed(operands: int) -> BoundRule:
    """The first inputs are moved about, the others say where to."""

    def rule(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
        places = _values(eqn, ins[operands:])
        return summed(
            eqn, ins[:operands], _bound(eqn, *(x.magnitude for x in ins[:operands]), *places)
        )

    return rule


def _values(eqn: JaxprEqn, known: Sequence[Known]) -> list[Any]:
    if not all(x.constant for x in known):
        raise Unbounded(eqn)
    return [x.array for x in known]


def choice(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """`select_n(which, *cases)`."""
    which, *cases = ins
    return summed(eqn, cases, _bound(eqn, *_values(eqn, [which]), *(x.magnitude for x in cases)))


def gather(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """A negative fill value counts by its magnitude."""
    operand, places = ins
    fill = eqn.params["fill_value"]
    array = _bound(eqn, operand.magnitude, *_values(eqn, [places]), fill_value=fill and abs(fill))
    return summed(eqn, [operand], array)


def added(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """A sum or a difference: terms of any sign may add up."""
    x, y = (known.magnitude for known in ins)
    return summed(eqn, ins, x + y, 1)


def from_parts(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """`complex(real, imaginary)`: |z| <= |Re z| + |Im z|, and nothing is rounded."""
    return dataclasses.replace(added(eqn, ins, log), error=worst(ins, "error"))


def reduced(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """A sum over axes, windows or prefixes, in any order."""
    (x,) = ins
    shape = x.magnitude.shape
    if "axes" in eqn.params:
        length = math.prod(shape[axis] for axis in eqn.params["axes"])
    elif "axis" in eqn.params:
        length = shape[eqn.params["axis"]]
    else:
        length = math.prod(eqn.params["window_dimensions"])
    return summed(eqn, ins, _bound(eqn, x.magnitude), max(length - 1, 0))


def scattered(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """Updates added at some places; as many roundings as meet at one place."""
    operand, places, updates = ins
    (where,) = _values(eqn, [places])
    old, new = operand.magnitude, updates.magnitude
    if eqn.primitive.name == "scatter":
        return summed(eqn, [operand, updates], scatter_again(eqn, old, where, new))
    sign = -1 if eqn.primitive.name == "scatter-sub" else 1  # magnitudes add up
    array = scatter_again(eqn, old, where, sign * new)
    ones = [np.zeros(old.shape, np.int32), where, np.full(new.shape, sign, np.int32)]
    collisions = jaxprs.computed(lambda *args: scatter_again(eqn, *args).max(initial=0), ones)
    count = math.prod(new.shape) if collisions is None else int(collisions)
    return summed(eqn, [operand, updates], array, count)


def scatter_multiplied(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """The operand times constant factors at some places."""
    operand, places, factors = ins
    where, values = _values(eqn, [places, factors])
    log.constant(factors.grid)
    array = scatter_again(eqn, operand.magnitude, where, factors.magnitude)
    known = summed(eqn, [operand, factors], array, math.prod(np.shape(values)))
    return dataclasses.replace(known, error=known.error + factors.error, grid=math.inf)


def scatter_again(eqn: JaxprEqn, operand: Array, places: Array, updates: Array) -> Array:
    """The scatter of an equation, of arrays of any dtype."""
    names = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    params = {name: eqn.params[name] for name in names}
    return _SCATTERS[eqn.primitive.name](operand, places, updates, **params)


_SCATTERS: dict[str, Callable[..., Array]] = {
    "scatter": lax.scatter,
    "scatter-add": lax.scatter_add,
    "scatter-mul": lax.scatter_mul,
    "scatter-sub": lax.scatter_sub,
    "scatter-min": lax.scatter_min,
    "scatter-max": lax.scatter_max,
}


def converted(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """One rounding where digits are lost."""
    (x,) = ins
    old, new = aval(eqn.invars[0]).dtype, aval(eqn.outvars[0]).dtype
    if is_float(old) and not is_float(new):
        raise Unbounded(eqn)
    bits = bits_of(new)
    if eqn.primitive.name == "reduce_precision":
        bits = eqn.params["mantissa_bits"] + 1
    if bits < bits_of(old):
        rounded = dataclasses.replace(
            summed(eqn, ins, x.magnitude), error=x.error + roundings(1, bits, new)
        )
        log.value(rounded, bits)
        return rounded
    return summed(eqn, ins, x.magnitude)


# --- several devices


def psum(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> list[Known]:
    """A sum over the devices of some axes of the mesh."""
    count = math.prod(lax.axis_size(axis) for axis in eqn.params["axes"]) - 1
    result = _bound(eqn, *(x.magnitude for x in ins))
    arrays = result if eqn.primitive.multiple_results else [result]
    return [summed(eqn, [x], array, count) for x, array in zip(ins, arrays, strict=True)]


def reduce_scatter(eqn: JaxprEqn, ins: Sequence[Known], _: RoundingLog) -> Known:
    """The same, each device keeping its part."""
    return summed(eqn, ins, _bound(eqn, ins[0].magnitude), eqn.params["axis_size"] - 1)


def integer_pow(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> list[Known]:
    """The first power is a copy; no other is linear."""
    if eqn.params["y"] != 1:
        raise Unbounded(eqn)
    return same(eqn, ins, log)
