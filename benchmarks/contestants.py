"""Who is timed: the registry of all contestants.

A contestant is a function `prepare(case, data) -> Program` that raises `Unsupported` where it
cannot express the case. Data are float32; layouts are converted outside the clock.
"""

import functools
from collections.abc import Mapping

from benchmarks import framework_contestants, jax_contestants, torch_contestants
from benchmarks.programs import Prepare

__all__ = ["CONTESTANTS", "OURS", "RIVALS"]

OURS = "ours"

CONTESTANTS: Mapping[str, Prepare] = {
    OURS: jax_contestants.ours,
    "stock": jax_contestants.stock,
    "torch contiguous": functools.partial(torch_contestants.prepare, memory="contiguous"),
    "torch channels last": functools.partial(torch_contestants.prepare, memory="channels_last"),
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
