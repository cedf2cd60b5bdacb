"""Padding modes against numpy.pad, and their transposes against the matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, boundary, conv, conv_transpose, kernel_gradient
from tests.support.cases import integers
from tests.support.checks import check_equal, exact_inner_product

NUMPY_MODES = {
    "zeros": "constant",
    "circular": "wrap",
    "reflect": "reflect",
    "replicate": "edge",
    "symmetric": "symmetric",
}
PADS = (
    ((0, 0), (0, 0)),
    ((1, 2), (3, 0)),
    ((7, 9), (1, 11)),
    ((-1, 2), (2, -2)),
    ((0, 3), (-3, -1)),
)
each_mode = pytest.mark.parametrize("mode", boundary.MODES)


def numpy_pad(x: np.ndarray, padding, mode: str) -> np.ndarray:
    """The same through numpy.pad: extend by the positive parts, crop by the negative ones."""
    grow = [(0, 0), *((max(0, low), max(0, high)) for low, high in padding), (0, 0)]
    x = np.pad(x, grow, mode=NUMPY_MODES[mode])
    crop = [
        slice(max(0, -low), n - max(0, -high))
        for n, (low, high) in zip(x.shape[1:-1], padding, strict=True)
    ]
    return x[(slice(None), *crop)]


def test_modes_are_all_tested() -> None:
    assert set(NUMPY_MODES) == set(boundary.MODES)


@each_mode
@pytest.mark.parametrize("padding", PADS, ids=str)
def test_pad_is_numpys(mode: str, padding) -> None:
    x = integers((2, 5, 4, 3))
    check_equal(boundary.pad(jnp.asarray(x), padding, mode), numpy_pad(x, padding, mode))


@each_mode
@pytest.mark.parametrize("size", [1, 2, 5])
def test_source_index_is_numpys(mode: str, size: int) -> None:
    got = boundary.source_index(size, 7, 8, mode)
    expected = numpy_pad(1 + np.arange(size).reshape(1, size, 1), [(7, 8)], mode).ravel() - 1
    assert got.tolist() == expected.tolist()


@each_mode
@pytest.mark.parametrize("padding", PADS, ids=str)
def test_fold_is_the_transposed_matrix(mode: str, padding) -> None:
    """The matrix of P by columns, from numpy.pad; the fold must be its transpose, in integers."""
    shape = (5, 4)
    units = np.eye(20, dtype=np.int32).reshape(20, *shape, 1)
    matrix = numpy_pad(units, padding, mode).reshape(20, -1).T  # [padded cells, cells]
    padded_shape = numpy_pad(units[:1], padding, mode).shape[1:3]
    u = integers((3, *padded_shape, 1), np.int32)
    got = boundary.fold(jnp.asarray(u), shape, padding, mode)
    check_equal(got, (u.reshape(3, matrix.shape[0]) @ matrix).reshape(3, *shape, 1))


@each_mode
def test_fold_is_the_derived_transpose(mode: str) -> None:
    padding = ((2, 3), (-1, 4))
    v = jnp.zeros((2, 5, 4, 3), jnp.float32)
    u = integers((2, 10, 7, 3))
    (derived,) = jax.linear_transpose(lambda v: boundary.pad(v, padding, mode), v)(u)
    check_equal(boundary.fold(jnp.asarray(u), (5, 4), padding, mode), derived)


@each_mode
@pytest.mark.parametrize("padding", [1, "SAME", "CAUSAL", ((4, 2), (-1, 3))], ids=str)
def test_legs_with_mode(mode: str, padding) -> None:
    """conv on the hand-padded input; K^T by its matrix; G by the identity <u, K v> = <w, G>."""
    v, w = integers((2, 5, 6, 2)), integers((3, 2, 2, 3), seed=1)
    keywords = {"stride": (2, 1), "dilation": (1, 2), "padding": padding, "padding_mode": mode}
    pairs = ConvGeometry((5, 6), (3, 2), (2, 1), padding, (1, 2)).padding
    u = conv(v, w, **keywords)
    check_equal(u, conv(numpy_pad(v, pairs, mode), w, stride=(2, 1), dilation=(1, 2)))
    units = np.eye(60, dtype=np.float32).reshape(60, 5, 6, 2)
    matrix = np.asarray(conv(units, w, **keywords)).reshape(60, -1).T
    u = integers(u.shape, seed=2)
    back = conv_transpose(u, w, input_size=(5, 6), **keywords)
    check_equal(back, (u.reshape(2, -1) @ matrix).reshape(v.shape))
    gradient = kernel_gradient(u, v, kernel_size=(3, 2), **keywords)
    by_vjp = jax.vjp(lambda w: conv(v, w, **keywords), w)[1](u)[0]
    check_equal(gradient, by_vjp)
    assert exact_inner_product(u, conv(v, w, **keywords)) == exact_inner_product(w, gradient)


def test_reflect_adds_the_border_back() -> None:
    """The transpose of a reflecting pad is no crop: the cell beside the border counts twice."""
    u = jnp.ones((1, 6, 1))
    folded = boundary.fold(u, (4,), ((1, 1),), "reflect")
    assert folded.ravel().tolist() == [1, 2, 2, 1]


def test_half_precision_folds_in_float32() -> None:
    """256 + 1 + 1 is lost in bfloat16 unless the copies are added before the rounding."""
    u = jnp.array([1, 1, 256, 1, 1], jnp.bfloat16).reshape(5, 1)
    w = jnp.ones((1, 1, 1), jnp.bfloat16)
    v = conv_transpose(u, w, padding=2, padding_mode="replicate", input_size=1)
    assert v.ravel().tolist() == [260.0]
