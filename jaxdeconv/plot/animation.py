"""All steps of the arithmetic, one after the other, as a GIF."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.plot import scenes
from jaxdeconv.plot.steps import arithmetic, extent

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animate"]

_CELL = 0.42  # inches
_LEAST_WIDTH, _TITLE = 5.6, 0.65  # inches
_COLOURS = 32
_LAST = 4  # the last step stays this many times longer


@reporting
def animate(
    geometry: ConvGeometry,
    path: str | os.PathLike[str],
    *,
    leg: str = "conv",
    signal: ArrayLike | None = None,
    kernel: ArrayLike | None = None,
    seconds: float = 0.7,
) -> Path:
    """Write the arithmetic of a convolution, or of its transpose, step by step as an animated GIF.

    Args:
        geometry: as in `arithmetic`.
        path: of the file, ending in .gif; an existing file is replaced.
        leg: as in `arithmetic`.
        signal: as in `arithmetic`.
        kernel: as in `arithmetic`.
        seconds: the time that each step is shown, at least 0.02.

    Returns:
        The path.

    Raises:
        ValueError: as `arithmetic`, a path with another suffix, or a time out of range.
        TypeError: as `arithmetic`, or a time that is not a number.

    Cost: 0.1 to 0.3 s per step, more for more cells.

    References: Dumoulin & Visin 2016, arXiv:1603.07285, and the animations beside it.
    """
    file = Path(path)
    if file.suffix.lower() != ".gif":
        raise ArgumentValueError(
            "path must end in .gif",
            "For one step as a PNG, draw plot.arithmetic and save its figure.",
            path=str(path),
        )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ArgumentTypeError("seconds must be a number", "Pass 0.7.", seconds=seconds)
    if not 0.02 <= seconds < math.inf:
        raise ArgumentValueError(
            "seconds must be finite and at least 0.02, the shortest time that viewers respect",
            "Pass 0.7.",
            seconds=seconds,
        )
    scene = scenes.make(leg, geometry, signal, kernel)
    columns, rows = extent(scene)
    size = max(_LEAST_WIDTH, columns * _CELL), rows * _CELL + _TITLE
    frames = [_frame(size, geometry, step, leg, signal, kernel) for step in range(len(scene.steps))]
    times = [round(1000 * seconds)] * len(frames)
    times[-1] *= _LAST
    first, *others = frames
    first.save(file, save_all=True, append_images=others, duration=times, loop=0)
    return file


def _frame(
    size: tuple[float, float],
    geometry: ConvGeometry,
    step: int,
    leg: str,
    signal: ArrayLike | None,
    kernel: ArrayLike | None,
) -> "Image":
    """One step as a picture of few colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    figure = Figure(figsize=size, dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.01, 0.01, 0.98, 1 - _TITLE / size[1]))
    arithmetic(axes, geometry, step, leg=leg, signal=signal, kernel=kernel)
    axes.title.set_fontsize(9)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return picture.quantize(_COLOURS, dither=Image.Dither.NONE)
