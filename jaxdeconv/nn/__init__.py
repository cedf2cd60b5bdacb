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
from importlib import util
from types import ModuleType
from typing import TYPE_CHECKING

from jaxdeconv.nn import arrays as arrays
from jaxdeconv.nn import core as core
from jaxdeconv.nn import initializers as initializers

if TYPE_CHECKING:
    from jaxdeconv.nn import equinox as equinox
    from jaxdeconv.nn import haiku as haiku
    from jaxdeconv.nn import linen as linen
    from jaxdeconv.nn import nnx as nnx

FRAMEWORKS = {"nnx": "flax", "linen": "flax", "equinox": "equinox", "haiku": "haiku"}
"""The modules of layers, and the package that each needs."""


if not TYPE_CHECKING:  # mypy would take every name for one of these

    def __getattr__(name: str) -> ModuleType:
        if name in FRAMEWORKS:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    dunders = (name for name in globals() if name.startswith("__") and name.endswith("__"))
    here = {name for name, package in FRAMEWORKS.items() if util.find_spec(package)}
    return sorted({*dunders, "arrays", "core", "initializers", *here})
