"""oneDNN's convolutions by its documented C API: Linux on x86-64, CPU only.

The map, from the bottom up:

    library         the shared library and its functions
    ffi             a handler of XLA's foreign function interface in Python
    passes          the three passes over a convolution, made ready to run
    calls           a pass as a call from XLA

`pip install jaxdeconv[cpu]` brings the library.
"""

from jaxdeconv.algorithms.dnnl.calls import call
from jaxdeconv.algorithms.dnnl.library import missing
from jaxdeconv.algorithms.dnnl.passes import Pass, is_filled_up, rejected

__all__ = ["Pass", "call", "is_filled_up", "missing", "rejected"]
