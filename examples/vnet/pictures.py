"""Who holds what, and what is exchanged."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from examples.vnet import data
from jaxdeconv.sharding import DividedLegs

__all__ = ["COLORS", "draw", "draw_blocks", "draw_bytes", "draw_halos", "draw_slice", "exchanged"]

COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#882255",
)  # fmt: skip
"""One for each of 8 devices, safe for colour-blind eyes (Okabe, Ito; Tol)."""

BARS = ("#444444", "#0072B2", "#E69F00")
"""One for each of those whose bytes are compared."""


def device_at(x: int, y: int, z: int) -> int:
    """The number of the device that holds block (x, y, z) of 2 x 2 x 2."""
    return 4 * x + 2 * y + z


def draw_blocks(ax: plt.Axes, size: int) -> None:
    """The eight blocks of a volume, drawn apart, in 3-D axes."""
    for x, y, z in np.ndindex(2, 2, 2):
        corner = [1.25 * one for one in (x, y, z)]
        number = device_at(x, y, z)
        ax.bar3d(*corner, 1, 1, 1, color=COLORS[number], edgecolor="white", shade=True)
        middle = [one + 0.5 for one in corner]
        front = {"ha": "center", "va": "center", "fontsize": 11, "zorder": 100}
        if y == 0:  # its front is seen
            ax.text(middle[0], corner[1] - 0.02, middle[2], str(number), "x", **front)
    ax.set(xlabel="x", ylabel="y", zlabel="z", xticks=[], yticks=[], zticks=[])
    ax.view_init(elev=22, azim=-62)
    ax.set_box_aspect((1, 1, 1))
    half = size // 2
    ax.set_title(f"{size}³ cells on 8 devices,\n{half}³ on each")


def draw_slice(ax: plt.Axes, volume: np.ndarray, labels: np.ndarray) -> None:
    """The middle of a volume, framed by the devices that hold it; what is to be found, outlined.

    Args:
        ax: where to draw.
        volume: `(x, y)`, the slice.
        labels: likewise.
    """
    size = len(volume)
    ax.imshow(volume.T, cmap="gray", origin="lower", extent=(0, size, 0, size))
    ax.contour(labels.T, [0.5], colors="white", extent=(0, size, 0, size), linewidths=1.5)
    half, frame = size / 2, size / 40
    for x, y in np.ndindex(2, 2):
        number, corner = device_at(x, y, 1), (x * half + frame / 2, y * half + frame / 2)
        color, side = COLORS[number], half - frame
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=color, lw=5))
        look = {"ha": "center", "va": "center", "fontsize": 13, "color": "white"}
        look |= {"bbox": {"boxstyle": "circle", "facecolor": color, "edgecolor": "white"}}
        ax.text(corner[0] + side / 2, corner[1] + side / 2, str(number), **look)
    ax.set(
        xlabel="x",
        ylabel="y",
        title="a slice: devices 1, 3, 5 and 7 hold it,\noutlined is what is to be found",
    )


def draw_halos(ax: plt.Axes, windows: Sequence[tuple[tuple[int, int], ...]], size: int) -> None:
    """The cells around the middle of a volume, who holds them, and which one device fetches.

    Args:
        ax: where to draw.
        windows: along x and along y, [start, stop) of what each of two devices needs.
        size: cells of each axis.
    """
    half, seen = size // 2, min(size // 2, 6)
    for x, y in np.ndindex(2 * seen, 2 * seen):
        cell = (half - seen + x, half - seen + y)
        owner = device_at(cell[0] >= half, cell[1] >= half, 0)
        ax.add_patch(Rectangle(cell, 1, 1, facecolor=COLORS[owner], edgecolor="white", alpha=0.55))
        needed = all(a <= one < b for one, ((a, b), _) in zip(cell, windows, strict=True))
        if needed and owner:
            ax.add_patch(Rectangle(cell, 1, 1, fill=False, hatch="////", edgecolor="black", lw=0))
    start = half - seen
    (_, right), (_, top) = (window[0] for window in windows)
    ax.plot([start, right, right], [top, top, start], color="black", lw=2)
    for x, y in np.ndindex(2, 2):
        place = (half + (x - 0.5) * seen, half + (y - 0.5) * seen)
        look = {"ha": "center", "va": "center", "fontsize": 13, "fontweight": "bold"}
        ax.text(*place, str(device_at(x, y, 0)), **look)
    ends = (half - seen, half + seen)
    ax.set(xlim=ends, ylim=ends, aspect="equal", xlabel="x", ylabel="y")
    ax.set_title("cells around the middle: device 0\nfetches the hatched ones for a convolution")


def draw_bytes(ax: plt.Axes, bars: Mapping[str, Mapping[str, float]]) -> None:
    """MiB per device, as bars on a logarithmic axis.

    Args:
        ax: where to draw.
        bars: by whose convolutions they are: MiB by what they are.
    """
    names = dict.fromkeys(name for numbers in bars.values() for name in numbers)
    rows = [
        (f"{name}, {whose}", numbers[name], BARS[i])
        for name in names
        for i, (whose, numbers) in enumerate(bars.items())
        if name in numbers
    ]
    labels, values, colors = zip(*rows, strict=True)
    drawn = ax.barh(labels, values, color=colors)
    ax.bar_label(drawn, [f"{one:.3g}" if one else "" for one in values], padding=3)
    least = 0.3 * min(filter(None, values))
    for row, value in enumerate(values):
        if not value:  # a logarithmic axis has no place for it
            ax.text(1.1 * least, row, "nothing", va="center")
    ax.set(xscale="log", xlabel="MiB per device", title="one training step over 8 devices")
    ax.set_xlim(least, 5 * max(values))
    ax.invert_yaxis()


def draw(told: DividedLegs, bars: Mapping[str, Mapping[str, float]], size: int) -> plt.Figure:
    """All of these, in a square of four.

    Args:
        told: of a step on 2 x 2 x 2 devices.
        bars: as in `draw_bytes`.
        size: cells of each axis of the volume.
    """
    figure = plt.figure(figsize=(9, 8), layout="constrained")
    blocks = figure.add_subplot(2, 2, 1, projection="3d")
    middle, halos, costs = (figure.add_subplot(2, 2, i) for i in (2, 3, 4))
    draw_blocks(blocks, size)
    cut = (slice(None), slice(None), slice(size // 2, size // 2 + 1))
    draw_slice(middle, *(one[..., 0] for one in data.scan((size,) * 3, cut)))
    draw_halos(halos, windows_of(told), size)
    draw_bytes(costs, bars)
    return figure


def exchanged(told: DividedLegs) -> dict[str, float]:
    """MiB per device of a step's collective operations, by what they are for."""
    names = {"collective-permute": "halos", "all-reduce": "sums", "all-gather": "gathered"}
    return {
        name: sum(one.bytes for one in told.collectives if one.kind == kind) / 2**20
        for kind, name in names.items()
    }


def windows_of(told: DividedLegs) -> list[tuple[tuple[int, int], ...]]:
    """Along x and y, [start, stop) of what each device needs for the first convolution."""
    first = told.legs[0][0]
    windows = (first.window(dim) for dim in (0, 1))
    return [tuple(zip(one.starts, one.stops, strict=True)) for one in windows]
