"""Dtypes of vectors: real maps on complex vectors and the reverse, lists, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.operators import (
    ConvOperator,
    Identity,
    inverse_report,
    lstsq,
    pinv,
    richardson_lucy,
    vstack,
    wiener,
)
from jaxdeconv.verify import assert_adjoint
from tests.operators.support import circulant_operator, matrix_of, random_operator
from tests.support.cases import integers
from tests.support.checks import check_equal

K = random_operator(6)
M = matrix_of(K)
V, U = (integers(shape, np.complex64, 3) for shape in (K.input_shape, K.output_shape))


def test_complex_vectors_of_a_real_map() -> None:
    """Every method, on flat, structured and batched vectors, against the matrix in NumPy."""
    assert np.abs(V.imag).max() > 0
    check_equal(K @ V, (M @ V.ravel()).reshape(K.output_shape))
    check_equal(K @ V.ravel(), M @ V.ravel())
    check_equal(K(V), K @ V)
    check_equal(K.T @ U, (M.T @ U.ravel()).reshape(K.input_shape))
    check_equal(K.H @ U.ravel(), M.T @ U.ravel())
    check_equal(K.rmatvec(U), K.H @ U)
    check_equal(K.gram @ V.ravel(), M.T @ (M @ V.ravel()))
    check_equal((3 * K - K) @ V.ravel(), 2 * (M @ V.ravel()))
    stacked = vstack(K, Identity(K.input_shape, K.dtype))
    check_equal(stacked @ V.ravel(), np.concatenate([M @ V.ravel(), V.ravel()]))
    batch = np.stack([V, 1j * V]).astype(np.complex64)
    check_equal(K @ batch, np.stack([K @ V, 1j * np.asarray(K @ V)]))
    check_equal(jax.jit(lambda K, v: K @ v)(K, V), K @ V)


def test_real_vectors_of_a_complex_map() -> None:
    C = random_operator(6, np.complex64)
    v = integers(C.input_shape)
    check_equal(C @ v, (matrix_of(C) @ v.ravel()).reshape(C.output_shape))
    check_equal(C.H @ (C @ v), C.gram @ v)
    solution = lstsq(C, integers(C.output_shape), damp=1.0)
    assert solution.value.dtype == np.complex64


def test_complex_form() -> None:
    """The same matrix on complex vectors: for the algebra, for lineax, and for `verify`."""
    C = K.as_complex()
    check_equal(C.as_matrix(), M.astype(np.complex64))
    check_equal(C.T.as_matrix(), M.T.astype(np.complex64))
    check_equal(C @ V, K @ V)
    check_equal(C.H @ U, K.H @ U)
    assert C.as_complex() is C
    domain = jax.ShapeDtypeStruct(C.input_shape, C.dtype)
    assert_adjoint(C.__matmul__, C.H.__matmul__, domain, key=0, budget=64)
    check_equal((2j * C) @ V, 2j * np.asarray(K @ V))


def test_derivatives() -> None:
    """The derivative of |K v|^2 in the kernel is the sum of those of both parts of v."""
    slope = jax.grad(lambda K: jnp.sum(jnp.abs(K @ V) ** 2))(K).w
    parts = [
        jax.grad(lambda K, x=x: jnp.sum((K @ x) ** 2))(K).w for x in (V.real.copy(), V.imag.copy())
    ]
    np.testing.assert_allclose(slope, parts[0] + parts[1], rtol=1e-5)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("settings", [{"damp": 0.5, "preconditioner": "polyphase"}, {}])
def test_least_squares(settings) -> None:
    """The two parts are the solutions of two real systems."""
    K = random_operator(2, np.float64)
    u = integers(K.output_shape, np.complex128, 4)
    solution = lstsq(K, u, tolerance=1e-10, **settings)
    real, imaginary = (
        np.asarray(lstsq(K, x, tolerance=1e-10, **settings).checked()) for x in (u.real, u.imag)
    )
    np.testing.assert_allclose(solution.checked(), real + 1j * imaginary, atol=1e-7)
    matrix = matrix_of(K)
    normal = matrix.T @ matrix + settings.get("damp", 0.0) * np.eye(K.shape[1])
    expected = np.linalg.pinv(normal, rcond=1e-12) @ (matrix.T @ u.ravel())
    np.testing.assert_allclose(solution.value.ravel(), expected, atol=1e-6)
    misfit = np.linalg.norm(matrix @ expected - u.ravel()) / np.linalg.norm(u)
    assert float(solution.misfit) == pytest.approx(misfit, abs=1e-7)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("seed", range(3))
def test_filters(seed: int) -> None:
    K = circulant_operator(seed, np.float64)
    u, matrix = integers(K.output_shape, np.complex128, 5), matrix_of(K)
    expected = np.linalg.pinv(matrix, rcond=1e-12) @ u.ravel()
    np.testing.assert_allclose((pinv(K) @ u).ravel(), expected, atol=1e-9)
    inverse = np.linalg.inv(matrix.T @ matrix + 0.5 * np.eye(K.shape[1]))
    expected = inverse @ (matrix.T @ u.ravel())
    np.testing.assert_allclose(wiener(K, 0.5) @ u.ravel(), expected, atol=1e-9)


def test_report_of_a_complex_vector() -> None:
    report, matrix, v = inverse_report(K, V), M.astype(np.float64), V.ravel().astype(complex)
    best = np.linalg.pinv(matrix) @ (matrix @ v)
    error = np.linalg.norm(best - v) / np.linalg.norm(v)
    assert report.lstsq_error == pytest.approx(error, rel=1e-3, abs=1e-5)


def test_lists() -> None:
    """They take the map's dtype, whatever numbers they are written with."""
    v = integers(K.input_shape)
    check_equal(K @ v.tolist(), K @ v)
    check_equal(K @ tuple(v.astype(int).ravel().tolist()), K @ v.ravel())
    check_equal(K @ V.tolist(), K @ V)
    check_equal(K @ [jnp.asarray(row) for row in v], K @ v)
    I = ConvOperator(integers((2, 1, 1), np.int8), (3, 1))  # noqa: E741
    assert (I @ [[1], [2], [3]]).dtype == np.int8
    half = ConvOperator(jnp.ones((2, 1, 1), jnp.bfloat16), (3, 1))
    assert (half @ [1, 2.0, 4]).tolist() == [3, 6]
    np.testing.assert_allclose(lstsq(K, U.real.tolist(), damp=1.0).value.shape, K.input_shape)


@pytest.mark.usefixtures("x64")
def test_lists_in_64_bit_mode() -> None:
    assert (K @ integers(K.input_shape).tolist()).dtype == np.float32


INT8 = ConvOperator(integers((2, 1, 1), np.int8), (3, 1))
HALF = ConvOperator(jnp.ones((2, 1, 1), jnp.bfloat16), (3, 1))
REFUSED = {
    "integers": (
        lambda: K @ np.ones(K.input_shape, np.int32),
        "Pass v.astype('float32'), or build the operator from a converted kernel.",
    ),
    "floats of a map of integers": (
        lambda: INT8 @ np.ones(3, np.float32),
        "'int8' cannot hold its numbers: build the operator from a converted kernel, "
        "w.astype('float32').",
    ),
    "complex of a map of integers": (
        lambda: INT8 @ [1j, 2, 3],
        "'int8' cannot hold its numbers: build the operator from a converted kernel, "
        "w.astype('float32').",
    ),
    "complex of half precision": (
        lambda: HALF @ np.ones(3, np.complex64),
        "'bfloat16' cannot hold its numbers: build the operator from a converted kernel, "
        "w.astype('float32').",
    ),
    "too large for a map of integers": (
        lambda: INT8 @ [1, 2, 300],
        "Pass smaller numbers, or build the operator from a converted kernel.",
    ),
    "complex counts": (
        lambda: richardson_lucy(K, U),
        "Only real numbers make sense here: pass u.real if its imaginary part is zero.",
    ),
    "no complex form": (
        HALF.as_complex,
        "Build the operator from a converted kernel.",
    ),
    "a batch in a report": (
        lambda: inverse_report(K, np.stack([V, V])),
        f"Pass one of shape {K.input_shape}.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, remedy = REFUSED[name]
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    assert str(raised.value).endswith(remedy)
    assert "astype('int" not in str(raised.value)


@pytest.mark.usefixtures("x64")
def test_no_remedy_loses_a_part() -> None:
    with pytest.raises(TypeError, match=r"Pass v.astype\('complex64'\), or build the operator"):
        K @ V.astype(np.complex128)
