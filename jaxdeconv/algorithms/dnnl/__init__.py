"""oneDNN's convolutions by its documented C API: Linux on x86-64, CPU only.

The map, from the bottom up:

    library         the shared library and its functions
    ffi             a handler of XLA's foreign function interface in Python
    passes          the three passes over a convolution, made ready to run
    calls           the algorithm `dnnl`, of every leg

`pip install jaxdeconv[cpu]` brings the library.
"""

from jaxdeconv.algorithms.dnnl.calls import DNNL

__all__ = ["DNNL"]
