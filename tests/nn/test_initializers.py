"""Initial kernels: interpolation, no checkerboard, and variance."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdeconv
from jaxdeconv.nn.initializers import bilinear, icnr, lecun_normal_transposed
from tests.support.cases import integers

KEY = jax.random.key(0)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_bilinear_with_an_odd_kernel_is_linear_interpolation(stride: int) -> None:
    """Pixel centres keep their place: NumPy's own interpolation."""
    u = integers((6, 1), seed=1)
    w = bilinear(stride)(KEY, (2 * stride - 1, 1, 1), "float32")
    v = jaxdeconv.conv_transpose(u, w, stride=stride, padding=stride - 1)
    expected = np.interp(np.arange(5 * stride + 1) / stride, np.arange(6), u[:, 0])
    np.testing.assert_allclose(v[:, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("stride", [2, 4])
def test_bilinear_with_an_even_kernel_is_image_resize(stride: int) -> None:
    """Pixel areas keep their place: `jax.image.resize`, away from the border."""
    u = jnp.asarray(integers((6, 5, 2), seed=1))
    w = bilinear(stride)(KEY, (2 * stride, 2 * stride, 2, 2), "float32")
    v = jaxdeconv.conv_transpose(u, w, stride=stride, padding=stride // 2)
    expected = jax.image.resize(u, (6 * stride, 5 * stride, 2), "linear")
    inside = (slice(stride, -stride),) * 2
    np.testing.assert_allclose(v[inside], expected[inside], rtol=1e-5, atol=1e-5)


def test_bilinear_of_groups() -> None:
    """Each channel on its own, whatever the groups: the same map."""
    u = jnp.asarray(integers((5, 4, 6), seed=1))
    results = [
        jaxdeconv.conv_transpose(
            u,
            bilinear(2, groups)(KEY, (4, 3, 6 // groups, 6), "float32"),
            stride=2,
            padding=1,
            groups=groups,
        )
        for groups in (1, 2, 6)
    ]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 1, 1), "at least 2\\*stride - 1 taps"), ((3, 1, 2), "as many output channels")],
    ids=["short", "channels"],
)
def test_bilinear_refuses(shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bilinear(2)(KEY, shape, "float32")


@pytest.mark.parametrize(("kernel", "stride"), [((4, 6), 2), ((3, 4), (3, 2)), ((2, 2), 2)])
def test_icnr_starts_without_a_checkerboard(kernel: Any, stride: Any) -> None:
    """A constant in, a constant out; and any image is nearest-neighbour upsampled."""
    base = jax.nn.initializers.normal(1.0)
    w = icnr(base, stride)(KEY, (*kernel, 2, 3), "float32")
    u = jax.random.normal(jax.random.key(1), (5, 5, 3))
    v = jaxdeconv.conv_transpose(u, w, stride=stride)
    vertical, horizontal = np.broadcast_to(stride, 2)
    small = v[::vertical, ::horizontal]
    upsampled = small.repeat(vertical, 0).repeat(horizontal, 1)
    np.testing.assert_allclose(v, upsampled[: v.shape[0], : v.shape[1]], rtol=1e-5, atol=1e-5)
    plain = base(KEY, (*kernel, 2, 3), "float32")
    v = jaxdeconv.conv_transpose(u, plain, stride=stride)
    small = v[::vertical, ::horizontal].repeat(vertical, 0).repeat(horizontal, 1)
    assert float(jnp.abs(v - small[: v.shape[0], : v.shape[1]]).max()) > 0.1


def test_icnr_of_an_uneven_kernel_leaves_the_last_taps_empty() -> None:
    w = icnr(jax.nn.initializers.ones, 2)(KEY, (5, 1, 1), "float32")
    assert w.ravel().tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_icnr_refuses_a_kernel_smaller_than_the_stride() -> None:
    with pytest.raises(ValueError, match="every phase needs a tap"):
        icnr(jax.nn.initializers.ones, 3)(KEY, (2, 1, 1), "float32")


@pytest.mark.parametrize("groups", [1, 4])
def test_variance_follows_the_inputs_of_the_transposed_layer(groups: int) -> None:
    """Of unit inputs, stride 1, the outputs inside have unit variance."""
    w = lecun_normal_transposed(groups)(KEY, (3, 3, 32 // groups, 256), "float32")
    u = jax.random.normal(jax.random.key(1), (12, 12, 256))
    v = jaxdeconv.conv_transpose(u, w, padding=2, groups=groups)
    assert abs(float(v.var()) - 1) < 0.15
