"""Who is timed: the registry of all contestants.

A contestant is a function `prepare(case, data) -> Program` that raises `Unsupported` if it cannot
express the case. Data are float32; converting layouts is not timed.
"""

import functools
import importlib
from collections.abc import Mapping

from benchmarks import framework_contestants, jax_contestants
from benchmarks.cases import BenchCase, Data
from benchmarks.programs import Prepare, Program

__all__ = ["CONTESTANTS", "OURS", "RIVALS"]

OURS = "ours"


def _torch(case: BenchCase, data: Data, memory: str) -> Program:
    """Imported only to run: earlier results can be shown without torch."""
    return importlib.import_module("benchmarks.torch_contestants").prepare(case, data, memory)


CONTESTANTS: Mapping[str, Prepare] = {
    OURS: jax_contestants.ours,
    "stock": jax_contestants.stock,
    "torch contiguous": functools.partial(_torch, memory="contiguous"),
    "torch channels last": functools.partial(_torch, memory="channels_last"),
    "flax": framework_contestants.flax,
    "equinox": framework_contestants.equinox,
}

# Values of `--rivals`, and their contestants, of which the fastest counts for each case.
RIVALS: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch contiguous", "torch channels last"),
    "stock": ("stock",),
    "flax": ("flax",),
    "equinox": ("equinox",),
}
