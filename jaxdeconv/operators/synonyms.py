"""The method names of SciPy and pylops for linear maps, and views as their operators.

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
    """Aliases that every `LinearMap` has, and its views as other libraries' operators."""

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

        `lstsq` itself has damping, a tolerance and a report; here a `ConvergenceWarning` says if
        the solution was not reached.
        """
        if isinstance(u, Synonyms):
            return NotImplemented
        if isinstance(u, list | tuple) or getattr(u, "shape", ()) != ():
            # least_squares imports this module
            solvers = importlib.import_module("jaxdeconv.operators.least_squares")
            return solvers.lstsq(self, u).value
        if not hasattr(u, "dtype") and type(u) not in (int, float, complex):
            raise ArgumentTypeError(
                "a linear map can be divided by a scalar, or solved for an array u",
                "Pass an array, or use operators.lstsq(K, u).",
                u=u,
            )
        return self * (1 / u)

    def as_scipy(self: Any) -> Any:
        """A `scipy.sparse.linalg.LinearOperator` on flat NumPy vectors. Needs SciPy.

        It takes vectors of any numeric dtype, and matrices column by column. A real map is applied
        to the real and the imaginary part of complex vectors. It computes in the map's precision,
        and returns the dtype that NumPy gives the product of a matrix and a vector. A map of
        integers takes integers, and returns its own dtype.
        """
        return views.scipy_operator(self)

    def as_lineax(self: Any, tags: Any = ()) -> Any:
        """A `lineax.AbstractLinearOperator` on arrays of `input_shape`. Needs lineax.

        Its vectors must have exactly the map's dtype, as lineax demands: for complex vectors of a
        real map use `K.as_complex().as_lineax()`.

        Args:
            tags: lineax's, e.g. `lineax.positive_semidefinite_tag` for a gram.
        """
        return views.lineax_operator(self, tags)

    def as_pylops(self: Any) -> Any:
        """A `pylops.LinearOperator` on flat NumPy vectors, or arrays of its `dims`. Needs pylops.

        Its `dims` are `input_shape`, its dtypes those of `as_scipy`. It works with the regularisers
        of pylops, e.g. total variation by `pylops.optimization.sparsity.splitbregman`.
        """
        return views.pylops_operator(self)
