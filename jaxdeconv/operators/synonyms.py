"""The words of SciPy and pylops for what a linear map does, and its views in their terms.

K(v)  K.dot(v)  K.matvec(v)   K @ v
K.rmatvec(u)                  K.H @ u
K.adjoint()  K.transpose()    K.H,  K.T
K / u                         lstsq(K, u).value; K / 2 is (1/2) * K
"""

import importlib
from typing import TYPE_CHECKING, Any

from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.errors import ArgumentTypeError
from jaxdeconv.operators import views
from jaxdeconv.operators.classes import reporting_as

if TYPE_CHECKING:
    from jaxdeconv.operators.algebra import LinearMap

__all__ = ["Synonyms"]


class Synonyms:
    """What every `LinearMap` has besides: other names, other libraries' operators."""

    @reporting_as("LinearMap")
    def __call__(self: Any, v: ArrayLike | list[Any] | tuple[Any, ...]) -> Array:
        """K v: see `@`."""
        return self @ v

    @reporting_as("LinearMap")
    def dot(self: Any, v: Any) -> Any:
        """K v, or the composition with another map: see `@`."""
        return self @ v

    @reporting_as("LinearMap")
    def matvec(self: Any, v: ArrayLike | list[Any] | tuple[Any, ...]) -> Array:
        """K v: see `@`."""
        return self @ v

    @reporting_as("LinearMap")
    def rmatvec(self: Any, u: ArrayLike | list[Any] | tuple[Any, ...]) -> Array:
        """K^H u: see `@`."""
        return self.H @ u

    def adjoint(self: Any) -> "LinearMap":
        """`K.H`: the transpose with conjugation."""
        return self.H

    def transpose(self: Any) -> "LinearMap":
        """`K.T`: the transpose, without conjugation."""
        return self.T

    @reporting_as("LinearMap")
    def __truediv__(self: Any, u: Any) -> Any:
        """`K / 2`: the multiple. `K / u`: the v of least squares, see `operators.lstsq`.

        `lstsq` itself has damping, a tolerance and a report; here a `ConvergenceWarning` tells
        where the solution was not reached.
        """
        if isinstance(u, Synonyms):
            return NotImplemented
        if isinstance(u, list | tuple) or getattr(u, "shape", ()) != ():
            solvers = importlib.import_module("jaxdeconv.operators.least_squares")  # is built on us
            return solvers.lstsq(self, u).value
        if not hasattr(u, "dtype") and type(u) not in (int, float, complex):
            raise ArgumentTypeError(
                "a linear map can be divided by a scalar, or solved for an array u",
                "Pass an array, or operators.lstsq(K, u) with what it needs.",
                u=u,
            )
        return self * (1 / u)

    def as_scipy(self: Any) -> Any:
        """A `scipy.sparse.linalg.LinearOperator` on flat NumPy vectors. Needs SciPy.

        It takes vectors of any dtype that holds what the map's does, and the columns of matrices;
        the real and the imaginary parts of complex ones, where the map is real. It computes in the
        map's precision and returns the dtype that NumPy gives to the product of matrix and vector.
        A map of integers takes integers, and returns its own dtype.
        """
        return views.scipy_operator(self)

    def as_lineax(self: Any, tags: Any = ()) -> Any:
        """A `lineax.AbstractLinearOperator` on arrays of `input_shape`. Needs lineax.

        Its vectors have the map's dtype exactly, as lineax wants it: for complex vectors of a real
        map take `K.as_complex().as_lineax()`.

        Args:
            tags: lineax's, e.g. `lineax.positive_semidefinite_tag` for a gram.
        """
        return views.lineax_operator(self, tags)

    def as_pylops(self: Any) -> Any:
        """A `pylops.LinearOperator` on flat NumPy vectors, or arrays of its `dims`. Needs pylops.

        Its `dims` are `input_shape`, its dtypes those of `as_scipy`. With it come the regularisers
        of pylops, e.g. total variation by `pylops.optimization.sparsity.splitbregman`.
        """
        return views.pylops_operator(self)
