"""The discrete convolution converges to the continuous one, with the predicted order."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import conv, conv_transpose
from jaxdeconv.continuous import ContinuousConv, Function, order, sample
from jaxdeconv.reference import coordinates
from tests.continuous.functions import BELL, BOX, HANN, HAT, RAMP, SKEWED, WAVE

pytestmark = pytest.mark.usefixtures("x64")

INTERVALS = (8, 16, 32, 64)
LONG = Function(lambda x: jnp.cos(x) + x, (-2, 2))
THIRDS = (-2 / 3, 2 / 3)  # a third of a cell away from the grid, however often it is halved
ODD_BOX = Function(lambda x: 1 + x, THIRDS)
ODD_HAT = Function(lambda x: 2 / 3 - abs(x), THIRDS, breaks=[0])
HANN_LIKE = Function(lambda x: jnp.cos(jnp.pi * x / 4) ** 2 * jnp.exp(x / 3), (-2, 2))


def errors(k: Function, v: Function, stride: int, rule: str, keep=lambda y: y == y):
    """Spacing and largest error of conv for every number of intervals."""
    K = ContinuousConv(k, stride)
    result = K @ v
    for intervals in INTERVALS:
        s = sample(K, v, intervals, rule)
        u = conv(s.v, s.w, stride=stride, padding=s.geometry.padding)[:, 0]
        assert u.shape == s.y.shape
        chosen = keep(s.y)
        assert chosen.any()
        yield float(s.x[1] - s.x[0]), float(abs(u - result(s.y))[chosen].max())


def away(y):
    """Where no jump of the kernel coincides with one of v: the middle of the support of K v."""
    return abs(y) < 0.4


ORDERS = {
    # name: k, v, rule, stride, expected order, its tolerance
    "jumps between points": (ODD_BOX, LONG, "trapezoid", 1, 1, 0.3),
    "jumps at points, halved": (BOX, LONG, "trapezoid", 2, 2, 0.05),
    "kinks between points": (ODD_HAT, LONG, "trapezoid", 1, 2, 0.2),
    "kinks at points": (HAT, LONG, "trapezoid", 2, 2, 0.05),
    "one derivative, knots at points": (HANN, LONG, "trapezoid", 2, 4, 0.1),
    "one derivative, v sampled in the middles": (HANN, HANN_LIKE, "midpoint", 2, 4, 0.6),
}


@pytest.mark.parametrize("name", ORDERS)
def test_order(name: str) -> None:
    k, v, rule, stride, expected, tolerance = ORDERS[name]
    spacings, sizes = zip(*errors(k, v, stride, rule, away), strict=True)
    assert order(spacings, sizes) == pytest.approx(expected, abs=tolerance)


def test_midpoint_rule_has_order_two_where_v_jumps_and_the_kernel_does_not() -> None:
    """v jumps at the edge of a cell, for which the midpoint rule is made."""
    spacings, sizes = zip(*errors(HANN, RAMP, 1, "midpoint"), strict=True)
    assert order(spacings, sizes) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("rule", ["midpoint", "trapezoid"])
def test_smooth_functions_converge_faster_than_any_power(rule: str) -> None:
    """Two halvings reach rounding error, faster than any of the powers above."""
    spacings, sizes = zip(*errors(BELL, BELL, 1, rule), strict=True)
    assert order(spacings[:3], sizes[:3]) > 8
    assert sizes[0] > 1e-6
    assert sizes[2] < 1e-13


def test_transposed_limit() -> None:
    """conv_transpose with the same w converges to K^T u at the points x, with the same order."""
    K, spacings, sizes = ContinuousConv(HANN, 2), [], []
    expected = K.T @ SKEWED
    v = Function(jnp.ones_like, (-2, 2))
    for intervals in INTERVALS:
        s = sample(K, v, intervals, "trapezoid")
        g = s.geometry
        x = conv_transpose(
            SKEWED(s.y)[:, None], s.w, stride=2, padding=g.padding, input_size=g.input_size
        )
        spacings.append(4 / intervals)
        sizes.append(float(abs(x[:, 0] - expected(s.x)).max()))
    assert order(spacings, sizes) == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("rule", ["midpoint", "trapezoid"])
def test_matrix_is_h_times_k(stride: int, rule: str) -> None:
    """Entry by entry, C_ij = h k(s y_i - x_j), for an asymmetric kernel and any stride."""
    s = sample(ContinuousConv(SKEWED, stride), WAVE, 10, rule)
    h = 0.3
    matrix = coordinates.matrix(s.w, s.geometry)
    np.testing.assert_allclose(matrix, h * SKEWED(stride * s.y[:, None] - s.x[None]), atol=1e-15)
    assert matrix.any(0).all()


def test_order_of_known_errors() -> None:
    h = np.array([0.5, 0.3, 0.1])
    assert order(h, 7 * h**3.5) == pytest.approx(3.5)
