"""Cells of v that no tap ever reads, because stride and dilation have a common factor g.

    x = s*y + d*t - low

is then the same modulo g for all y and t: K reads every g-th cell, from (-low mod g) on, and K^T
leaves all others zero. So v is thinned out first, or spread out last, and stride and dilation are
divided by g.
"""

import dataclasses
import math

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms import Problem
from jaxdeconv.geometry import ConvGeometry

__all__ = ["Thinning"]


@dataclasses.dataclass(frozen=True)
class Thinning:
    """What is read of v under one geometry.

    Attributes:
        geometry: the whole one.
    """

    geometry: ConvGeometry

    @staticmethod
    def applies(geometry: ConvGeometry) -> bool:
        """Whether there is a common factor."""
        return any(g > 1 for g in _factors(geometry))

    @property
    def _first(self) -> tuple[int, ...]:
        """The first cell that is read, along every dimension."""
        pairs = zip(_factors(self.geometry), self.geometry.padding, strict=True)
        return tuple(-low % g for g, (low, _) in pairs)

    @property
    def simplified(self) -> ConvGeometry:
        """The geometry of the cells that are read."""
        whole, size, padding = self.geometry, [], []
        factors = _factors(whole)
        stride = tuple(s // g for s, g in zip(whole.stride, factors, strict=True))
        dilation = tuple(d // g for d, g in zip(whole.dilation, factors, strict=True))
        for dim, (g, first) in enumerate(zip(factors, self._first, strict=True)):
            low, high = whole.padding[dim]
            if g > 1:
                cells = max(0, -(-(whole.input_size[dim] - first) // g))
                low = (low + first) // g
                reach = dilation[dim] * (whole.kernel_size[dim] - 1) + 1
                least = reach + stride[dim] * (whole.output_size[dim] - 1) - cells - low
                high = min(max(low, least), least + stride[dim] - 1)  # even where possible
            else:
                cells = whole.input_size[dim]
            size.append(cells)
            padding.append((low, high))
        return whole.replace(
            input_size=tuple(size), padding=tuple(padding), stride=stride, dilation=dilation
        )

    def problem(self, problem: Problem) -> Problem:
        """The problem that is left."""
        return dataclasses.replace(problem, geometry=self.simplified)

    def simplify(self, role: str, x: Array) -> Array:
        """One of v, w and u for the simplified geometry: only v is another."""
        if role != "v":
            return x
        return lax.slice(x, (0, *self._first, 0), x.shape, (1, *_factors(self.geometry), 1))

    def restore(self, role: str, x: Array) -> Array:
        """The transpose of `simplify`: of a result."""
        if role != "v":
            return x
        pads = [(0, 0, 0)]
        sizes = zip(self.geometry.input_size, x.shape[1:-1], strict=True)
        for (n, cells), g, first in zip(sizes, _factors(self.geometry), self._first, strict=True):
            pads.append((first, n - first - (g * (cells - 1) + 1), g - 1))
        return lax.pad(x, jnp.zeros((), x.dtype), [*pads, (0, 0, 0)])


def _factors(geometry: ConvGeometry) -> tuple[int, ...]:
    """The factor g along every dimension; of a single tap or output the spacing means nothing."""
    sizes = zip(
        geometry.stride, geometry.dilation, geometry.kernel_size, geometry.output_size, strict=True
    )
    return tuple(math.gcd(s, d) if k > 1 and o > 1 else 1 for s, d, k, o in sizes)
