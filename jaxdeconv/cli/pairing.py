"""<x, y>, the sum of x * y without conjugation, in Python's integers: no rounding at all.

Every floating number is an integer times a power of two. So sums of products of them are too, and
what is left of <u, K v> - <K^T u, v> is the fault of K and K^T alone, not of the check.
"""

import operator
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = tuple[Fraction, Fraction]
"""A complex number, (real part, imaginary part), exactly."""

_MANTISSA = 53  # bits: every dtype here up to float64 fits


def inner(x: NDArray, y: NDArray) -> Number | None:
    """<x, y> of two arrays of the same shape, exactly; None if an entry is not finite."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    if x.dtype.kind != "c" and y.dtype.kind != "c":
        return _inner(x, y), Fraction(0)
    return _inner(x.real, y.real) - _inner(x.imag, y.imag), (
        _inner(x.real, y.imag) + _inner(x.imag, y.real)
    )


def gap(left: Number | None, right: Number | None, modulus: int) -> float:
    """|left - right|; round the ring of `modulus` integers if that is not 0; nan for None."""
    if left is None or right is None:
        return float("nan")
    real, imag = left[0] - right[0], left[1] - right[1]
    if modulus:
        return float(min(real % modulus, -real % modulus))
    return float(np.hypot(float(real), float(imag)))


def _inner(x: NDArray, y: NDArray) -> Fraction:
    (a, a_exponent), (b, b_exponent) = _as_integers(x), _as_integers(y)
    total = sum(map(operator.mul, a, b))
    return Fraction(total) * Fraction(2) ** (a_exponent + b_exponent)


def _as_integers(x: NDArray) -> tuple[list[int], int]:
    """Integers m and one exponent e with x = m * 2^e."""
    if x.dtype.kind in "iu":
        return x.ravel().tolist(), 0
    mantissa, exponent = np.frexp(x.astype(np.float64).ravel())
    whole = np.ldexp(mantissa, _MANTISSA).astype(np.int64).tolist()
    least = int(exponent.min(initial=0))
    shifted = [m << (e - least) for m, e in zip(whole, exponent.tolist(), strict=True)]
    return shifted, least - _MANTISSA
