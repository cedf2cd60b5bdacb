"""The three legs of one case, each as a call of a public function."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

import jaxdeconv
from benchmarks.cases import BenchCase, Shape
from benchmarks.jax_contestants import stock_function
from benchmarks.programs import Function

__all__ = ["LEGS", "LegCall", "leg_calls"]

LEGS: Mapping[str, Callable[..., jax.Array]] = {
    "conv": jaxdeconv.conv,
    "conv_transpose": jaxdeconv.conv_transpose,
    "kernel_gradient": jaxdeconv.kernel_gradient,
}


@dataclasses.dataclass(frozen=True)
class LegCall:
    """One leg of one case.

    Attributes:
        case: the case.
        leg: a key of `LEGS`.
        shapes: of its two operands.
        keywords: of the public function and of `jaxdeconv.plan`.
    """

    case: BenchCase
    leg: str
    shapes: tuple[Shape, Shape]
    keywords: Mapping[str, Any]

    def plan(self, dtype: DTypeLike = jnp.float32) -> Any:
        """The plan of `jaxdeconv`, for operands of a dtype."""
        operands = (jax.ShapeDtypeStruct(shape, dtype) for shape in self.shapes)
        return jaxdeconv.plan(self.leg, *operands, **self.keywords)

    def ours(self, algorithm: str) -> Function:
        """The public function with the geometry and an algorithm."""
        function, keywords = LEGS[self.leg], self.keywords
        return lambda x, y: function(x, y, **keywords, algorithm=algorithm)

    def stock(self) -> Function:
        """Stock JAX: `lax`; for the kernel gradient, autodiff of the plain convolution."""
        if self.leg != "kernel_gradient":
            return stock_function(dataclasses.replace(self.case, leg=self.leg))
        conv = stock_function(dataclasses.replace(self.case, leg="conv"))

        def kernel_gradient(u: jax.Array, v: jax.Array) -> jax.Array:
            kernel = jax.ShapeDtypeStruct(self.case.w_shape, v.dtype)
            return jax.linear_transpose(lambda w: conv(v, w), kernel)(u)[0]

        return kernel_gradient

    def operands(self, seed: int = 0) -> tuple[jax.Array, jax.Array]:
        """Gaussian float32 data."""
        rng = np.random.default_rng([2027, seed])
        x, y = (jnp.asarray(rng.standard_normal(shape, np.float32)) for shape in self.shapes)
        return x, y


def leg_calls(case: BenchCase) -> tuple[LegCall, ...]:
    """All three legs; a training step runs each of them once."""
    geometry, u, v, w = case.geometry, case.u_shape, case.v_shape, case.w_shape
    keywords = case.keywords
    return (
        LegCall(case, "conv", (v, w), keywords),
        LegCall(case, "conv_transpose", (u, w), keywords | {"input_size": geometry.input_size}),
        LegCall(case, "kernel_gradient", (u, v), keywords | {"kernel_size": geometry.kernel_size}),
    )
