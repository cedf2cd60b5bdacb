"""The results as a picture: which fault escapes whom, and who refuses what is right."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.verification.results import Results

__all__ = ["write"]


def write(results: Results, path: Path) -> None:
    """Draw it.

    Args:
        results: of a run.
        path: a file whose ending matplotlib knows.
    """
    faults = list(dict.fromkeys(record.fault for record in results.wrong))
    height = 1.5 + 0.16 * len(faults)
    figure = Figure(figsize=(9, 2.5 + height), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, height))
    _refusals(above, results)
    image = _escapes(below, results, faults)
    figure.colorbar(
        image, ax=below, label="share of the wrong pairs caught (grey: not applicable)", shrink=0.5
    )
    figure.savefig(path, dpi=120)


def _refusals(axes: Axes, results: Results) -> None:
    """Bars of the correct pairs refused, in per cent."""
    shares = []
    for name in results.checkers:
        count, of = results.said(name, "fail", results.correct)
        shares.append(100 * count / of if of else 0.0)
    bars = axes.bar(range(len(shares)), shares, color="tab:red")
    axes.bar_label(bars, fmt="%.3g %%", size=8)
    axes.set_ylabel("correct pairs\nrefused, %")
    axes.margins(y=0.25)
    axes.tick_params(bottom=False)


def _escapes(axes: Axes, results: Results, faults: list[str]) -> object:
    """Faults against checkers: the share caught, grey where the checker was never asked."""
    shares = np.full((len(faults), len(results.checkers)), np.nan)
    for i, fault in enumerate(faults):
        planted = [record for record in results.wrong if record.fault == fault]
        for j, name in enumerate(results.checkers):
            caught, of = results.said(name, "fail", planted)
            shares[i, j] = caught / of if of else np.nan
    axes.set_facecolor("0.85")
    image = axes.imshow(shares, cmap="RdYlGn", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(results.checkers)), results.checkers, rotation=30, ha="right")
    axes.set_yticks(range(len(faults)), faults, size=7)
    return image
