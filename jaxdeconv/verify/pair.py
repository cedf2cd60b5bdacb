"""The pair under test: A, At, the inner product between them, and what is known of their rounding.

    <A v, u> = <v, At u>,   <x, y> = sum of x conj(y), or of x y for the transpose

Where real and complex cells meet (an FFT of real data), the maps are linear over the reals only;
every complex cell then counts as two real ones (`Space.realified`).
"""

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from jaxdeconv.verify.absolute import Magnitude, Unbounded, magnitude
from jaxdeconv.verify.applications import Operator
from jaxdeconv.verify.arithmetic import products, residues, scaled
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.spaces import Space

__all__ = ["Block", "Family", "Pair", "Rounding", "rounding_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Probes and what became of them.

    Attributes:
        u: `(a, cells of the codomain)`.
        v: `(b, cells of the domain)`.
        y: A v.
        x: At u.
    """

    u: np.ndarray
    v: np.ndarray
    y: np.ndarray
    x: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Rounding:
    """What is known of the rounding of one of the two functions.

    Attributes:
        bits: of the significand that its narrowest sums are formed in.
        magnitude: |A| derived from the jaxpr, or None where something cannot be bounded.
        load: of probes of ones: times s it is at most 1 only if no sum of integers up to s can
            round.
        reason: why `magnitude` is None.
    """

    bits: int
    magnitude: Magnitude | None
    load: float = math.inf
    reason: str = ""


def rounding_of(operator: Operator) -> Rounding:
    """Derive it from the jaxpr of `operator` with its parameters as they are."""
    bits = min(operator.domain.bits, operator.codomain.bits)
    if operator.domain.kind == "integer":
        return Rounding(bits, None, reason="integers do not round")
    if not operator.traceable:
        return Rounding(bits, None, reason=f"{operator.name} cannot be traced by JAX")
    parameters = operator.parameters

    def frozen(v: Any) -> Any:
        return operator.fun(*parameters, v)

    try:
        bound = magnitude(frozen, operator.domain.tree)
    except Unbounded as unbounded:
        return Rounding(bits, None, reason=f"{operator.name}: {unbounded}")
    ones = np.full(operator.domain.size, np.sqrt(2) if operator.domain.kind == "complex" else 1.0)
    load = bound.load(operator.domain.member(ones)) if bound.dyadic is not None else math.inf
    return Rounding(min(bits, bound.accumulators), bound, load)


@dataclasses.dataclass(eq=False)
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
    def kind(self) -> str:
        """'integer', 'real' or 'complex': of both spaces."""
        return self.forward.domain.kind

    @property
    def sizes(self) -> tuple[int, int]:
        """Cells of the domain and of the codomain."""
        return self.forward.domain.size, self.forward.codomain.size

    @property
    def bits(self) -> int:
        """Of the narrower of domain and codomain."""
        return min(self.forward.domain.bits, self.forward.codomain.bits)

    @functools.cached_property
    def roundings(self) -> tuple[Rounding, Rounding]:
        """Of A and of At."""
        return rounding_of(self.forward), rounding_of(self.backward)

    @functools.cached_property
    def scale(self) -> float:
        """The largest entry in the column of A that At weighs most: no more than the largest."""
        weights = self.backward(self.probes.modest(self.forward.codomain, 1))[0]
        delta = np.zeros((1, self.forward.domain.size), self.forward.domain.wide)
        delta[0, int(np.argmax(np.abs(weights)))] = 1
        return float(np.abs(self.forward(delta)).max(initial=0))

    @property
    def summation(self) -> float:
        """Relative rounding of the inner products of `float_defects`."""
        if self._extended:
            return 64 * float(np.finfo(np.longdouble).eps)
        return sum(self.sizes) * float(np.finfo(np.float64).eps)

    @property
    def _extended(self) -> bool:
        """Whether float64 is too narrow for the inner products."""
        return self.bits > 24

    @property
    def extra_chance(self) -> float:
        """That what a draw holds besides probes hides a fault."""
        return 0.0

    def renew(self) -> None:
        """A single pair has nothing to draw anew."""

    def block(self, u: np.ndarray, v: np.ndarray) -> Block:
        """Apply A to v and At to u."""
        return Block(u, v, self.forward(v), self.backward(u))

    def defects(self, block: Block, y_exponent: int = 0, x_exponent: int = 0) -> np.ndarray:
        """`<A v, u> - <v, At u>` of all pairs, exactly.

        Args:
            block: holds dyadic numbers.
            y_exponent: 2^y_exponent y are integers.
            x_exponent: of x.

        Returns:
            `(parts, a, b)` Python integers, scaled by 2^(y_exponent + x_exponent); for integer
            spaces modulo 2^bits.
        """
        if self.kind == "integer":
            difference = residues(block.u, block.y, 64) - residues(block.x, block.v, 64)
            return (difference & np.uint64(2**self.bits - 1))[None]
        left = products(block.u, scaled(block.y, y_exponent), self.conjugate)
        right = products(scaled(block.x, x_exponent), block.v, self.conjugate)
        return left * 2**x_exponent - right * 2**y_exponent

    def float_defects(self, block: Block) -> np.ndarray:
        """The same in extended precision, absolute values: `(a, b)`."""
        u, x = (np.conj(z) if self.conjugate else z for z in (block.u, block.x))
        form = _extended if self._extended else _plain
        return np.abs(form(u, block.y) - form(x, block.v)).astype(np.float64)


@dataclasses.dataclass(eq=False)
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
        """That a wrong family is right for the parameters drawn, if it is linear in them."""
        return 1 / 2 if self.kind == "integer" else 1 / (2 * self.largest)

    def renew(self) -> None:
        """Draw other parameters."""
        if self.kind == "integer":
            self._set(self.probes.residues(self.parameters, 1))
        else:
            self._set(self.probes.integers(self.parameters, 1, self.largest))
        self.__dict__.pop("roundings", None)  # they are those of the last parameters

    def _set(self, parameters: np.ndarray) -> None:
        placed = self.parameters.place(self.parameters.member(parameters[0]), False)
        for operator in self.operators:
            operator.parameters = (placed,)


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
