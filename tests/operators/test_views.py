"""SciPy, lineax and pylops see the same matrix; without them the error says what to install."""

import sys

import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pylops
import pytest
import scipy.sparse.linalg

from jaxdeconv.operators import ConvOperator
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
    """The view, and pylops' own convolution where it has the same: stride 1, centred, flipped."""
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
