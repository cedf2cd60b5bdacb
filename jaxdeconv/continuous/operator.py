"""K_s and K_s^T as maps from functions to functions."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array

from jaxdeconv.continuous.functions import (
    STANDARD,
    Function,
    Quadrature,
    check_function,
    common_knots,
    product,
)
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting

__all__ = ["ContinuousConv", "ContinuousConvTranspose"]


@dataclasses.dataclass(frozen=True, init=False)
class ContinuousConv:
    """The strided convolution of functions: `K @ v` and `K.T @ u`.

        (K v)(y) = integral of k(s*y - x) v(x) dx
        (K^T u)(x) = integral of k(s*y - x) u(y) dy

    If k is zero outside [a, b], then k(s*y - x) is zero outside [(x+a)/s, (x+b)/s] as a function of
    y, and outside [s*y - b, s*y - a] as a function of x. So supports map as follows:

        v on [p, q]:  K v   on [(p + a)/s, (q + b)/s]
        u on [p, q]:  K^T u on [s*p - b, s*q - a]

    Args:
        kernel: k. Note that the kernel of `conv` is flipped: its w[t] is k at minus the position of
            tap t.
        stride: s, any finite number above 0.
        quadrature: the rule for the integrals.

    Example:
        >>> box = Function(jnp.ones_like, (-1, 1))
        >>> K = ContinuousConv(box, stride=2)
        >>> Kv = K @ Function(lambda x: x, (0, 4))
        >>> Kv.support, [round(float(Kv(y)), 5) for y in (0.0, 1.0, 2.0)]
        ((-0.5, 2.5), [0.5, 4.0, 3.5])
        >>> (K.T @ box).support
        (-3.0, 3.0)
    """

    kernel: Function
    stride: float
    quadrature: Quadrature

    @reporting
    def __init__(
        self, kernel: Function, stride: float = 1.0, quadrature: Quadrature = STANDARD
    ) -> None:
        """Check.

        Raises:
            ValueError: a stride that is not finite or not above 0.
            TypeError: an argument of another kind.
        """
        check_function("kernel", kernel)
        if isinstance(stride, bool) or not isinstance(stride, int | float):
            raise ArgumentTypeError("stride must be a number", "Pass 2.0.", stride=stride)
        if not 0 < stride < math.inf:
            raise ArgumentValueError(
                "stride must be finite and above 0",
                "To reverse the axis, reverse the functions.",
                stride=stride,
            )
        if not isinstance(quadrature, Quadrature):
            raise ArgumentTypeError(
                "quadrature must be a Quadrature", "Leave it out.", quadrature=quadrature
            )
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "quadrature", quadrature)

    @property
    def T(self) -> "ContinuousConvTranspose":
        """The transpose: `<u, K @ v> = <K.T @ u, v>` for all u and v."""
        return ContinuousConvTranspose(self)

    @reporting
    def __matmul__(self, v: Function) -> Function:
        """K v, computed lazily at the points where it is evaluated.

        Args:
            v: a function.

        Returns:
            A function with its support, and with breaks wherever a knot of k meets one of v, so it
            can be integrated as accurately as v. It can be differentiated, compiled and mapped.

        Raises:
            TypeError: v is not a `Function`.

        Cost: per point, the knots of k and v, times the nodes of the rule, evaluations of each.
        """
        check_function("v", v)
        knots = [(p + a) / self.stride for p in v.knots for a in self.kernel.knots]

        def value(y: Array) -> Array:
            """(K v)(y) for one y."""
            reflected = self.stride * y - jnp.array(self.kernel.knots[::-1], y.dtype)
            common = common_knots(jnp.array(v.knots, y.dtype), reflected)
            return self.quadrature(
                lambda x: product(self.kernel(self.stride * y - x), v(x)), common
            )

        return Function(jax.jit(jnp.vectorize(value)), (min(knots), max(knots)), knots)


@dataclasses.dataclass(frozen=True)
class ContinuousConvTranspose:
    """The transpose of a `ContinuousConv`, which it has as its own `.T`."""

    T: ContinuousConv

    @reporting
    def __matmul__(self, u: Function) -> Function:
        """K^T u, computed lazily at the points where it is evaluated.

        Args:
            u: a function.

        Returns:
            A function, as `ContinuousConv.__matmul__` returns.

        Raises:
            TypeError: u is not a `Function`.

        Cost: that of K.
        """
        check_function("u", u)
        kernel, stride = self.T.kernel, self.T.stride
        knots = [stride * p - a for p in u.knots for a in kernel.knots]

        def value(x: Array) -> Array:
            """(K^T u)(x) for one x."""
            scaled = (x + jnp.array(kernel.knots, x.dtype)) / stride
            common = common_knots(jnp.array(u.knots, x.dtype), scaled)
            return self.T.quadrature(lambda y: product(kernel(stride * y - x), u(y)), common)

        return Function(jax.jit(jnp.vectorize(value)), (min(knots), max(knots)), knots)
