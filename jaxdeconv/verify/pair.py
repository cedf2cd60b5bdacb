"""The pair under test: A, At, and the inner product between them.

    <A v, u> = <v, At u>,   <x, y> = sum of x conj(y), or of x y for the transpose

Where real and complex cells meet (an FFT of real data), the maps are linear over the reals only;
every complex cell then counts as two real ones (`Space.realified`).
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from jaxdeconv.verify.arithmetic import products, residues, scaled
from jaxdeconv.verify.calls import Rounding
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.spaces import Space

__all__ = ["Family", "Pair", "Sample"]


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """A and At as maps of blocks.

    Attributes:
        forward: A.
        backward: At.
        conjugate: adjoint (True) or transpose.
        probes: where all random numbers come from.
    """

    forward: Operator
    backward: Operator
    conjugate: bool
    probes: Probes

    @property
    def operators(self) -> tuple[Operator, Operator]:
        """A and At."""
        return self.forward, self.backward

    @property
    def given(self) -> "Pair":
        """The pair before it was widened."""
        forward, backward = (operator.given or operator for operator in self.operators)
        return dataclasses.replace(self, forward=forward, backward=backward)

    @property
    def is_widened(self) -> bool:
        """Whether a map is in double precision that was not given in it."""
        return any(operator.given for operator in self.operators)

    @property
    def roundings(self) -> tuple[Rounding, Rounding]:
        """Of A and of At."""
        return self.forward.rounding, self.backward.rounding

    @property
    def kind(self) -> str:
        """'integer', 'real' or 'complex': of both spaces."""
        return self.forward.domain.kind

    @property
    def sizes(self) -> tuple[int, int]:
        """Cells of the domain and of the codomain."""
        return self.forward.domain.size, self.forward.codomain.size

    @property
    def bits(self) -> int:
        """Of the narrower of domain and codomain; of both results for integers, which may wrap."""
        if self.kind == "integer":
            return min(self.forward.codomain.bits, self.backward.codomain.bits)
        return min(self.forward.domain.bits, self.forward.codomain.bits)

    @functools.cached_property
    def scale(self) -> float:
        """The largest entry of a column of A: of the smallest of three columns with any."""
        weights = np.abs(self.backward(self.probes.modest(self.forward.codomain, 1))[0])
        order = np.argsort(weights)
        lit = order[np.searchsorted(weights[order], 0, side="right") :]
        cells = lit[[0, len(lit) // 2, -1]] if len(lit) else order[-1:]
        largest = np.abs(self.forward(self.forward.domain.deltas(cells))).max(axis=1, initial=0)
        return float(np.min(largest[largest > 0], initial=np.inf)) if largest.any() else 0.0

    def size_at(self, row: Any, col: Any) -> Any:
        """What the scales multiply the entry of a cell of the domain and one of the codomain by."""
        inputs, outputs = self.forward.scales
        size: Any = 1.0 if inputs is None else inputs[row]
        return size if outputs is None else size * outputs[col]

    @property
    def extra_chance(self) -> float:
        """The chance that what is drawn besides probes hides a fault."""
        return 0.0

    def drawn(self) -> "Pair":
        """The pair itself: there is nothing to draw but probes."""
        return self

    def sample(self, u: np.ndarray, v: np.ndarray) -> "Sample":
        """Apply A to v and At to u."""
        return Sample(self, u, v, self.forward(v), self.backward(u))


@dataclasses.dataclass(frozen=True, eq=False)
class Family(Pair):
    """A pair for every value of its parameters, which both functions take first.

    Attributes:
        parameters: their space.
        largest: of the integers that are drawn for them.
    """

    parameters: Space
    largest: int

    @property
    def extra_chance(self) -> float:
        """The chance that a wrong family is right for the parameters drawn, if linear in them."""
        return 1 / 2 if self.kind == "integer" else 1 / (2 * self.largest)

    def drawn(self) -> "Family":
        """The family at other parameters."""
        if self.kind == "integer":
            block = self.probes.residues(self.parameters, 1)
        else:
            block = self.probes.integers(self.parameters, 1, self.largest)
        parameters = (self.parameters.place(self.parameters.member(block[0]), False),)
        return dataclasses.replace(
            self, forward=self.forward.at(parameters), backward=self.backward.at(parameters)
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Probes and what became of them.

    Attributes:
        pair: what was applied.
        u: `(a, cells of the codomain)`.
        v: `(b, cells of the domain)`.
        y: A v.
        x: At u.
    """

    pair: Pair
    u: np.ndarray
    v: np.ndarray
    y: np.ndarray
    x: np.ndarray

    def defects(self, y_exponent: int = 0, x_exponent: int = 0) -> np.ndarray:
        """`<A v, u> - <v, At u>` of all pairs, exactly, where all blocks hold dyadic numbers.

        Args:
            y_exponent: 2^y_exponent y are integers.
            x_exponent: of x.

        Returns:
            `(parts, a, b)` Python integers, scaled by 2^(y_exponent + x_exponent); for integer
            spaces modulo 2^bits.
        """
        if self.pair.kind == "integer":
            difference = residues(self.u, self.y, 64) - residues(self.x, self.v, 64)
            return (difference & np.uint64(2**self.pair.bits - 1))[None]
        conjugate = self.pair.conjugate
        left = products(self.u, scaled(self.y, y_exponent), conjugate)
        right = products(scaled(self.x, x_exponent), self.v, conjugate)
        return left * 2**x_exponent - right * 2**y_exponent

    def float_defects(self) -> np.ndarray:
        """The same in extended precision, absolute values: `(a, b)`."""
        u, x = (np.conj(z) if self.pair.conjugate else z for z in (self.u, self.x))
        form = _extended if self._wide else _plain
        return np.abs(form(u, self.y) - form(x, self.v)).astype(np.float64)

    @property
    def summation(self) -> float:
        """Relative rounding of the inner products of `float_defects`."""
        if self._wide:
            return 64 * float(np.finfo(np.longdouble).eps)
        return sum(self.pair.sizes) * float(np.finfo(np.float64).eps)

    @property
    def _wide(self) -> bool:
        """Whether float64 is too narrow for the inner products."""
        return self.pair.bits > 24


def _plain(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`x y^T` in float64."""
    return x @ y.T


def _extended(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`x y^T` in NumPy's longest float, row by row so that little memory is needed."""
    dtype = np.clongdouble if "c" in (x.dtype.kind, y.dtype.kind) else np.longdouble
    result = np.empty((len(x), len(y)), dtype)
    for a, row in enumerate(x):
        for b, other in enumerate(y):
            result[a, b] = np.sum(row.astype(dtype) * other)
    return result
