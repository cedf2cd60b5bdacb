"""What the analysis knows of a variable: its parts, and a bound on its magnitude and rounding.

Every map over the reals is typed by what it may be a sum of,

    x -> c + A x + B conj(x) + anything else,

as a set of `Parts`. Beside them stand the value of a constant or a bound on |A| |v|, and how far
the computed variable may be off.
"""

import dataclasses
import enum
import functools
import math
import operator
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import JaxprEqn

from jaxdeconv.verify.analysis import jaxprs

__all__ = [
    "REAL_LINEAR",
    "Known",
    "Parts",
    "Unbounded",
    "constant",
    "grade",
    "grid_of",
    "reciprocal_grid",
    "union",
    "worst",
]


class Parts(enum.IntFlag):
    """What the value of a variable may contain, as a function of the argument."""

    ZERO = 0
    CONSTANT = 1
    LINEAR = 2
    CONJUGATE = 4
    NONLINEAR = 8
    OPAQUE = 16

    @property
    def is_constant(self) -> bool:
        """Independent of the argument."""
        return self | Parts.CONSTANT == Parts.CONSTANT


REAL_LINEAR = Parts.LINEAR | Parts.CONJUGATE


def union(parts: Iterable[Parts]) -> Parts:
    """The parts of a sum."""
    return functools.reduce(operator.or_, parts, Parts.ZERO)


def grade(parts: Parts) -> int:
    """How bad: linear 0, real-linear 1, affine 2, non-linear 3, opaque 4."""
    if parts & Parts.OPAQUE:
        return 4
    if parts & Parts.NONLINEAR:
        return 3
    if parts & REAL_LINEAR and parts & Parts.CONSTANT:
        return 2
    return 1 if parts & Parts.CONJUGATE else 0


class Unbounded(Exception):
    """No bound can be derived.

    Attributes:
        primitive: whose rounding cannot be bounded.
        source: its line, 'file:line (function)', or None.
    """

    def __init__(self, eqn: JaxprEqn) -> None:
        self.primitive = eqn.primitive.name
        self.source = jaxprs.source(eqn)
        super().__init__(self.primitive, self.source)

    def __str__(self) -> str:
        where = f" at {self.source}" if self.source else ""
        return f"the rounding of {self.primitive}{where} cannot be bounded"


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """Of a variable x, in exact arithmetic x and as computed fl(x).

    The rules on bounds leave `parts` and `blame` to the interpreter, which fills them in.

    Attributes:
        array: the value of a constant; else a bound on the magnitude; None where there is no bound.
        constant: whether `array` is the value. Then x does not depend on the argument.
        error: |fl(x) - x| <= (exp(error) - 1) magnitude.
        slack: roundings in `array`, where it is a bound.
        grid: x is a multiple of 2^-grid when the argument is integral; infinity where unknown,
            minus infinity where x is zero.
        unbounded: why there is no bound; None where there is one.
        norms: bounds on |x| and |fl(x) - x| in the 2-norm, where they may be the narrower ones.
        parts: what x may contain.
        blame: the primitive that put the worst part there, and its source line.
    """

    array: Any
    constant: bool = False
    error: float = 0.0
    slack: float = 0.0
    grid: float = math.inf
    unbounded: Unbounded | None = None
    norms: tuple[Array, Array] | None = None
    parts: Parts = Parts.ZERO
    blame: tuple[str, str | None] | None = None

    @property
    def magnitude(self) -> Array:
        """The bound: a real floating-point array of the widest type there is."""
        if not self.constant:
            return self.array
        return jnp.abs(_as_float(self.array)).astype(jnp.result_type(float))

    @property
    def value(self) -> Any:
        """The entries of a constant; None where they are not known before the program runs."""
        known = self.constant and not isinstance(self.array, jax.core.Tracer)
        return self.array if known else None

    def without_bound(self, reason: Unbounded) -> "Known":
        """The same, but nothing is known of its size."""
        return dataclasses.replace(
            self, array=None, constant=False, grid=math.inf, unbounded=reason, norms=None
        )


def constant(value: Any) -> Known:
    """A constant as it stands in the program."""
    parts = Parts.ZERO if jaxprs.is_zero(value) else Parts.CONSTANT
    return Known(value, True, grid=grid_of(value), parts=parts)


def worst(known: Sequence[Known], attribute: str) -> float:
    """The largest of an attribute; what holds for a sum of variables, or for any of them."""
    return max((getattr(one, attribute) for one in known), default=0.0)


def _as_float(value: Any) -> Array:
    """Booleans and integers as floats: abs() of the smallest integer would overflow."""
    array = jnp.asarray(value)
    return array if jaxprs.is_float(array.dtype) else array.astype(jnp.result_type(float))


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
    key = id(value)
    found = _GRIDS.get(key)
    if found is None or found[0]() is not value:
        found = weakref.ref(value, lambda _: _GRIDS.pop(key, None)), _grid(value)
        _GRIDS[key] = found
    return found[1]


_GRIDS: dict[int, tuple[weakref.ref, float]] = {}
"""By constant: a walk through a program meets each many times."""

CHUNK = 2**15
"""Entries at once: they stay in a cache."""


def _grid(value: Any) -> float:
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return max(_grid(array.real), _grid(array.imag))
    cells = array.ravel()
    return max(
        (_grid_of_few(cells[start : start + CHUNK]) for start in range(0, len(cells), CHUNK)),
        default=-math.inf,
    )


def _grid_of_few(cells: np.ndarray) -> float:
    entries = np.abs(cells[cells != 0].astype(np.float64))
    if not entries.size:
        return -math.inf
    if not np.isfinite(entries).all():
        return math.inf
    significand, exponent = np.frexp(entries)
    whole = np.ldexp(significand, 53).astype(np.int64)
    lowest_bit = np.frexp((whole & -whole).astype(np.float64))[1] - 1  # x & -x: the lowest set bit
    return int(np.max(53 - exponent - lowest_bit))


def reciprocal_grid(value: Any) -> float:
    """`grid_of` the reciprocals, which are exact if all entries are powers of two."""
    if isinstance(value, jax.core.Tracer) or value.dtype.kind == "c":
        return math.inf
    entries = np.abs(np.asarray(value).astype(np.float64))
    significand, exponent = np.frexp(entries)
    return int(np.max(exponent)) - 1 if np.all(significand == 0.5) and entries.size else math.inf
