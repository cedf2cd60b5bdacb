"""Index arithmetic shared by the algorithms: the windows of K, the phases of K^T.

Windows. Tap t of the kernel reads the cells s*y + d*t of the padded input, a strided slice.

Phases. K^T has the same relation, read the other way: write x + low = s*q + r; tap t contributes to
x from u[y] if s*y + d*t = s*q + r. So residue r has only the taps with d*t mod s = r, each with
the shift floor(d*t / s):

    K^T u [s*q + r - low] = sum over taps t of residue r of u[q - floor(d*t / s)] w[t].

Every residue is a dense convolution of u itself: nothing is ever multiplied by an inserted zero.
The residues interleave to the result, and the range of q crops the padding.
"""

import dataclasses
import functools
import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.geometry import ConvGeometry


@dataclasses.dataclass(frozen=True)
class Phase:
    """The taps of one residue along one dimension, in order, and their shifts.

    Both are arithmetic progressions, and empty if no tap has the residue. `start` is the q of the
    first cell of the result with this residue.
    """

    taps: range
    shifts: range
    start: int


def phases(geometry: ConvGeometry, dim: int) -> list[Phase]:
    """The phase of every residue 0 <= r < stride along one dimension."""
    k, s, d = geometry.kernel_size[dim], geometry.stride[dim], geometry.dilation[dim]
    low, _ = geometry.padding[dim]
    # d*t mod s has period s/gcd(s, d) in t; from one tap of a residue to the next, floor(d*t / s)
    # grows by d/gcd(s, d).
    common = math.gcd(s, d)
    result = []
    for residue in range(s):
        first = next((t for t in range(min(k, s // common)) if d * t % s == residue), k)
        taps = range(first, k, s // common)
        begin, spacing = d * first // s, d // common
        shifts = range(begin, begin + spacing * len(taps), spacing)
        result.append(Phase(taps, shifts, -((residue - low) // s)))  # smallest q with x >= 0
    return result


def phases_in_place(geometry: ConvGeometry, dim: int) -> list[Phase]:
    """The same in the order of the result's cells: the first has the cells 0, s, 2s, ..."""
    low, _ = geometry.padding[dim]
    by_residue = phases(geometry, dim)
    return [by_residue[(x + low) % len(by_residue)] for x in range(len(by_residue))]


def cells_of_a_phase(geometry: ConvGeometry) -> tuple[int, ...]:
    """Cells of the result in one phase, along every dimension; for some phases one too many."""
    return tuple(-(-n // s) for n, s in zip(geometry.input_size, geometry.stride, strict=True))


def coarse_range(geometry: ConvGeometry, dim: int) -> tuple[int, int]:
    """The first and the last q of the result along one dimension."""
    low, _ = geometry.padding[dim]
    s = geometry.stride[dim]
    return low // s, (geometry.input_size[dim] - 1 + low) // s


def coarse_size(geometry: ConvGeometry) -> tuple[int, ...]:
    """Number of q along every dimension."""
    ranges = (coarse_range(geometry, dim) for dim in range(geometry.ndim))
    return tuple(last - first + 1 for first, last in ranges)


def interleave(parts: Sequence[Array | None], geometry: ConvGeometry) -> Array:
    """The phases, each [batch, *cells_of_a_phase, channels] -> [batch, *input_size, channels].

    The phases come in row-major order of their first cells; None stands for zeros, but not for all
    phases.
    """
    # Cell s*q + i of a dimension is cell q of phase i. Stacking the s phases of a dimension on a
    # new axis directly after that of q, and merging the two axes, interleaves them: a reshape, and
    # no transposition. The last dimension comes first: its phases are adjacent in `parts`.
    parts = list(parts)
    for dim in reversed(range(geometry.ndim)):
        s = geometry.stride[dim]
        parts = [_stacked(parts[i : i + s], 2 + dim) for i in range(0, len(parts), s)]
    (whole,) = parts
    assert whole is not None  # a kernel has at least one tap
    size = [q * s for q, s in zip(cells_of_a_phase(geometry), geometry.stride, strict=True)]
    fine = whole.reshape(whole.shape[0], *size, whole.shape[-1])
    for dim, n in enumerate(geometry.input_size):
        fine = lax.slice_in_dim(fine, 0, n, axis=1 + dim)
    return fine


FEW = 4
"""Up to this many arrays are stacked as a sum of padded ones, which XLA:CPU fuses into one loop; it
is slower at concatenation."""


def _stacked(parts: Sequence[Array | None], axis: int) -> Array | None:
    """`jnp.stack`, where None stands for zeros; None if all are."""
    present = {i: part for i, part in enumerate(parts) if part is not None}
    if len(present) > FEW:
        zeros = jnp.zeros_like(next(iter(present.values())))
        return jnp.stack([zeros if part is None else part for part in parts], axis)
    padded = []
    for i, part in present.items():
        pads = [(0, 0, 0)] * (part.ndim + 1)
        pads[axis] = (i, len(parts) - 1 - i, 0)
        padded.append(lax.pad(jnp.expand_dims(part, axis), jnp.zeros((), part.dtype), pads))
    return functools.reduce(operator.add, padded) if padded else None


def crop(fine: Array, geometry: ConvGeometry) -> Array:
    """All residues, [batch, *(coarse, residue), channels] -> [batch, *input_size, channels]."""
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


def pad_with_zeros(x: Array, padding: Iterable[tuple[int, int]]) -> Array:
    """`[batch, *spatial, channels]` with its spatial axes padded, or cropped where negative."""
    pads = [(0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), pads)


def crop_axis(
    x: Array, axis: int, padding: tuple[int, int], spacing: int = 1
) -> tuple[Array, tuple[int, int]]:
    """Crop the entries that negative padding removes from one axis; also return the rest of it.

    Args:
        x: any array.
        axis: which of its axes.
        padding: (low, high) of the axis after `spacing - 1` zeros are inserted between entries.
        spacing: distance between entries.
    """
    (low, high), n = padding, x.shape[axis]
    if min(padding) >= 0 or n == 0:
        return x, padding
    # In the spread axis, entry i is at spacing*i. Cropping may end between two entries: then some
    # of the zeros between them are left as padding.
    begin = min(n, -(min(low, 0) // spacing))  # the first entry that is left
    end = max(begin, n + min(high, 0) // spacing)
    total = spacing * (n - 1) + 1 + low + high
    kept = spacing * (end - begin - 1) + 1 if end > begin else 0
    low = min(max(low + spacing * begin, 0), total - kept)
    return lax.slice_in_dim(x, begin, end, axis=axis), (low, total - kept - low)


def taps(geometry: ConvGeometry) -> Iterator[tuple[int, ...]]:
    """Every tap of the kernel, the last dimension fastest."""
    return itertools.product(*map(range, geometry.kernel_size))


def window(padded: Array, geometry: ConvGeometry, tap: tuple[int, ...], first: int = 0) -> Array:
    """The cells that a tap reads for all output positions, in the dimensions from `first` on.

    Args:
        padded: `[batch, *padded_size, channels]`; dimensions before `first` may be windows already.
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


def gradient_padding(geometry: ConvGeometry) -> list[tuple[int, int]]:
    """The padding of v in the convolution with u as its kernel that gives G."""
    pads = []
    for n, k, d, s, o, (low, _) in zip(
        geometry.input_size,
        geometry.kernel_size,
        geometry.dilation,
        geometry.stride,
        geometry.output_size,
        geometry.padding,
        strict=True,
    ):
        pads.append((low, (k - 1) * d + s * (o - 1) + 1 - n - low))
    return pads
