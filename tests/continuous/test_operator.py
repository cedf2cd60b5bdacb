"""K_s and K_s^T against SciPy's adaptive quadrature, closed forms, and each other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from jaxdeconv import verify
from jaxdeconv.continuous import ContinuousConv, Function, Quadrature, inner
from tests.continuous.functions import BOX, BUMP, HANN, HAT, RAMP, SKEWED, WAVE

pytestmark = pytest.mark.usefixtures("x64")

PAIRS = {
    "smooth": (SKEWED, WAVE, BUMP),
    "jumps": (BOX, RAMP, WAVE),
    "kinks": (HAT, WAVE, HAT),
    "asymmetric": (RAMP, SKEWED, RAMP),
}
STRIDES = (2, 2.5, 0.5)
FINE = Quadrature(24, 4)
each_pair = pytest.mark.parametrize("pair", PAIRS)
each_stride = pytest.mark.parametrize("stride", STRIDES)


def adaptive(integrand, interval, points) -> float:
    """SciPy's adaptive Gauss-Kronrod rule between the kinks."""
    low, high = interval
    ends = [low, *sorted(point for point in points if low < point < high), high]
    return sum(
        float(
            scipy.integrate.cubature(
                lambda at: np.asarray(integrand(at[:, 0])), [a], [b], rtol=1e-12, atol=1e-12
            ).estimate
        )
        for a, b in itertools.pairwise(ends)
    )


@each_pair
@each_stride
def test_values_against_scipy(pair: str, stride: float) -> None:
    k, v, u = PAIRS[pair]
    K = ContinuousConv(k, stride, FINE)
    forward, backward = K @ v, K.T @ u
    for share in (0.13, 0.81):
        y = float(np.interp(share, (0, 1), forward.support))
        breaks = [stride * y - knot for knot in k.knots] + [*v.knots]
        expected = adaptive(lambda x, y=y: k(stride * y - x) * v(x), v.support, breaks)
        assert float(forward(y)) == pytest.approx(expected, abs=1e-9)
        x = float(np.interp(share, (0, 1), backward.support))
        breaks = [(x + knot) / stride for knot in k.knots] + [*u.knots]
        expected = adaptive(lambda y, x=x: k(stride * y - x) * u(y), u.support, breaks)
        assert float(backward(x)) == pytest.approx(expected, abs=1e-9)


@each_pair
@each_stride
def test_identity(pair: str, stride: float) -> None:
    """<u, K v> = <K^T u, v>: two double integrals over different variables."""
    k, v, u = PAIRS[pair]
    K = ContinuousConv(k, stride, FINE)
    left, right = inner(u, K @ v, K.quadrature), inner(K.T @ u, v, K.quadrature)
    assert abs(float(left)) > 1e-2
    assert abs(float(left - right)) < 1e-9


def test_identity_detects_a_wrong_transpose() -> None:
    """A flipped kernel, a shift, a missing stride each violate it by more than 1e-3."""
    K = ContinuousConv(RAMP, 2.0)
    right = inner(WAVE, K @ SKEWED)
    flipped = ContinuousConv(Function(lambda x: 2 - x, (-1.5, 0.5)), 2.0)
    shifted = ContinuousConv(Function(lambda x: 2.1 + x, (-0.6, 1.4)), 2.0)
    for wrong in (flipped, shifted, ContinuousConv(RAMP, 1.0)):
        assert abs(float(inner(wrong.T @ WAVE, SKEWED) - right)) > 1e-3


def test_closed_forms() -> None:
    """A box with a box is a hat; with a line it is linear; stride 2 halves the axis."""
    y = jnp.linspace(-2.5, 2.5, 41)
    hat = ContinuousConv(BOX) @ BOX
    np.testing.assert_allclose(hat(y), np.maximum(0, 2 - abs(y)), atol=1e-15)
    line = Function(lambda x: x, (-9, 9))
    np.testing.assert_allclose((ContinuousConv(BOX, 2) @ line)(y), 4 * y, atol=1e-13)
    np.testing.assert_allclose((ContinuousConv(BOX, 2).T @ line)(y), y / 2, atol=1e-13)


def test_deltas_give_the_kernel() -> None:
    """K applied to a narrow box of area 1 at x0 tends to k(s y - x0)."""
    x0, stride, y = 0.3, 2.0, jnp.linspace(-0.2, 0.5, 9)
    errors = []
    for width in (0.1, 0.05):
        delta = Function(
            lambda x, width=width: jnp.full_like(x, 1 / width), (x0 - width / 2, x0 + width / 2)
        )
        errors.append(abs((ContinuousConv(SKEWED, stride) @ delta)(y) - SKEWED(stride * y - x0)))
    assert errors[0].max() < 1e-2
    assert np.log2(errors[0].max() / errors[1].max()) == pytest.approx(2, abs=0.05)


@each_stride
def test_supports(stride: float) -> None:
    """Zero outside, positive just inside, for positive k and v on asymmetric intervals."""
    K = ContinuousConv(RAMP, stride)
    p, q = SKEWED.support
    a, b = RAMP.support
    for got, expected in [
        ((K @ SKEWED).support, ((p + a) / stride, (q + b) / stride)),
        ((K.T @ SKEWED).support, (stride * p - b, stride * q - a)),
    ]:
        assert got == pytest.approx(expected)
    for result in (K @ SKEWED, K.T @ SKEWED):
        formula, (low, high) = result.formula, result.support  # unmasked: the integral itself
        width = high - low
        outside = jnp.array([low - width, low - 1e-9, high + 1e-9, high + width])
        inside = jnp.array([low + 0.02 * width, high - 0.02 * width])
        assert not formula(outside).any()
        assert (formula(inside) > 1e-7).all()


def test_support_of_one_entry() -> None:
    """k(s y - x) has support [(x + a)/s, (x + b)/s] in y, and [s y - b, s y - a] in x."""
    stride, (a, b) = 2.5, RAMP.support
    for x in (-1.0, 0.0, 0.7):
        y = np.linspace(-6, 6, 12001)
        met = y[np.asarray(RAMP(stride * y - x)) != 0]
        assert (met.min(), met.max()) == pytest.approx(
            ((x + a) / stride, (x + b) / stride), abs=2e-3
        )
        met = y[np.asarray(RAMP(stride * x - y)) != 0]
        assert (met.min(), met.max()) == pytest.approx((stride * x - b, stride * x - a), abs=2e-3)


def test_breaks_are_where_it_is_not_smooth() -> None:
    """With the breaks of K v its integral is exact, without them it is not."""
    K = ContinuousConv(BOX, 2)
    result = K @ Function(lambda x: 1 + x, (0.1, 0.7))
    assert result.knots == pytest.approx((-0.45, -0.15, 0.55, 0.85))
    one = Function(jnp.ones_like, (-5, 5))
    area = 2 * (0.6 + (0.49 - 0.01) / 2) / 2  # (area of k) * (area of v) / s
    assert float(inner(one, result)) == pytest.approx(area, abs=1e-14)
    assert abs(float(inner(one, Function(result.formula, result.support))) - area) > 1e-6


def test_discretised_pair_passes_verify() -> None:
    """On quadrature nodes the two maps are matrices, each the other's transpose."""
    at, weights = np.polynomial.legendre.leggauss(8)
    entries = np.asarray(RAMP(2.0 * at[:, None] - at[None]))
    verify.assert_adjoint(
        lambda v: jnp.asarray(entries) @ (jnp.asarray(weights) * v),
        lambda u: jnp.asarray(weights) * (jnp.asarray(entries).T @ u),
        jax.ShapeDtypeStruct((8,), jnp.float64),
        key=0,
    )


def test_transformations() -> None:
    """jit, vmap, the derivative in y, and in a parameter of k."""
    K = ContinuousConv(SKEWED, 2)
    result = K @ WAVE
    y = jnp.linspace(*result.support, 7)
    np.testing.assert_allclose(jax.jit(result)(y), result(y), rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(result)(y), result(y), rtol=1e-13)
    slope = (result(y[3] + 1e-5) - result(y[3] - 1e-5)) / 2e-5
    assert float(jax.grad(result)(y[3])) == pytest.approx(float(slope), rel=1e-6)

    def scaled(a: jax.Array) -> jax.Array:
        return (ContinuousConv(Function(lambda x: a * SKEWED.formula(x), (-1, 1)), 2) @ WAVE)(0.4)

    assert float(jax.grad(scaled)(3.0)) == pytest.approx(float((K @ WAVE)(0.4)))


def test_transpose_of_the_transpose() -> None:
    K = ContinuousConv(HANN, 3)
    assert K.T.T is K


def test_complex_functions() -> None:
    wave = Function(lambda x: jax.lax.complex(jnp.cos(2 * x), jnp.sin(2 * x)), (-1, 1))
    K = ContinuousConv(wave, 2)
    left, right = inner(RAMP, K @ wave), inner(K.T @ RAMP, wave)
    assert abs(complex(left - right)) < 1e-13
    assert abs(complex(left).imag) > 1e-3
