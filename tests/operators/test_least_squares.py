"""lstsq, pinv and wiener against dense algebra and SciPy; failures are reported."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg
from jax.test_util import check_grads
from skimage import restoration

from jaxdeconv.operators import (
    ConvergenceWarning,
    ConvOperator,
    NotConverged,
    gram_inverse,
    lstsq,
    pinv,
    wiener,
)
from jaxdeconv.verify import assert_adjoint
from tests.operators.support import circulant_operator, matrix_of, random_operator, vectors
from tests.support.cases import integers


def damped(matrix: np.ndarray, u: np.ndarray, damp: float) -> np.ndarray:
    if damp == 0:
        return np.linalg.lstsq(matrix, u)[0]
    normal = matrix.conj().T @ matrix + damp * np.eye(matrix.shape[1])
    return np.linalg.solve(normal, matrix.conj().T @ u)


SETTINGS = (
    {},
    {"damp": 0.5},
    {"damp": 0.5, "method": "lsmr"},
    {"damp": 0.5, "preconditioner": "polyphase"},
)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_is_the_dense_solution(seed: int, settings, dtype: type) -> None:
    K = random_operator(seed, dtype)
    _, u = vectors(K)
    solution = lstsq(K, u, tolerance=1e-10, **settings)
    expected = damped(matrix_of(K), u.ravel(), settings.get("damp", 0.0))
    np.testing.assert_allclose(solution.checked().ravel(), expected, atol=1e-7)
    assert solution.value.shape == K.input_shape
    misfit = np.linalg.norm(matrix_of(K) @ expected - u.ravel()) / np.linalg.norm(u)
    assert float(solution.misfit) == pytest.approx(misfit, abs=1e-7)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("seed", range(50))
def test_equals_scipy(seed: int) -> None:
    K = random_operator(2000 + seed, np.float64)
    _, u = vectors(K, seed)
    matrix = K.as_scipy_sparse()
    assert (matrix.toarray() == matrix_of(K)).all()
    exact = {"atol": 1e-13, "btol": 1e-13}
    ours = lstsq(K, u.ravel(), tolerance=1e-10).checked()
    theirs = scipy.sparse.linalg.lsmr(matrix, u.ravel(), **exact, conlim=0, maxiter=10**5)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    ours = lstsq(K, u.ravel(), damp=0.25, tolerance=1e-11).checked()
    theirs = scipy.sparse.linalg.lsqr(matrix, u.ravel(), damp=0.5, **exact, iter_lim=10**5)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("settings", [{"damp": 0.5}, {"damp": 0.5, "preconditioner": "polyphase"}])
def test_derivatives_are_those_of_the_solution(settings) -> None:
    K = random_operator(2, np.float64)
    u = jnp.asarray(vectors(K)[1])

    def solve(w, u):
        return lstsq(K.with_kernel(w), u, tolerance=1e-13, **settings).value

    def exact(w, u):
        matrix = K.with_kernel(w).as_matrix()
        normal = matrix.T @ matrix + 0.5 * jnp.eye(matrix.shape[1])
        return jnp.linalg.solve(normal, matrix.T @ u.ravel()).reshape(K.input_shape)

    weight = jnp.asarray(integers(K.input_shape, np.float64))
    ours, expected = (
        jax.grad(lambda w, u, f=f: jnp.sum(weight * f(w, u)), (0, 1))(K.w, u)
        for f in (solve, exact)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), ours, expected)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_derivative_where_the_null_space_matters() -> None:
    """Wide, full rank, no damping: the derivative of v has a part in the null space."""
    w = jnp.asarray(integers((3, 1, 1), np.float64))
    K = ConvOperator(w, (7, 1), stride=2)
    u = jnp.array([[1.0], [2], [4]])
    for method in ("cg", "lsmr"):
        check_grads(
            lambda w, u, method=method: (
                lstsq(K.with_kernel(w), u, tolerance=1e-13, method=method).value
            ),
            (w, u),
            order=1,
        )


def test_batch_and_callback() -> None:
    K = random_operator(2)
    u = integers((2, 3, *K.output_shape))
    seen = []
    solution = lstsq(K, u, damp=1.0, callback=lambda *progress: seen.append(progress))
    jax.effects_barrier()
    assert solution.value.shape == (2, 3, *K.input_shape)
    assert solution.steps.shape == (2, 3)
    one = lstsq(K, u[1, 2], damp=1.0)
    np.testing.assert_allclose(solution.value[1, 2], one.value, atol=1e-5)
    assert len(seen) >= int(solution.steps.max())
    assert all(residual >= 0 for _, residual in seen)


@pytest.mark.usefixtures("x64")
def test_solver_is_linear_and_its_own_transpose() -> None:
    """u -> v and its transpose, as evidence for the implicit derivative."""
    K = random_operator(5, np.float64)

    def solve(u):
        return lstsq(K, u, damp=1.0, tolerance=1e-14).value

    matrix = matrix_of(K)
    back = np.linalg.inv(matrix.T @ matrix + np.eye(K.shape[1])) @ matrix.T
    u = jnp.asarray(vectors(K)[1])
    (v,) = jax.vjp(solve, u)[1](jnp.asarray(vectors(K)[0]))
    np.testing.assert_allclose(v.ravel(), back.T @ vectors(K)[0].ravel(), atol=1e-9)


def test_failures_are_reported() -> None:
    K = ConvOperator(jnp.ones((5, 1, 1)), (40, 1), padding=2)
    u = integers((40, 1))
    with pytest.warns(ConvergenceWarning, match="not converged: more steps"):
        short = lstsq(K, u, damp=1e-3, max_steps=2)
    assert int(short.steps) == 2
    with pytest.raises(NotConverged, match="after 2 steps"):
        short.checked()
    with pytest.warns(ConvergenceWarning, match="not finite: NaN"):
        lstsq(K, np.where(u == u[3], np.nan, u), damp=1.0)
    singular = random_operator(1)  # wide, 16 of 20 rows independent, and u is not in their span
    with pytest.warns(ConvergenceWarning, match="K does not have full rank"):
        lstsq(singular, vectors(singular)[1], method="cg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bool(jax.jit(lambda u: lstsq(K, u, damp=1.0))(u).converged)
        assert not lstsq(K, 0 * u, damp=1.0).value.any()


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("seed", range(3))
def test_exact_filters(seed: int, dtype: type) -> None:
    K = circulant_operator(seed, dtype)
    matrix = matrix_of(K)
    np.testing.assert_allclose(pinv(K).as_matrix(), np.linalg.pinv(matrix, rcond=1e-12), atol=1e-8)
    inverse = np.linalg.inv(matrix.conj().T @ matrix + 0.5 * np.eye(K.shape[1]))
    np.testing.assert_allclose(wiener(K, 0.5).as_matrix(), inverse @ matrix.conj().T, atol=1e-10)
    for exact in (pinv(K), wiener(K, 0.5), gram_inverse(K)):
        domain = jax.ShapeDtypeStruct(exact.input_shape, exact.dtype)
        assert_adjoint(exact.__matmul__, exact.H.__matmul__, domain, key=0, budget=0)
        np.testing.assert_allclose(exact.conj().as_matrix(), exact.as_matrix().conj(), atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_preconditioner_is_the_inverse_where_circulant() -> None:
    for seed in (0, 2):
        K = circulant_operator(seed, np.float64)
        matrix = matrix_of(K)
        if K.shape[0] < K.shape[1]:
            matrix = matrix.T
        inverse = np.linalg.inv(matrix.T @ matrix + np.eye(matrix.shape[1]))
        got = gram_inverse(K, damp=1.0, floor=0.0).as_matrix()
        np.testing.assert_allclose(got, inverse, atol=1e-12)


@pytest.mark.slow
def test_preconditioner_saves_steps() -> None:
    taps = jnp.exp(-(jnp.arange(-4.0, 5) ** 2) / 6)
    w = jnp.outer(taps, taps)[..., None, None] / 15
    K = ConvOperator(w, (48, 48, 1), stride=2, padding=4)
    u = K @ integers(K.input_shape)
    plain, fast = (lstsq(K, u, damp=1e-3, preconditioner=p) for p in (None, "polyphase"))
    assert 2 * int(fast.steps) < int(plain.steps)
    np.testing.assert_allclose(fast.value, plain.value, atol=1e-2)


def test_wiener_equals_scikit_image() -> None:
    """Their filter, regularised by a Laplacian, on an image taken as periodic."""
    image = np.random.default_rng(0).random((12, 10)).astype(np.float32)
    psf = np.random.default_rng(1).random((3, 3)).astype(np.float32)
    theirs = restoration.wiener(image, psf, balance=0.3, clip=False)
    flipped = jnp.asarray(psf[::-1, ::-1, None, None].copy())
    K = ConvOperator(flipped, (12, 10, 1), padding=1, padding_mode="circular")
    rows, columns = (2 * np.pi * np.fft.fftfreq(n) for n in (12, 10))
    laplacian = 4 - 2 * np.cos(rows)[:, None] - 2 * np.cos(columns)
    ratio = np.maximum(0.3 * laplacian[..., None] ** 2, 1e-9)
    ours = wiener(K, ratio) @ image[..., None]
    np.testing.assert_allclose(ours[..., 0], theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda K, u: lstsq(K, u[:-1]), ValueError, "lstsq: u must end in the axes (3, 1)"),
        (lambda K, u: lstsq(K, u.astype(int)), TypeError, "u must have the operator's dtype"),
        (lambda K, u: lstsq(K, u, damp=-1.0), ValueError, "damp must be a number, at least 0"),
        (lambda K, u: lstsq(K, u, tolerance=1e-12), ValueError, "tolerance must lie between"),
        (lambda K, u: lstsq(K, u, method="qr"), ValueError, "method must be a known name"),
        (lambda K, u: lstsq(K, u, max_steps=0), ValueError, "max_steps must be at least 1"),
        (lambda K, u: lstsq(K, u, preconditioner="ilu"), ValueError, "preconditioner must be"),
        (lambda K, u: lstsq(K, u, preconditioner=K), ValueError, "preconditioner must map"),
        (lambda K, u: lstsq(K.w, u), TypeError, "K must be a linear map of floating point"),
        (lambda K, _: pinv(K), ValueError, "pinv: K must be circulant"),
        (lambda K, _: wiener(K.T, 1.0), TypeError, "wiener: K must be a ConvOperator"),
        (
            lambda _, u: wiener(ConvOperator(u[:2, None], (4, 1), stride=2), np.ones(3)),
            ValueError,
            "noise_to_signal must be a number, or have the shape of v",
        ),
    ],
)
def test_refused(wrong, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as raised:
        wrong(ConvOperator(integers((3, 2, 1)), (7, 2), stride=2), integers((3, 1)))
    assert text in str(raised.value)
