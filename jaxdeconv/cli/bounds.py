"""How far apart rounding can put two right ways: derived, not guessed.

A sum of n products, in any order, with or without fused multiply-adds, differs from the exact sum
by at most gamma_n times the sum of the absolute products,

    gamma_n = n*eps / (1 - n*eps)                              (Higham 2002, section 3.1),

with eps the spacing of numbers at 1 in the dtype in which sums are formed (twice the unit
roundoff). Two right ways therefore differ in each cell of v by at most 2 gamma_n (|K|^T |u|). Where
products underflow, each can lose the smallest normal number more.

For complex numbers JAX forms a product from three real ones (Gauss): (a + bi)(c + di) has the parts
(a + b)c - b(c + d) and (a + b)c + a(d - c). With |a| + |b| <= sqrt(2) |a + bi| either part is a
sum whose absolute terms are at most 2 sqrt(2) |x||y|, both parts together 4 |x||y|, with three
roundings more: a factor of 4, and n + 3. Ordinary complex products (sqrt(2), n + 1) fall below.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from jaxdeconv import boundary
from jaxdeconv.cli.job import Job
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.reference import coordinates

_LARGEST_PROBE = 7


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What rounding can explain: a deviation per cell of v, and a gap of the identity."""

    deviation: NDArray[np.float64]
    gap: float


@dataclasses.dataclass(frozen=True)
class Sums:
    """The number of terms of a sum in K and in K^T, and the folds of padding that may follow."""

    conv: int
    transpose: int
    copies: tuple[int, ...]

    @classmethod
    def of(cls, job: Job) -> "Sums":
        """Count: taps times channels of a group; and, per axis, cells copied from one cell."""
        *kernel, in_channels, out_channels = job.w.shape
        taps = math.prod(kernel)
        copies = tuple(_most_copies(source) for source in _sources(job))
        return cls(taps * in_channels, taps * out_channels // job.geometry.groups, copies)

    @property
    def roundings(self) -> int:
        """Of one sum in K^T: terms, and one more addition for every copy beyond the first."""
        return self.transpose + sum(copies - 1 for copies in self.copies)


def rounding(job: Job, v: NDArray, u: NDArray, w: NDArray) -> Allowed:
    """What rounding allows for K^T u, and for <u, K v> = <K^T u, v>.

    The identity compares one rounded K v with one rounded K^T u, so its bound is
    (gamma of K + gamma of K^T) <|K|^T |u|, |v|>.

    Raises:
        ValueError: numbers so large that the sums overflow.
    """
    info = np.finfo(job.accumulator)
    eps, tiny = float(info.eps), float(info.tiny)
    is_complex = job.accumulator.kind == "c"
    factor, more = (4, 3) if is_complex else (1, 0)
    sums = Sums.of(job)
    n_conv = sums.conv + more + 1  # one more for the float64 in which the bound is computed
    n_transpose = sums.roundings + more + 1
    size_v, size_u = (abs(x.astype(job.accumulator)).astype(np.float64) for x in (v, u))
    with np.errstate(over="ignore", invalid="ignore"):
        magnitude = _absolute_transpose(job, size_u, w)
        total = float(np.sum(magnitude * size_v))
    if not (np.isfinite(total) and magnitude.max(initial=0) < info.max / factor):
        raise ArgumentValueError(
            "the numbers must be small enough for the sums not to overflow",
            "Pass a kernel of smaller numbers, or a wider dtype.",
            dtype=str(job.dtype),
        )
    underflow = n_conv * size_u.sum() + n_transpose * size_v.sum()
    return Allowed(
        2 * factor * (_gamma(n_transpose, eps) * magnitude + n_transpose * tiny),
        factor * ((_gamma(n_conv, eps) + _gamma(n_transpose, eps)) * total + underflow * tiny),
    )


def nothing(v: NDArray) -> Allowed:
    """Where all arithmetic is exact."""
    return Allowed(np.zeros(v.shape), 0.0)


def largest_exact_integer(job: Job) -> int:
    """The largest m such that no sum of products of integers up to m is rounded.

    Every partial sum must stay below 2^p, p the bits of a significand: m^2 times the number of
    terms, copies of the border included; times 4 for complex numbers, whose parts a + b reach 2m
    and meet in two sums. Integer dtypes are exact for every m.

    Raises:
        ValueError: there is no such m.
    """
    if job.accumulator.kind in "iu":
        return _LARGEST_PROBE
    sums = Sums.of(job)
    terms = max(sums.conv, sums.transpose * math.prod(sums.copies))
    room = 2 ** (np.finfo(job.accumulator).nmant + 1) - 1
    largest = math.isqrt(room // (terms * (4 if job.accumulator.kind == "c" else 1)))
    if largest == 0:
        raise ArgumentValueError(
            "the kernel must be small enough for sums of small integers to be exact",
            "Pass a smaller kernel, or a wider dtype.",
            terms=terms,
            dtype=str(job.dtype),
        )
    return min(_LARGEST_PROBE, largest)


def _gamma(n: int, eps: float) -> float:
    return n * eps / (1 - n * eps)


def _sources(job: Job) -> list[NDArray]:
    geometry = job.geometry
    return [
        boundary.source_index(n, low, high, job.padding_mode)
        for n, (low, high) in zip(geometry.input_size, geometry.padding, strict=True)
    ]


def _most_copies(source: NDArray) -> int:
    return int(np.bincount(source[source >= 0], minlength=1).max(initial=1))


def _absolute_transpose(job: Job, u: NDArray, w: NDArray) -> NDArray:
    """|K|^T |u| in float64, by the index relation and by adding copies to their sources."""
    _, inner = boundary.split(job.geometry, job.padding_mode)
    size_w = abs(w.astype(job.accumulator)).astype(np.float64)
    x = coordinates.transpose(u, size_w, inner)
    if job.padding_mode == "zeros":
        return x
    for axis, (n, source) in enumerate(zip(job.geometry.input_size, _sources(job), strict=True), 1):
        cells = np.moveaxis(x, axis, 0)
        folded = np.zeros((n, *cells.shape[1:]))
        np.add.at(folded, source, cells)
        x = np.moveaxis(folded, 0, axis)
    return x
