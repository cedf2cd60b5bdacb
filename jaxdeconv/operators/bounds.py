"""Rigorous bounds on the norm, smallest singular value and condition, for any padding and size.

Let C be a circulant operator with K's kernel on an image so large that nothing wraps around, and P
the padding. Then K is C P, restricted to some rows and columns of C, and exactly:

- |K| <= |C| |P|; |C| follows from its blocks, |P|^2 is how often padding copies a cell;
- |K| <= sqrt(largest column sum of |K| times largest row sum of |K|) (Schur);
- |K| >= |K x| / |x| for every x; some steps of the power method find a good one;
- if every row of C that touches the image is a row of K, or if K never reads padding,
  the smallest singular value of K is at least that of C;
- it is at least sqrt(min over i of 2 sum_j |K_ij|^2 - (|K| |K|^T 1)_i) (Gershgorin, for K K^H);
- it is at most |K x| / |x| for every x of the smaller side.

The rounding of the products is bounded too (Higham 2002, section 3.5), and widens the brackets.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv import boundary
from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.operators.algebra import LinearMap
from jaxdeconv.operators.convolution import ConvOperator
from jaxdeconv.operators.entries import reads_padding
from jaxdeconv.operators.filters import gram_inverse
from jaxdeconv.operators.polyphase import blocks_of
from jaxdeconv.planning import tuning_cache

__all__ = ["Bracket", "condition_bounds", "norm_bounds", "smallest_bounds"]


@dataclasses.dataclass(frozen=True)
class Bracket:
    """Bounds of a number.

    Attributes:
        lower: at most the number.
        upper: at least the number; may be infinite.
    """

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Upper - lower."""
        return float(self.upper - self.lower)

    def __contains__(self, value: float) -> bool:
        return bool(self.lower <= value <= self.upper)

    def __str__(self) -> str:
        return f"[{self.lower:.6g}, {self.upper:.6g}]"


@reporting
def norm_bounds(K: ConvOperator, *, steps: int = 30) -> Bracket:
    """Bounds on the norm (largest singular value) of K.

    Args:
        K: any ConvOperator of floating point numbers.
        steps: of the power method, for the lower bound.

    Raises:
        TypeError: K is not a ConvOperator of floating point numbers.

    Cost: the blocks of a circulant operator, and `steps` applications of K and its adjoint.

    Example:
        >>> K = ConvOperator(jnp.ones((3, 1, 1)), (9, 1), padding=1)
        >>> bracket = norm_bounds(K)
        >>> 2.90211 in bracket, round(bracket.width, 2)
        (True, 0.1)
    """
    _check(K)
    upper = _upper(K)
    x = _start(K.input_shape, K)
    return Bracket(min(upper, max(0.0, _quotient(K, _power(K, x, steps))[0])), upper)


@reporting
def smallest_bounds(K: ConvOperator, *, steps: int = 10) -> Bracket:
    """Bounds on the smallest of the `min(K.shape)` singular values of K.

    Args:
        K: any ConvOperator of floating point numbers.
        steps: of inverse iteration with the inverse of a similar circulant operator, for the upper
            bound.

    Returns:
        The bracket. Its lower end is 0 if none of the bounds above applies, as is usual for images
        padded to their own size.

    Raises:
        TypeError: K is not a ConvOperator of floating point numbers.

    Cost: as `norm_bounds`.
    """
    _check(K)
    if not _schur(K):
        return Bracket(0.0, 0.0)
    A = K.H if K.shape[0] < K.shape[1] else K  # its columns are the smaller side
    x = _refined(A, gram_inverse(K), _start(A.input_shape, K), steps)
    upper = min(_quotient(K, y, A)[1] for y in (x, _start(A.input_shape, K)))
    return Bracket(min(upper, max(0.0, _restricted(K), _gershgorin(K))), upper)


@reporting
def condition_bounds(K: ConvOperator, *, steps: int = 30) -> Bracket:
    """Bounds on the condition: largest over smallest of the `min(K.shape)` singular values.

    Args:
        K: any ConvOperator of floating point numbers.
        steps: see `norm_bounds`.

    Returns:
        The bracket; its upper end is infinite unless the smallest singular value is known to be
        positive.

    Raises:
        TypeError: K is not a ConvOperator of floating point numbers.
    """
    norm, smallest = norm_bounds(K, steps=steps), smallest_bounds(K)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.divide(norm.lower, smallest.upper) if norm.lower else 1.0
        upper = np.divide(norm.upper, smallest.lower) if smallest.lower else np.inf
    return Bracket(max(1.0, float(lower)), float(upper))


def _upper(K: ConvOperator) -> float:
    """The smaller of two bounds: |C| |P| of the enlarged circulant operator, and Schur's test."""
    copies = 1.0
    for n, (low, high) in zip(K.geometry.input_size, K.geometry.padding, strict=True):
        source = boundary.source_index(n, low, high, K.padding_mode)
        copies *= np.bincount(source[source >= 0], minlength=1).max()
    enlarged = _block_values(_enlarged(K)).max(initial=0) * math.sqrt(copies)
    return min(enlarged * (1 + _rounding(K)), _schur(K))


def _restricted(K: ConvOperator) -> float:
    """The smallest singular value of the enlarged circulant operator if it is a bound, else 0."""
    geometry, C = K.geometry, _enlarged(K)
    tall = K.shape[0] >= K.shape[1]
    if tall and C.shape[0] < C.shape[1]:
        return 0.0
    along = zip(
        geometry.input_size,
        geometry.output_size,
        geometry.stride,
        geometry.padding,
        geometry.dilated_kernel_size,
        strict=True,
    )
    every_row = K.padding_mode == "zeros" and all(
        k - 1 - s - low < 0 and s * o - low >= n for n, o, s, (low, _), k in along
    )
    every_column = not reads_padding(geometry) and C.shape[0] <= C.shape[1]
    if not (every_row if tall else every_column):
        return 0.0
    values = _block_values(C)
    return float(values.min() - _rounding(K) * values.max())


def _gershgorin(K: ConvOperator) -> float:
    """The Gershgorin bound in the module's docstring: sums of squares and |K| |K|^T 1 of rows."""
    size = _absolute(K)
    if reads_padding(K.geometry) and K.padding_mode != "zeros":
        return 0.0  # an entry of K may be a sum of taps: its square is not the sum of squares
    squares = size.with_kernel(size.w**2)
    A, B = (size, squares) if K.shape[0] < K.shape[1] else (size.T, squares.T)
    ones = jnp.ones(A.input_shape, size.dtype)
    overlap = A @ (A.T @ jnp.ones(A.output_shape, size.dtype))
    least = 2 * (B @ ones) * (1 - _rounding(K)) - overlap * (1 + _rounding(K))
    return math.sqrt(max(0.0, float(least.min())))


def _schur(K: ConvOperator) -> float:
    """sqrt(|K|_1 |K|_inf) of the entries' absolute values."""
    size = _absolute(K)
    rows = size @ jnp.ones(size.input_shape, size.dtype)
    columns = size.T @ jnp.ones(size.output_shape, size.dtype)
    return math.sqrt(float(rows.max()) * float(columns.max())) * (1 + _rounding(K))


def _absolute(K: ConvOperator) -> ConvOperator:
    """With the absolute values of the kernel."""
    return K.changed(jnp.abs(K.w.astype(K.dtype)), preferred_element_type=None)


def _enlarged(K: ConvOperator) -> ConvOperator:
    """Circulant with K's kernel, on at least the padded image: nothing wraps around onto it."""
    geometry = K.geometry
    along = zip(geometry.padded_size, geometry.dilated_kernel_size, geometry.stride, strict=True)
    cells = [max(n, k) for n, k, _ in along]
    counts = [-(-n // s) for n, s in zip(cells, geometry.stride, strict=True)]
    w = K.canonical_kernel
    return ConvOperator(
        w,
        (
            *(o * s for o, s in zip(counts, geometry.stride, strict=True)),
            geometry.groups * w.shape[-2],
        ),
        stride=geometry.stride,
        padding=tuple(
            (0, s * (o - 1) + k - s * o)
            for o, s, k in zip(counts, geometry.stride, geometry.dilated_kernel_size, strict=True)
        ),
        dilation=geometry.dilation,
        groups=geometry.groups,
        padding_mode="circular",
    )


def _block_values(C: ConvOperator) -> np.ndarray:
    """Singular values of a circulant operator in double precision, unsorted."""
    return np.linalg.svd(np.asarray(blocks_of(C), np.complex128), compute_uv=False)


def _quotient(K: ConvOperator, x: Array, A: LinearMap | None = None) -> tuple[float, float]:
    """Lower and upper bound of |A x| / |x|, A being K (the default) or its adjoint."""
    image = np.asarray((K if A is None else A) @ x, np.complex128)
    length = np.linalg.norm(np.asarray(x, np.complex128))
    if not length:  # the iteration ended in the null space: no bound
        return 0.0, math.inf
    found, error = np.linalg.norm(image) / length, _rounding(K) * _schur(K)
    return float(found - error), float(found + error)


def _rounding(K: ConvOperator) -> float:
    """A bound on the relative rounding of an entry of K v or of a block, counted generously."""
    terms = math.prod(K.canonical_kernel.shape[:-1]) + K.canonical_kernel.shape[-1]
    return 8 * (terms + math.log2(2 + math.prod(K.shape))) * float(jnp.finfo(K.dtype).eps)


def _start(shape: tuple[int, ...], K: ConvOperator) -> Array:
    """A random vector, which has a component in every direction."""
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), K.dtype)


@tuning_cache.follows
@jax.jit
def _power(K: ConvOperator, x: Array, steps: int) -> Array:
    return jax.lax.fori_loop(0, steps, lambda _, x: _unit(K.gram @ x), _unit(x))


@tuning_cache.follows
@jax.jit
def _refined(A: LinearMap, inverse: LinearMap, x: Array, steps: int) -> Array:
    """Minimise |A x| / |x| by LOBPCG for one vector."""

    def step(_: Any, state: tuple[Array, Array]) -> tuple[Array, Array]:
        x, before = state
        image = A.gram @ x
        x_image = jnp.vdot(x, image)
        residual = inverse @ (image - x_image * x)
        # Rayleigh-Ritz in the span of the vector, its preconditioned residual and the last change
        basis = jnp.linalg.qr(jnp.stack([v.ravel() for v in (x, residual, before)], axis=1))[0]
        images = jnp.stack([(A @ q).ravel() for q in basis.T], axis=1)
        vectors = jnp.linalg.eigh(jnp.conj(images.T) @ images)[1]
        found = (basis @ vectors[:, 0]).reshape(x.shape)
        return _unit(found), found - jnp.vdot(x, found) * x

    return jax.lax.fori_loop(0, steps, step, (_unit(x), jnp.zeros_like(x)))[0]


def _unit(x: Array) -> Array:
    length = jnp.linalg.norm(x.ravel())
    return x / jnp.where(length == 0, 1, length).astype(x.dtype)


def _check(K: ConvOperator) -> None:
    if not isinstance(K, ConvOperator) or not jnp.issubdtype(K.dtype, jnp.inexact):
        raise ArgumentTypeError(
            "K must be a ConvOperator of floating point numbers", "Convert the kernel.", K=K
        )
