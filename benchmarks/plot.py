"""The results as a picture: one row per case, one mark per rival, on a logarithmic axis."""

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.machine import one_line
from benchmarks.programs import PASSES
from benchmarks.report import Report, ratio

__all__ = ["write"]

_MARKS = {"torch": "o", "stock": "s", "flax": "^", "equinox": "v"}


def write(report: Report, path: Path) -> None:
    """Draw the ratios, forward and training step side by side.

    Args:
        report: what was measured.
        path: a file with a suffix that matplotlib knows.
    """
    figure = Figure(figsize=(11, 2 + 0.24 * len(report.results)), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, name, title in zip((left, right), PASSES, ("forward", "training step"), strict=True):
        _draw(axes, report, name)
        axes.set_title(title)
    left.set_yticks(range(len(report.results)), [result.name for result in report.results])
    left.invert_yaxis()
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=4)
    figure.supxlabel(f"time / ours (right of 1: we are faster)\n{one_line(report.machine)}", size=8)
    figure.savefig(path, dpi=120)


def _draw(axes: Axes, report: Report, name: str) -> None:
    """One pass: rows of marks, and the line of equal times."""
    axes.axvline(1.0, color="black", linewidth=1)
    for rival in report.rivals:
        points = [
            (value, row)
            for row, result in enumerate(report.results)
            if not math.isnan(value := ratio(result, name, rival))
        ]
        values, rows = zip(*points, strict=True) if points else ((), ())
        axes.plot(values, rows, _MARKS[rival], label=rival, markersize=5, alpha=0.85)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="both", color="0.9", linewidth=0.6)
