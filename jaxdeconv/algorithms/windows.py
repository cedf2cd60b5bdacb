"""Index arithmetic shared by the algorithms: the windows of K, the phases of K^T.

Windows. Tap t of the kernel sees the cells s*y + d*t of the padded input, a strided slice.

Phases. In K^T the same relation is read the other way: with x + low = s*q + r, tap t reaches
x from u[y] where s*y + d*t = s*q + r. So residue r gets only the taps with d*t mod s = r, each at
the shift floor(d*t / s):

    K^T u [s*q + r - low] = sum over taps t of residue r of u[q - floor(d*t / s)] w[t].

Every residue is a dense convolution of u itself: nothing is ever multiplied by an inserted zero.
The residues interleave to the result, and the crop of the padding is the choice of the q.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.geometry import ConvGeometry


@dataclasses.dataclass(frozen=True)
class Phase:
    """The taps of one residue along one dimension, in order, and their shifts.

    Both are arithmetic progressions; both are empty where no tap has the residue.
    """

    taps: range
    shifts: range


def phases(geometry: ConvGeometry, dim: int) -> list[Phase]:
    """The phase of every residue 0 <= r < stride along one dimension."""
    k, s, d = geometry.kernel_size[dim], geometry.stride[dim], geometry.dilation[dim]
    common = math.gcd(s, d)
    result = []
    for residue in range(s):
        first = next((t for t in range(min(k, s // common)) if d * t % s == residue), k)
        taps = range(first, k, s // common)
        begin, spacing = d * first // s, d // common
        result.append(Phase(taps, range(begin, begin + spacing * len(taps), spacing)))
    return result


def coarse_range(geometry: ConvGeometry, dim: int) -> tuple[int, int]:
    """The first and the last q that the result reaches along one dimension."""
    low, _ = geometry.padding[dim]
    s = geometry.stride[dim]
    return low // s, (geometry.input_size[dim] - 1 + low) // s


def coarse_size(geometry: ConvGeometry) -> tuple[int, ...]:
    """Number of q along every dimension."""
    ranges = (coarse_range(geometry, dim) for dim in range(geometry.ndim))
    return tuple(last - first + 1 for first, last in ranges)


def interleave(parts: Sequence[Array], geometry: ConvGeometry) -> Array:
    """The residues, each [batch, *coarse_size, channels] -> [batch, *input_size, channels].

    The residues come in row-major order. Stacked one dimension after the other, each beside its
    coarse axis, they are written once, to where they belong: there is nothing to transpose.
    """
    parts = list(parts)
    for dim in reversed(range(geometry.ndim)):
        s = geometry.stride[dim]
        if s > 1:
            parts = [jnp.stack(parts[i : i + s], 2 + dim) for i in range(0, len(parts), s)]
        else:
            parts = [jnp.expand_dims(part, 2 + dim) for part in parts]
    return crop(parts[0], geometry)


def crop(fine: Array, geometry: ConvGeometry) -> Array:
    """[batch, *(coarse, residue), channels] -> [batch, *input_size, channels]."""
    size = [q * s for q, s in zip(coarse_size(geometry), geometry.stride, strict=True)]
    fine = fine.reshape(fine.shape[0], *size, fine.shape[-1])
    for dim, n in enumerate(geometry.input_size):
        begin = geometry.padding[dim][0] % geometry.stride[dim]
        fine = lax.slice_in_dim(fine, begin, begin + n, axis=1 + dim)
    return fine


def swap_channels(w: Array, groups: int) -> Array:
    """[*kernel, in/groups, out] -> [*kernel, out/groups, groups, in/groups]: the kernel of K^T."""
    blocks = w.reshape(*w.shape[:-1], groups, w.shape[-1] // groups)
    ndim = w.ndim - 2
    return blocks.transpose(*range(ndim), ndim + 2, ndim + 1, ndim)


def pad_with_zeros(v: Array, geometry: ConvGeometry) -> Array:
    """V extended and cropped by the geometry's padding."""
    pads = [(0, 0, 0), *((low, high, 0) for low, high in geometry.padding), (0, 0, 0)]
    return lax.pad(v, jnp.zeros((), v.dtype), pads)


def taps(geometry: ConvGeometry) -> Iterator[tuple[int, ...]]:
    """Every tap of the kernel, the last dimension fastest."""
    return itertools.product(*map(range, geometry.kernel_size))


def window(padded: Array, geometry: ConvGeometry, tap: tuple[int, ...], first: int = 0) -> Array:
    """The cells that a tap sees at all output positions, in the dimensions from `first` on.

    Args:
        padded: `[batch, *padded_size, channels]`, the dimensions before `first` being windows
            already or being left alone.
        geometry: of K.
        tap: one index per dimension from `first` on.
        first: the first dimension that is cut.
    """
    for dim, t in enumerate(tap, start=first):
        begin = geometry.dilation[dim] * t
        s, o = geometry.stride[dim], geometry.output_size[dim]
        end = begin + s * (o - 1) + 1
        padded = lax.slice_in_dim(padded, begin, end, s, axis=1 + dim)
    return padded
