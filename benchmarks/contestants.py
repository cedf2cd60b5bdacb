"""Who is timed: the registry of all contestants.

A contestant is a function `prepare(case, data) -> Program` that raises `Unsupported` where it
cannot express the case. Data are float32; layouts are converted outside the clock.
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
    """Imported when it is to run: what was measured can be shown without torch."""
    return importlib.import_module("benchmarks.torch_contestants").prepare(case, data, memory)


CONTESTANTS: Mapping[str, Prepare] = {
    OURS: jax_contestants.ours,
    "stock": jax_contestants.stock,
    "torch contiguous": functools.partial(_torch, memory="contiguous"),
    "torch channels last": functools.partial(_torch, memory="channels_last"),
    "flax": framework_contestants.flax,
    "equinox": framework_contestants.equinox,
}

# What `--rivals` may name -> its contestants, of which the fastest counts, case by case.
RIVALS: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch contiguous", "torch channels last"),
    "stock": ("stock",),
    "flax": ("flax",),
    "equinox": ("equinox",),
}
