"""Layers whose transposed convolution is the transpose: Flax NNX, Flax Linen, Equinox, Haiku.

    words         errors that speak a framework's words
    convolution   the forward map of a layer: its arguments, checked
    core          what every layer does with it
    initializers  kernels that interpolate, that start without a checkerboard
    arrays        PyTorch's and Keras' arrays, in the layout of the kernels here
    nnx, linen, equinox, haiku    the layers, each with its framework's own arguments

A framework's module is imported when it is first asked for, and with it the framework.
"""

import importlib
from types import ModuleType

from jaxdeconv.nn import arrays as arrays
from jaxdeconv.nn import core as core
from jaxdeconv.nn import initializers as initializers

FRAMEWORKS = ("nnx", "linen", "equinox", "haiku")


def __getattr__(name: str) -> ModuleType:
    if name in FRAMEWORKS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
