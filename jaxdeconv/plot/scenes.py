"""A forward or transposed convolution as a sequence of steps on two grids of cells. No drawing.

A *scene* holds the input's grid (with its padding, and with zeros inserted between its cells), the
output's grid, and the steps: each reads some cells of the input, weighted by a tap of the kernel
each, and writes some cells of the output.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.reference.coordinates import index_relation

__all__ = ["SCENES", "Scene", "Step", "make"]

DATA, PADDING, INSERTED, CROPPED = "data", "padding", "inserted", "cropped"

Cell = tuple[int, int]
MOST_CELLS = 20  # along an axis: in more, the numbers could not be read


class Step(NamedTuple):
    """What one step reads and writes, by (row, column) of the grids as drawn."""

    reads: dict[Cell, Any]  # cell of the input -> its weight
    writes: dict[Cell, Any]  # cell of the output -> what is added to it


class Grid(NamedTuple):
    """A grid of cells as drawn: a value and a kind for each."""

    name: str
    values: NDArray  # [rows, columns]
    kinds: NDArray  # [rows, columns] of DATA, PADDING, INSERTED, CROPPED


class Scene(NamedTuple):
    """The convolution of a geometry, or its transpose, in steps."""

    caption: str
    source: Grid
    kernel: Grid
    target: Grid
    steps: tuple[Step, ...]
    adds: bool = False  # whether steps add to cells of the output, or compute each at once

    def sums(self, step: int) -> dict[Cell, Any]:
        """The values of the output's cells that were written up to and including this step."""
        sums: dict[Cell, Any] = {}
        for done in self.steps[: step + 1]:
            for cell, value in done.writes.items():
                sums[cell] = sums.get(cell, 0) + value
        return sums


def make(leg: str, geometry: Any, signal: Any, kernel: Any) -> Scene:
    """The scene of a forward or transposed convolution.

    Args:
        leg: a name in `SCENES`.
        geometry: of one or two spatial dimensions, with one group.
        signal: `[*size]`, the input; None: small whole numbers.
        kernel: `[*kernel_size]`; None: small whole numbers.

    Raises:
        ValueError: a geometry that cannot be drawn, or arrays that do not fit it.
        TypeError: geometry is of another kind.
    """
    if not isinstance(geometry, ConvGeometry):
        raise ArgumentTypeError(
            "geometry must be a ConvGeometry",
            "Pass ConvGeometry(input_size, kernel_size, ...).",
            geometry=geometry,
        )
    check_choice("leg", leg, SCENES)
    if geometry.ndim not in (1, 2) or 0 in geometry.output_size + geometry.input_size:
        check_reach(geometry)
        raise ArgumentValueError(
            "geometry must have one or two spatial dimensions, none of them empty",
            "Pass two dimensions of it.",
            input_size=geometry.input_size,
        )
    if max(*geometry.padded_size, *geometry.input_size) > MOST_CELLS:
        raise ArgumentValueError(
            f"the padded input must have at most {MOST_CELLS} cells per dimension to be readable",
            "Pass a smaller input: the arithmetic repeats itself.",
            padded_size=geometry.padded_size,
        )
    size = geometry.input_size if leg == "conv" else geometry.output_size
    values = _cells("signal", signal, size, lambda i: (7 * i + 3) % 10)
    w = _cells("kernel", kernel, geometry.kernel_size, lambda i: i % 9 + 1)
    return SCENES[leg](_as_2d(geometry), values, w)


def _conv(geometry: ConvGeometry, v: NDArray, w: NDArray) -> Scene:
    """K: the kernel slides over the padded input."""
    source, origin = _padded(Grid("input v", v, _kinds(v.shape, DATA)), geometry.padding)
    u = np.zeros(geometry.output_size, np.result_type(v, w))
    steps = []
    for y in np.ndindex(u.shape):
        reads: dict[Cell, Any] = {}
        for t in np.ndindex(w.shape):
            place = _affine(y, geometry.stride, t, geometry.dilation, geometry.padding)
            reads[_shift(place, origin)] = w[t]
        u[y] = sum(source.values[cell] * weight for cell, weight in reads.items())
        steps.append(Step(reads, {_cell(y): u[y]}))
    target = Grid("output u", u, _kinds(u.shape, DATA))
    return Scene("u = $K$ v", source, _kernel_grid("kernel w", w), target, tuple(steps))


def _conv_transpose(geometry: ConvGeometry, u: NDArray, w: NDArray) -> Scene:
    """K^T as a convolution: the flipped kernel slides over u, with zeros between and around."""
    stretched = tuple((o - 1) * s + 1 for o, s in zip(u.shape, geometry.stride, strict=True))
    values, kinds = np.zeros(stretched, u.dtype), _kinds(stretched, INSERTED)
    every = tuple(slice(None, None, s) for s in geometry.stride)
    values[every], kinds[every] = u, DATA
    padding = [
        (k - 1 - low, n + low - length)
        for k, n, (low, _), length in zip(
            geometry.dilated_kernel_size,
            geometry.input_size,
            geometry.padding,
            stretched,
            strict=True,
        )
    ]
    source, origin = _padded(Grid("input u", values, kinds), padding)
    v = np.zeros(geometry.input_size, np.result_type(u, w))
    flipped = w[::-1, ::-1]
    steps = []
    for x in np.ndindex(v.shape):
        reads: dict[Cell, Any] = {}
        for t in np.ndindex(w.shape):
            place = _affine(x, (1, 1), t, geometry.dilation, padding)
            reads[_shift(place, origin)] = flipped[t]
        v[x] = sum(source.values[cell] * weight for cell, weight in reads.items())
        steps.append(Step(reads, {_cell(x): v[x]}))
    target = Grid("output v", v, _kinds(v.shape, DATA))
    kernel = _kernel_grid("kernel w, flipped", flipped)
    return Scene("v = $K^T$ u, as a convolution", source, kernel, target, tuple(steps))


def _overlap_add(geometry: ConvGeometry, u: NDArray, w: NDArray) -> Scene:
    """K^T by overlap-add: u[y] * w at stride*y, added up, the padding cropped."""
    size = geometry.input_size
    target, origin = _padded(
        Grid("output v (dashed: cropped)", np.zeros(size), _kinds(size, DATA)), geometry.padding
    )
    steps = []
    for y in np.ndindex(u.shape):
        writes: dict[Cell, Any] = {}
        for t in np.ndindex(w.shape):
            place = _affine(y, geometry.stride, t, geometry.dilation, geometry.padding)
            writes[_shift(place, origin)] = u[y] * w[t]
        steps.append(Step({_cell(y): u[y]}, writes))
    source = Grid("input u", u, _kinds(u.shape, DATA))
    caption = "v = $K^T$ u, by overlap-add"
    return Scene(caption, source, _kernel_grid("kernel w", w), target, tuple(steps), adds=True)


SCENES: dict[str, Callable[[ConvGeometry, NDArray, NDArray], Scene]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "conv_transpose, overlap-add": _overlap_add,
}
"""What can be drawn: K, and K^T in two ways."""


def support(geometry: ConvGeometry) -> NDArray[np.bool_]:
    """Which entries of the matrix of K can be non-zero, `[outputs, inputs]`."""
    entries = np.zeros((*geometry.output_size, *geometry.input_size), bool)
    for y, _, x in index_relation(geometry):
        entries[(*y, *x)] = True
    return entries.reshape(int(np.prod(geometry.output_size)), -1)


def _as_2d(geometry: ConvGeometry) -> ConvGeometry:
    """One dimension becomes a single row."""
    if geometry.ndim == 2:
        return geometry
    return ConvGeometry(
        (1, *geometry.input_size),
        (1, *geometry.kernel_size),
        (1, *geometry.stride),
        ((0, 0), *geometry.padding),
        (1, *geometry.dilation),
    )


def _cells(name: str, values: Any, size: tuple[int, ...], default: Callable) -> NDArray:
    """The given values as two axes, or whole numbers without symmetry."""
    if values is None:
        values = np.array([default(i) for i in range(int(np.prod(size)))]).reshape(size)
    cells = np.asarray(values)
    if cells.shape != size or cells.dtype.kind not in "biuf":
        raise ArgumentValueError(
            f"{name} must hold real numbers, and have the size that geometry gives it",
            f"Pass an array of shape {size}, without channels, or None.",
            **{name: cells},
        )
    return cells.reshape(1, *size) if len(size) == 1 else cells


def _padded(grid: Grid, padding: Any) -> tuple[Grid, Cell]:
    """The grid with zeros around it and cropped cells marked; and where its first cell is now."""
    (top, bottom), (left, right) = padding
    grow = [(max(0, low), max(0, high)) for low, high in padding]
    values = np.pad(grid.values, grow)
    kinds = np.pad(grid.kinds, grow, constant_values=PADDING)
    rows, columns = kinds.shape
    for axis, (low, high) in enumerate(((top, bottom), (left, right))):
        size = (rows, columns)[axis]
        for gone in itertools.chain(range(max(0, -low)), range(size - max(0, -high), size)):
            kinds[(slice(None),) * axis + (gone,)] = CROPPED
    return Grid(grid.name, values, kinds), (grow[0][0], grow[1][0])


def _kernel_grid(name: str, w: NDArray) -> Grid:
    return Grid(name, w, _kinds(w.shape, DATA))


def _kinds(shape: tuple[int, ...], kind: str) -> NDArray:
    return np.full(shape, kind, dtype="U8")


def _affine(y: Any, stride: Any, t: Any, dilation: Any, padding: Any) -> Cell:
    """stride*y + dilation*t - low."""
    rows, columns = (
        s * i + d * tap - low
        for s, i, d, tap, (low, _) in zip(stride, y, dilation, t, padding, strict=True)
    )
    return rows, columns


def _shift(cell: Cell, origin: Cell) -> Cell:
    return cell[0] + origin[0], cell[1] + origin[1]


def _cell(index: tuple[int, ...]) -> Cell:
    row, column = index
    return row, column
