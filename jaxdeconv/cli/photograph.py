"""A picture file -> pixels: the signal v of the main job, before it is given a dtype."""

import warnings
from pathlib import Path

import numpy as np
from matplotlib import cbook
from numpy.typing import NDArray
from PIL import Image, ImageOps

from jaxdeconv.arguments.integers import as_integers
from jaxdeconv.errors import ArgumentValueError

_GREY = ("1", "L", "LA", "La")
_MOST_PIXELS = 2**24
_DEEP = ("I", "F")  # first letters of the modes with more than 8 bits, all of one channel


def load(path: str | None, size: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Read, turn upright and resize a picture.

    Args:
        path: of the file; None: the portrait of Grace Hopper that comes with matplotlib.
        size: pixels of the longer side (the other keeps the proportions), or (height, width).

    Returns:
        `[height, width, channels]` in [0, 1]; one channel if the picture is grey, three if it
        has colours. Transparent parts show white. A picture of more than 8 bits per channel is
        divided by its largest value.

    Raises:
        ValueError: not a readable picture, one of too many pixels, or an impossible size.
    """
    try:
        # Pillow warns of odd metadata and of large pictures
        with warnings.catch_warnings(action="ignore"), Image.open(path or _sample()) as opened:
            picture = _to_grey_or_colour(ImageOps.exif_transpose(opened))
    except (Image.DecompressionBombError, MemoryError):
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ArgumentValueError(
            f"the image must have at most {most} pixels, and fit into memory",
            "Crop it, or scale it down first.",
            image=path,
        ) from None
    except Exception as error:  # Pillow's readers raise many kinds for a broken file
        raise ArgumentValueError(
            f"the image must be a picture that Pillow can read ({error})",
            "Pass for example a PNG or a JPEG file.",
            image=path,
        ) from None
    height, width = _target(size, picture.height, picture.width)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    cells = np.clip(np.asarray(picture, np.float64) / 255, 0, 1)
    return cells.reshape(height, width, -1)


def _sample() -> Path:
    return Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _to_grey_or_colour(picture: Image.Image) -> Image.Image:
    """One channel or three, values 0 to 255."""
    if picture.mode.startswith(_DEEP):
        cells = np.asarray(picture, np.float64)
        return Image.fromarray((cells * (255 / max(cells.max(), 1e-9))).astype(np.float32))
    flat = picture.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", flat.size, "white"), flat)
    return flat.convert("L" if picture.mode in _GREY else "RGB")


def _target(size: int | tuple[int, ...], height: int, width: int) -> tuple[int, int]:
    if isinstance(size, int):
        (longer,) = as_integers("size", size, 1, minimum=1)
        scale = longer / max(height, width)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    else:
        rows, columns = as_integers("size", size, 2, minimum=1)
    if rows * columns > _MOST_PIXELS:
        raise ArgumentValueError(
            f"size must give at most {_MOST_PIXELS} pixels: the time grows with the square of "
            "their number",
            "Pass for example 80.",
            size=size,
        )
    return rows, columns
