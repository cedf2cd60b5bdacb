"""The entries of the matrix of K, found axis by axis, and the name of its structure.

Along one axis, output y reads through tap t the cell

    x = source(stride*y + dilation*t - low),

where `source` maps padding to the cells that it copies (`boundary.source_index`); a zero has no
source. This determines the positions of all entries: the sparse matrix, the supports of rows and
columns, the name of the structure.
"""

import dataclasses
import itertools
import math

import numpy as np

from jaxdeconv import boundary
from jaxdeconv.arguments.layout import Layout, signal_to_canonical
from jaxdeconv.geometry import ConvGeometry

__all__ = ["Entries", "cells_read", "is_circulant", "reads_padding", "structure"]


@dataclasses.dataclass(frozen=True)
class Entries:
    """Coordinates of the entries: K[rows[i], columns[i]] is the sum of `w.ravel()[taps[i]]`.

    `w` is the kernel in the canonical layout. A position occurs more than once if a padding mode
    reads a cell through several taps.
    """

    rows: np.ndarray
    columns: np.ndarray
    taps: np.ndarray

    @classmethod
    def of(
        cls,
        geometry: ConvGeometry,
        mode: str,
        layout: Layout,
        shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    ) -> "Entries":
        """Of the operator with these (input, canonical kernel, output) shapes."""
        v, u = (
            signal_to_canonical(name, np.arange(math.prod(shape)).reshape(shape), axes)[0][0]  # type: ignore[arg-type]
            for name, shape, axes in (("v", shapes[0], layout.v), ("u", shapes[2], layout.u))
        )
        kernel_shape = shapes[1]
        w = np.arange(math.prod(kernel_shape)).reshape(kernel_shape)
        along = [_pairs_along(axis, geometry, mode) for axis in range(geometry.ndim)]
        grids = np.meshgrid(*(np.arange(len(y)) for y, _, _ in along), indexing="ij")
        y, t, x = (
            tuple(part[k][grid.ravel()] for part, grid in zip(along, grids, strict=True))
            for k in range(3)
        )
        in_per_group, out_per_group = kernel_shape[-2], kernel_shape[-1] // geometry.groups
        blocks = []
        channels = map(range, (geometry.groups, in_per_group, out_per_group))
        for q, c, o in itertools.product(*channels):
            out = q * out_per_group + o
            blocks.append((u[(*y, out)], v[(*x, q * in_per_group + c)], w[(*t, c, out)]))
        return cls(*(np.concatenate([np.atleast_1d(b[k]) for b in blocks]) for k in range(3)))


def cells_read(axis: int, geometry: ConvGeometry, mode: str) -> np.ndarray:
    """`[output_size, kernel_size]`: the cell that y reads through t along an axis; -1 for zero."""
    low, high = geometry.padding[axis]
    source = boundary.source_index(geometry.input_size[axis], low, high, mode)
    return source[_positions(axis, geometry) + low]


def reads_padding(geometry: ConvGeometry) -> bool:
    """Whether any output reads a cell outside v; if not, all padding modes are the same."""
    for axis, size in enumerate(geometry.input_size):
        position = _positions(axis, geometry)
        if position.size and (position.min() < 0 or position.max() >= size):
            return True
    return False


def is_circulant(geometry: ConvGeometry, mode: str) -> bool:
    """Whether a circular shift of v by the stride shifts u = K v by one, exactly."""
    whole = all(
        o > 0 and o * s == n
        for n, o, s in zip(geometry.input_size, geometry.output_size, geometry.stride, strict=True)
    )
    return whole and (mode == "circular" or not reads_padding(geometry))


def structure(geometry: ConvGeometry, mode: str) -> str:
    """The name of the matrix's structure, up to blocks of output by input channels.

    Example:
        >>> structure(ConvGeometry((4, 4), 3), "zeros")
        'doubly block Toeplitz'
        >>> structure(ConvGeometry(8, 3, stride=2, padding=1), "zeros")
        'Toeplitz, one row in 2'
    """
    nesting = ("", "", "doubly block ", "triply block ")
    name = (
        nesting[geometry.ndim] if geometry.ndim < len(nesting) else f"{geometry.ndim}-fold block "
    )
    if geometry.ndim == 0:
        return "one block"
    if is_circulant(geometry, mode):
        name += "circulant"
    elif mode == "zeros" or not reads_padding(geometry):
        name += "Toeplitz"
    else:
        name += f"Toeplitz, its columns outside the image folded back by {mode!r} padding"
    if all(s == 1 for s in geometry.stride):
        return name
    return f"{name}, one row in {'x'.join(map(str, geometry.stride))}"


def _positions(axis: int, geometry: ConvGeometry) -> np.ndarray:
    """`[output_size, kernel_size]`: stride*y + dilation*t - low."""
    y = geometry.stride[axis] * np.arange(geometry.output_size[axis])
    t = geometry.dilation[axis] * np.arange(geometry.kernel_size[axis])
    return y[:, None] + t - geometry.padding[axis][0]


def _pairs_along(axis: int, geometry: ConvGeometry, mode: str) -> tuple[np.ndarray, ...]:
    """All (y, t, x) of one axis."""
    cells = cells_read(axis, geometry, mode)
    y, t = np.nonzero(cells >= 0)
    return y, t, cells[y, t]
