"""oneDNN's convolutions and deconvolutions, by its documented C API: Linux on x86-64, CPU only.

The map, from the bottom up:

    library         the shared library and its functions
    ffi             a handler of XLA's foreign function interface in Python
    passes          the six passes over a convolution, made ready to run
    calls           the algorithms: `dnnl` and `dnnl_deconvolution` for every leg

`pip install jaxdeconv[cpu]` brings the library.
"""

from jaxdeconv.algorithms.dnnl.calls import CONVOLUTIONS, DECONVOLUTIONS

__all__ = ["CONVOLUTIONS", "DECONVOLUTIONS"]
