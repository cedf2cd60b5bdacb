"""The profiles: their definitions, and the polynomials that they reproduce."""

import numpy as np
import pytest

from jaxdeconv.interpolation import PROFILES, Profile, keys, lanczos, taps

x = np.linspace(-6, 6, 241)


@pytest.mark.parametrize("name", PROFILES)
def test_is_an_even_interpolant_within_its_width(name: str) -> None:
    profile = PROFILES[name]
    assert np.array_equal(profile(x), profile(-x))
    assert not profile(x)[abs(x) >= profile.width / 2].any()
    assert profile(np.array([0.0])) == 1
    np.testing.assert_allclose(profile(np.arange(1.0, 7.0)), 0, atol=1e-16)


def test_linear_is_the_hat() -> None:
    np.testing.assert_array_equal(PROFILES["linear"](x), np.maximum(0, 1 - abs(x)))


@pytest.mark.parametrize("lobes", [1, 2, 4])
def test_lanczos_is_its_formula(lobes: int) -> None:
    at = np.array([0.25, -0.5, lobes - 0.25])
    expected = lobes * np.sin(np.pi * at) * np.sin(np.pi * at / lobes) / (np.pi * at) ** 2
    np.testing.assert_allclose(lanczos(lobes)(at), expected, atol=1e-15)


@pytest.mark.parametrize("a", [-0.5, -0.75, 0.25])
def test_keys_is_smooth_with_slope_a(a: float) -> None:
    """Its definition: value and slope are continuous at 1 and 2, and the slope at 1 is a."""
    eps, profile = 1e-6, keys(a)
    for joint, value, slope in [(1.0, 0.0, a), (2.0, 0.0, 0.0)]:
        before, at, after = profile(np.array([joint - eps, joint, joint + eps]))
        assert at == value
        assert (at - before) / eps == pytest.approx(slope, abs=1e-5)
        assert (after - at) / eps == pytest.approx(slope, abs=1e-5)


DEGREES = [("nearest", 0), ("linear", 1), ("cubic", 2), (keys(-0.75), 0), ("lanczos3", 0)]


@pytest.mark.parametrize(("method", "degree"), DEGREES, ids=str)
@pytest.mark.parametrize("factor", [2, 3])
def test_reproduces_polynomials_up_to_a_degree(method, degree: int, factor: int) -> None:
    """Keys with a = -0.5 reproduces quadratics (third order), with -0.75 only constants."""
    weights = taps(factor, method)
    low, cells = (len(weights) - factor) // 2, 20
    stuffed = np.zeros((cells - 1) * factor + 1)
    inside = slice(factor * 8, factor * 12)
    at = ((np.arange(cells * factor) + 0.5) / factor - 0.5)[inside]
    errors = []
    for power in range(4):
        stuffed[::factor] = (np.arange(cells) - 10.0) ** power
        fine = np.convolve(stuffed, weights)[low:][inside]
        errors.append(abs(fine - (at - 10) ** power).max())
    if method == keys(-0.75):
        assert errors[1] > 1e-3  # a = -0.75 reproduces constants only
        degree = 0
    assert max(errors[: degree + 1]) < 1e-12
    assert errors[degree + 1] > 1e-3


def test_own_profile() -> None:
    """The quadratic B-spline, which smooths, and whose phases sum to 1."""
    spline = Profile("b-spline", 3, lambda x: np.where(x < 0.5, 0.75 - x**2, (1.5 - x) ** 2 / 2))
    assert taps(1, spline).tolist() == [0.125, 0.75, 0.125]
    assert taps(2, spline).sum() == pytest.approx(2)
