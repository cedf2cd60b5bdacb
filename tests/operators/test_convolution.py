"""ConvOperator against its matrix by loops, exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import boundary, conv
from jaxdeconv.operators import ConvOperator
from jaxdeconv.verify import assert_adjoint
from tests.operators.support import circulant_operator, matrix_of, random_operator, vectors
from tests.support.cases import integers
from tests.support.checks import check_equal

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_form_of_the_matrix(seed: int) -> None:
    K = random_operator(seed)
    expected = matrix_of(K)
    check_equal(K.as_matrix(), expected)
    check_equal(K.as_bcoo().todense(), expected)
    check_equal(K.as_scipy_sparse().toarray(), expected)
    check_equal(K.T.as_matrix(), expected.T)
    assert K.shape == expected.shape
    assert K.T.shape == expected.T.shape


@pytest.mark.parametrize("seed", SEEDS)
def test_products(seed: int) -> None:
    K = random_operator(seed)
    matrix, (v, u) = matrix_of(K), vectors(K, seed)
    check_equal(K @ v, (matrix @ v.ravel()).reshape(K.output_shape))
    check_equal(K @ v.ravel(), matrix @ v.ravel())
    check_equal(K.T @ u, (matrix.T @ u.ravel()).reshape(K.input_shape))
    check_equal(K.H @ u.ravel(), matrix.T @ u.ravel())
    check_equal(K.gram @ v.ravel(), matrix.T @ (matrix @ v.ravel()))


@pytest.mark.parametrize("mode", boundary.MODES)
@pytest.mark.parametrize("seed", range(3))
def test_padding_modes(mode: str, seed: int) -> None:
    K = random_operator(seed, padding_mode=mode)
    expected = matrix_of(K)
    check_equal(K.as_matrix(), expected)
    check_equal(K.as_scipy_sparse().toarray(), expected)
    v, _ = vectors(K)
    check_equal(K @ v.ravel(), expected @ v.ravel())


def test_batches() -> None:
    K = random_operator(3)
    v = integers((2, 3, *K.input_shape))
    expected = v.reshape(6, -1) @ matrix_of(K).T
    check_equal(K @ v, expected.reshape(2, 3, *K.output_shape))
    assert (K @ v[:0]).shape == (0, 3, *K.output_shape)


@pytest.mark.parametrize("numbers", [("NCHW", "OIHW", "NCHW"), ("HWCN", "HWIO", "NHWC")])
def test_layouts(numbers: tuple[str, str, str]) -> None:
    w = integers((3, 2, 2, 3))
    order = ["HWIO".index(letter) for letter in numbers[1]]
    shape = tuple({"H": 5, "W": 6, "C": 2}[letter] for letter in numbers[0] if letter != "N")
    K = ConvOperator(w.transpose(order), shape, stride=2, padding=1, dimension_numbers=numbers)
    v, u = vectors(K)
    check_equal((K.as_matrix() @ v.ravel()).reshape(K.output_shape), K @ v)
    check_equal((K.as_matrix().T @ u.ravel()).reshape(K.input_shape), K.T @ u)


def test_half_precision_widened() -> None:
    K = ConvOperator(jnp.ones((3, 1, 1), jnp.bfloat16), (4, 1), preferred_element_type=jnp.float32)
    assert K.dtype == np.float32
    assert (K @ jnp.array([256.0, 1, 1, 1])).tolist() == [258, 3]


@pytest.mark.parametrize("dtype", [np.int32, np.complex64])
def test_dtypes_and_adjoint(dtype: type) -> None:
    K = random_operator(5, dtype)
    matrix, (v, u) = matrix_of(K), vectors(K)
    check_equal(K @ v.ravel(), matrix @ v.ravel())
    check_equal(K.T @ u.ravel(), matrix.T @ u.ravel())
    check_equal(K.H @ u.ravel(), matrix.conj().T @ u.ravel())


@pytest.mark.parametrize("build", [random_operator, circulant_operator])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_verified(build, dtype: type) -> None:
    K = build(4, dtype)
    domain = jax.ShapeDtypeStruct(K.input_shape, K.dtype)
    assert_adjoint(K.__matmul__, K.T.__matmul__, domain, transpose=True, key=0)
    assert_adjoint(K.__matmul__, K.H.__matmul__, domain, key=0)


def test_kernel_is_a_leaf() -> None:
    """Through jit, grad and vmap; the gradient is that of conv."""
    K = random_operator(7)
    v, _ = vectors(K)
    keywords = K.keywords

    def energy(K: ConvOperator) -> jax.Array:
        return jnp.sum((K @ v) ** 2)

    expected = jax.grad(lambda w: jnp.sum(conv(v, w, **keywords) ** 2))(K.w)
    check_equal(jax.jit(jax.grad(energy))(K).w, expected)
    stacked = jax.tree.map(lambda w: jnp.stack([w, 2 * w]), K)
    check_equal(jax.vmap(lambda K: K @ v)(stacked), jnp.stack([K @ v, 2 * (K @ v)]))
    through_matrix = jax.grad(lambda K: jnp.sum(K.as_matrix() ** 2))(K).w
    through_sparse = jax.grad(lambda K: jnp.sum(K.as_bcoo().data ** 2))(K).w
    check_equal(through_matrix, through_sparse)


@pytest.mark.parametrize("seed", SEEDS)
def test_supports_are_those_of_the_matrix(seed: int) -> None:
    mode = boundary.MODES[seed % len(boundary.MODES)]
    K = random_operator(seed, padding_mode=mode)
    K = K.with_kernel(jnp.ones_like(K.w))
    matrix = matrix_of(K).reshape(*K.output_shape, *K.input_shape)
    ndim = K.geometry.ndim
    read = np.abs(matrix).sum(axis=(ndim, 2 * ndim + 1))  # [*output_size, *input_size]
    for y in np.ndindex(read.shape[:ndim]):
        cells = np.argwhere(read[y])
        expected = tuple(tuple(sorted(set(column))) for column in cells.T.tolist())
        assert K.row_support(y) == (expected if len(cells) else K.row_support(y))
        assert len(cells) == np.prod([len(axis) for axis in K.row_support(y)])
    for x in np.ndindex(read.shape[ndim:]):
        cells = np.argwhere(read[(..., *x)])
        assert len(cells) == np.prod([len(axis) for axis in K.column_support(x)])
        for axis, column in enumerate(cells.T.tolist()):
            assert K.column_support(x)[axis] == tuple(sorted(set(column))) or not len(cells)


def test_supports_of_a_symmetric_kernel() -> None:
    """With half-width m: u[y] reads the cells within m of s*y, v[x] is read within m/s of x/s."""
    m, s = 4, 2
    K = ConvOperator(jnp.ones((2 * m + 1, 1, 1)), (41, 1), stride=s, padding=m)
    assert K.row_support(9) == (tuple(range(2 * 9 - m, 2 * 9 + m + 1)),)
    for x in range(41):
        (support,) = K.column_support(x)
        assert all(abs(y - x / s) <= m / s for y in support)
        assert support == tuple(y for y in range(21) if abs(s * y - x) <= m)


def test_matrix_of_a_2x2_filter_on_a_3x3_image() -> None:
    K = ConvOperator(jnp.array([[1.0, 2], [3, 4]])[..., None, None], (3, 3, 1))
    assert K.as_matrix().tolist() == [
        [1, 2, 0, 3, 4, 0, 0, 0, 0],
        [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0],
        [0, 0, 0, 0, 1, 2, 0, 3, 4],
    ]
    assert K.structure == "doubly block Toeplitz"


@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({}, "doubly block Toeplitz"),
        ({"padding": 1, "padding_mode": "circular"}, "doubly block circulant"),
        (
            {"padding": ((0, 1), (1, 0)), "padding_mode": "circular", "stride": 2},
            "doubly block circulant, one row in 2x2",
        ),
        (
            {"padding": 1, "padding_mode": "reflect"},
            "doubly block Toeplitz, its columns outside the image folded back by 'reflect' padding",
        ),
    ],
)
def test_structure(keywords, name: str) -> None:
    K = ConvOperator(jnp.ones((3, 3, 1, 1)), (6, 6, 1), **keywords)
    assert K.structure == name
    matrix = np.asarray(K.as_matrix()).reshape(*K.output_shape[:2], 6, 6)
    if K.is_circulant:
        s = K.geometry.stride[0]
        shifted = np.roll(matrix, (1, 1, s, s), (0, 1, 2, 3))
        check_equal(shifted, matrix)
    elif name.endswith("Toeplitz"):
        check_equal(matrix[1:, 1:, 1:, 1:], matrix[:-1, :-1, :-1, :-1])
