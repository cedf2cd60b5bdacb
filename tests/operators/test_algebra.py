"""Sums, multiples, products, stacks: exactly those of the matrices; and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.operators import ConvOperator, Identity, LinearMap, hstack, vstack
from jaxdeconv.verify import assert_adjoint
from tests.operators.support import matrix_of, random_operator, vectors
from tests.support.cases import integers
from tests.support.checks import check_equal

A = random_operator(1, np.complex64)
B = A.with_kernel(integers(A.w.shape, np.complex64, 9))
R = random_operator(1, np.float32)
C = ConvOperator(integers((2, A.output_shape[-1], 2), np.complex64, 3), A.output_shape[-2:])
MA, MB = matrix_of(A), matrix_of(B)

V = integers((7, 2))

BUILT = {
    "sum": (A + B, MA + MB),
    "difference": (A - B, MA - MB),
    "negative": (-A, -MA),
    "multiple": (2j * A, 2j * MA),
    "multiple on the right": (A * np.float32(3), 3 * MA),
    "quotient": (A / 4, MA / 4),
    "product": (A.T @ B, MA.T @ MB),
    "gram": (A.gram, MA.conj().T @ MA),
    "conjugate": (A.conj(), MA.conj()),
    "identity": (
        Identity(A.input_shape, A.dtype) * 2 + A.T @ B,
        2 * np.eye(MA.shape[1]) + MA.T @ MB,
    ),
    "vstack": (vstack(A, B, 2 * A), np.concatenate([MA, MB, 2 * MA])),
    "hstack": (hstack(A, 1j * B), np.concatenate([MA, 1j * MB], axis=1)),
    "vstack of a list": (vstack([A, B]), np.concatenate([MA, MB])),
    "hstack of a tuple": (hstack((B, A)), np.concatenate([MB, MA], axis=1)),
    "real and complex": (R.as_complex() + 2j * A, matrix_of(R) + 2j * MA),
    "gram of a stack": (vstack(A, B).gram, MA.conj().T @ MA + MB.conj().T @ MB),
}


@pytest.mark.parametrize("name", BUILT)
def test_is_the_matrix_algebra(name: str) -> None:
    operator, matrix = BUILT[name]
    matrix = matrix.astype(np.complex64)
    check_equal(operator.as_matrix(), matrix)
    check_equal(operator.T.as_matrix(), matrix.T)
    check_equal(operator.H.as_matrix(), matrix.conj().T)
    v, u = vectors(operator)
    check_equal((operator @ v.ravel()).ravel(), matrix @ v.ravel())
    check_equal((operator.T @ u).ravel(), matrix.T @ u.ravel())
    check_equal(operator.T.T @ v, operator @ v)


@pytest.mark.parametrize("name", BUILT)
def test_verified(name: str) -> None:
    operator, _ = BUILT[name]
    domain = jax.ShapeDtypeStruct(operator.input_shape, operator.dtype)
    assert_adjoint(operator.__matmul__, operator.H.__matmul__, domain, key=0)


def test_factor_is_a_leaf() -> None:
    K = random_operator(2)
    v, _ = vectors(K)
    slope = jax.grad(lambda factor: jnp.sum((factor * K) @ v))(2.0)
    assert float(slope) == float(jnp.sum(K @ v))
    operator = jax.jit(lambda K: K + 2 * K)(K)
    check_equal(operator @ v, 3 * (K @ v))


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda K: K @ V[:-1], ValueError, "v must end in the axes (7, 2), or be flat with 14"),
        (lambda K: K @ V.astype(np.int32), TypeError, "v must have the operator's dtype"),
        (lambda K: K @ "list", TypeError, "v must be an array or a linear map; got v='list'"),
        (lambda K: K @ 2.0, TypeError, "v must be an array or a linear map; got v=2.0"),
        (lambda K: K @ [[1.0], [2, 3]], TypeError, "v must be an array or a linear map; got v=[["),
        (lambda K: K @ V[:, 0], ValueError, "v must end in the axes (7, 2), or be flat with 14"),
        (lambda K: K @ K, ValueError, "the left map must take what the right map returns"),
        (lambda K: K + K.T, ValueError, "maps that are added must have the same shapes"),
        (lambda K: K * V, TypeError, "a linear map can be multiplied by a scalar"),
        (lambda K: K * 1j, TypeError, "factor must be a number that float32"),
        (lambda K: "2" * K, TypeError, "LinearMap.__rmul__: a linear map can be multiplied by a"),
        (lambda K: K / "2", TypeError, "LinearMap.__truediv__: a linear map can be divided by"),
        (lambda K: K / 2j, TypeError, "LinearMap.__truediv__: factor must be a number that"),
        (lambda K: K - K.T, ValueError, "LinearMap.__sub__: maps that are added must have"),
        (lambda K: K.matvec(V[1:]), ValueError, "LinearMap.matvec: v must end in the axes"),
        (lambda K: K(None), TypeError, "LinearMap.__call__: v must be an array or a linear map"),
        (lambda _: vstack(), ValueError, "vstack: at least one map is needed"),
        (lambda _: hstack([]), ValueError, "hstack: at least one map is needed"),
        (
            lambda K: vstack(K, V),
            TypeError,
            "vstack: only linear maps can be stacked; got maps[1]=",
        ),
        (lambda K: hstack([K, None]), TypeError, "hstack: only linear maps can be stacked"),
        (
            lambda K: vstack([K], K),
            TypeError,
            "vstack: only linear maps can be stacked; got maps[0]=",
        ),
        (
            lambda K: K.row_support(True),
            TypeError,
            "ConvOperator.row_support: y must be an integer",
        ),
        (lambda K: vstack(K, K.T), ValueError, "stacked maps must share the side"),
        (lambda K: vstack(K, A), TypeError, "linear maps that are combined must have the same"),
        (
            lambda K: K.row_support(3),
            ValueError,
            "y must be a position in an array of size (3,)",
        ),
        (lambda K: K.column_support(-1), ValueError, "x must be at least 0; got x=-1"),
        (lambda K: ConvOperator(K.w, (7,)), ValueError, "Add the channels of v: pass (7, 2)."),
        (lambda K: ConvOperator(K.w, (7, 3)), ValueError, "ConvOperator: "),
        (lambda K: ConvOperator(K.w, (7.0, 2)), TypeError, "input_shape must hold integers"),
        (lambda K: ConvOperator(K.w, (1, 2)), ValueError, "dilated kernel must not be longer"),
        (lambda _: ConvOperator([1.0], (7, 2)), TypeError, "ConvOperator: w must be an array"),
        (
            lambda K: ConvOperator(K.w, (7, 2), padding_mode="wrap"),
            ValueError,
            "padding_mode must be a known name",
        ),
    ],
)
def test_refused(wrong, error: type[Exception], text: str) -> None:
    K = ConvOperator(integers((3, 2, 1)), (7, 2), stride=2)
    with pytest.raises(error) as raised:
        wrong(K)
    assert text in str(raised.value)
    assert "; got " in str(raised.value)


def test_abstract() -> None:
    with pytest.raises(TypeError) as raised:
        LinearMap()  # type: ignore[abstract]
    assert "_apply" in str(raised.value)
