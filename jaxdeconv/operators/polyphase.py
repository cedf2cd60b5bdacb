"""Circulant operators in the frequency domain: one small block per frequency.

Let K be circulant, n = stride * o along each axis, and g its row for y = 0, so
`u[y] = sum over x of g[x] v[(stride*y + x) mod n]`. With unitary Fourier transforms, frequency f of
u depends only on the `stride` frequencies f + o*k of v that the stride folds onto it,

    u^[f] = sum over k of G[f + o*k] v^[f + o*k] / sqrt(stride),
    G[F] = sum over x of g[x] e^(2 pi i F x / n)

per axis. These blocks, `out/groups` rows by `prod(stride) * in/groups` columns, are K in unitary
coordinates: together they have K's singular values, and their pseudo-inverses form K's. (A unitary
Fourier transform of length `stride` turns the polyphase components of v into these aliases, so the
polyphase matrix of K has the same blocks up to a unitary factor.)
"""

import dataclasses
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.arguments.layout import signal_from_canonical, signal_to_canonical
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.operators.algebra import LinearMap, Shape
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.convolution import ConvOperator

__all__ = ["BlockOperator", "Side", "blocks_of", "check_circulant", "sides_of"]


def _transformed(transform: Callable[..., Array], x: Array, ndim: int, norm: str) -> Array:
    """A Fourier transform along the first `ndim` axes.

    Axes of one cell are left out: they change nothing, and with them XLA:CPU (jaxlib 0.10) may
    choose array layouts that its own transform then refuses.
    """
    sizes = [n for n in x.shape[:ndim] if n > 1]
    if not sizes:
        return x.astype(jnp.result_type(x, 1j))
    rest = math.prod(x.shape[ndim:])
    thick = x.reshape(*sizes, *([rest] if rest > 1 else []))
    return transform(thick, axes=range(len(sizes)), norm=norm).reshape(x.shape)


@dataclasses.dataclass(frozen=True)
class Side:
    """The input or output space of a circulant operator, and how it is cut into blocks.

    Attributes:
        shape: of its arrays, without batch axes.
        axes: their labels, as in `Layout`, without N; also without C where there are no channels.
        stride: how many of its frequencies share a block, per axis; 1 on the output side.
        groups: of channels.
    """

    shape: Shape
    axes: tuple[str | int, ...]
    stride: tuple[int, ...]
    groups: int

    def canonical(self, x: Array) -> Array:
        """`(*n, channels)`."""
        x = x if "C" in self.axes else x[..., None]
        return signal_to_canonical("x", x, self._labels)[0][0]

    def to_blocks(self, x: Array) -> Array:
        """`(*o, groups, prod(stride) * channels/groups)`: unitary frequencies, by block."""
        x = self.canonical(x)
        return self.cut(_transformed(jnp.fft.fftn, x, x.ndim - 1, "ortho"))

    def cut(self, x: Array) -> Array:
        """Frequencies of canonical arrays, `(*n, channels)`, by block."""
        ndim = x.ndim - 1
        # Frequency f + o*k of the s*o along an axis has index (k, f); a block has all k of one f.
        sizes = [k for n, s in zip(x.shape, self.stride, strict=False) for k in (s, n // s)]
        x = x.reshape(*sizes, self.groups, -1)  # [s0, o0, s1, o1, ..., groups, channels/groups]
        even, odd = range(0, 2 * ndim, 2), range(1, 2 * ndim, 2)
        x = x.transpose(*odd, 2 * ndim, *even, 2 * ndim + 1)
        return x.reshape(*x.shape[: ndim + 1], -1)

    def from_blocks(self, x: Array) -> Array:
        """Inverse of `to_blocks`, still complex."""
        ndim = x.ndim - 2
        x = x.reshape(*x.shape[:-1], *self.stride, -1)
        order = [k for axis in range(ndim) for k in (ndim + 1 + axis, axis)]
        x = x.transpose(*order, ndim, 2 * ndim + 1)
        sizes = [x.shape[2 * a] * x.shape[2 * a + 1] for a in range(ndim)]
        x = _transformed(jnp.fft.ifftn, x.reshape(*sizes, -1), ndim, "ortho")
        x = signal_from_canonical(x[None], self._labels, ())
        return x if "C" in self.axes else x[..., 0]

    @property
    def _labels(self) -> tuple[str | int, ...]:
        return ("N", *self.axes) if "C" in self.axes else ("N", *self.axes, "C")


@pytree("blocks")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BlockOperator(LinearMap):
    """The circulant map with these blocks, `(*o, groups, rows, columns)`.

    Cost of an application: two Fourier transforms, and one product of a small matrix and vector per
    frequency.
    """

    blocks: Array
    domain: Side
    codomain: Side
    dtype: np.dtype

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.domain.shape

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.codomain.shape

    @property
    def H(self) -> LinearMap:
        """The adjoint: the transpose with conjugation."""
        return self._adjoint()

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix, which is the transpose of the adjoint."""
        return self._adjoint().T

    def _adjoint(self) -> "BlockOperator":
        swapped = jnp.conj(jnp.swapaxes(self.blocks, -1, -2))
        return BlockOperator(swapped, self.codomain, self.domain, self.dtype)

    def _apply(self, v: Array) -> Array:
        v = self.domain.to_blocks(v)
        u = self.codomain.from_blocks(jnp.einsum("...ij,...j->...i", self.blocks, v))
        return (u if jnp.issubdtype(self.dtype, jnp.complexfloating) else u.real).astype(self.dtype)

    def _apply_transpose(self, u: Array) -> Array:
        return jnp.conj(self._adjoint()._apply(jnp.conj(u)))


def sides_of(K: ConvOperator) -> tuple[Side, Side]:
    """Domain and codomain of a circulant K."""
    geometry = K.geometry
    ones = (1,) * geometry.ndim
    return (
        Side(K.input_shape, K.input_axes, geometry.stride, geometry.groups),
        Side(K.output_shape, K.output_axes, ones, geometry.groups),
    )


def blocks_of(K: ConvOperator) -> Array:
    """The blocks of a circulant K: `(*output_size, groups, out/groups, prod(stride) * in/groups)`.

    Differentiable in the kernel.

    Raises:
        ValueError: K is not circulant.

    Cost: a Fourier transform of `prod(input_size) * in/groups * out` numbers.
    """
    check_circulant(K)
    geometry, w = K.geometry, K.canonical_kernel
    along = zip(
        geometry.input_size, geometry.kernel_size, geometry.dilation, geometry.padding, strict=True
    )
    cells = np.ix_(*((d * np.arange(k) - low) % n for n, k, d, (low, _) in along))
    ndim, channels = geometry.ndim, w.shape[-2:]
    row = jnp.zeros((*geometry.input_size, *channels), K.dtype).at[cells].add(w)  # g
    response = _transformed(jnp.fft.ifftn, row, ndim, "forward")
    folds = math.prod(geometry.stride)
    sizes = zip(geometry.stride, geometry.output_size, strict=True)
    cut = [k for pair in sizes for k in pair]
    response = response.reshape(*cut, channels[0], geometry.groups, channels[1] // geometry.groups)
    even, odd = range(0, 2 * ndim, 2), range(1, 2 * ndim, 2)
    response = response.transpose(*odd, 2 * ndim + 1, 2 * ndim + 2, *even, 2 * ndim)
    return response.reshape(*response.shape[: ndim + 2], -1) / math.sqrt(folds)


def check_circulant(K: ConvOperator) -> None:
    """Refuse a map that has no blocks: only circulant convolutions of floats have them."""
    if not isinstance(K, ConvOperator):
        raise ArgumentTypeError("K must be a ConvOperator", "Pass the convolution itself.", K=K)
    if not jnp.issubdtype(K.dtype, jnp.inexact):
        raise ArgumentTypeError(
            "K must hold floating point numbers", "Convert the kernel.", dtype=str(K.dtype)
        )
    if not K.is_circulant:
        raise ArgumentValueError(
            "K must be circulant: padding_mode 'circular', input_size = stride * output_size",
            "Choose such padding, or use lstsq and norm_bounds, which take any operator.",
            geometry=str(K.geometry),
            padding_mode=K.padding_mode,
        )
