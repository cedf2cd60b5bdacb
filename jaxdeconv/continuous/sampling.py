"""The discrete convolution of which K_s is the limit.

On grids of spacing h, x_j = x_0 + h*j and y_i = x_0/s + h*i, with an integer stride s,

    (K_s v)(y_i)  ~  h * sum over j of k(s*y_i - x_j) v(x_j)  =  conv(v(x), w, stride=s)[i],

where w holds h*k at the multiples of h, flipped. The same w serves the transpose: `conv_transpose`
of u(y) approximates K_s^T u at the points x_j.

The sum is a quadrature rule for the integrand g(x) = k(s*y - x) v(x). By the Euler-Maclaurin
formula its error is of order

    h        if g jumps between the points of the grid;
    h^2      if g jumps only at points of the grid, with half weight there (the trapezoidal rule),
             or halfway between two points (the midpoint rule); and if g is continuous with kinks;
    h^(p+2)  if g has p continuous derivatives; rounded up to an even power if all knots are points
             of the grid or halfway between two, as odd powers then do not occur;

and falls faster than any power of h if g is smooth.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.continuous.functions import Function, check_function
from jaxdeconv.continuous.operator import ContinuousConv
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry

__all__ = ["Sampling", "order", "sample"]

_SCHEMES = ("midpoint", "trapezoid")
_ON_GRID = 1e-6  # of the spacing: nearer than that, a knot counts as a point of the grid


class Sampling(NamedTuple):
    """A discrete convolution that approximates a continuous one.

    `conv(v, w, stride=geometry.stride, padding=geometry.padding)` is close to (K v)(y), and
    `conv_transpose` of samples at y, with the same w and `input_size=geometry.input_size`, is
    close to K^T at x. All arrays have an axis of one channel.
    """

    v: Array  # [points of x, 1]: v(x), with the first and last halved for 'trapezoid'
    w: Array  # [taps, 1, 1]: h * k, flipped
    x: Array  # [points]
    y: Array  # [points]: all where K v can be nonzero
    geometry: ConvGeometry


@reporting
def sample(
    K: ContinuousConv,
    v: Function,
    intervals: int,
    scheme: Literal["midpoint", "trapezoid"] = "trapezoid",
) -> Sampling:
    """Samples of v and of the kernel, and the geometry of the discrete convolution.

    Args:
        K: with an integer stride.
        v: its input.
        intervals: how many the support of v is divided into, at least 1; their length is h.
        scheme: the grid is the midpoints of the intervals for 'midpoint', and their ends, the first
            and last with half weight, for 'trapezoid'. The kernel is sampled at multiples of h,
            with half weight if its support ends on one.

    Returns:
        The operands of `conv`.

    Raises:
        ValueError: no intervals, an unknown scheme, a stride that is not an integer, or a kernel so
            narrow that no multiple of h lies in its support.
        TypeError: K or v is of another kind.

    Cost: intervals * (1 + width of k / width of v) evaluations.

    Example:
        >>> import jaxdeconv
        >>> hat = Function(lambda x: 1 - abs(x), (-1, 1), breaks=[0])
        >>> s = sample(ContinuousConv(hat, stride=2), hat, intervals=4)
        >>> s.w.ravel().tolist(), s.x.tolist(), s.y.tolist()
        ([0.0, 0.25, 0.5, 0.25, 0.0], [-1.0, -0.5, 0.0, 0.5, 1.0], [-1.0, -0.5, 0.0, 0.5, 1.0])
        >>> g = s.geometry
        >>> jaxdeconv.conv(s.v, s.w, stride=g.stride, padding=g.padding).ravel().tolist()
        [0.0, 0.125, 0.75, 0.125, 0.0]
    """
    stride, count = _check(K, v, intervals, scheme)
    h = (v.support[1] - v.support[0]) / count
    x = np.linspace(*v.support, count + 1)
    weights = np.where((x == x[0]) | (x == x[-1]), 0.5, 1.0)
    if scheme == "midpoint":
        x, weights = (x[1:] + x[:-1]) / 2, np.ones(count)
    first, last = (end / h for end in K.kernel.support)
    multiples = np.arange(math.floor(last + _ON_GRID), math.ceil(first - _ON_GRID) - 1, -1)
    steps = _outputs(multiples, len(x), stride)
    if not len(steps):
        raise ArgumentValueError(
            "intervals must be enough to sample the kernel at least once",
            "Pass more intervals.",
            intervals=intervals,
        )
    ends = np.minimum(abs(multiples - first), abs(multiples - last)) < _ON_GRID
    k = K.kernel(np.clip(h * multiples, *K.kernel.support))
    low = int(multiples[0] - stride * steps[0])
    high = (len(steps) - 1) * stride + len(multiples) - len(x) - low
    values = v(x)
    return Sampling(
        (values * jnp.asarray(weights, values.dtype))[:, None],
        (k * jnp.asarray(np.where(ends, h / 2, h), k.dtype))[:, None, None],
        jnp.asarray(x, float),
        jnp.asarray(x[0] / stride + h * steps, float),
        ConvGeometry(len(x), len(multiples), stride, ((low, high),)),
    )


@reporting
def order(spacings: Sequence[float], errors: Sequence[float]) -> float:
    """The order of convergence: the slope of a line through the logarithms of the errors.

    Args:
        spacings: at least two, positive, not all equal.
        errors: equally many, positive.

    Returns:
        p, where the errors are proportional to spacing^p.

    Raises:
        ValueError: too few spacings, another number of errors, or values that are not positive.

    Example:
        >>> round(order([0.5, 0.25, 0.125], [0.8, 0.2, 0.05]), 6)
        2.0
    """
    h, e = np.asarray(spacings, float), np.asarray(errors, float)
    if h.ndim != 1 or h.shape != e.shape or len(np.unique(h)) < 2 or min(h.min(), e.min()) <= 0:
        raise ArgumentValueError(
            "spacings and errors must be positive and equally many, at least two",
            "Leave out errors of zero.",
            spacings=spacings,
            errors=errors,
        )
    return float(np.polyfit(np.log(h), np.log(e), 1)[0])


def _outputs(multiples: np.ndarray, points: int, stride: int) -> np.ndarray:
    """All i with s*i - j in `multiples` for some point j: where (K v)(y_i) can be nonzero."""
    if not len(multiples):
        return multiples
    return np.arange(-(-multiples[-1] // stride), (points - 1 + multiples[0]) // stride + 1)


def _check(K: Any, v: Any, intervals: Any, scheme: Any) -> tuple[int, int]:
    """The stride and the number of intervals, as integers."""
    if not isinstance(K, ContinuousConv):
        raise ArgumentTypeError("K must be a ContinuousConv", "Pass ContinuousConv(k, s).", K=K)
    check_function("v", v)
    check_choice("scheme", scheme, _SCHEMES)
    if K.stride != int(K.stride):
        raise ArgumentValueError(
            "the stride of K must be an integer to be the stride of a discrete convolution",
            "Scale the axis of y.",
            stride=K.stride,
        )
    return int(K.stride), as_integer("intervals", intervals, minimum=1)
