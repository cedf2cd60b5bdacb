"""Convolutional layers and their exact transposes for Flax NNX, Flax Linen, Equinox and Haiku.

    errors        errors use the framework's argument names
    convolution   the forward convolution of a layer: its arguments, checked
    core          what the layers of all frameworks share
    flax_settings the names of settings that Flax NNX and Flax Linen share
    initializers  kernels that interpolate, or start without a checkerboard
    arrays        arrays of PyTorch and Keras, in the layout of the kernels here
    nnx, linen, equinox, haiku    the layers, each with its framework's own arguments

A framework's module, and with it the framework, is imported on first access.
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
