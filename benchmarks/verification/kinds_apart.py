"""Makers of correct pairs whose entries, or whose cells, differ in size by many orders."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from benchmarks.verification import apart
from benchmarks.verification.kinds import Kind
from benchmarks.verification.pair import Pair
from benchmarks.verification.ways import WAYS, called, struct

__all__ = ["KINDS"]

_JAX = (jnp.float32, jnp.float16, jnp.bfloat16, jnp.complex64)
_NUMPY = (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128)
_FLOATS = (jnp.float32, jnp.float16, jnp.bfloat16, jnp.float64)


def _n(rng: Generator, largest: int = 60) -> int:
    return int(rng.integers(2, largest))


def _in_units(make: Callable[..., Any], leaves: int, way: str) -> Kind:
    return lambda rng, dtype: make(rng, dtype, leaves, _n(rng)).pair(way)


def _weights(way: str, largest: int = 60) -> Kind:
    return lambda rng, dtype: apart.weights(rng, dtype, _n(rng, largest)).pair(way)


def _dense(which: str, way: str) -> Kind:
    def kind(rng: Generator, dtype: Any) -> Pair:
        most = 5 if which == "entries" else 16
        return apart.dense(rng, dtype, which, (_n(rng, most), _n(rng, most))).pair(way)

    return kind


def _near(largest: bool, way: str) -> Kind:
    """Times a number that leaves the result just within the range of the dtype."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        limits = jnp.finfo(dtype)
        size = float(limits.max) / 3 if largest else float(limits.tiny) * 8
        factor = jnp.dtype(dtype).type(size * rng.uniform(0.5, 1.0))
        domain = struct(_n(rng), dtype)
        return called(way, lambda v: factor * v[::-1], lambda u: factor * u[::-1], domain)

    return kind


def _cancelled(way: str) -> Kind:
    """(1000.1 v + v / 10) - 1000.1 v: both maps round alike, as little as they can."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        big, small = (jnp.dtype(dtype).type(x) for x in (1000.1, rng.uniform(0.1, 0.9)))

        def function(v: Any) -> Any:
            return (v * big + small * v) - v * big

        return called(way, function, function, struct(_n(rng), dtype))

    return kind


def _faint(rng: Generator, dtype: Any) -> Pair:
    """An echo 10^2 to 10^6 times smaller than the sound."""
    n = _n(rng)
    size = jnp.dtype(dtype).type(10.0 ** -rng.uniform(2, apart.orders(dtype, 6.0)))
    by = 1 + int(rng.integers(n - 1))
    return called(
        "JAX",
        lambda v: v + size * _rolled(v, by),
        lambda u: u + size * _rolled(u, -by),
        struct(n, dtype),
    )


def _rolled(x: Any, by: int) -> Any:
    return x[np.roll(np.arange(x.shape[0]), by)]


_WHICH = ("rows", "columns", "rows and columns", "entries")

KINDS: dict[str, tuple[Kind, tuple]] = {
    **{
        f"two units, {way}": (_in_units(apart.units, 2, way), _NUMPY if way == "NumPy" else _JAX)
        for way in WAYS
    },
    "three units, JAX": (_in_units(apart.units, 3, "JAX"), _JAX),
    "three units, NumPy": (_in_units(apart.units, 3, "NumPy"), _NUMPY),
    "results in two units, JAX": (_in_units(apart.split, 2, "JAX"), _JAX),
    "results in three units, NumPy": (_in_units(apart.split, 3, "NumPy"), _NUMPY),
    "weights of two sizes, JAX": (_weights("JAX"), _JAX),
    "weights of two sizes, NumPy": (_weights("NumPy"), _NUMPY),
    "weights of two sizes, thousands": (_weights("JAX", 3000), (jnp.float32, jnp.bfloat16)),
    **{f"{which} of all sizes, JAX": (_dense(which, "JAX"), _JAX) for which in _WHICH},
    **{f"{which} of all sizes, NumPy": (_dense(which, "NumPy"), _NUMPY) for which in _WHICH},
    "near the largest float, JAX": (_near(True, "JAX"), _FLOATS),
    "near the largest float, NumPy": (_near(True, "NumPy"), _NUMPY[:2]),
    "near the smallest float, JAX": (_near(False, "JAX"), _FLOATS),
    "near the smallest float, NumPy": (_near(False, "NumPy"), _NUMPY[:2]),
    "cancelled, NumPy": (_cancelled("NumPy"), _NUMPY[:2]),
    "faint echo": (_faint, _JAX),
}
"""name -> (maker, dtypes that it is made for)."""
