"""Kernels and images without axes of channels give the same map as with them."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from jaxdeconv import boundary
from jaxdeconv.operators import (
    ConvOperator,
    Identity,
    checkerboard,
    condition_bounds,
    gram_inverse,
    hstack,
    inverse_report,
    lstsq,
    norm_bounds,
    null_space,
    overlap_count,
    pinv,
    richardson_lucy,
    singular_values,
    smallest_bounds,
    vstack,
    wiener,
)
from jaxdeconv.verify import assert_adjoint
from tests.operators.support import matrix_of
from tests.support.cases import integers
from tests.support.checks import check_equal

PSF = integers((3, 4))
IMAGE = integers((7, 8), seed=1)
K = ConvOperator(PSF, IMAGE.shape, stride=(2, 1), padding=((1, 0), (2, 1)), dilation=(1, 2))


def full(K: ConvOperator) -> ConvOperator:
    """The same with axes of one channel."""
    return ConvOperator(K.w[..., None, None], (*K.input_shape, 1), **K.keywords)


M = matrix_of(full(K))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_shapes_and_matrix(ndim: int) -> None:
    w, size = integers((3, 2, 2)[:ndim]), (6, 5, 4)[:ndim]
    K = ConvOperator(w, size, stride=2, padding=1)
    with_channels = full(K)
    assert not K.has_channels
    assert with_channels.has_channels
    assert (K.input_shape, (*K.output_shape, 1)) == (size, with_channels.output_shape)
    matrix = matrix_of(with_channels)
    check_equal(K.as_matrix(), matrix)
    check_equal(K.as_bcoo().todense(), matrix)
    check_equal(K.as_scipy_sparse().toarray(), matrix)
    check_equal(K.T.as_matrix(), matrix.T)
    v = integers(size, seed=2)
    check_equal(K @ v, (matrix @ v.ravel()).reshape(K.output_shape))
    assert K.row_support((0,) * ndim) == with_channels.row_support((0,) * ndim)
    assert K.structure == with_channels.structure


def test_vectors() -> None:
    """Flat, structured, batched and complex; the result has as many axes as the vector."""
    check_equal(K @ IMAGE, (M @ IMAGE.ravel()).reshape(K.output_shape))
    check_equal(K @ IMAGE.ravel(), M @ IMAGE.ravel())
    u = integers(K.output_shape, seed=3)
    check_equal(K.T @ u, (M.T @ u.ravel()).reshape(K.input_shape))
    batch = np.stack([IMAGE, 2 * IMAGE, -IMAGE])
    check_equal(K @ batch, np.stack([K @ v for v in batch]))
    check_equal((K @ (1j * IMAGE).astype(np.complex64)).imag, K @ IMAGE)
    domain = jax.ShapeDtypeStruct(K.input_shape, K.dtype)
    assert_adjoint(K.__matmul__, K.H.__matmul__, domain, key=0)


def test_kernel_of_one_axis_and_of_none() -> None:
    K = ConvOperator(jnp.array([1.0, 2, 4]), 5)
    check_equal(K @ jnp.array([1.0, 0, 0, 0, 1]), np.array([1, 0, 4], np.float32))
    check_equal(K @ jnp.eye(5), K.as_matrix().T)  # rows are a batch
    scale = ConvOperator(jnp.asarray(3.0), ())
    assert float(scale @ jnp.asarray(2.0)) == 6.0


@pytest.mark.parametrize("mode", boundary.MODES)
def test_padding_modes(mode: str) -> None:
    K = ConvOperator(PSF, IMAGE.shape, stride=2, padding=1, padding_mode=mode)
    matrix = matrix_of(full(K))
    check_equal(K.as_matrix(), matrix)
    check_equal((K @ IMAGE).ravel(), matrix @ IMAGE.ravel())


def test_algebra() -> None:
    """With other maps without channels; stacks, which are flat, with any map of the same image."""
    other = K.with_kernel(2 * PSF[::-1].copy())
    check_equal((K + other).as_matrix(), M + matrix_of(full(other)))
    check_equal(K.gram @ IMAGE, (M.T @ (M @ IMAGE.ravel())).reshape(IMAGE.shape))
    slope = ConvOperator(jnp.array([[-1.0, 1]]), IMAGE.shape)
    identity = Identity(IMAGE.shape, K.dtype)
    stack = vstack([K, 3 * slope, identity])
    matrix = np.concatenate([M, 3 * matrix_of(full(slope)), np.eye(M.shape[1])])
    check_equal(stack.as_matrix(), matrix.astype(np.float32))
    assert (stack.T @ (stack @ IMAGE)).shape == IMAGE.shape
    check_equal(hstack(K, other).as_matrix(), np.concatenate([M, matrix_of(full(other))], axis=1))


def test_is_a_pytree() -> None:
    """Its leaf has the kernel's own shape, under every transformation; copies are equal."""
    slope = jax.jit(jax.grad(lambda K: jnp.sum((K @ IMAGE) ** 2)))(K)
    theirs = jax.grad(lambda K: jnp.sum((K @ IMAGE[..., None]) ** 2))(full(K))
    assert isinstance(slope, ConvOperator)
    check_equal(slope.w, theirs.w[..., 0, 0])
    stacked = jax.tree.map(lambda w: jnp.stack([w, 2 * w]), K)
    check_equal(jax.vmap(lambda K: K @ IMAGE)(stacked), jnp.stack([K @ IMAGE, 2 * (K @ IMAGE)]))
    for same in (copy.copy(K), copy.deepcopy(K), pickle.loads(pickle.dumps(K))):
        assert same == K
        assert hash(same) == hash(K)
        check_equal(same @ IMAGE, K @ IMAGE)
    assert K not in (full(K), K.T, K.with_kernel(2 * K.w), 2 * K)


def test_views() -> None:
    v = IMAGE.ravel()
    check_equal(K.as_scipy() @ v, M @ v)
    check_equal(K.as_pylops().H @ (M @ v), M.T @ (M @ v))
    check_equal(K.as_pylops() @ IMAGE, (M @ v).reshape(K.output_shape))
    check_equal(K.as_lineax().mv(jnp.asarray(IMAGE)), K @ IMAGE)


def test_spectra_and_inverses() -> None:
    """The numbers of the operator with channels, in shapes without them."""
    rings = ConvOperator(PSF, (8, 6), stride=2, padding=((1, 0), (1, 1)), padding_mode="circular")
    assert rings.is_circulant
    for one, other in ((rings, full(rings)), (K, full(K))):
        np.testing.assert_allclose(singular_values(one), singular_values(other), rtol=1e-5)
        assert str(norm_bounds(one)) == str(norm_bounds(other))
        assert str(smallest_bounds(one)) == str(smallest_bounds(other))
        assert str(condition_bounds(one)) == str(condition_bounds(other))
        assert str(inverse_report(one)).count("\n") == 3
        check_equal(overlap_count(one), overlap_count(other))
        check_equal(checkerboard(one).response, checkerboard(other).response)
        assert null_space(one).shape == null_space(other).shape[:-1]
        near, far = gram_inverse(one, damp=0.1), gram_inverse(other, damp=0.1)
        u = integers(near.input_shape, seed=5)
        np.testing.assert_allclose(near @ u, (far @ u[..., None])[..., 0], atol=1e-5)
        u = integers(one.output_shape, seed=6)
        for settings in ({"damp": 0.5}, {"damp": 0.5, "preconditioner": "polyphase"}, {}):
            found, expected = lstsq(one, u, **settings), lstsq(other, u[..., None], **settings)
            np.testing.assert_allclose(found.value, expected.value[..., 0], atol=1e-3)
    u = integers(rings.output_shape, seed=6)
    for near, far in (
        (pinv(rings), pinv(full(rings))),
        (wiener(rings, 0.5), wiener(full(rings), 0.5)),
    ):
        np.testing.assert_allclose(near @ u, (far @ u[..., None])[..., 0], atol=1e-5)
        np.testing.assert_allclose(near.as_matrix(), far.as_matrix(), atol=1e-5)
    ratio = 0.5 + integers(rings.input_shape, seed=7) ** 2
    near, far = wiener(rings, ratio) @ u, wiener(full(rings), ratio[..., None]) @ u[..., None]
    np.testing.assert_allclose(near, far[..., 0], atol=1e-5)


def test_richardson_lucy() -> None:
    positive = ConvOperator(1 + abs(PSF), IMAGE.shape, padding=1)
    u = 1 + abs(integers(positive.output_shape, seed=8))
    found = richardson_lucy(positive, u, tolerance=0.0, max_steps=5).value
    expected = richardson_lucy(full(positive), u[..., None], tolerance=0.0, max_steps=5).value
    np.testing.assert_allclose(found, expected[..., 0], rtol=1e-5)


@pytest.mark.parametrize("kernel", [(3, 5), (4, 3), (2, 6)])
def test_reversed_kernel_is_a_convolution(kernel: tuple[int, int]) -> None:
    """K is a correlation; a point spread function passed reversed is SciPy's convolution."""
    psf, image = integers(kernel, seed=9), integers((9, 8), seed=10)
    assert (psf != psf[::-1, ::-1]).any()
    flipped = jnp.flip(psf, (0, 1))
    full = tuple((k - 1, k - 1) for k in kernel)
    paddings = {"valid": 0, "full": full, "same": "SAME_LOWER"}
    for mode, padding in paddings.items():
        blur = ConvOperator(flipped, image.shape, padding=padding)
        check_equal(blur @ image, scipy.signal.convolve2d(image, psf, mode))
    correlation = ConvOperator(psf, image.shape) @ image
    check_equal(correlation, scipy.signal.correlate2d(image, psf, "valid"))
    strided = ConvOperator(flipped, image.shape, stride=2, padding="VALID") @ image
    check_equal(strided, scipy.signal.convolve2d(image, psf, "valid")[::2, ::2])


def test_names_its_geometry() -> None:
    assert repr(K) == (
        "ConvOperator(7x8 -> 3x5, kernel 3x4, stride (2, 1), padding ((1, 0), (2, 1)), "
        "dilation (1, 2), float32)"
    )
    rgb = ConvOperator(
        integers((2, 2, 1, 3)), (4, 4, 3), padding=1, padding_mode="reflect", groups=3
    )
    assert repr(rgb) == (
        "ConvOperator(4x4x3 -> 5x5x3, kernel 2x2, stride 1, padding 1, groups 3, reflect, float32)"
    )
    assert repr(rgb.T) == "Transposed(5x5x3 -> 4x4x3, float32)"


BOTH = "w and input_shape must both have axes of channels"
REFUSED = {
    "an image with one channel": (
        lambda: ConvOperator(PSF, (160, 128, 1)),
        BOTH,
        "Pass w[:, :, None, None] and (160, 128, 1), or w and (160, 128).",
    ),
    "an image of three channels": (
        lambda: ConvOperator(PSF, (160, 128, 3)),
        BOTH,
        "To treat each of the 3 channels separately pass (160, 128) and vectors "
        "jax.numpy.moveaxis(v, -1, 0); otherwise give w axes of channels, as w[:, :, None, None] "
        "for one channel, (160, 128, 1).",
    ),
    "a kernel with channels": (
        lambda: ConvOperator(integers((3, 3, 2, 4)), (160, 128), groups=2),
        BOTH,
        "Add the channels of v: pass (160, 128, 4).",
    ),
    "a batch": (
        lambda: ConvOperator(PSF, (2, 160, 128, 1)),
        BOTH,
        "Leave batch axes out; vectors may have any number of them.",
    ),
    "a batch of signals, or a volume": (
        lambda: ConvOperator(integers((3, 2, 4)), (5, 64, 2)),
        "it must be clear whether w has axes of channels",
        "Without channels pass w[:, :, :, None, None] and (5, 64, 2, 1); with them, leave the "
        "batch axes out of input_shape: (64, 2).",
    ),
    "a batch of images, or four dimensions": (
        lambda: ConvOperator(integers((3, 3, 2, 4)), (5, 64, 64, 2)),
        "it must be clear whether w has axes of channels",
        "Without channels pass w[:, :, :, :, None, None] and (5, 64, 64, 2, 1); with them, leave "
        "the batch axes out of input_shape: (64, 64, 2).",
    ),
    "groups": (
        lambda: ConvOperator(PSF, (160, 128), groups=3),
        "groups are for a w with axes of channels; got groups=3",
        "Leave them out, or pass w[:, :, None, None] and an input_shape with channels, "
        "(160, 128, 1).",
    ),
    "dimension numbers": (
        lambda: ConvOperator(PSF, (160, 128), dimension_numbers=("NCHW", "OIHW", "NCHW")),
        "dimension_numbers are for a w with axes of channels",
        "Leave them out, or pass w[:, :, None, None] and an input_shape with channels, "
        "(160, 128, 1).",
    ),
    "a vector with a channel": (
        lambda: K @ IMAGE[..., None],
        "v must end in the axes (7, 8), or be flat with 56 entries",
        "Pass v[..., 0].",
    ),
    "a vector of colours": (
        lambda: K @ np.stack([IMAGE] * 3, axis=-1),
        "v must end in the axes (7, 8), or be flat with 56 entries",
        "Pass jax.numpy.moveaxis(v, -1, 0): batch axes come first.",
    ),
    "a vector that lacks the channel": (
        lambda: full(K) @ IMAGE,
        "v must end in the axes (7, 8, 1), or be flat with 56 entries",
        "Pass v[..., None].",
    ),
    "a sum with channels": (
        lambda: K + full(K),
        "maps that are added must have the same shapes",
        "One has no axis of channels: give it to both, or to neither.",
    ),
    "a stack with channels": (
        lambda: vstack([K, full(K)]),
        "stacked maps must share the side that is not stacked",
        "One has no axis of channels: give it to both, or to neither.",
    ),
    "a kernel with channels for one without": (
        lambda: K.with_kernel(PSF[..., None, None]),
        "ConvOperator.with_kernel: w must have 2 axes",
        "Build another ConvOperator for a kernel with channels.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, rule, remedy = REFUSED[name]
    with pytest.raises(ValueError) as raised:
        call()
    assert rule in str(raised.value)
    assert str(raised.value).endswith(remedy)
