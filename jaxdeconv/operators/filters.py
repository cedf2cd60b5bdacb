"""Exact inverses of circulant operators from their blocks, and preconditioners made of them."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap, Shape
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.convolution import ConvOperator
from jaxdeconv.operators.polyphase import BlockOperator, blocks_of, check_circulant, sides_of

__all__ = ["Embedding", "circulant_sibling", "gram_inverse", "pinv", "wiener"]


@reporting
def pinv(K: ConvOperator, *, tolerance: float | None = None) -> LinearMap:
    """The exact Moore-Penrose pseudo-inverse of a circulant K, which solves least squares.

    Args:
        K: circulant, see `ConvOperator.is_circulant`.
        tolerance: singular values below `tolerance * norm` of their block count as zero; None for
            machine epsilon times the longer side of a block.

    Returns:
        The map from u to the v of least norm among those with the least `|K v - u|`.

    Raises:
        ValueError: K is not circulant.
        TypeError: K is not a ConvOperator, or has integers.

    Cost: a singular value decomposition per block.

    Example:
        >>> w = jnp.array([1.0, 3.0]).reshape(2, 1, 1)
        >>> K = ConvOperator(w, (6, 1), stride=2)
        >>> [round(x, 3) for x in (pinv(K) @ jnp.array([1.0, 3.0, 2.0])).tolist()]
        [0.1, 0.3, 0.3, 0.9, 0.2, 0.6]
    """
    check_circulant(K)
    domain, codomain = sides_of(K)
    inverse = jnp.linalg.pinv(blocks_of(K), rtol=tolerance)
    return BlockOperator(inverse, codomain, domain, K.dtype)


@reporting
def wiener(K: ConvOperator, noise_to_signal: ArrayLike) -> LinearMap:
    """The Wiener filter of a circulant K: the linear estimate of v from u = K v + noise.

        v = (K^H K + N)^-1 K^H u

    where N, diagonal in the frequencies of v, is the ratio of the spectra of noise and signal. A
    single number gives damped least squares (Tikhonov); `balance * |Laplacian|^2` gives
    scikit-image's filter.

    Args:
        K: circulant, see `ConvOperator.is_circulant`.
        noise_to_signal: positive: a number, or an array of the shape of v, in the order of
            `jnp.fft.fftn` of v over its spatial axes.

    Returns:
        The map from u to v.

    Raises:
        ValueError: K is not circulant, or noise_to_signal has another shape.
        TypeError: K is not a ConvOperator, or has integers.

    Cost: a linear system of `out/groups` equations per block.
    """
    check_circulant(K)
    domain, codomain = sides_of(K)
    real = jnp.zeros((), K.dtype).real.dtype
    ratio = jnp.asarray(noise_to_signal, real)
    if ratio.shape not in ((), K.input_shape):
        raise ArgumentValueError(
            "noise_to_signal must be a number, or have the shape of v",
            f"Pass a number, or an array of shape {K.input_shape}.",
            noise_to_signal=ratio,
        )
    spectrum = jnp.broadcast_to(1 / ratio, K.input_shape)
    signal = domain.cut(domain.canonical(spectrum))[..., None, :]  # [*o, groups, 1, columns]
    blocks = blocks_of(K)
    weighted = blocks * signal.astype(blocks.dtype)
    eye = jnp.eye(blocks.shape[-2], dtype=blocks.dtype)
    system = _outer(weighted, blocks) + jnp.broadcast_to(eye, _outer(blocks, blocks).shape)
    solved = jnp.linalg.solve(system, weighted)  # (I + B S B^H)^-1 B S
    return BlockOperator(jnp.conj(jnp.swapaxes(solved, -1, -2)), codomain, domain, K.dtype)


@reporting
def gram_inverse(K: ConvOperator, *, damp: float | Array = 0.0, floor: float = 1e-3) -> LinearMap:
    """An approximate inverse of `K^H K + damp`, or of `K K^H + damp` where u is smaller than v.

    Exact, except for the floor, if K is circulant. Otherwise it is the inverse for the circulant
    operator with K's kernel on the smallest image around v that fits, which differs from K only at
    the borders: a preconditioner. Hermitian and positive definite.

    Args:
        K: any ConvOperator.
        damp: of the system.
        floor: times the largest eigenvalue, is added to `damp` to make the system invertible.

    Returns:
        The map from v to v, or from u to u if K has fewer rows than columns.

    Raises:
        TypeError: K is not a ConvOperator, or has integers.

    Cost: an inverse per block, once; an application takes two Fourier transforms.
    """
    C = circulant_sibling(K)
    blocks = blocks_of(C)
    wide = K.shape[0] < K.shape[1]
    domain, codomain = sides_of(C)
    side, shape = (codomain, K.output_shape) if wide else (domain, K.input_shape)
    if not wide:
        blocks = jnp.conj(jnp.swapaxes(blocks, -1, -2))
    gram = _outer(blocks, blocks)
    largest = jnp.max(jnp.sum(jnp.abs(gram), axis=-1))
    eye = jnp.broadcast_to(jnp.eye(gram.shape[-1], dtype=gram.dtype), gram.shape)
    inverse = jnp.linalg.inv(gram + jnp.asarray(damp + floor * largest, gram.dtype) * eye)
    middle = BlockOperator(inverse, side, side, K.dtype)
    if shape == side.shape:
        return middle
    embed = Embedding(shape, side.shape, K.dtype)
    return embed.T @ middle @ embed


def circulant_sibling(K: ConvOperator) -> ConvOperator:
    """The circulant operator with K's kernel on the smallest image that holds v and reaches u."""
    geometry = K.geometry
    along = list(zip(geometry.input_size, geometry.stride, geometry.output_size, strict=True))
    coarse = [max(o, -(-n // s)) for n, s, o in along]
    padding = tuple(
        (low, s * (o - 1) + k - s * o - low)
        for o, s, k, (low, _) in zip(
            coarse, geometry.stride, geometry.dilated_kernel_size, geometry.padding, strict=True
        )
    )
    labels = {**dict(enumerate(o * s for o, (_, s, _) in zip(coarse, along, strict=True)))}
    shape = tuple(
        labels.get(axis, n) if isinstance(axis, int) else n
        for axis, n in zip(K.input_axes, K.input_shape, strict=True)
    )
    return K.changed(K.w, shape, padding=padding, padding_mode="circular")


@pytree()
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Embedding(LinearMap):
    """v with zeros after it along every axis; its transpose crops."""

    input_shape: Shape
    output_shape: Shape
    dtype: np.dtype

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return self

    def _apply(self, v: Array) -> Array:
        widths = zip(self.output_shape, self.input_shape, strict=True)
        return jnp.pad(v, [(0, large - small) for large, small in widths])

    def _apply_transpose(self, u: Array) -> Array:
        return u[tuple(map(slice, self.input_shape))]


def _outer(a: Array, b: Array) -> Array:
    """The product a b^H of each block."""
    return a @ jnp.conj(jnp.swapaxes(b, -1, -2))
