"""Singular values and rank against dense decompositions; bounds hold; overlap is counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

from jaxdeconv import boundary
from jaxdeconv.operators import (
    ConvOperator,
    checkerboard,
    condition_bounds,
    inverse_report,
    norm_bounds,
    null_space,
    nullity,
    overlap_count,
    rank,
    singular_values,
    smallest_bounds,
)
from tests.operators.support import circulant_operator, matrix_of, random_operator
from tests.support.cases import integers


def dense_values(K: ConvOperator) -> np.ndarray:
    return np.linalg.svd(matrix_of(K).astype(np.complex128), compute_uv=False)


def check_bounds(K: ConvOperator) -> None:
    values = dense_values(K)
    assert values[0] in norm_bounds(K)
    assert values[-1] in smallest_bounds(K)
    condition = condition_bounds(K)
    assert condition.lower <= (values[0] / values[-1] if values[-1] > 1e-12 else np.inf)
    assert condition.upper >= values[0] / max(values[-1], 1e-12) or values[-1] > 1e-12
    assert condition.width >= 0


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("seed", range(4))
def test_circulant_values_are_exact(seed: int, dtype: type) -> None:
    K = circulant_operator(seed, dtype)
    assert K.is_circulant
    values = dense_values(K)
    np.testing.assert_allclose(singular_values(K), values, atol=2e-6 * values[0])
    assert rank(K) == np.linalg.matrix_rank(matrix_of(K))
    assert nullity(K) == K.shape[1] - rank(K)


@pytest.mark.parametrize("seed", range(2))
def test_other_values_are_those_of_the_matrix(seed: int) -> None:
    K = random_operator(seed)
    np.testing.assert_allclose(singular_values(K), dense_values(K), atol=1e-4)
    basis = np.asarray(null_space(K)).reshape(-1, K.shape[1])
    assert len(basis) == nullity(K) == K.shape[1] - np.linalg.matrix_rank(matrix_of(K))
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-5)
    np.testing.assert_allclose(matrix_of(K) @ basis.T, 0, atol=1e-4)


@pytest.mark.usefixtures("x64")
def test_values_by_scipy() -> None:
    K = random_operator(4, np.float64)
    largest = scipy.sparse.linalg.svds(K.as_scipy_sparse(), k=4, return_singular_vectors=False)
    np.testing.assert_allclose(singular_values(K)[:4], np.sort(largest)[::-1], rtol=1e-9)


@pytest.mark.usefixtures("x64")
def test_values_are_differentiable() -> None:
    """The derivative of the sum of squares is known: each tap counts once per output position."""
    K = circulant_operator(0, np.float64)
    slope = jax.grad(lambda K: jnp.sum(singular_values(K) ** 2))(K).w
    positions = int(np.prod(K.geometry.output_size))
    np.testing.assert_allclose(slope, 2.0 * positions * K.w, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_bounds(seed: int) -> None:
    check_bounds(random_operator(seed))


def test_bounds_without_padding_are_not_trivial() -> None:
    """The enlarged circulant operator bounds the smallest value away from 0."""
    K = ConvOperator(jnp.array([1.0, 5, 1]).reshape(3, 1, 1), (12, 1))
    assert 2.9 < smallest_bounds(K).lower < dense_values(K)[-1] < 3.1
    assert condition_bounds(K).upper < 2.4
    full = ConvOperator(K.w, (12, 1), padding=2)
    assert 2.9 < smallest_bounds(full).lower < 3.1
    check_bounds(K)
    check_bounds(full)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_bounds_of_many(seed: int) -> None:
    check_bounds(random_operator(1000 + seed))


@pytest.mark.parametrize("mode", boundary.MODES)
@pytest.mark.parametrize("seed", range(4))
def test_bounds_of_other_padding(seed: int, mode: str) -> None:
    check_bounds(random_operator(seed, padding_mode=mode))


@pytest.mark.parametrize("seed", range(6))
def test_overlap_is_the_column_count(seed: int) -> None:
    K = random_operator(seed, groups=1)
    ones = ConvOperator(
        np.ones((*K.w.shape[:-2], 1, 1), np.float32), (*K.geometry.input_size, 1), **(K.keywords)
    )
    assert (overlap_count(K).ravel() == matrix_of(ones).sum(axis=0)).all()


def test_checkerboard() -> None:
    """3 taps with stride 2 are uneven, 4 are not (Odena et al.); the output agrees."""
    uneven = checkerboard(ConvOperator(jnp.ones((3, 4, 1, 1)), (9, 8, 1), stride=2))
    assert uneven.divisible == (False, True)
    assert uneven.counts.tolist() == [[4, 4], [2, 2]]
    assert float(uneven.contrast[0]) == 0.5
    K = ConvOperator(integers((3, 4, 2, 6)), (13, 14, 4), stride=(2, 3), padding=1, groups=2)
    output = K.T @ jnp.ones(K.output_shape)
    assert (output[4:6, 3:6] == checkerboard(K).response).all()


def test_not_the_inverse() -> None:
    K = ConvOperator(integers((3, 3, 1, 1)), (6, 6, 1))
    v = integers((6, 6, 1), seed=3)
    matrix = matrix_of(K).astype(np.float64)
    report = inverse_report(K, v)
    gram, x = matrix.T @ matrix, v.ravel().astype(np.float64)
    assert (report.rank, report.nullity) == (16, 20)
    defect = np.linalg.norm(gram - gram.trace() / 36 * np.eye(36)) / np.linalg.norm(gram)
    assert report.gram_defect == pytest.approx(defect, rel=1e-4)
    back, best = gram @ x, np.linalg.pinv(matrix) @ (matrix @ x)
    back *= (back @ x) / (back @ back)
    size = np.linalg.norm(x)
    assert report.transpose_error == pytest.approx(np.linalg.norm(back - x) / size, rel=1e-4)
    assert report.lstsq_error == pytest.approx(np.linalg.norm(best - x) / size, rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda K: singular_values(K.w), TypeError, "K must be a linear map of floating point"),
        (
            lambda K: singular_values(ConvOperator(K.w, (5000, 1))),
            ValueError,
            "K must be circulant, or have a matrix of sides up to 4096",
        ),
        (lambda K: norm_bounds(K.T), TypeError, "K must be a ConvOperator of floating point"),
        (lambda K: null_space(ConvOperator(K.w, (5000, 1))), ValueError, "null_space: K must be"),
    ],
)
def test_refused(wrong, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as raised:
        wrong(ConvOperator(integers((3, 1, 1)), (7, 1)))
    assert text in str(raised.value)
