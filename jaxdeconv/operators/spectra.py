"""Singular values, rank and null space, from the blocks of a circulant operator or the matrix."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap
from jaxdeconv.operators.convolution import ConvOperator
from jaxdeconv.operators.polyphase import blocks_of

__all__ = ["DENSE", "null_space", "nullity", "rank", "singular_values"]

DENSE = 4096
"""The largest side of a matrix that is decomposed as a whole."""


@reporting
def singular_values(K: LinearMap) -> Array:
    """The `min(K.shape)` singular values, in descending order, exact up to rounding.

    Differentiable in the kernel if no two are equal.

    Args:
        K: a circulant ConvOperator of any size, or any map whose matrix has sides up to 4096.

    Raises:
        ValueError: K is neither.
        TypeError: K holds integers.

    Cost: a decomposition per block of a circulant K (`prod(output_size) * groups` blocks of
    `out/groups` by `prod(stride) * in/groups`), else of the matrix.

    Example:
        >>> w = jnp.array([1.0, 2.0]).reshape(2, 1, 1)
        >>> singular_values(ConvOperator(w, (4, 1), padding=((0, 1),), padding_mode="circular"))
        Array([3.      , 2.236068, 2.236068, 1.      ], dtype=float32)
    """
    if not isinstance(K, LinearMap) or not jnp.issubdtype(K.dtype, jnp.inexact):
        raise ArgumentTypeError(
            "K must be a linear map of floating point numbers", "Convert the kernel.", K=K
        )
    if isinstance(K, ConvOperator) and K.is_circulant:
        values = jnp.linalg.svd(blocks_of(K), compute_uv=False)
    else:
        values = jnp.linalg.svd(_small_matrix(K), compute_uv=False)
    return jnp.sort(values.ravel())[::-1]


@reporting
def rank(K: LinearMap, *, tolerance: float | None = None) -> int:
    """The number of singular values above `tolerance * norm`.

    Args:
        K: see `singular_values`.
        tolerance: None for machine epsilon times the longer side, as in NumPy.

    Raises:
        ValueError: as `singular_values`.
        TypeError: as `singular_values`.
    """
    values = np.asarray(singular_values(K))
    if tolerance is None:
        tolerance = max(K.shape) * float(jnp.finfo(K.dtype).eps)
    return int((values > tolerance * values.max(initial=0)).sum())


@reporting
def nullity(K: LinearMap, *, tolerance: float | None = None) -> int:
    """The dimension of the null space: how many independent images K maps to zero.

    Args:
        K: see `singular_values`.
        tolerance: see `rank`.

    Raises:
        ValueError: as `singular_values`.
        TypeError: as `singular_values`.

    Example:
        >>> nullity(ConvOperator(jnp.ones((2, 2, 1, 1)), (6, 6, 1), stride=2))
        27
    """
    return K.shape[1] - rank(K, tolerance=tolerance)


@reporting
def null_space(K: LinearMap, *, tolerance: float | None = None) -> Array:
    """An orthonormal basis of what K maps to zero: `(nullity, *input_shape)`, images to look at.

    Args:
        K: any map whose matrix has sides up to 4096.
        tolerance: see `rank`.

    Raises:
        ValueError: K is larger.
    """
    _, values, basis = jnp.linalg.svd(_small_matrix(K), full_matrices=True)
    if tolerance is None:
        tolerance = max(K.shape) * float(jnp.finfo(K.dtype).eps)
    kept = int((values > tolerance * jnp.max(values, initial=0)).sum())
    return jnp.conj(basis[kept:]).reshape(-1, *K.input_shape)


def _small_matrix(K: LinearMap) -> Array:
    if max(K.shape) > DENSE:
        raise ArgumentValueError(
            f"K must be circulant, or have a matrix of sides up to {DENSE}",
            "Use norm_bounds and condition_bounds, or a smaller image.",
            shape=K.shape,
        )
    return K.as_matrix()
