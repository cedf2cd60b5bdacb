"""Exact arithmetic on blocks that hold integers, whole or dyadic, in NumPy.

Factors are cut into limbs, which are short enough for every partial sum of a float64 product to be
exact. So the order of summation does not matter, and BLAS can do the work.
"""

import numpy as np

__all__ = [
    "distance_to_integers",
    "dyadic_exponent",
    "largest_part",
    "products",
    "residues",
    "scaled",
]


def products(x: np.ndarray, y: np.ndarray, conjugate: bool = False) -> np.ndarray:
    """All inner products of rows, `sum over cells of x[a] y[b]` (x conjugated where asked).

    Args:
        x: `(a, cells)` float64 or complex128 that hold integers.
        y: `(b, cells)`, the same.
        conjugate: whether x is conjugated.

    Returns:
        `(2, a, b)` real and imaginary parts, of exact Python integers (dtype object).

    Example:
        >>> big = np.array([[2.0**52, 1.0, -(2.0**52)]])
        >>> products(big, np.array([[3.0, 1.0, 3.0]]))[0].tolist()
        [[1]]
    """
    xr, xi = _parts(x)
    yr, yi = _parts(y)
    if conjugate and xi is not None:
        xi = -xi
    real, imaginary = _real_products(xr, yr), np.zeros((len(x), len(y)), object)
    if xi is not None and yi is not None:
        real = real - _real_products(xi, yi)
    if yi is not None:
        imaginary = imaginary + _real_products(xr, yi)
    if xi is not None:
        imaginary = imaginary + _real_products(xi, yr)
    return np.stack([real, imaginary])


def residues(x: np.ndarray, y: np.ndarray, bits: int) -> np.ndarray:
    """All inner products of rows of int64, modulo 2^bits (at most 64): uint64 may wrap."""
    with np.errstate(over="ignore"):
        total = x.astype(np.uint64) @ y.astype(np.uint64).T
    return total & np.uint64(2**bits - 1)


def dyadic_exponent(x: np.ndarray) -> int:
    """The smallest k >= 0 for which 2^k x holds integers only.

    Example:
        >>> dyadic_exponent(np.array([[3.0, 0.75, -2.5]]))
        2
    """
    if x.dtype.kind == "c":
        return max(dyadic_exponent(x.real), dyadic_exponent(x.imag))
    broken = x[x != np.rint(x)]
    if not broken.size:
        return 0
    significand, exponent = np.frexp(broken)
    whole = np.ldexp(significand, 53).astype(np.int64)
    lowest_bit = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int(np.max(53 - exponent - lowest_bit))


def largest_part(block: np.ndarray) -> float:
    """The largest magnitude of a real or imaginary part."""
    parts = [part for part in _parts(block) if part is not None]
    return max(float(np.abs(part).max(initial=0)) for part in parts)


def scaled(x: np.ndarray, exponent: int) -> np.ndarray:
    """2^exponent x, exactly."""
    if x.dtype.kind == "c":
        return scaled(x.real, exponent) + 1j * scaled(x.imag, exponent)
    return np.ldexp(x, exponent)


def distance_to_integers(x: np.ndarray) -> float:
    """The largest distance of any part of any cell from the nearest integer."""
    parts = [part for part in _parts(x) if part is not None and part.size]
    return max((float(np.abs(part - np.rint(part)).max()) for part in parts), default=0.0)


def _parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    return (x.real, x.imag) if x.dtype.kind == "c" else (x, None)


def _real_products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`x y^T` exactly: every product of limbs has partial sums below 2^53."""
    width = (53 - max(1, x.shape[1]).bit_length()) // 2
    total = np.zeros((len(x), len(y)), object)
    y_limbs = _limbs(y, width)
    for i, x_limb in enumerate(_limbs(x, width)):
        for j, y_limb in enumerate(y_limbs):
            part = (x_limb @ y_limb.T).astype(np.int64).astype(object)
            total = total + part * 2 ** (width * (i + j))
    return total


def _limbs(x: np.ndarray, width: int) -> list[np.ndarray]:
    """Float64 integers below 2^width in magnitude with `x = sum of limb[i] 2^(width i)`."""
    limbs, base = [], 2.0**width
    x = np.ascontiguousarray(x)
    while np.abs(x).max(initial=0) >= base:
        high = np.trunc(x / base)
        limbs.append(x - high * base)
        x = high
    return [*limbs, x]
