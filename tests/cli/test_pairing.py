import math
from fractions import Fraction

import numpy as np
import pytest

from jaxdeconv.cli import pairing


def test_no_rounding_at_all() -> None:
    x = np.array([1e300, 1.0, -1e300, 2.0**-1074])
    y = np.array([1e-300, 1.0, 1e-300, 1.0])
    assert pairing.inner(x, y) == (1 + Fraction(2) ** -1074, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint64"])
def test_against_fractions(dtype) -> None:
    rng = np.random.default_rng(0)
    x, y = (
        rng.integers(0, 100, (2, 3, 4)).astype(dtype)
        if "int" in dtype
        else rng.normal(size=(2, 3, 4)).astype(dtype)
        for _ in range(2)
    )
    pairs = zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    assert pairing.inner(x, y) == (sum(Fraction(a) * Fraction(b) for a, b in pairs), 0)


def test_complex_is_not_conjugated() -> None:
    x, y = np.array([1 + 2j, 3j]), np.array([5 - 1j, 2.0 + 0j])
    assert pairing.inner(x, y) == (7, 15)


def test_gap() -> None:
    def number(real, imag=0) -> pairing.Number:
        return Fraction(real), Fraction(imag)

    assert pairing.gap(number(3, 1), number(0, 5), 0) == 5
    assert pairing.gap(number(250), number(-6), 256) == 0
    assert pairing.gap(number(0), number(255), 256) == 1
    assert math.isnan(pairing.gap(None, number(1), 0))


def test_not_finite() -> None:
    assert pairing.inner(np.array([np.inf]), np.array([1.0])) is None


def test_empty() -> None:
    assert pairing.inner(np.zeros(0), np.zeros(0)) == (0, 0)
