"""Functions of one variable with finite support, and integrals over them."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting

__all__ = ["STANDARD", "Function", "Quadrature", "inner"]


@dataclasses.dataclass(frozen=True, init=False)
class Quadrature:
    """Composite Gauss-Legendre quadrature between the knots of the integrand.

    Between two knots the integrand is smooth, so the error falls exponentially with the nodes.

    Args:
        nodes: per panel, at least 1; exact for polynomials of degree 2*nodes - 1.
        panels: number of equal panels between two knots, at least 1.
    """

    nodes: int
    panels: int

    @reporting
    def __init__(self, nodes: int = 16, panels: int = 4) -> None:
        """Check.

        Raises:
            ValueError: less than 1.
            TypeError: not an integer.
        """
        object.__setattr__(self, "nodes", as_integer("nodes", nodes, minimum=1))
        object.__setattr__(self, "panels", as_integer("panels", panels, minimum=1))

    def __call__(self, integrand: Callable[[Array], Array], knots: Array) -> Array:
        """The integral between the first and the last of the sorted `knots`, a 1-D array."""
        at, weights = _rule(self.nodes, self.panels)
        low, width = knots[:-1, None], jnp.diff(knots)[:, None]
        x = low + width * jnp.asarray(at, knots.dtype)[None]
        return jnp.sum(product(width * jnp.asarray(weights, knots.dtype)[None], integrand(x)))


STANDARD = Quadrature()
"""Accurate up to rounding for functions that vary slowly between two knots."""


@functools.cache
def _rule(nodes: int, panels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on [0, 1]."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    starts = np.arange(panels)[:, None]
    return ((starts + (at + 1) / 2) / panels).ravel(), np.tile(weights / (2 * panels), panels)


@dataclasses.dataclass(frozen=True, init=False)
class Function:
    """A real or complex function that is zero outside its support.

    Args:
        formula: its values inside; takes an array and returns one of the same shape, using JAX.
        support: (low, high), finite.
        breaks: points inside where it or a derivative jumps. With them every integral is accurate
            up to rounding; without them the quadrature, meant for smooth functions, is inaccurate.

    Example:
        >>> hat = Function(lambda x: 1 - abs(x), (-1, 1), breaks=[0])
        >>> hat(jnp.array([-2.0, -0.5, 0.25])).tolist()
        [0.0, 0.5, 0.75]
        >>> hat.knots
        (-1.0, 0.0, 1.0)
    """

    formula: Callable[[Array], Array]
    knots: tuple[float, ...]

    @reporting
    def __init__(
        self,
        formula: Callable[[Array], Array],
        support: Sequence[float],
        breaks: Sequence[float] = (),
    ) -> None:
        """Check and sort.

        Raises:
            ValueError: a support that is empty or not finite, or a break outside it.
            TypeError: a formula that is not callable, or ends that are not numbers.
        """
        if not callable(formula):
            raise ArgumentTypeError(
                "formula must be a function", "Pass e.g. jax.numpy.cos.", formula=formula
            )
        ends, inner_knots = _numbers("support", support), _numbers("breaks", breaks)
        if len(ends) != 2 or not -math.inf < ends[0] < ends[1] < math.inf:
            raise ArgumentValueError(
                "support must be (low, high), finite, with low < high",
                "Pass the interval outside which the function is zero.",
                support=support,
            )
        if not all(ends[0] <= knot <= ends[1] for knot in inner_knots):
            raise ArgumentValueError(
                "breaks must lie inside the support",
                "Leave out the others.",
                breaks=breaks,
                support=support,
            )
        object.__setattr__(self, "formula", formula)
        object.__setattr__(self, "knots", tuple(sorted({*ends, *inner_knots})))

    @property
    def support(self) -> tuple[float, float]:
        """(low, high): the function is zero outside."""
        return self.knots[0], self.knots[-1]

    def __call__(self, x: ArrayLike) -> Array:
        """The values at `x`, of any shape; zero outside the support."""
        at = jnp.asarray(x)
        at = at if jnp.issubdtype(at.dtype, jnp.floating) else at.astype(float)
        low, high = self.support
        inside = (low <= at) & (at <= high)
        # The formula is never evaluated outside, where it may be infinite or undefined: through
        # `where`, the derivative would be NaN even if the value is not used.
        values = self.formula(jnp.clip(at, low, high))
        if jnp.shape(values) != at.shape:
            raise ArgumentValueError(
                "formula must return an array of the shape that it is given",
                "Write it with jax.numpy's elementwise functions.",
                given=at.shape,
                returned=jnp.shape(values),
            )
        return jnp.where(inside, values, jnp.zeros_like(values))


@reporting
def inner(f: Function, g: Function, quadrature: Quadrature = Quadrature()) -> Array:
    """The inner product: the integral of f g over the real line, without conjugation.

    Args:
        f: one function.
        g: another.
        quadrature: the rule.

    Returns:
        A number; 0 if the supports do not overlap.

    Raises:
        TypeError: f or g is not a `Function`.

    Example:
        >>> hat = Function(lambda x: 1 - abs(x), (-1, 1), breaks=[0])
        >>> round(float(inner(hat, hat)), 6)
        0.666667
    """
    check_function("f", f)
    check_function("g", g)
    knots = common_knots(jnp.array(f.knots, float), jnp.array(g.knots, float))
    return quadrature(lambda x: product(f(x), g(x)), knots)


def product(x: Array, y: Array) -> Array:
    """The product x y, with NumPy's promotion if one is complex."""
    dtype = np.promote_types(x.dtype, y.dtype)
    return x.astype(dtype) * y.astype(dtype)


def common_knots(first: Array, second: Array) -> Array:
    """All knots of both, sorted; those outside the common support are moved to its ends.

    That keeps their number, which must not depend on traced values; between two equal knots the
    integral is zero. If the supports do not overlap, all knots are equal.
    """
    low = jnp.maximum(first[0], second[0])
    high = jnp.maximum(low, jnp.minimum(first[-1], second[-1]))
    return jnp.sort(jnp.clip(jnp.concatenate([first, second]), low, high))


def check_function(name: str, value: Any) -> None:
    """Refuse what is not a `Function`."""
    if not isinstance(value, Function):
        raise ArgumentTypeError(
            f"{name} must be a Function",
            "Pass Function(formula, support).",
            **{name: value},
        )


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError):  # tracers raise a TypeError
        raise ArgumentTypeError(
            f"{name} must hold numbers", "Pass a tuple of floats.", **{name: values}
        ) from None
