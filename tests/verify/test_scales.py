"""Rows and columns of every size are compared in units of their own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Pair
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.scales import equilibrated
from jaxdeconv.verify.spaces import Space

RANDOM = np.random.default_rng(0)
W = RANDOM.standard_normal((50, 40))
ROWS = 2.0 ** RANDOM.integers(-30, 30, 50)
COLUMNS = 2.0 ** RANDOM.integers(-30, 30, 40)


def pair_of(matrix: np.ndarray, transposed: np.ndarray) -> Pair:
    domain = Space.of(np.zeros(matrix.shape[1]), "domain")
    forward = Operator.of("A", lambda v: matrix @ v, domain)
    backward = Operator.of("At", lambda u: transposed @ u, forward.codomain)
    return Pair(forward, backward, True, Probes(0))


def scaled_entries(pair: Pair) -> np.ndarray:
    return np.abs(pair.forward(np.eye(pair.sizes[0]))).T


def test_even_matrices_stay_as_they_are() -> None:
    pair = pair_of(W, W.T)
    assert equilibrated(pair) is pair


def test_rows_and_columns_come_to_one_size() -> None:
    matrix = ROWS[:, None] * W * COLUMNS
    entries = scaled_entries(equilibrated(pair_of(matrix, matrix.T)))
    for sizes in (entries.max(axis=0), entries.max(axis=1)):
        assert sizes.max() < 2**5 * sizes.min()


@pytest.mark.parametrize("side", ["rows", "columns"])
def test_what_one_of_them_loses_is_made_as_large_as_all_else(side: str) -> None:
    matrix = W.copy()
    small = np.s_[:5] if side == "rows" else np.s_[:, :5]
    matrix[small] *= 1e-9
    lost = matrix.copy()
    lost[small] = 0
    pairs = [(lost, matrix), (matrix, lost)]
    for forward, backward in pairs:
        entries = scaled_entries(equilibrated(pair_of(forward, backward.T)))
        other = np.abs(equilibrated(pair_of(forward, backward.T)).backward(np.eye(50)))
        largest = np.maximum(entries, other)
        assert largest[small].max() > 2.0**-4 * largest.max()


@pytest.mark.parametrize("kind", ["rows", "columns", "both"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_wrong_entry_of_a_small_row_and_column(kind: str, dtype: Any) -> None:
    rows = 2.0 ** RANDOM.integers(-9, 9, 1500)
    columns = 2.0 ** RANDOM.integers(-9, 9, 1500)
    weights = (rows if kind != "columns" else 1.0) * (columns if kind != "rows" else 1.0)
    weights = (weights * RANDOM.standard_normal(1500)).astype(dtype)
    wrong = weights.copy()
    wrong[np.argmin(np.abs(weights))] = 0
    domain = np.zeros(1500, dtype)
    options = {"key": 0, "budget": 0}
    assert verify.adjoint(lambda v: weights * v, lambda u: weights * u, domain, **options).ok
    report = verify.adjoint(lambda v: weights * v, lambda u: wrong * u, domain, **options)
    assert report.status == "fail"


def test_rounding_noise_is_not_magnified() -> None:
    """The last row of the transform is zero, and that of the matrix is sin(pi)."""
    matrix = np.exp(-2j * np.pi * np.outer(np.arange(3), np.arange(4)) / 4).astype(np.complex64)
    domain = jax.ShapeDtypeStruct((4,), np.float32)
    assert verify.adjoint(jnp.fft.rfft, lambda u: (matrix.conj().T @ u).real, domain, key=0).ok
