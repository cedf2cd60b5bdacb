"""One leaf of the domain against one leaf of the codomain: entries with multi-indices."""

import dataclasses
import functools
from fractions import Fraction

import numpy as np

from jaxdeconv.verify.diagnose.sparse import Sparse
from jaxdeconv.verify.diagnose.stencils import Stencil, fit

__all__ = ["LeafPair", "Shape", "Visible", "is_count", "simplest"]

Shape = tuple[int, ...]


_ROUNDINGS = 4  # that a product with a measured factor may show
_DOUBLE = 1e-14  # a few roundings of float64, in which entries are divided
_DENOMINATOR = 64
_NOISE = 16  # rounding errors in which a fault and what it explains may differ
_MOST_NOISE = 1e-5


@dataclasses.dataclass(frozen=True)
class Visible:
    """How much of the matrix is known. Faults that move entries across its edge cannot be tested.

    Attributes:
        columns: whole columns are known, so moving entries along the domain can be tested.
        everything: the whole matrix is.
    """

    columns: bool
    everything: bool


@dataclasses.dataclass(frozen=True, eq=False)
class LeafPair:
    """Entries expected and found, between an array of the domain and one of the codomain.

    Attributes:
        expected: entries that At should have.
        got: entries found.
        domain: shape of the array that rows index.
        codomain: shape of the array that columns index.
        visible: how much of it is known.
        conjugate: whether A^H is expected, and not A^T.
        floor: differences up to this are noise.
        rounding: one rounding error of the working dtype, relative.
    """

    expected: Sparse
    got: Sparse
    domain: Shape
    codomain: Shape
    visible: Visible
    conjugate: bool
    floor: float
    rounding: float

    @functools.cached_property
    def wrong(self) -> Sparse:
        """The differences `got - expected`."""
        return self.expected.differences(self.got, self.floor)

    @functools.cached_property
    def noise(self) -> float:
        """How closely a fault must reproduce what it explains: what rounds is never equal."""
        if self.expected.is_integral and self.got.is_integral:
            return self.floor
        largest = float(np.abs(self.wrong.values).max(initial=0))
        return max(self.floor, min(_NOISE * self.rounding, _MOST_NOISE) * largest)

    @property
    def slack(self) -> float:
        """Relative error of a value that is computed from others."""
        return _ROUNDINGS * self.rounding

    @functools.cached_property
    def common_factor(self) -> complex | None:
        """The one factor got / expected of all wrong entries; None if there are several.

        A quotient of complex numbers is rounded even where it is a whole number, so a simple factor
        close to it is taken first, and the entries are compared with products.
        """
        expected, got = self.expected.at(self.wrong), self.got.at(self.wrong)
        if not len(expected) or (expected == 0).any():
            return None
        largest = int(np.argmax(np.abs(expected)))
        factor = simplest(got[largest] / expected[largest])
        allowed = self.floor + self.slack * np.abs(got)
        return factor if (np.abs(factor * expected - got) <= allowed).all() else None

    @functools.cached_property
    def x(self) -> tuple[np.ndarray, ...]:
        """Multi-indices of the expected entries in the domain."""
        return self.domain_index(self.expected)

    @functools.cached_property
    def y(self) -> tuple[np.ndarray, ...]:
        """Multi-indices of the expected entries in the codomain."""
        return self.codomain_index(self.expected)

    @functools.cached_property
    def stencil(self) -> Stencil | None:
        """The kernel that the expected entries repeat, if they do."""
        if not self.visible.everything:
            return None
        return fit(self.expected, self.domain, self.codomain)

    @functools.cached_property
    def found(self) -> Stencil | None:
        """The kernel that the entries found repeat, if they do."""
        if not self.visible.everything:
            return None
        return fit(self.got, self.domain, self.codomain)

    def domain_index(self, entries: Sparse) -> tuple[np.ndarray, ...]:
        """Multi-indices of any entries in the domain."""
        return np.unravel_index(entries.rows, self.domain)

    def codomain_index(self, entries: Sparse) -> tuple[np.ndarray, ...]:
        """Multi-indices of any entries in the codomain."""
        return np.unravel_index(entries.cols, self.codomain)

    def moved(
        self,
        x: tuple[np.ndarray, ...] | None = None,
        y: tuple[np.ndarray, ...] | None = None,
        values: np.ndarray | None = None,
    ) -> Sparse:
        """The expected entries at other multi-indices; those that leave the arrays are lost."""
        x = self.x if x is None else x
        y = self.y if y is None else y
        values = self.expected.values if values is None else values
        inside = np.ones(len(self.expected), bool)
        for index, size in zip((*x, *y), (*self.domain, *self.codomain), strict=True):
            inside &= (index >= 0) & (index < size)
        rows = np.ravel_multi_index([i[inside] for i in x], self.domain)
        cols = np.ravel_multi_index([i[inside] for i in y], self.codomain)
        return Sparse.collect(rows, cols, values[inside], self.expected.shape)

    def columns(self, chosen: np.ndarray) -> "LeafPair":
        """This pair, seen only in the columns chosen."""
        keep = np.zeros(self.expected.shape[1], bool)
        keep[chosen] = True
        return dataclasses.replace(
            self,
            expected=self.expected.where(keep[self.expected.cols]),
            got=self.got.where(keep[self.got.cols]),
            visible=Visible(columns=True, everything=False),
        )

    def is_label(self, axis: int) -> bool:
        """Whether entries do not repeat along this axis of the domain: channels, say."""
        return self.stencil is not None and self.stencil.steps[axis] is None


def simplest(factor: complex) -> complex:
    """The nearest fraction (of Gaussian integers) with a small denominator, if close enough."""
    parts = [
        float(Fraction(part).limit_denominator(_DENOMINATOR)) if np.isfinite(part) else part
        for part in (float(np.real(factor)), float(np.imag(factor)))
    ]
    simple = complex(*parts) if parts[1] else parts[0]
    return simple if abs(simple - factor) <= _DOUBLE * abs(factor) else factor


def is_count(factor: complex) -> bool:
    """Whether a factor is a whole number from 2 on, or the reciprocal of one."""
    if np.imag(factor):
        return False
    value = float(np.real(factor))
    return value > 0 and value != 1 and (value.is_integer() or _inverse_is_whole(value))


def _inverse_is_whole(value: float) -> bool:
    return abs(1 / value - round(1 / value)) < 1e-6
