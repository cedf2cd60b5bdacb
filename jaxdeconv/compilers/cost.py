"""Predicted seconds of a kernel: a roofline, with the speeds of the device.

    seconds = max(launch, bytes / bandwidth, products / matrix speed, the rest / vector speed)

A TPU's compiler estimates the cycles of what it emits; these are taken instead where there are
any. The model tells apart what differs in bytes, launches or operations. It knows neither which of
cuDNN's engines will run nor what lies in a cache, and does not overlap one kernel with the next.
"""

from jaxdeconv.compilers.kernels import Kernel
from jaxdeconv.planning.devices import Constants

__all__ = ["seconds"]


def seconds(kernel: Kernel, constants: Constants) -> float:
    """Of all launches of a kernel together.

    Args:
        kernel: which.
        constants: of the device.
    """
    if kernel.running:
        return 0.0
    if kernel.cycles and constants.cycles_per_second:
        return kernel.times * kernel.cycles / constants.cycles_per_second
    dtype = "f32" if kernel.dtype in ("c64", "f32") else kernel.dtype
    dtype = f"{dtype} highest" if kernel.highest else dtype
    one = constants.seconds(dtype, kernel.flops, kernel.vector_flops, kernel.bytes)
    return kernel.times * one
