"""Exact arithmetic against Python integers and fractions."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from jaxdeconv.verify import arithmetic

BIG = st.integers(-(2**53), 2**53)
DYADIC = st.builds(lambda a, k: a * 2.0**-k, st.integers(-(2**40), 2**40), st.integers(0, 60))


@given(st.lists(st.tuples(BIG, BIG), min_size=1, max_size=9))
def test_products(cells: list[tuple[int, int]]) -> None:
    x, y = np.array(cells, float).T
    expected = sum(a * b for a, b in cells)
    assert arithmetic.products(x[None], y[None])[0, 0, 0] == expected


@settings(max_examples=30)
@given(st.lists(st.tuples(BIG, BIG, BIG, BIG), min_size=1, max_size=5), st.booleans())
def test_complex_products(cells: list[tuple[int, ...]], conjugate: bool) -> None:
    a, b, c, d = np.array(cells, float).T
    found = arithmetic.products((a + 1j * b)[None], (c + 1j * d)[None], conjugate)[:, 0, 0]
    s = -1 if conjugate else 1
    assert found[0] == sum(a * c - s * b * d for a, b, c, d in cells)
    assert found[1] == sum(a * d + s * b * c for a, b, c, d in cells)


@given(st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 2), min_size=1, max_size=5))
@pytest.mark.parametrize("bits", [8, 32, 64])
def test_residues(bits: int, cells: list[tuple[int, int]]) -> None:
    x, y = np.array(cells, np.int64).T
    expected = sum(a * b for a, b in cells) % 2**bits
    assert int(arithmetic.residues(x[None], y[None], bits)[0, 0]) == expected


@given(st.lists(DYADIC, min_size=1, max_size=5))
def test_dyadic_exponent(values: list[float]) -> None:
    k = arithmetic.dyadic_exponent(np.array(values))
    assert all((Fraction(x) * 2**k).denominator == 1 for x in values)
    assert k == 0 or any((Fraction(x) * 2 ** (k - 1)).denominator != 1 for x in values)


def test_parts_of_complex_blocks() -> None:
    block = np.array([[0.25 - 3j, 1.5 + 0.125j]])
    assert arithmetic.dyadic_exponent(block) == 3
    assert arithmetic.largest_part(block) == 3
    assert arithmetic.distance_to_integers(block) == 0.5
    assert arithmetic.scaled(block, 3).tolist() == [[2 - 24j, 12 + 1j]]
    assert arithmetic.scaled(np.array([2.0**-1074]), 1074).tolist() == [1]
    assert arithmetic.distance_to_integers(np.zeros((0, 3))) == 0
