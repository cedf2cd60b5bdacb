"""The main job as a picture: v, K v, K^T K v, the kernel, and a small K beside its transpose."""

import io
from pathlib import Path

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxdeconv import plot
from jaxdeconv.cli import outputs
from jaxdeconv.cli.job import Job
from jaxdeconv.errors import ArgumentValueError

_NO_PICTURES = {"pgf", "raw", "rgba"}  # pgf needs TeX; no viewer opens the others


def check(output: str) -> Path:
    """Refuse an output that cannot be written before the work, not after it.

    Args:
        output: the file that the picture goes to.

    Raises:
        ValueError: the suffix is no format that can be drawn, or the file cannot be written.
    """
    path = outputs.check(output)
    kinds = sorted({*FigureCanvasBase.get_supported_filetypes()} - _NO_PICTURES)
    if path.suffix[1:].lower() not in kinds:
        raise ArgumentValueError(
            "output must end in the suffix of a picture format",
            f"Pass one of {', '.join(f'.{kind}' for kind in kinds)}.",
            output=output,
        )
    return path


def save(path: Path, job: Job) -> str:
    """Draw six panels and write them.

    Args:
        path: of the file; its suffix is the format.
        job: what to draw; complex numbers are shown by their absolute values.

    Returns:
        Why the file could not be written; '' if it was.
    """
    drawn = io.BytesIO()
    _draw(job).savefig(drawn, format=path.suffix[1:].lower(), dpi=100)
    try:
        path.write_bytes(drawn.getvalue())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _draw(job: Job) -> Figure:
    figure = Figure(figsize=(14, 9), layout="constrained")
    absolute = ", absolute values" if job.dtype.kind == "c" else ""
    figure.suptitle(f"{job.geometry}, {job.dtype}{absolute}")
    above, below = figure.subfigures(2, 1, squeeze=False, hspace=0.03)[:, 0]
    first, second, third = above.subplots(1, 3)
    fourth, fifth, sixth = below.subplots(1, 3, width_ratios=(1, 1.6, 0.8))
    plot.image(first, _real(job.v[0]), "photograph $v$")
    plot.image(second, _real(job.u[0]), "forward convolution $K\\,v$")
    plot.image(
        third,
        _real(np.asarray(job.conv_transpose(job.u, job.w))[0]),
        "transposed convolution $K^T K\\,v$",
    )
    plot.kernel(fourth, _real(job.w[:, :, 0, 0]), _kernel_title(job))
    small = job.small(job.w[:, :, :1, :1], groups=1, outputs=2)
    size = " x ".join(map(str, small.geometry.input_size))
    plot.matrix(fifth, _real(matrix_of(small)), f"matrix of $K$, for one channel of {size} cells")
    plot.matrix(sixth, _real(transpose_of(small)), "matrix of $K^T$")
    fifth.set(xlabel="cell of $v$", ylabel="cell of $u = K\\,v$")
    sixth.set(xlabel="cell of $u$", ylabel="cell of $K^T u$")
    return figure


def matrix_of(job: Job) -> NDArray:
    """K as a matrix: its columns are K of the unit vectors."""
    units = np.eye(job.v.size, dtype=job.dtype).reshape(-1, *job.v.shape[1:])
    return np.asarray(job.conv(units, job.w)).reshape(len(units), -1).T


def transpose_of(job: Job) -> NDArray:
    """K^T as a matrix: its columns are K^T of the unit vectors, not the rows of K."""
    cells = job.u.size
    units = np.eye(cells, dtype=job.dtype).reshape(-1, *job.u.shape[1:])
    return np.asarray(job.conv_transpose(units, job.w)).reshape(cells, -1).T


def _real(x: NDArray) -> NDArray[np.float64]:
    return abs(x).astype(np.float64) if x.dtype.kind == "c" else x.astype(np.float64)


def _kernel_title(job: Job) -> str:
    in_channels, out_channels = job.w.shape[2:]
    return "kernel $w$" + (", first channels" if in_channels * out_channels > 1 else "")
