"""Pictures of signals, kernels, matrices, and of the arithmetic that joins them.

Each is drawn into axes that the caller made; only `animate` writes a file. Needs matplotlib, and
`animate` needs Pillow (`pip install jaxdeconv[cli]`); only the command line imports this package.

    scenes       a forward or transposed convolution as a sequence of steps (no drawing)
    cells        draws an image, a kernel, a matrix
    steps        draws one step of the arithmetic
    animation    writes all steps as a GIF
"""

from jaxdeconv.plot.animation import animate as animate
from jaxdeconv.plot.cells import image as image
from jaxdeconv.plot.cells import kernel as kernel
from jaxdeconv.plot.cells import matrix as matrix
from jaxdeconv.plot.steps import arithmetic as arithmetic

__all__ = ["animate", "arithmetic", "image", "kernel", "matrix"]
