"""One step of the arithmetic, drawn: input, kernel and output as grids of cells.

In the style of Dumoulin & Visin 2016, arXiv:1603.07285. Blue: the input; dashed: its padding;
white: zeros inserted between its cells; hatched: cropped cells. Orange: where the kernel is, each
weight in a corner of its cell. Green: the part of the output that is computed already.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import ArrayLike

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.plot import scenes
from jaxdeconv.plot.scenes import CROPPED, DATA, INSERTED, PADDING, Cell, Grid, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arithmetic", "draw", "extent"]

_GAP = 1.5  # cells between two grids, for their names
_BLUE, _ORANGE, _GREEN, _DARK_GREEN, _GREY = "#a6cee3", "#fdbf6f", "#cdebb0", "#7cc36e", "#eeeeee"
_STYLES: dict[str, dict[str, Any]] = {
    DATA: {"linestyle": "-"},
    INSERTED: {"linestyle": "-"},
    PADDING: {"linestyle": (0, (2, 2))},
    CROPPED: {"linestyle": "-", "hatch": "////"},
}


@reporting
def arithmetic(
    axes: "Axes",
    geometry: ConvGeometry,
    step: int = 0,
    *,
    leg: str = "conv",
    signal: ArrayLike | None = None,
    kernel: ArrayLike | None = None,
) -> None:
    """Draw one step of a convolution, or of its transpose, with its numbers.

    Args:
        axes: matplotlib axes to draw into.
        geometry: of one or two spatial dimensions, up to 20 padded cells each.
        step: its number, from 0: for 'conv' and 'conv_transpose' one step per cell of the output,
            row by row, for 'conv_transpose, overlap-add' one per cell of the input. A negative
            number counts from the last.
        leg: 'conv', the forward convolution K; 'conv_transpose', the transposed convolution K^T as
            a convolution (zeros between and around the cells of u, over which the flipped kernel
            slides); or 'conv_transpose, overlap-add' (every u[y] times the kernel, added at
            stride*y).
        signal: `[*size]`, v for 'conv', else u; None: whole numbers without symmetry.
        kernel: `[*kernel_size]`, always that of K; None: 1, 2, 3, ...

    Raises:
        ValueError: a geometry that cannot be drawn, values of another size, a step that does not
            exist, or an unknown leg.
        TypeError: geometry or step is of another kind.

    References: Dumoulin & Visin 2016, arXiv:1603.07285, figures 2.1 to 4.8.
    """
    scene = scenes.make(leg, geometry, signal, kernel)
    count, number = len(scene.steps), as_integer("step", step)
    if not -count <= number < count:
        raise ArgumentValueError(
            f"step must be one of the {count} steps", f"Pass 0 to {count - 1}.", step=step
        )
    draw(axes, scene, number % count)
    _, _, parts = str(geometry).partition(": ")
    axes.set_title(
        f"{scene.caption}: step {number % count + 1} of {count}\n{parts.rpartition(', ')[0]}"
    )


class _Look(NamedTuple):
    """How one cell is drawn."""

    colour: str
    text: str
    corner: str
    bold: bool


def draw(axes: "Axes", scene: Scene, step: int) -> None:
    """The three grids of a scene at one step, without a title."""
    current, sums = scene.steps[step], scene.sums(step)
    columns, rows = extent(scene)
    axes.set(xlim=(-0.2, columns + 0.2), ylim=(rows + 0.2, -0.2), aspect="equal")
    axes.set_axis_off()
    size = _font_size(axes, columns, rows)

    def of_source(cell: Cell, kind: str) -> _Look:
        read = cell in current.reads
        corner = _number(current.reads[cell]) if read and not scene.adds else ""
        plain = _BLUE if kind == DATA else _GREY if kind == CROPPED else "white"
        value = _number(scene.source.values[cell])
        return _Look(_ORANGE if read else plain, value, corner, False)

    def of_kernel(cell: Cell, kind: str) -> _Look:
        del kind
        return _Look(_ORANGE, _number(scene.kernel.values[cell]), "", False)

    def of_target(cell: Cell, kind: str) -> _Look:
        del kind
        written = cell in current.writes
        corner = f"+{_number(current.writes[cell])}" if written and scene.adds else ""
        done = _GREEN if cell in sums else "white"
        text = _number(sums[cell]) if cell in sums else ""
        highlight = _ORANGE if scene.adds else _DARK_GREEN
        return _Look(highlight if written else done, text, corner, written)

    looks = (of_source, of_kernel, of_target)
    for (grid, corner), look in zip(_placed(scene), looks, strict=True):
        _draw_grid(axes, grid, corner, look, size)


def extent(scene: Scene) -> tuple[float, float]:
    """Width and height of a scene, in cells."""
    placed = _placed(scene)
    return (
        max(left + grid.kinds.shape[1] for grid, (left, _) in placed),
        max(top + grid.kinds.shape[0] for grid, (_, top) in placed),
    )


def _placed(scene: Scene) -> list[tuple[Grid, tuple[float, float]]]:
    """The grids and their upper left corners: below each other if they are rows, else beside."""
    grids = (scene.source, scene.kernel, scene.target)
    flat = all(grid.kinds.shape[0] == 1 for grid in grids)
    tallest = max(grid.kinds.shape[0] for grid in grids)
    placed, across = [], 0.0
    for number, grid in enumerate(grids):
        rows, columns = grid.kinds.shape
        below = number * (1 + _GAP) if flat else (tallest - rows) / 2
        placed.append((grid, (0.0 if flat else across, below + 1)))
        across += max(columns, _name_width(grid)) + _GAP
    return placed


def _name_width(grid: Grid) -> float:
    """Cells that the name of a grid takes up, about."""
    return 0.3 * len(grid.name)


def _draw_grid(
    axes: "Axes", grid: Grid, corner: tuple[float, float], look: Any, size: float
) -> None:
    """Every cell of a grid, and its name above."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415  needed for drawing alone

    left, top = corner
    axes.text(left, top - 0.2, grid.name, ha="left", va="bottom", fontsize=size)
    rows, columns = grid.kinds.shape
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    for row, column in sorted(cells, key=lambda cell: look(cell, DATA).bold):
        kind = str(grid.kinds[row, column])
        colour, text, small, bold = look((row, column), kind)
        edge = "black" if bold else "0.55"
        axes.add_artist(  # add_patch would look where the axes end, at four times the cost
            Rectangle(
                (left + column, top + row),
                1,
                1,
                facecolor=colour,
                edgecolor=edge,
                linewidth=1.6 if bold else 0.8,
                **_STYLES[kind],
            )
        )
        center = left + column + 0.5, top + row + (0.4 if small else 0.5)
        shade = "black" if kind == DATA else "0.45"
        axes.text(*center, text, ha="center", va="center", fontsize=size, color=shade)
        if small:
            place = left + column + 0.94, top + row + 0.96
            axes.text(*place, small, ha="right", va="bottom", fontsize=0.7 * size, color="#a63603")


def _font_size(axes: "Axes", columns: float, rows: float) -> float:
    """Points that fit a number of two digits and a corner into a cell."""
    box = axes.get_window_extent()
    cell = min(box.width / (columns + 0.4), box.height / (rows + 0.4)) / axes.figure.dpi
    return min(12.0, max(3.0, 0.36 * 72 * cell))


def _number(value: Any) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.2g}"
