"""Taps, kernels and geometries: the FCN recipe, and phases that sum to one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxdeconv import ConvGeometry, conv_transpose
from jaxdeconv.interpolation import PROFILES, geometry, kernel, taps
from tests.support.cases import integers
from tests.support.checks import check_equal

METHODS = list(PROFILES)


def test_fcn_recipe() -> None:
    """Kernel 2f - f % 2, stride f, padding ceil((f - 1) / 2): factor times the size, exactly."""
    for f in range(1, 17):
        expected = ConvGeometry(10 * f, 2 * f - f % 2, stride=f, padding=int(np.ceil((f - 1) / 2)))
        assert geometry(10, f) == expected
        assert expected.output_size == (10,)
        assert ConvGeometry.from_output_size(10, 2 * f - f % 2, f, f // 2).input_size == (10 * f,)


def test_fcn_filter() -> None:
    """The bilinear filler of the FCN code, from its two lines of arithmetic."""
    for f in range(1, 9):
        size = 2 * f - f % 2
        half = (size + 1) // 2
        center = half - 1 if size % 2 == 1 else half - 0.5
        np.testing.assert_allclose(taps(f), 1 - abs(np.arange(size) - center) / half, atol=1e-15)


@given(st.sampled_from(METHODS), st.integers(1, 9), st.integers(0, 3))
def test_phases_add_up_to_one_and_taps_are_symmetric(method: str, f: int, more: int) -> None:
    for weights in (taps(f, method), taps(f, method, size=len(taps(f, method)) + 2 * more)):
        np.testing.assert_allclose([weights[p::f].sum() for p in range(f)], 1, atol=1e-14)
        np.testing.assert_allclose(weights, weights[::-1], atol=1e-15)


@given(st.sampled_from(METHODS), st.integers(2, 9))
def test_default_is_the_fewest_taps(method: str, f: int) -> None:
    """Two more taps are zeros."""
    weights = taps(f, method)
    more = taps(f, method, size=len(weights) + 2)
    assert more[0] == more[-1] == 0 != weights[0]
    np.testing.assert_allclose(more[1:-1], weights, atol=1e-15)


@pytest.mark.parametrize("align", ["areas", "centres"])
@pytest.mark.parametrize("method", METHODS)
def test_geometry_and_kernel_belong_together(method: str, align: str) -> None:
    factors, size = (3, 5), (4, 2)
    g = geometry(size, factors, method, align=align, channels=3)
    w = kernel(factors, method, align=align, channels=3)
    assert w.shape == (*g.kernel_size, 1, 3)
    assert g.output_size == size
    assert g.stride == factors
    assert g.groups == 3
    fine = [
        n * f if align == "areas" else (n - 1) * f + 1 for n, f in zip(size, factors, strict=True)
    ]
    assert g.input_size == tuple(fine)
    np.testing.assert_allclose(
        w[..., 0, 1],
        np.outer(taps(3, method, g.kernel_size[0]), taps(5, method, g.kernel_size[1])),
        rtol=1e-6,
    )


def test_centres_keep_every_input() -> None:
    """Every factor-th cell of the result is a cell of the input, for all methods."""
    u = integers((7, 2))
    for method in METHODS[1:]:
        g = geometry(7, 4, method, align="centres", channels=2)
        w = kernel(4, method, align="centres", channels=2)
        v = conv_transpose(u, w, input_size=g.input_size, stride=4, padding=g.padding, groups=2)
        np.testing.assert_allclose(v[::4], u, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "complex64"])
def test_dtypes(dtype: str) -> None:
    check_equal(kernel(2, dtype=dtype).ravel(), jnp.array([0.25, 0.75, 0.75, 0.25], dtype))


@pytest.mark.usefixtures("x64")
def test_float64() -> None:
    check_equal(kernel(3, dtype="float64").ravel(), taps(3))


def test_no_dimension() -> None:
    check_equal(kernel((), channels=2), jnp.ones((1, 2)))


def test_traced_factor() -> None:
    with pytest.raises(TypeError, match=r"^kernel: factor must be a static integer"):
        jax.jit(kernel)(2)
