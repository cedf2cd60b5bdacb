"""compilers: what XLA makes of any function, for a GPU or a TPU that is not here.

Data flows downwards:

    targets      the devices, their speeds                   (devices/: one file each)
    installing   the compilers, from the package index into a folder
    worker       the subprocess in which they run
    compiling    programs -> optimized programs
    hlo          the text of an optimized program -> instructions
    counting     products of stored numbers: integers
    kernels      instructions -> kernels
    cost         seconds of a kernel: a roofline
    program      a call -> a program with numbered convolutions
    tally        what kernels cost together
    report       what was found, as text and as JSON
    explaining   all of these in order
"""

from jaxdeconv.compilers.explaining import explain as explain
from jaxdeconv.compilers.installing import install as install
from jaxdeconv.compilers.report import Explanation as Explanation

__all__ = ["Explanation", "explain", "install"]
