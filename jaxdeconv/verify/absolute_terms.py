"""What the absolute interpretation knows of a variable, and the roundoff of the machine.

`Term` is carried along the jaxpr; `count` roundings of unit u multiply the relative error bound
1 + delta by (1 + u)^count, so their logarithms add.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import JaxprEqn

from jaxdeconv.verify import jaxprs
from jaxdeconv.verify.jaxprs import aval, bits_of, is_float

__all__ = [
    "Rule",
    "Tally",
    "Term",
    "Unbounded",
    "grid_of",
    "reciprocal_grid",
    "roundings",
    "summed",
    "unbounded",
    "worst",
]


class Unbounded(Exception):
    """No bound can be derived.

    Attributes:
        primitive: whose rounding cannot be bounded.
        source: its line, 'file:line (function)', or None.
    """

    def __init__(self, primitive: str, source: str | None = None) -> None:
        super().__init__(primitive, source)
        self.primitive = primitive
        self.source = source

    def __str__(self) -> str:
        where = f" at {self.source}" if self.source else ""
        return f"the rounding of {self.primitive}{where} cannot be bounded"


@dataclasses.dataclass(frozen=True, eq=False)
class Term:
    """Of a variable x, in exact arithmetic x and as computed fl(x).

    Attributes:
        array: the value of a constant; else a bound on the magnitude, |A| |v|.
        constant: whether x does not depend on the argument.
        error: |fl(x) - x| <= (exp(error) - 1) bar.
        slack: roundings in `array`, where it is a bound.
        grid: x is a multiple of 2^-grid when the argument is integral; infinity where unknown,
            minus infinity where x is zero.
    """

    array: Any
    constant: bool
    error: float = 0.0
    slack: float = 0.0
    grid: float = math.inf

    @property
    def bar(self) -> Array:
        """The bound: a real floating-point array of the widest type there is."""
        if not self.constant:
            return self.array
        return jnp.abs(_unsigned(self.array)).astype(jnp.result_type(float))


def _unsigned(value: Any) -> Array:
    """Booleans and integers as floats: the least integer has no absolute value of its own."""
    array = jnp.asarray(value)
    return array.astype(jnp.result_type(float)) if not is_float(array.dtype) else array


def grid_of(value: Any) -> float:
    """The smallest k for which 2^k times a constant's entries are integers, infinity if unknown.

    Example:
        >>> grid_of(np.array([3.0, 0.75])), grid_of(np.array([0.0])), grid_of(np.array([8, 4]))
        (2, -inf, -2)
    """
    if isinstance(value, jax.core.Tracer):
        return math.inf
    if not jaxprs.is_number(value.dtype):
        return math.inf
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return max(grid_of(array.real), grid_of(array.imag))
    entries = np.abs(array[array != 0].astype(np.float64))
    if not entries.size:
        return -math.inf
    if not np.isfinite(entries).all():
        return math.inf
    significand, exponent = np.frexp(entries)
    whole = np.ldexp(significand, 53).astype(np.int64)
    lowest_bit = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int(np.max(53 - exponent - lowest_bit))


def reciprocal_grid(value: Any) -> float:
    """`grid_of` the reciprocals, which are exact if all entries are powers of two."""
    if isinstance(value, jax.core.Tracer) or value.dtype.kind == "c":
        return math.inf
    entries = np.abs(np.asarray(value).astype(np.float64))
    significand, exponent = np.frexp(entries)
    return int(np.max(exponent)) - 1 if np.all(significand == 0.5) and entries.size else math.inf


def roundings(count: float, bits: int, dtype: Any) -> float:
    """The logarithm of (1 + u)^count; integers do not round."""
    return count * math.log1p(2.0**-bits) if is_float(dtype) else 0.0


def unbounded(eqn: JaxprEqn) -> Unbounded:
    """The error for an equation."""
    return Unbounded(eqn.primitive.name, jaxprs.source(eqn))


def worst(terms: Sequence[Term], attribute: str) -> float:
    """The largest of an attribute; what holds for a sum of terms, or for any of them."""
    return max((getattr(term, attribute) for term in terms), default=0.0)


@dataclasses.dataclass
class Tally:
    """What is gathered along the way.

    Attributes:
        platform: 'cpu', 'gpu' or 'tpu': whose arithmetic is bounded.
        bits: of the narrowest significand of any sum.
        grid: the finest of the constants' grids.
        slack: most roundings in any bound.
        peaks: bounds on the magnitude of every variable that depends on the argument.
        loads: those divided by what their significand can hold exactly.
    """

    platform: str
    bits: float = math.inf
    grid: float = -math.inf
    slack: float = 0.0
    peaks: list[Array] = dataclasses.field(default_factory=list)
    loads: list[Array] = dataclasses.field(default_factory=list)

    def value(self, term: Term, bits: int) -> None:
        """Note a value that is held, or summed up, with so many bits."""
        self.bits = min(self.bits, bits)
        self.slack = max(self.slack, term.slack)
        self.peaks.append(self.operand(term, bits))

    def operand(self, term: Term, bits: int) -> Array:
        """Note a value that is rounded to so many bits before it is multiplied; its peak."""
        peak = jnp.max(term.bar, initial=0)
        unit = math.inf if term.grid == math.inf else 2.0 ** (term.grid - bits)
        self.loads.append(jnp.where(peak > 0, peak * unit, 0))
        return peak

    def constant(self, grid: float) -> None:
        """Note the grid of a constant that enters the result."""
        self.grid = max(self.grid, grid)

    def absorb(self, inner: "Tally") -> None:
        """Take over what an inner program noted, except what is still inside of it."""
        self.bits = min(self.bits, inner.bits)
        self.grid = max(self.grid, inner.grid)
        self.slack = max(self.slack, inner.slack)


Rule: TypeAlias = Callable[[JaxprEqn, Sequence[Term], Tally], Term | list[Term]]


def summed(eqn: JaxprEqn, ins: Sequence[Term], array: Array, count: float = 0) -> Term:
    """A term formed by adding up the inputs with `count` roundings."""
    dtype = aval(eqn.outvars[0]).dtype
    error = worst(ins, "error") + roundings(count, bits_of(dtype), dtype)
    grids = max((x.grid for x in ins), default=math.inf)
    return Term(array, False, error, worst(ins, "slack") + count, grids)
