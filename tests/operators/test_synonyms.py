"""The method names of SciPy and pylops: the same as our own operations."""

import copy
from typing import get_overloads

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.operators import (
    ConvergenceWarning,
    ConvOperator,
    Identity,
    LinearMap,
    lstsq,
    pinv,
    vstack,
)
from tests.operators.support import circulant_operator, matrix_of, random_operator, vectors
from tests.support.checks import check_equal

K = random_operator(1, np.complex64)
V, U = vectors(K)


def test_application() -> None:
    check_equal(K(V), K @ V)
    check_equal(K.dot(V), K @ V)
    check_equal(K.matvec(V.ravel()), K @ V.ravel())
    check_equal(K.rmatvec(U), K.H @ U)
    assert K.adjoint() == K.H
    assert K.transpose() == K.T
    check_equal(K.dot(K.H).as_matrix(), (K @ K.H).as_matrix())
    check_equal(jax.jit(K)(V), K @ V)


@pytest.mark.parametrize("seed", [2, 3])
def test_quotients(seed: int) -> None:
    """Dividing by a number scales; by data it solves least squares, as in pylops."""
    K = random_operator(seed)
    matrix, u = matrix_of(K), vectors(K)[1]
    for divisor in (4, np.float32(4), jnp.asarray(4.0)):
        check_equal((K / divisor).as_matrix(), matrix / 4)
    expected = np.linalg.lstsq(matrix, u.ravel())[0]
    np.testing.assert_allclose((K / u).ravel(), expected, atol=1e-3)
    np.testing.assert_allclose(K / u.ravel(), expected, atol=1e-3)
    np.testing.assert_allclose((K / u.tolist()).ravel(), expected, atol=1e-3)
    batch = np.stack([u, -u])
    assert (K / batch).shape == (2, *K.input_shape)
    check_equal(jax.jit(lambda K, u: K / u)(K, u), jax.jit(lambda K, u: lstsq(K, u).value)(K, u))


def test_quotient_that_is_not_reached_warns() -> None:
    K = ConvOperator(jnp.ones((5, 1, 1)), (40, 1), padding=2)
    with pytest.warns(ConvergenceWarning):
        K / np.full((40, 1), np.nan, np.float32)
    with pytest.raises(TypeError, match="unsupported operand"):
        K / K


@pytest.mark.parametrize(
    "operator",
    [
        K,
        K.T,
        2j * K,
        K.gram,
        K + K,
        vstack(K, K),
        Identity((3, 2), np.dtype(np.float32)),
        K.with_kernel(K.w * np.nan),
        random_operator(1).as_complex(),
        pinv(circulant_operator(1)),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_equality(operator: LinearMap) -> None:
    """Copies are equal and have equal hashes; other numbers, shapes or dtypes are not equal."""
    for same in (copy.copy(operator), copy.deepcopy(operator)):
        assert same == operator
        assert hash(same) == hash(operator)
    assert operator != 3 * operator
    assert operator != "operator"
    others = (random_operator(1), K.with_kernel(3 * K.w), random_operator(2, np.complex64))
    assert operator not in others


def test_types() -> None:
    """For type checkers, `K @ v` is an Array and `K @ K` a map."""
    returned = [
        overload.__annotations__["return"] for overload in get_overloads(LinearMap.__matmul__)
    ]
    assert returned == ["LinearMap", jax.Array]


def test_numbers_on_both_sides() -> None:
    check_equal((2 * K).as_matrix(), (K * 2).as_matrix())
    check_equal((np.float32(2) * K).as_matrix(), (K * 2).as_matrix())
    check_equal((-K).as_matrix(), -matrix_of(K))
    check_equal((K - K).as_matrix(), 0 * matrix_of(K))
