"""Pictures of signals, kernels and matrices."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.integers import as_integer
from jaxdeconv.plot import scenes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["image", "kernel", "matrix"]

_CELL_LABELS_UP_TO = 16  # rows or columns: beyond, the numbers in the cells cannot be read
_DARK = 0.8  # share of the largest value from which on the colour needs white letters


def image(axes: "Axes", x: ArrayLike, title: str = "") -> None:
    """Draw a signal of two spatial dimensions, stretched to the full range of grey or colour.

    Args:
        axes: matplotlib axes to draw into.
        x: `[height, width, channels]`, real; three channels are drawn as red, green and blue, any
            other number as the grey image of their mean.
        title: text above the picture; the size of `x` is added to it.
    """
    x = np.asarray(x, dtype=np.float64)
    low, high = float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))
    scaled = (x - low) / (high - low) if high > low else np.full_like(x, 0.5)
    shown = scaled if x.shape[-1] == 3 else scaled.mean(-1)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(f"{title}\n{x.shape[0]} x {x.shape[1]}, values {low:.3g} to {high:.3g}")
    axes.set_xticks([])
    axes.set_yticks([])


def kernel(axes: "Axes", w: ArrayLike, title: str = "") -> None:
    """Draw a kernel of two spatial dimensions: its taps coloured by value, small ones written.

    Args:
        axes: matplotlib axes to draw into.
        w: `[height, width]`, real.
        title: text above the picture; the size of `w` is added to it.
    """
    _cells(axes, np.asarray(w, dtype=np.float64), title)


@reporting
def matrix(
    axes: "Axes",
    entries: ArrayLike,
    title: str = "",
    *,
    geometry: ConvGeometry | None = None,
    row: int | None = None,
    column: int | None = None,
) -> None:
    """Draw a matrix: zeros white, other entries coloured by value, and written in small ones.

    Args:
        axes: matplotlib axes to draw into.
        entries: `[rows, columns]`, real.
        title: text above the picture; the shape of the matrix is added to it.
        geometry: of the convolution whose matrix of one channel this is. With it the supports are
            marked: a solid box around the cells that one row can reach, s*y - low on for as many
            as the kernel is long, and a dotted one around those of one column.
        row: whose support is marked, from 0; None: the middle one.
        column: whose support is marked, from 0; None: the middle one.

    Raises:
        ValueError: a geometry of a matrix of another shape, a row or column that is not there, or
            one without a geometry.
        TypeError: row or column is not an integer.
    """
    entries = np.asarray(entries, dtype=np.float64)
    _cells(axes, entries, title)
    axes.set_xlabel("cell of the input")
    axes.set_ylabel("cell of the output")
    if geometry is not None:
        _mark_supports(axes, entries, geometry, row, column)
    elif row is not None or column is not None:
        raise ArgumentValueError(
            "row and column mark the supports of a geometry",
            "Pass geometry, too.",
            row=row,
            column=column,
        )


def _mark_supports(
    axes: "Axes", entries: np.ndarray, geometry: ConvGeometry, row: int | None, column: int | None
) -> None:
    """A solid box around what a row reaches, a dotted one around what a column reaches."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415  needed for drawing alone

    mask = scenes.support(geometry)
    if mask.shape != entries.shape:
        raise ArgumentValueError(
            "geometry must be that of the matrix, of one channel",
            "Pass the geometry that the matrix was made from.",
            entries=entries,
            cells=mask.shape,
        )
    row, column = (
        size // 2 if place is None else _place(name, place, size)
        for name, place, size in zip(("row", "column"), (row, column), mask.shape, strict=True)
    )
    boxes = [((start - 0.5, row - 0.5), length, 1, "-") for start, length in _runs(mask[row])]
    boxes += [
        ((column - 0.5, start - 0.5), 1, length, ":") for start, length in _runs(mask[:, column])
    ]
    for corner, width, height, line in boxes:
        axes.add_patch(Rectangle(corner, width, height, fill=False, linewidth=2, linestyle=line))


def _place(name: str, place: int, size: int) -> int:
    number = as_integer(name, place, minimum=0)
    if number >= size:
        raise ArgumentValueError(
            f"{name} must be one of the matrix", f"Pass 0 to {size - 1}.", **{name: place}
        )
    return number


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """(start, length) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(a), int(b - a)) for a, b in edges.reshape(-1, 2)]


def _cells(axes: "Axes", entries: np.ndarray, title: str) -> None:
    """A table of numbers as coloured cells, zeros white, the numbers written if they are few."""
    rows, columns = entries.shape
    limit = np.abs(entries).max(initial=0.0) or 1.0
    axes.imshow(
        np.ma.masked_equal(entries, 0), cmap="coolwarm", vmin=-limit, vmax=limit, aspect="equal"
    )
    axes.set_title(f"{title}\n{rows} x {columns}")
    if max(rows, columns) > _CELL_LABELS_UP_TO:
        return
    for row, column in zip(*np.nonzero(entries), strict=True):
        value = entries[row, column]
        color = "white" if abs(value) > _DARK * limit else "black"
        text = f"{value:.0f}" if value == round(value) else f"{value:.3g}"
        axes.text(column, row, text, ha="center", va="center", color=color)
    axes.set_xticks(np.arange(columns))
    axes.set_yticks(np.arange(rows))
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
