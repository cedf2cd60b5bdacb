"""The transpose is not the inverse, in numbers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap
from jaxdeconv.operators.least_squares import lstsq
from jaxdeconv.operators.spectra import singular_values
from jaxdeconv.operators.vectors import structured

__all__ = ["InverseReport", "inverse_report"]


@dataclasses.dataclass(frozen=True)
class InverseReport:
    """How far `K.T` is from an inverse of K.

    Attributes:
        shape: rows and columns of K.
        rank: of K.
        nullity: dimension of the null space; no inverse brings back what lies in it.
        scale: the c that minimises `|K^H K - c I|`.
        gram_defect: `|K^H K - c I| / |K^H K|`, Frobenius; 0 only if K^H / c is a left inverse.
        transpose_error: `|K^H u / c' - v| / |v|` for u = K v, with the best c' for this v.
        lstsq_error: `|lstsq(K, u) - v| / |v|`: the part of v in the null space.
    """

    shape: tuple[int, int]
    rank: int
    nullity: int
    scale: float
    gram_defect: float
    transpose_error: float
    lstsq_error: float

    def __str__(self) -> str:
        rows, columns = self.shape
        return (
            f"K is {rows} x {columns}, of rank {self.rank}: a null space of {self.nullity}\n"
            f"|K^H K - {self.scale:.4g} I| / |K^H K| = {self.gram_defect:.3g}\n"
            f"error of the transpose, at best scale: {self.transpose_error:.3g}\n"
            f"error of least squares:                {self.lstsq_error:.3g}"
        )

    __repr__ = __str__  # what a notebook shows


@reporting
def inverse_report(
    K: LinearMap, v: ArrayLike | None = None, *, tolerance: float | None = None
) -> InverseReport:
    """Apply K to v, and try to recover v by the transpose and by least squares.

    Args:
        K: see `singular_values`.
        v: a single vector, flat or structured; None for white noise, the same in every call.
        tolerance: for the rank; None for machine epsilon times the longer side.

    Raises:
        ValueError: as `singular_values`, or v has the wrong shape.
        TypeError: as `singular_values`, or v has the wrong dtype.

    Cost: `singular_values` and one `lstsq` (needs lineax).

    Example:
        >>> from jaxdeconv.operators import ConvOperator
        >>> K = ConvOperator(jnp.ones((3, 3, 1, 1)), (4, 4, 1))
        >>> print(inverse_report(K, jnp.arange(16.0)))
        K is 4 x 16, of rank 4: a null space of 12
        |K^H K - 2.25 I| / |K^H K| = 0.938
        error of the transpose, at best scale: 0.574
        error of least squares:                0.436
    """
    values = np.asarray(singular_values(K), np.float64)
    if v is None:
        v = jax.random.normal(jax.random.key(0), K.input_shape, K.dtype)
    v, batch = structured("v", v, K.input_shape, K.dtype)
    if batch:
        raise ArgumentValueError(
            "v must be a single vector", f"Pass one of shape {K.input_shape}.", v=v
        )
    if v.dtype != K.dtype:
        K = K.as_complex()
    if tolerance is None:
        tolerance = max(K.shape) * float(jnp.finfo(K.dtype).eps)
    rank = int((values > tolerance * values.max(initial=0)).sum())
    eigenvalues = np.zeros(K.shape[1])
    eigenvalues[: len(values)] = values**2  # of K^H K
    scale, length = float(eigenvalues.mean()), float(np.linalg.norm(eigenvalues))
    defect = float(np.linalg.norm(eigenvalues - scale)) / (length or 1.0)
    u = K @ v
    back = K.H @ u
    fit = jnp.vdot(back, v) / jnp.maximum(
        jnp.vdot(back, back).real, jnp.finfo(K.dtype).tiny
    ).astype(K.dtype)
    size = float(jnp.linalg.norm(v.ravel())) or 1.0
    best = lstsq(K, u, method="lsmr").value
    return InverseReport(
        K.shape,
        rank,
        K.shape[1] - rank,
        scale,
        defect,
        float(jnp.linalg.norm((fit * back - v).ravel())) / size,
        float(jnp.linalg.norm((best - v).ravel())) / size,
    )
