"""SciPy, lineax and pylops get the same matrix; without them the error says what to install."""

import itertools
import sys
from typing import Any

import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pylops
import pytest
import scipy.sparse.linalg

from jaxdeconv.operators import ConvOperator, vstack
from tests.operators.support import matrix_of, random_operator, vectors
from tests.support.cases import integers
from tests.support.checks import check_equal


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_scipy(dtype: type) -> None:
    K = random_operator(6, dtype)
    matrix, view = matrix_of(K), K.as_scipy()
    assert isinstance(view, scipy.sparse.linalg.LinearOperator)
    v, u = integers((K.shape[1], 3), dtype), integers((K.shape[0], 2), dtype)
    check_equal(view @ v, matrix @ v)
    check_equal(view @ v[:, 0], matrix @ v[:, 0])
    check_equal(view.H @ u, matrix.conj().T @ u)
    check_equal(view.T @ u[:, 1], matrix.T @ u[:, 1])


VECTORS = (np.float32, np.float64, np.complex64, np.complex128, np.int64, np.int8, bool)
MAPS = (np.float32, np.complex64)
VIEWS = {"scipy": ConvOperator.as_scipy, "pylops": ConvOperator.as_pylops}


def numbers(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Small whole numbers, with both parts if complex."""
    x = integers(shape, np.float64)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * integers(shape, np.float64, 1)
        assert np.abs(x.imag).max() > 0
    return x.astype(dtype)


@pytest.mark.parametrize("view", VIEWS)
def test_vectors_of_every_dtype(view: str) -> None:
    """The same numbers and dtype as NumPy's product of matrix and vector: nothing is lost."""
    for of_map, of_vector in itertools.product(MAPS, VECTORS):
        K = random_operator(6, of_map)
        matrix, operator = matrix_of(K), VIEWS[view](K)
        v, u = numbers((K.shape[1], 3), of_vector), numbers((K.shape[0], 2), of_vector)
        for product, expected in (
            (operator @ v[:, 0], matrix @ v[:, 0]),
            (operator.matvec(v[:, 1]), matrix @ v[:, 1]),
            (operator @ v, matrix @ v),
            (operator.matmat(v), matrix @ v),
            (operator.rmatvec(u[:, 0]), matrix.conj().T @ u[:, 0]),
            (operator.rmatmat(u), matrix.conj().T @ u),
            (operator.H @ u, matrix.conj().T @ u),
            (operator.T @ u[:, 1], matrix.T @ u[:, 1]),
            (operator.dot(v[:, 2]), matrix @ v[:, 2]),
        ):
            assert product.dtype == expected.dtype
            check_equal(product, expected)


def test_views_of_combinations_take_complex_vectors() -> None:
    K = random_operator(6)
    matrix, v = matrix_of(K), numbers((K.shape[1],), np.complex64)
    combined = {K.gram: matrix.T @ matrix, vstack(K, 2 * K): np.concatenate([matrix, 2 * matrix])}
    for operator, expected in combined.items():
        check_equal(operator.as_scipy() @ v, expected @ v)


def test_views_in_half_precision_and_of_integers() -> None:
    """Half precision computes in itself; integers are exact, in the map's own dtype."""
    w, v = integers((2, 1, 1), np.int16), integers((4,), np.int64)
    I = ConvOperator(w, (4, 1))  # noqa: E741
    product = I.as_scipy() @ v
    assert product.dtype == np.int16
    check_equal(product, matrix_of(I) @ v.astype(np.int16))
    half = ConvOperator(jnp.asarray(w, jnp.bfloat16), (4, 1)).as_scipy()
    for dtype, expected in ((np.int64, np.float64), (np.complex64, np.complex64)):
        got = half @ numbers((4,), dtype)
        assert got.dtype == expected
        check_equal(got, (matrix_of(I) @ numbers((4,), dtype)).astype(expected))


WRONG = {
    "floats": (np.array([0.5, 1, 2, 3]), TypeError, "takes integers; got v=float64[4]. Build the"),
    "complex": (np.array([1j, 1, 2, 3]), TypeError, "takes integers; got v=complex128[4]"),
    "too large": (np.array([2**40, 1, 2, 3]), ValueError, "got smallest=1, largest=1099511627776"),
    "text": (np.array(["1", "2", "3", "4"]), TypeError, "takes vectors of numbers; got v=<U1[4]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_views_refuse_numbers_they_cannot_represent(name: str) -> None:
    v, error, text = WRONG[name]
    view = ConvOperator(integers((2, 1, 1), np.int32), (4, 1)).as_scipy()
    with pytest.raises(error) as raised:
        view @ v
    assert text in str(raised.value)


def test_overflow_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match="overflow"):
        random_operator(6).as_scipy() @ np.full(random_operator(6).shape[1], 1e300)


def test_pylops_solves_for_complex_data() -> None:
    """Its own least squares through the view, whose solution is complex."""
    K = random_operator(6)
    matrix, v = matrix_of(K).astype(np.float64), numbers((K.shape[1],), np.complex128)
    u = matrix @ v
    found = pylops.optimization.basic.cgls(K.as_pylops(), u, x0=0 * v, niter=200, tol=1e-12)[0]
    np.testing.assert_allclose(matrix @ found, u, atol=1e-3)


def test_lineax_of_complex_vectors() -> None:
    K = random_operator(6)
    view, v = K.as_complex().as_lineax(), numbers(K.input_shape, np.complex64)
    check_equal(view.mv(jnp.asarray(v)), K @ v)
    with pytest.raises(ValueError, match="called with different dynamic arguments"):
        K.as_lineax().mv(jnp.asarray(v))


def test_pylops_takes_images() -> None:
    """N-dimensional arrays of its dims, as any operator of pylops."""
    K = random_operator(6)
    v, u = vectors(K)
    view = K.as_pylops()
    assert (view.dims, view.dimsd) == (K.input_shape, K.output_shape)
    check_equal(view @ v, K @ v)
    check_equal(view.H @ u, K.T @ u)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_lineax(dtype: type) -> None:
    K = random_operator(6, dtype)
    view, (v, u) = K.as_lineax(), vectors(K)
    assert isinstance(view, lineax.AbstractLinearOperator)
    check_equal(view.as_matrix(), matrix_of(K))
    check_equal(view.mv(jnp.asarray(v)), K @ v)
    check_equal(view.T.mv(jnp.asarray(u)), K.T @ u)
    assert lineax.is_positive_semidefinite(K.gram.as_lineax(lineax.positive_semidefinite_tag))


def test_lineax_is_differentiable_in_the_kernel() -> None:
    K = random_operator(6)
    v = jnp.asarray(vectors(K)[0])
    slope = jax.grad(lambda K: jnp.sum(K.as_lineax().mv(v) ** 2))(K)
    check_equal(slope.w, jax.grad(lambda K: jnp.sum((K @ v) ** 2))(K).w)


def test_pylops() -> None:
    """The view, and pylops' own convolution for the case it has: stride 1, centred, flipped."""
    K = random_operator(6)
    v, u = (x.ravel() for x in vectors(K))
    view = K.as_pylops()
    assert isinstance(view, pylops.LinearOperator)
    check_equal(view @ v, matrix_of(K) @ v)
    check_equal(view.H @ u, matrix_of(K).T @ u)
    h = integers((3, 5))
    K = ConvOperator(h[::-1, ::-1, None, None].copy(), (6, 7, 1), padding=((1, 1), (2, 2)))
    theirs = pylops.signalprocessing.Convolve2D((6, 7), h, offset=(1, 2), dtype="float32")
    v, u = (x.ravel() for x in vectors(K))
    np.testing.assert_allclose(K @ v, theirs @ v, atol=1e-4)
    np.testing.assert_allclose(K.T @ u, theirs.H @ u, atol=1e-4)


@pytest.mark.parametrize(
    ("package", "view"),
    [
        ("scipy.sparse.linalg", ConvOperator.as_scipy),
        ("scipy.sparse", ConvOperator.as_scipy_sparse),
        ("lineax", ConvOperator.as_lineax),
        ("pylops", ConvOperator.as_pylops),
    ],
)
def test_missing(package: str, view, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as raised:
        view(random_operator(1))
    name = package.partition(".")[0]
    assert str(raised.value) == f'{name} is needed for this: pip install "jaxdeconv[operators]"'
