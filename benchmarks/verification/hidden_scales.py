"""Faults in entries that are small beside others: in another unit, row, column or place."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from benchmarks.verification import apart
from benchmarks.verification.apart import Dense, Units, Weights
from benchmarks.verification.pair import Pair
from benchmarks.verification.ways import WAYS, called, struct

__all__ = ["FAULTS", "Draw", "size", "way_and_dtype"]

Draw = Callable[[Generator, int], Pair]

_DTYPES = (jnp.float32, jnp.float32, np.float64, jnp.bfloat16, jnp.float16, jnp.complex64)


def way_and_dtype(rng: Generator, dtypes: tuple = _DTYPES) -> tuple[str, Any]:
    """A dtype, and a way to call that has it: float64 is NumPy's."""
    dtype = dtypes[rng.integers(len(dtypes))]
    return "NumPy" if dtype is np.float64 else str(rng.choice(WAYS)), jnp.dtype(dtype)


def size(rng: Generator, largest: int) -> int:
    """From 3 cells, as many of ten as of thousands."""
    return int(3 * (largest / 3) ** rng.random())


def _in_leaf(leaves: int, change: Callable[[Units], Units], split: bool = False) -> Draw:
    def draw(rng: Generator, largest: int) -> Pair:
        way, dtype = way_and_dtype(rng)
        right = apart.units(rng, dtype, leaves, size(rng, largest // leaves))
        if split:
            return apart.Split(right).pair(way, change(right))
        return right.pair(way, change(right))

    return draw


def _scaled(which: int, factor: float) -> Callable[[Units], Units]:
    """One leaf times a number."""

    def change(units: Units) -> Units:
        scales = list(units.scales)
        scales[which] = scales[which] * scales[which].dtype.type(factor)
        return dataclasses.replace(units, scales=tuple(scales))

    return change


def _reordered(which: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Units], Units]:
    """One leaf read from other places."""

    def changed(units: Units) -> Units:
        orders = list(units.orders)
        orders[which] = change(orders[which])
        return dataclasses.replace(units, orders=tuple(orders))

    return changed


def _in_small_weights(change: Callable[[Generator, np.ndarray], np.ndarray]) -> Draw:
    def draw(rng: Generator, largest: int) -> Pair:
        way, dtype = way_and_dtype(rng)
        right = apart.weights(rng, dtype, size(rng, largest))
        sizes = np.abs(right.w.astype(np.complex128))
        small = np.flatnonzero(sizes < np.sqrt(sizes.min() * sizes.max()))
        w = right.w.copy()
        w[small] = change(rng, w[small])
        return right.pair(way, Weights(w, right.order))

    return draw


def _half_lost(rng: Generator, w: np.ndarray) -> np.ndarray:
    kept = rng.permutation(len(w)) < len(w) // 2
    return np.where(kept, w, np.zeros((), w.dtype))


def _one(factor: float) -> Callable[[Generator, np.ndarray], np.ndarray]:
    def change(rng: Generator, w: np.ndarray) -> np.ndarray:
        w = w.copy()
        cell = int(rng.integers(len(w)))
        w[cell] = w[cell] * w.dtype.type(factor)
        return w

    return change


def _in_dense(kind: str, change: Callable[[Generator, np.ndarray], np.ndarray]) -> Draw:
    """Of the row, column or entry that is smallest."""

    def draw(rng: Generator, largest: int) -> Pair:
        way, dtype = way_and_dtype(rng)
        most = 5 if kind == "entries" else max(6, min(60, largest // 20))
        m, n = (int(k) for k in rng.integers(2, most + 1, 2))
        right = apart.dense(rng, dtype, kind, (m, n))
        sizes = np.abs(right.M.astype(np.complex128))
        cells = {
            "rows": np.s_[int(sizes.sum(1).argmin()), :],
            "columns": np.s_[:, int(sizes.sum(0).argmin())],
        }.get(kind, np.unravel_index(sizes.argmin(), sizes.shape))
        M = right.M.copy()
        M[cells] = change(rng, np.atleast_1d(M[cells])).reshape(M[cells].shape)
        return right.pair(way, Dense(M))

    return draw


def _times(factor: float) -> Callable[[Generator, np.ndarray], np.ndarray]:
    return lambda _, w: (w * w.dtype.type(factor)).astype(w.dtype)


def _faint(change: Callable[[Weights], Weights]) -> Draw:
    """A faint copy in another order, 10^3 to 10^6 times smaller than the image itself."""

    def draw(rng: Generator, largest: int) -> Pair:
        way, dtype = way_and_dtype(rng)
        n = size(rng, largest)
        small = 10.0 ** -rng.uniform(2, apart.orders(dtype, 6.0))
        copy = Weights(np.full(n, small).astype(dtype), np.roll(np.arange(n), n // 2 or 1))
        wrong = change(copy)
        return called(way, lambda v: v + copy.A(v), lambda u: u + wrong.At(u), struct(n, dtype))

    return draw


def _echo_lost(copy: Weights) -> Weights:
    return dataclasses.replace(copy, w=np.zeros_like(copy.w))


def _echo_negative(copy: Weights) -> Weights:
    return dataclasses.replace(copy, w=-copy.w)


FAULTS: dict[str, tuple[Draw, str]] = {
    "leaf in small units lost": (_in_leaf(2, _scaled(-1, 0)), "entries"),
    "leaf in small units halved": (_in_leaf(2, _scaled(-1, 0.5)), "entries"),
    "leaf in small units negative": (_in_leaf(2, _scaled(-1, -1)), "entries"),
    "leaf in small units times 1.1": (_in_leaf(2, _scaled(-1, 1.1)), "entries"),
    "leaf in small units not transposed": (_in_leaf(2, _reordered(-1, np.argsort)), "entries"),
    "leaf in small units rolled": (
        _in_leaf(2, _reordered(-1, lambda p: np.roll(p, 1))),
        "entries",
    ),
    "middle one of three leaves lost": (_in_leaf(3, _scaled(1, 0)), "entries"),
    "smallest of three leaves lost": (_in_leaf(3, _scaled(2, 0)), "entries"),
    "smallest of three leaves negative": (_in_leaf(3, _scaled(2, -1)), "entries"),
    "middle one of three leaves not transposed": (
        _in_leaf(3, _reordered(1, np.argsort)),
        "entries",
    ),
    "leaf of the argument in small units lost": (
        _in_leaf(2, _scaled(-1, 0), split=True),
        "entries",
    ),
    "leaf of the argument in small units times 1.1": (
        _in_leaf(2, _scaled(-1, 1.1), split=True),
        "entries",
    ),
    "smallest of three leaves of the argument lost": (
        _in_leaf(3, _scaled(2, 0), split=True),
        "entries",
    ),
    "half of the small weights lost": (_in_small_weights(_half_lost), "entries"),
    "small weights negative": (_in_small_weights(_times(-1)), "entries"),
    "small weights reversed": (_in_small_weights(lambda _, w: w[::-1]), "entries"),
    "one small weight lost": (_in_small_weights(_one(0.0)), "entries"),
    "one small weight times 1.1": (_in_small_weights(_one(1.1)), "entries"),
    "smallest row lost": (_in_dense("rows", _times(0)), "entries"),
    "smallest row negative": (_in_dense("rows", _times(-1)), "entries"),
    "smallest column lost": (_in_dense("columns", _times(0)), "entries"),
    "smallest column times 1.1": (_in_dense("columns", _times(1.1)), "entries"),
    "smallest entry of rows and columns lost": (
        _in_dense("rows and columns", _times(0)),
        "entries",
    ),
    "small entry of a small matrix lost": (_in_dense("entries", _times(0)), "entries"),
    "small entry of a small matrix negative": (_in_dense("entries", _times(-1)), "entries"),
    "faint echo lost": (_faint(_echo_lost), "entries"),
    "faint echo negative": (_faint(_echo_negative), "entries"),
    "faint echo not transposed": (
        _faint(lambda copy: dataclasses.replace(copy, order=np.roll(copy.order, 1))),
        "entries",
    ),
}
"""name -> (how to draw a wrong pair of at most so many cells, what shows that it is wrong)."""
