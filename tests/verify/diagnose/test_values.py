"""Factors and comparisons of entries, where arithmetic rounds."""

import jax
import numpy as np
import pytest

from jaxdeconv.verify.diagnose import Cause, diagnose
from jaxdeconv.verify.diagnose.leaf_pair import simplest
from jaxdeconv.verify.diagnose.sparse import Sparse
from jaxdeconv.verify.matrices import Entries


def entries(dense: np.ndarray) -> Entries:
    rows, cols = np.nonzero(dense)
    return Entries(rows, cols, dense[rows, cols], dense.shape)


@pytest.mark.parametrize("factor", [0.5, 2, 3, 1 / 3, -1j, 0.1 + 0.7j])
@pytest.mark.parametrize("scale", [1, 0.1])
def test_complex_slices_with_one_factor(factor: complex, scale: float) -> None:
    """A quotient of complex numbers is rounded, even where it is a whole number."""
    rng = np.random.default_rng(3)
    expected = scale * (rng.integers(1, 10, (8, 6)) + 1j * rng.integers(1, 10, (8, 6)))
    got = expected.copy()
    got[4:] = factor * expected[4:]
    domain, codomain = (jax.ShapeDtypeStruct((n,), np.complex64) for n in (8, 6))
    found = diagnose(entries(expected), entries(got), domain, codomain)
    assert found.cause in (Cause.SCALE, Cause.DEVICES)
    assert "[4, 5, 6, 7]" in found.text


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1 / 3 + 1e-17, 1 / 3), (2 + 1e-15j, 2), (2 - 3e-15, 2), (1 + 1e-9, 1 + 1e-9), (0.5j, 0.5j)],
)
def test_simplest_factor(factor: complex, expected: complex) -> None:
    found = simplest(factor)
    assert found == expected
    assert np.iscomplexobj(found) == np.iscomplexobj(expected)


def test_agreement_is_the_absence_of_differences() -> None:
    def sparse(*values: float) -> Sparse:
        n = np.arange(len(values))
        return Sparse.collect(n, n, np.array(values), (4, 4))

    assert sparse(1, 2, 3).agrees(sparse(1, 2, 3))
    assert not sparse(1, 2, 3).agrees(sparse(1, 2))
    assert not sparse(1, 2, 3).agrees(sparse(1, 2, 4))
    assert sparse(1, 2, 1e-9).agrees(sparse(1, 2), floor=1e-6)
    assert sparse(1, 2, 3).agrees(sparse(1, 2, 3 + 1e-9), slack=1e-6)
    assert not sparse(1, 2, 3).agrees(sparse(1, 2, 4), floor=1e-6, slack=1e-6)
