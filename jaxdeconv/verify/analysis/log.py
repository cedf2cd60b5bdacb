"""What the analysis notes of all roundings on the way, and how roundings are counted.

`count` roundings of unit u multiply the relative error bound 1 + delta by (1 + u)^count, so their
logarithms add.
"""

import dataclasses
import functools
import math

import jax.numpy as jnp
from jax import Array

from jaxdeconv.verify.analysis.jaxprs import is_float
from jaxdeconv.verify.analysis.known import Known

__all__ = ["RoundingLog", "roundings"]


def roundings(count: float, bits: int, dtype: object) -> float:
    """The logarithm of (1 + u)^count; integers do not round."""
    return count * math.log1p(2.0**-bits) if is_float(dtype) else 0.0


@dataclasses.dataclass
class RoundingLog:
    """Extremes over all variables that depend on the argument.

    Attributes:
        platform: 'cpu', 'gpu' or 'tpu': whose arithmetic is bounded.
        bits: of the narrowest significand of any sum.
        grid: the finest of the constants' grids.
        slack: most roundings in any bound.
        loads: bounds on every variable, divided by what its significand can hold exactly.
    """

    platform: str
    bits: float = math.inf
    grid: float = -math.inf
    slack: float = 0.0
    loads: list[Array] = dataclasses.field(default_factory=list)

    @property
    def load(self) -> Array:
        """The largest load."""
        return functools.reduce(jnp.maximum, self.loads, jnp.zeros((), jnp.result_type(float)))

    def value(self, known: Known, bits: int) -> None:
        """Note a value that is held, or summed up, with `bits` bits."""
        self.bits = min(self.bits, bits)
        self.slack = max(self.slack, known.slack)
        self.operand(known, bits)

    def operand(self, known: Known, bits: int) -> None:
        """Note a value that is rounded to `bits` bits before it is multiplied."""
        peak = jnp.max(known.magnitude, initial=0)
        unit = math.inf if known.grid == math.inf else 2.0 ** (known.grid - bits)
        self.loads.append(jnp.where(peak > 0, peak * unit, 0))

    def constant(self, grid: float) -> None:
        """Note the grid of a constant that enters the result."""
        self.grid = max(self.grid, grid)

    def absorb(self, inner: "RoundingLog") -> None:
        """Take over what an inner program noted, but not its arrays, which JAX still traces."""
        self.bits = min(self.bits, inner.bits)
        self.grid = max(self.grid, inner.grid)
        self.slack = max(self.slack, inner.slack)
