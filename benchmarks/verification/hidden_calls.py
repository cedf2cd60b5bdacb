"""Faults of how a function is called: types, state, its argument, sizes; of imaginary parts."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from benchmarks.verification.hidden_scales import Draw, size
from benchmarks.verification.pair import Map, Pair
from benchmarks.verification.ways import WAYS, called, struct

__all__ = ["FAULTS"]


def _reverse(v: Any) -> Any:
    return v[::-1]


def _only_numpy(change: Map, dtypes: tuple = (np.float32, np.float64), side: str = "A") -> Draw:
    """A reversal under JAX, something else under NumPy, which is what the user runs."""

    def told_apart(v: Any) -> Any:
        return change(v) if isinstance(v, np.ndarray) else _reverse(v)

    def draw(rng: Generator, largest: int) -> Pair:
        domain = struct(size(rng, largest), dtypes[rng.integers(len(dtypes))])
        A, At = (told_apart, _reverse) if side == "A" else (_reverse, told_apart)
        return called("NumPy", A, At, domain)

    return draw


def _cell_lost(v: Any) -> Any:
    v = _reverse(v).copy()
    v[-1] = 0
    return v


def _fixed_point(wrong: Callable[[Any], Any], narrow: Any = np.int8) -> Draw:
    """Small integers times 2^bits, in a wider word; modulo the narrow one that is 0."""
    factor = 1 << (8 * np.dtype(narrow).itemsize)

    def draw(rng: Generator, largest: int) -> Pair:
        way = str(rng.choice(WAYS[:2]))
        domain = struct(size(rng, largest), narrow)
        return called(way, lambda v: v.astype(np.int32) * np.int32(factor), wrong, domain)

    return draw


def _overwriting(write: Callable[[np.ndarray], Any], side: str = "A") -> Draw:
    """Twice the argument, right, but the argument is changed."""

    def dirty(v: np.ndarray) -> np.ndarray:
        result = 2 * v
        write(v)
        return result

    def draw(rng: Generator, largest: int) -> Pair:
        dtype = (np.float32, np.float64, np.complex64)[rng.integers(3)]
        A, At = (dirty, _twice) if side == "A" else (_twice, dirty)
        return called("NumPy", A, At, struct(size(rng, largest), dtype))

    return draw


def _twice(v: Any) -> Any:
    return 2 * v


def _in_place(side: str) -> Draw:
    """`np.multiply(v, 2, out=v)`."""

    def doubled(v: np.ndarray) -> np.ndarray:
        return np.multiply(v, v.dtype.type(2), out=v)

    def draw(rng: Generator, largest: int) -> Pair:
        dtype = (np.float32, np.float64)[rng.integers(2)]
        A, At = (doubled, _twice) if side == "A" else (_twice, doubled)
        return called("NumPy", A, At, struct(size(rng, largest), dtype))

    return draw


def _unsteady(change: Callable[[Generator, int, np.ndarray], np.ndarray]) -> Draw:
    """Another result at another call."""

    def draw(rng: Generator, largest: int) -> Pair:
        way = str(rng.choice(("NumPy", "callback")))
        noise, calls = np.random.default_rng(int(rng.integers(2**31))), [0]

        def A(v: np.ndarray) -> np.ndarray:
            calls[0] += 1
            return change(noise, calls[0], np.array(v)).astype(v.dtype)

        dtype = np.float32 if way == "callback" else (np.float32, np.float64)[rng.integers(2)]
        return called(way, A, lambda u: u, struct(size(rng, largest), dtype))

    return draw


def _noisy(rng: Generator, _: int, v: np.ndarray) -> np.ndarray:
    return v * (1 + 1e-3 * rng.standard_normal(v.shape))


def _cell_at_random(rng: Generator, _: int, v: np.ndarray) -> np.ndarray:
    v[rng.integers(len(v))] = 0
    return v


def _every_eighth(_: Generator, call: int, v: np.ndarray) -> np.ndarray:
    return v[::-1] if call % 8 == 0 else v


def _cached(key: Callable[[np.ndarray], Any]) -> Draw:
    """The result of an earlier argument that looks the same."""

    def draw(rng: Generator, largest: int) -> Pair:
        way = str(rng.choice(("NumPy", "callback")))
        results: dict[Any, np.ndarray] = {}

        def A(v: np.ndarray) -> np.ndarray:
            return results.setdefault(key(v), 2 * np.array(v)).copy()

        return called(way, A, _twice, struct(size(rng, largest), np.float32))

    return draw


def _of_size(
    forward: Callable[[int], np.ndarray],
    backward: Callable[[int], np.ndarray],
    odd: bool = False,
    least: int = 3,
) -> Draw:
    """Gathers by index: right at some sizes, wrong at others; -1 is 0."""

    def draw(rng: Generator, largest: int) -> Pair:
        n = max(least, size(rng, largest))
        n += 1 - n % 2 if odd else 0
        way = str(rng.choice(WAYS))
        there, back = forward(n), backward(n)
        return called(way, _gathered(there), _gathered(back), struct(n, jnp.float32))

    return draw


def _gathered(index: np.ndarray) -> Map:
    kept = (index >= 0).astype(np.float32)
    return lambda v: kept * v[np.maximum(index, 0)]


def _narrow_index(dtype: Any) -> Callable[[int], np.ndarray]:
    """A reversal whose indices went through a type that is too narrow for them."""

    def index(n: int) -> np.ndarray:
        return np.arange(n)[::-1].astype(dtype).astype(np.int64) % n

    return index


def _last_block(block: int) -> Callable[[int], np.ndarray]:
    """The last block, which is not full, is lost."""
    return lambda n: np.where(np.arange(n) < n - n % block, np.arange(n), -1)


def _complex(wrong: Callable[[np.ndarray, Any], Any]) -> Draw:
    """Complex weights; `wrong(weights, u)` for the adjoint."""

    def draw(rng: Generator, largest: int) -> Pair:
        way = str(rng.choice(WAYS))
        n = size(rng, largest)
        w = (rng.integers(1, 8, n) + 1j * rng.integers(1, 8, n)).astype(np.complex64)
        return called(way, lambda v: w * v, lambda u: wrong(w, u), struct(n, np.complex64))

    return draw


def _imaginary_times(w: np.ndarray, u: Any) -> Any:
    v = w.conj() * u
    return _joined(v.real, v.imag * np.float32(1.01))


def _joined(real: Any, imaginary: Any) -> Any:
    return real.astype(np.complex64) + np.complex64(1j) * imaginary.astype(np.complex64)


def _imaginary_lost_once(w: np.ndarray, u: Any) -> Any:
    kept = (np.arange(len(w)) != len(w) // 2).astype(np.float32)
    v = w.conj() * u
    return _joined(v.real, v.imag * kept)


def _conjugate_missing_once(w: np.ndarray, u: Any) -> Any:
    last = np.arange(len(w)) == len(w) - 1
    return np.where(last, w, w.conj()) * u


def _conjugated_twice(w: np.ndarray, u: Any) -> Any:
    return w.conj() * (u.conj() if isinstance(u, np.ndarray) else jnp.conj(u))


def _imaginary_rolled(w: np.ndarray, u: Any) -> Any:
    """The imaginary part comes from the neighbour."""
    v = w.conj() * u
    xp = np if isinstance(v, np.ndarray) else jnp
    return _joined(v.real, xp.roll(v.imag, 1))


def _one_dtype_wrong(dtype: Any) -> Draw:
    """Right in every dtype but the one in use."""

    def told_apart(v: Any) -> Any:
        return v if v.dtype == dtype else _reverse(v)

    def draw(rng: Generator, largest: int) -> Pair:
        way = str(rng.choice(WAYS)) if dtype != np.float64 else "NumPy"
        return called(way, told_apart, _reverse, struct(size(rng, largest), dtype))

    return draw


def _zeros(u: Any) -> Any:
    return 0 * u


FAULTS: dict[str, tuple[Draw, str]] = {
    "NumPy is not reversed": (_only_numpy(lambda v: v), "entries"),
    "NumPy loses a cell": (_only_numpy(_cell_lost), "entries"),
    "the adjoint of NumPy is not reversed": (_only_numpy(lambda v: v, side="At"), "entries"),
    "NumPy is not conjugated": (
        _only_numpy(lambda v: _reverse(v) * v.dtype.type(1j), (np.complex64,)),
        "entries",
    ),
    "float32 is not reversed": (_one_dtype_wrong(np.float32), "entries"),
    "float64 is not reversed": (_one_dtype_wrong(np.float64), "entries"),
    "fixed point, zero": (_fixed_point(_zeros), "entries"),
    "fixed point, twice": (_fixed_point(lambda u: u * np.int32(512)), "entries"),
    "fixed point, not scaled": (_fixed_point(lambda u: u * np.int32(1 << 24)), "entries"),
    "fixed point of 16 bits, zero": (_fixed_point(_zeros, np.int16), "entries"),
    "A in place": (_in_place("A"), "argument"),
    "At in place": (_in_place("At"), "argument"),
    "A zeroes its argument": (_overwriting(lambda v: v.fill(0)), "argument"),
    "At changes a cell of its argument": (
        _overwriting(lambda v: v.__setitem__(0, v[0] + 1), "At"),
        "argument",
    ),
    "A sorts its argument": (_overwriting(lambda v: v[::-1].sort()), "argument"),
    "noise of 0.1 %": (_unsteady(_noisy), "repeated"),
    "a cell lost at random": (_unsteady(_cell_at_random), "repeated"),
    "every eighth call reversed": (_unsteady(_every_eighth), "repeated"),
    "first result cached": (_cached(lambda v: bool(v.any())), "sums"),
    "result cached by the first cell": (_cached(lambda v: float(v[0])), "sums"),
    "result cached by the sum": (_cached(lambda v: float(v.sum())), "sums"),
    "shift of an odd size": (
        _of_size(
            lambda n: np.fft.fftshift(np.arange(n)), lambda n: np.fft.fftshift(np.arange(n)), True
        ),
        "entries",
    ),
    "middle cell of an odd size lost": (
        _of_size(
            lambda n: np.arange(n)[::-1],
            lambda n: np.where(np.arange(n) == n // 2, -1, np.arange(n)[::-1]),
            True,
        ),
        "entries",
    ),
    "index of 8 bits": (
        _of_size(lambda n: np.arange(n)[::-1], _narrow_index(np.uint8), least=260),
        "entries",
    ),
    "index in float16": (
        _of_size(lambda n: np.arange(n)[::-1], _narrow_index(np.float16), least=2100),
        "entries",
    ),
    "last block of 64 lost": (_of_size(np.arange, _last_block(64), True, 65), "entries"),
    "last block of 1024 lost": (_of_size(np.arange, _last_block(1024), True, 1025), "entries"),
    "conjugate missing": (_complex(lambda w, u: w * u), "entries"),
    "conjugate missing in one cell": (_complex(_conjugate_missing_once), "entries"),
    "argument conjugated": (_complex(_conjugated_twice), "sums over the complex numbers"),
    "imaginary part times 1.01": (_complex(_imaginary_times), "sums over the complex numbers"),
    "imaginary part of one cell lost": (
        _complex(_imaginary_lost_once),
        "sums over the complex numbers",
    ),
    "imaginary parts rolled": (_complex(_imaginary_rolled), "sums over the complex numbers"),
}
"""name -> (how to draw a wrong pair of at most so many cells, what shows that it is wrong)."""
