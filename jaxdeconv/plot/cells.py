"""Pictures of signals, kernels and matrices."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxdeconv.arguments.integers import as_integer, is_sequence
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.plot import scenes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["image", "kernel", "matrix"]

_CELL_LABELS_UP_TO = 16  # rows or columns: in more, the numbers could not be read
_DARK = 0.8  # from this share of the largest value on, the numbers are written in white


@reporting
def image(axes: "Axes", x: ArrayLike, title: str = "") -> None:
    """Draw a signal of two spatial dimensions, stretched to the full range of grey or colour.

    Args:
        axes: matplotlib axes to draw into.
        x: `[height, width]` or `[height, width, channels]`, real, or a batch of one such image;
            three channels are drawn as red, green and blue, any other number as the grey image of
            their mean.
        title: text above the picture; the size of `x` is added to it.

    Raises:
        ValueError: another number of axes, several images, or no cells.
        TypeError: complex numbers, or a traced array.
    """
    cells = _real("x", x)
    while cells.ndim > 3 and cells.shape[0] == 1:
        cells = cells[0]
    if cells.ndim > 3:
        raise ArgumentValueError(
            "x must be one image", "Pass one image of the batch, for example x[0].", x=cells
        )
    if cells.ndim < 2:
        raise ArgumentValueError(
            "x must have two spatial axes",
            "Pass [height, width] or [height, width, channels].",
            x=x,
        )
    cells = cells if cells.ndim == 3 else cells[..., None]
    finite = cells[np.isfinite(cells)]
    low, high = float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf))
    scaled = (
        (cells - low) / (high - low) if high > low else np.where(np.isfinite(cells), 0.5, cells)
    )
    shown = np.clip(scaled, 0, 1) if cells.shape[-1] == 3 else scaled.mean(-1)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    values = f"values {low:.3g} to {high:.3g}" if finite.size else "no finite values"
    axes.set_title(f"{title}\n{cells.shape[0]} x {cells.shape[1]}, {values}")
    axes.set_xticks([])
    axes.set_yticks([])


@reporting
def kernel(
    axes: "Axes", w: ArrayLike, title: str = "", *, channels: tuple[int, int] = (0, 0)
) -> None:
    """Draw a kernel of one or two spatial dimensions, coloured by value, with numbers if small.

    Args:
        axes: matplotlib axes to draw into.
        w: `[height, width]` or `[height, width, in/groups, out]`, or `[taps]` or `[taps, in/groups,
            out]`, which is drawn as a row; real.
        title: text above the picture; the size of `w` is added to it, and which channels are shown.
        channels: the input channel and the output channel whose taps are drawn, from 0; a
            negative number counts from the last.

    Raises:
        ValueError: another number of axes, or a channel that does not exist.
        TypeError: complex numbers, a traced array, or channels that are not two integers.
    """
    cells = _real("w", w)
    if cells.ndim not in (1, 2, 3, 4):
        raise ArgumentValueError(
            "w must have one or two spatial axes, and either none or two of channels",
            "Pass [height, width] or [height, width, in/groups, out].",
            w=cells,
        )
    size = "{} x {}"
    if cells.ndim > 2:
        counts = cells.shape[-2:]
        i, o = _pair(channels, counts)
        cells = cells[..., i, o]
        size += "" if counts == (1, 1) else f", w[..., {i}, {o}]"
    _cells(axes, np.atleast_2d(cells), title, size)


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
    """Draw a matrix: zeros white, other entries coloured by value, with numbers if it is small.

    Args:
        axes: matplotlib axes to draw into.
        entries: `[rows, columns]`, real.
        title: text above the picture; the shape of the matrix is added to it.
        geometry: of the convolution whose matrix for one channel this is. It marks the support of
            one row, the cells that one output reads, by a solid box, and that of one column by a
            dotted box.
        row: the row whose support is marked, from 0; None: the middle one.
        column: the column whose support is marked, from 0; None: the middle one.

    Raises:
        ValueError: not a matrix, a geometry that does not fit its shape, a row or column that
            does not exist, or one without a geometry.
        TypeError: row or column is not an integer; complex or traced entries.
    """
    entries = _real("entries", entries)
    if entries.ndim != 2:
        raise ArgumentValueError(
            "entries must be a matrix, [rows, columns]",
            "Reshape them, or pass for example ConvOperator(...).as_matrix().",
            entries=entries,
        )
    _cells(axes, entries, title)
    axes.set_xlabel("cell of the input")
    axes.set_ylabel("cell of the output")
    if geometry is not None:
        _mark_supports(axes, entries, geometry, row, column)
    elif row is not None or column is not None:
        raise ArgumentValueError(
            "row and column need geometry, whose supports they mark",
            "Pass geometry too, or leave both out.",
            row=row,
            column=column,
        )


def _real(name: str, x: ArrayLike) -> np.ndarray:
    """`x` as floats."""
    if isinstance(x, jax.core.Tracer):
        raise ArgumentTypeError(
            f"{name} must have values to be drawn, but it is traced",
            "Draw outside of jax.jit, or from jax.debug.callback.",
            **{name: x},
        )
    cells = np.asarray(x)
    if cells.dtype.kind == "c":
        raise ArgumentTypeError(
            f"{name} must be real",
            f"Pass abs({name}), {name}.real or {name}.imag.",
            **{name: cells},
        )
    try:
        cells = cells.astype(np.float64)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"{name} must hold numbers", "Pass an array of numbers.", **{name: x}
        ) from None
    if 0 in cells.shape:
        raise ArgumentValueError(
            f"{name} must not be empty", "Pass at least one cell.", **{name: cells}
        )
    return cells


def _pair(channels: Any, counts: tuple[int, ...]) -> tuple[int, int]:
    """The indices of an input and of an output channel."""
    if not (is_sequence(channels) and len(channels) == 2):
        raise ArgumentTypeError(
            "channels must be two integers", "Pass for example (0, 0).", channels=channels
        )
    numbers = [as_integer("channels", number) for number in channels]
    if not all(-count <= n < count for n, count in zip(numbers, counts, strict=True)):
        raise ArgumentValueError(
            "channels must be an input and an output channel of w",
            f"There are {counts[0]} and {counts[1]}, counted from 0.",
            channels=channels,
        )
    return numbers[0] % counts[0], numbers[1] % counts[1]


def _mark_supports(
    axes: "Axes", entries: np.ndarray, geometry: ConvGeometry, row: int | None, column: int | None
) -> None:
    """A solid box around the support of a row, a dotted one around that of a column."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415  needed for drawing alone

    mask = scenes.support(geometry)
    if mask.shape != entries.shape:
        raise ArgumentValueError(
            "geometry must fit the shape of the matrix, which is for one channel",
            "Pass the geometry that the matrix was made from.",
            entries=entries,
            matrix_of_geometry=mask.shape,
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
            f"{name} must be in the matrix", f"Pass 0 to {size - 1}.", **{name: place}
        )
    return number


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """(start, length) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(a), int(b - a)) for a, b in edges.reshape(-1, 2)]


def _cells(axes: "Axes", entries: np.ndarray, title: str, size: str = "{} x {}") -> None:
    """A table of numbers as coloured cells, zeros white, with the numbers if they are few."""
    rows, columns = entries.shape
    limit = np.abs(entries[np.isfinite(entries)]).max(initial=0.0) or 1.0
    axes.imshow(
        np.ma.masked_equal(entries, 0), cmap="coolwarm", vmin=-limit, vmax=limit, aspect="equal"
    )
    axes.set_title(f"{title}\n{size.format(rows, columns)}")
    if max(rows, columns) > _CELL_LABELS_UP_TO:
        axes.locator_params(integer=True, min_n_ticks=1)
        return
    for row, column in zip(*np.nonzero(entries), strict=True):
        value = entries[row, column]
        color = "white" if _DARK * limit < abs(value) < np.inf else "black"
        text = f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"
        axes.text(column, row, text, ha="center", va="center", color=color)
    axes.set_xticks(np.arange(columns))
    axes.set_yticks(np.arange(rows))
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
