"""`upsample` against JAX, PyTorch and SciPy, border included; its transpose is verified."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxdeconv import conv_transpose, verify
from jaxdeconv.interpolation import (
    BORDERS,
    PROFILES,
    geometry,
    kernel,
    keys,
    upsample,
    upsample_transpose,
)
from tests.support.cases import integers
from tests.support.checks import check_equal

METHODS = list(PROFILES)
FACTORS = [(1, 2), (2, 3), (5, 4)]
SCIPY_MODES = {
    "zeros": "grid-constant",
    "replicate": "nearest",
    "reflect": "mirror",
    "symmetric": "reflect",
    "circular": "grid-wrap",
}
TORCH_MODES = [("linear", "bilinear"), (keys(-0.75), "bicubic")]
each_align = pytest.mark.parametrize("align", ["areas", "centres"])


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def test_all_borders_have_an_oracle() -> None:
    assert {"renormalise", *SCIPY_MODES} == set(BORDERS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", FACTORS, ids=str)
@pytest.mark.usefixtures("x64")
def test_renormalised_is_jax_image_resize(method: str, factor) -> None:
    u = jnp.asarray(normal(2, 6, 5, 3))
    expected = jax.image.resize(u, (2, 6 * factor[0], 5 * factor[1], 3), method)
    np.testing.assert_allclose(upsample(u, factor, method), expected, atol=1e-14)


@pytest.mark.parametrize(("method", "torch_mode"), TORCH_MODES, ids=str)
@each_align
@pytest.mark.usefixtures("x64")
def test_replicated_is_torch_interpolate(torch, method, torch_mode: str, align: str) -> None:
    u, factor = normal(2, 6, 5, 3), (3, 2)
    got = upsample(jnp.asarray(u), factor, method, border="replicate", align=align)
    expected = torch.nn.functional.interpolate(
        torch.tensor(np.moveaxis(u, -1, 1)),
        size=got.shape[1:3],
        mode=torch_mode,
        align_corners=align == "centres",
    )
    np.testing.assert_allclose(got, np.moveaxis(expected.numpy(), 1, -1), atol=1e-14)


def test_nearest_is_torch_nearest(torch) -> None:
    u = integers((2, 4, 3, 2))
    expected = torch.nn.functional.interpolate(
        torch.tensor(np.moveaxis(u, -1, 1)), scale_factor=(3, 4), mode="nearest"
    )
    check_equal(upsample(u, (3, 4), "nearest"), np.moveaxis(expected.numpy(), 1, -1))


@pytest.mark.parametrize("border", SCIPY_MODES)
@pytest.mark.parametrize("factor", FACTORS, ids=str)
@pytest.mark.usefixtures("x64")
def test_linear_borders_equal_scipy(border: str, factor) -> None:
    u = normal(6, 5)
    expected = scipy.ndimage.zoom(u, factor, order=1, mode=SCIPY_MODES[border], grid_mode=True)
    got = upsample(jnp.asarray(u[..., None]), factor, border=border)
    np.testing.assert_allclose(got[..., 0], expected, atol=1e-14)


@pytest.mark.usefixtures("x64")
def test_centres_equal_scipy_zoom_without_grid_mode() -> None:
    u = normal(6)
    expected = scipy.ndimage.zoom(u, 16 / 6, order=1)
    got = upsample(jnp.asarray(u[:, None]), 3, align="centres")
    np.testing.assert_allclose(got[:, 0], expected, atol=1e-14)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.usefixtures("x64")
def test_plain_transposed_convolution_differs_only_at_the_border(factor: int) -> None:
    """Equal to `jax.image.resize` except for the outermost factor // 2 cells, which lack the
    weight of the missing cells: K^T u = (K^T 1) * resize(u)."""
    u = jnp.asarray(integers((5, 1), np.float64)) + 5
    g = geometry(5, factor)
    plain = conv_transpose(u, kernel(factor, dtype="float64"), stride=factor, padding=g.padding)
    resized = jax.image.resize(u, (5 * factor, 1), "linear")
    border = factor // 2
    np.testing.assert_allclose(plain[border:-border], resized[border:-border], atol=1e-14)
    inside = (np.arange(border) + 0.5 + factor / 2) / factor
    inside = inside if factor % 2 == 0 else (np.arange(border) + (factor + 1) / 2) / factor
    np.testing.assert_allclose(plain[:border], inside[:, None] * resized[:border], atol=1e-14)
    np.testing.assert_allclose(plain[-border:], inside[::-1, None] * resized[-border:], atol=1e-14)
    check_equal(upsample(u, factor, border="zeros"), plain)


@pytest.mark.usefixtures("x64")
def test_linear_renormalised_is_linear_replicated() -> None:
    u = jnp.asarray(normal(4, 3, 2))
    both = [upsample(u, (2, 5), border=border) for border in ("renormalise", "replicate")]
    np.testing.assert_allclose(*both, atol=1e-14)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("method", "align"), [("linear", "areas"), ("cubic", "centres")])
def test_transpose(method: str, border: str, align: str) -> None:
    how = {"method": method, "border": border, "align": align}
    u = jax.ShapeDtypeStruct((2, 4, 3, 2), jnp.float32)
    verify.assert_adjoint(
        lambda u: upsample(u, (2, 3), **how),
        lambda v: upsample_transpose(v, (2, 3), **how),
        u,
        key=0,
        transpose=True,
        budget=256,
    )


def test_transpose_equals_jaxs() -> None:
    u = jax.ShapeDtypeStruct((5, 4, 1), jnp.float32)
    v = jnp.asarray(normal(15, 8, 1), jnp.float32)
    for border in BORDERS:
        (derived,) = jax.linear_transpose(
            lambda u, border=border: upsample(u, (3, 2), "cubic", border=border), u
        )(v)
        got = upsample_transpose(v, (3, 2), "cubic", border=border)
        np.testing.assert_allclose(got, derived, atol=1e-5)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("method", METHODS)
def test_constants_are_kept_except_next_to_zeros(method: str, border: str) -> None:
    v = upsample(jnp.full((4, 5, 1), 3.0), (2, 3), method, border=border)
    if border == "zeros" and method != "nearest":
        assert abs(v - 3).max() > 0.1
    else:
        np.testing.assert_allclose(v, 3, rtol=1e-6)


def test_any_batch_axes_and_channels() -> None:
    u = integers((2, 3, 4, 5))
    whole = upsample(u, (2,))
    assert whole.shape == (2, 3, 8, 5)
    for index in np.ndindex(2, 3):
        for channel in range(5):
            part = upsample(u[index][:, [channel]], 2)
            check_equal(whole[index][:, [channel]], part)
    assert upsample(u[:0], (2,)).shape == (0, 3, 8, 5)
    assert upsample_transpose(whole[:0], (2,)).shape == (0, 3, 4, 5)
    assert upsample(u[:, :, :0], (2,)).shape == (2, 3, 0, 5)


@pytest.mark.usefixtures("x64")
def test_an_int_is_for_every_dimension_of_a_batch_of_images(torch) -> None:
    """Like `stride=2`, and as in PyTorch; also for a signal, and in the transpose."""
    u = jnp.asarray(normal(2, 6, 7, 3))
    expected = torch.nn.functional.interpolate(
        torch.tensor(np.moveaxis(u, -1, 1)), scale_factor=3, mode="bilinear"
    )
    got = upsample(u, 3)
    np.testing.assert_allclose(got, np.moveaxis(expected.numpy(), 1, -1), atol=1e-14)
    check_equal(got, upsample(u, (3, 3)))
    check_equal(upsample(u, np.int64(3)), got)
    check_equal(upsample_transpose(got, 3), upsample_transpose(got, (3, 3)))
    check_equal(upsample(u[0, 0], 3), upsample(u[0, 0], (3,)))
    images = jax.vmap(lambda u: upsample(u, (3, 3)))(u)
    check_equal(images, got)


@pytest.mark.usefixtures("x64")
def test_three_dimensions() -> None:
    u = jnp.asarray(normal(3, 4, 2, 1))
    expected = jax.image.resize(u, (6, 4, 6, 1), "linear")
    np.testing.assert_allclose(upsample(u, (2, 1, 3)), expected, atol=1e-14)


def test_complex_half_and_transformations() -> None:
    u = integers((4, 1), np.complex64)
    check_equal(upsample(u, 2).real, upsample(u.real.copy(), 2))
    check_equal(upsample(u, 2).imag, upsample(u.imag.copy(), 2))
    half = jnp.asarray(u.real, jnp.bfloat16)
    assert upsample(half, 2).dtype == jnp.bfloat16
    batch = jnp.asarray(integers((3, 4, 1)))
    check_equal(jax.jit(jax.vmap(lambda u: upsample(u, 2)))(batch), upsample(batch, (2,)))
