"""Makers of correct pairs by how they are called: NumPy, callbacks, methods, several dtypes."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.random import Generator

from benchmarks.verification.kinds import Kind
from benchmarks.verification.pair import Map, Pair, compiled
from benchmarks.verification.ways import called, struct

__all__ = ["KINDS", "TOLERANCES", "masked_mri"]

_NUMPY = (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128)
_JAX = (jnp.float32, jnp.complex64)
_HALF = (jnp.float16, jnp.bfloat16)


def _numbers(rng: Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = rng.standard_normal(shape)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def _whole(rng: Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return rng.integers(-3, 4, shape).astype(dtype)


def _dense(way: str) -> Kind:
    def kind(rng: Generator, dtype: Any) -> Pair:
        M = _numbers(rng, tuple(rng.integers(1, 24, 2)), dtype)
        return called(way, lambda v: M @ v, lambda u: M.conj().T @ u, struct(M.shape[1], dtype))

    return kind


def _gather(way: str) -> Kind:
    def kind(rng: Generator, dtype: Any) -> Pair:
        n, m = (int(k) for k in rng.integers(1, 60, 2))
        index = rng.integers(0, n, m)

        def back(u: np.ndarray) -> np.ndarray:
            v = np.zeros(n, dtype)
            np.add.at(v, index, u)
            return v

        return called(way, lambda v: v[index], back, struct(n, dtype))

    return kind


def _cumsum(rng: Generator, dtype: Any) -> Pair:
    domain = struct(int(rng.integers(1, 300)), dtype)
    return called("NumPy", np.cumsum, lambda u: np.cumsum(u[::-1])[::-1], domain)


def _reversed(rng: Generator, dtype: Any) -> Pair:
    """What JAX could trace too, in a dtype that it may not have."""
    domain = struct(int(rng.integers(1, 300)), dtype)
    return called("NumPy", lambda v: v[::-1], lambda u: u[::-1], domain)


def _one_dtype(rng: Generator, dtype: Any) -> Pair:
    """Refuses every other dtype, and everything but NumPy arrays."""

    def strict(v: Any) -> Any:
        if not isinstance(v, np.ndarray) or v.dtype != dtype:
            raise TypeError("another type of array")
        return 3 * v[::-1]

    return called("NumPy", strict, strict, struct(int(rng.integers(1, 60)), dtype))


def _scratch(rng: Generator, dtype: Any) -> Pair:
    """Writes into an array of its own, and gives copies of it."""
    n = int(rng.integers(1, 60))
    scratch = np.zeros(n, dtype)

    def doubled(v: np.ndarray) -> np.ndarray:
        np.multiply(v, 2, out=scratch)
        return scratch.copy()

    return called("NumPy", doubled, lambda u: 2 * u, struct(n, dtype))


def _fourier(rng: Generator, dtype: Any) -> Pair:
    domain = struct(int(rng.integers(2, 200)), dtype)
    return called(
        "NumPy",
        lambda v: np.fft.fft(v, norm="ortho").astype(dtype),
        lambda u: np.fft.ifft(u, norm="ortho").astype(dtype),
        domain,
    )


def _circulant(way: str, least: int, most: int) -> Kind:
    """Of real cells, by a transform of theirs; complex constants whatever the dtype."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        n = 2 * int(rng.integers(least // 2, most // 2))
        xp = np if way == "NumPy" else jnp
        spectrum = np.fft.rfft(rng.standard_normal(n)).astype(np.result_type(dtype, np.complex64))

        def by(S: np.ndarray) -> Any:
            return lambda v: xp.fft.irfft(S * xp.fft.rfft(v), n).astype(dtype)

        A, At, domain = by(spectrum), by(spectrum.conj()), struct(n, dtype)
        return Pair("", A, At, domain, domain, numpy=way == "NumPy")

    return kind


def masked_mri(mask: np.ndarray, real: bool = False) -> tuple[Map, Map]:
    """The sampled Fourier transform of an image, and back; of a real image, the real part."""
    kept = jnp.asarray(mask, jnp.float32)

    def forward(v: Array) -> Array:
        return kept * jnp.fft.fft2(v.astype(jnp.complex64), norm="ortho")

    def backward(u: Array) -> Array:
        image = jnp.fft.ifft2(kept * u, norm="ortho")
        return image.real if real else image

    return forward, backward


def _mri(rng: Generator, dtype: Any) -> Pair:
    """A sampled Fourier transform in two dimensions; of a real image, the real part back."""
    shape = tuple(int(n) for n in rng.integers(3, 24, 2))
    A, At = masked_mri(rng.random(shape) < 0.4, real=jnp.issubdtype(dtype, jnp.floating))
    return Pair("", A, At, struct(shape, dtype), struct(shape, np.complex64))


def _solve(way: str, condition: float) -> Kind:
    def kind(rng: Generator, dtype: Any) -> Pair:
        n, xp = int(rng.integers(2, 21)), np if way == "NumPy" else jnp
        left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
        K = (left @ np.diag(np.geomspace(1, 1 / condition, n)) @ right).astype(dtype)
        A, At = (lambda v: xp.linalg.solve(K, v)), (lambda u: xp.linalg.solve(K.T, u))
        return Pair("", A, At, struct(n, dtype), struct(n, dtype), numpy=way == "NumPy")

    return kind


def _fixed_point(way: str) -> Kind:
    """Small integers to larger words, times 2^8, which is 0 modulo 2^8."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        factor = np.int32(256 * int(rng.integers(1, 100)))

        def scaled(v: Any) -> Any:
            return v.astype(np.int32) * factor

        return called(way, scaled, scaled, struct(int(rng.integers(1, 60)), dtype))

    return kind


def _narrower(rng: Generator, dtype: Any) -> Pair:
    """Float32 to half precision, by whole numbers."""
    n, m = int(rng.integers(1, 300)), int(rng.integers(1, 24))
    W = _whole(rng, (m, n), np.float32)
    return Pair(
        "",
        lambda v: jnp.matmul(W, v, precision="highest").astype(dtype),
        lambda u: jnp.matmul(W.T, u.astype(jnp.float32), precision="highest"),
        struct(n, np.float32),
        struct(m, dtype),
    )


def _widened_inside(rng: Generator, dtype: Any) -> Pair:
    """Half precision, summed in float32."""
    n, m = int(rng.integers(1, 100)), int(rng.integers(1, 24))
    W = _whole(rng, (m, n), np.float32)

    def by(M: np.ndarray) -> Any:
        return lambda v: jnp.matmul(M, v.astype(jnp.float32), precision="highest").astype(dtype)

    return Pair("", by(W), by(W.T), struct(n, dtype), struct(m, dtype))


def _half_dense(rng: Generator, dtype: Any) -> Pair:
    n = int(rng.integers(100, 301))
    W = _numbers(rng, (n, n), dtype)
    return Pair("", lambda v: W @ v, lambda u: W.T @ u, struct(n, dtype), struct(n, dtype))


def _long_sum(rng: Generator, dtype: Any) -> Pair:
    n = int(rng.integers(500, 3000))
    return Pair(
        "",
        lambda v: jnp.sum(v, 1, dtype=dtype),
        lambda u: jnp.broadcast_to(u[:, None], (2, n)),
        struct((2, n), dtype),
        struct(2, dtype),
    )


def _decay(rng: Generator, dtype: Any) -> Pair:
    """A recurrence that forgets."""
    n, a = int(rng.integers(2, 1000)), jnp.asarray(rng.uniform(0.3, 0.95), dtype)

    def run(x: Array, reverse: bool) -> Array:
        def step(state: Array, now: Array) -> tuple[Array, Array]:
            state = a * state + now
            return state, state

        return lax.scan(step, jnp.zeros((), dtype), x, reverse=reverse)[1]

    space = struct(n, dtype)
    return Pair("", lambda v: run(v, False), lambda u: run(u, True), space, space)


def _loop(rng: Generator, dtype: Any) -> Pair:
    """Four steps of diffusion, to and fro."""
    space = struct(int(rng.integers(3, 60)), dtype)

    def step(_: int, v: Array) -> Array:
        return v + (jnp.roll(v, 1) + jnp.roll(v, -1) - 2 * v) / 4

    def run(v: Array) -> Array:
        return lax.fori_loop(0, 4, step, v)

    return Pair("", run, run, space, space)


@dataclasses.dataclass(eq=True)  # so that it cannot be hashed
class _Method:
    """A matrix, as an object."""

    M: np.ndarray

    def A(self, v: Any) -> Any:
        """M v."""
        return jnp.matmul(self.M, v, precision="highest")

    def At(self, u: Any) -> Any:
        """M^H u."""
        return jnp.matmul(self.M.conj().T, u, precision="highest")


def _method(rng: Generator, dtype: Any) -> Pair:
    m, n = (int(k) for k in rng.integers(1, 24, 2))
    op = _Method(_whole(rng, (m, n), dtype))
    return Pair("", op.A, op.At, struct(n, dtype), struct(m, dtype))


def _compiled(rng: Generator, dtype: Any) -> Pair:
    op = _Method(_whole(rng, tuple(int(k) for k in rng.integers(1, 24, 2)), dtype))
    m, n = op.M.shape
    A, At = compiled(op.A), compiled(op.At)
    return Pair("", A, At, struct(n, dtype), struct(m, dtype))


def _vmapped(rng: Generator, dtype: Any) -> Pair:
    op = _Method(_whole(rng, tuple(int(k) for k in rng.integers(1, 12, 2)), dtype))
    m, n = op.M.shape
    A, At = jax.vmap(compiled(op.A)), jax.vmap(compiled(op.At))
    return Pair("", A, At, struct((3, n), dtype), struct((3, m), dtype))


def _line(row: bool) -> Kind:
    """One row, or one column, of up to thousands of cells."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        n = int(rng.integers(2, 3000))
        w = _numbers(rng, (n,), dtype)
        one, many = struct(1, dtype), struct(n, dtype)

        def total(v: Array) -> Array:
            return jnp.sum(w.conj() * v, keepdims=True)

        def spread(u: Array) -> Array:
            return w * u

        return Pair("", total, spread, many, one) if row else Pair("", spread, total, one, many)

    return kind


def _to_complex(rng: Generator, dtype: Any) -> Pair:
    """Real cells times complex weights; back by the real part."""
    n = int(rng.integers(1, 60))
    w = _whole(rng, (n,), np.result_type(dtype, np.complex64))
    w = w + 1j * _whole(rng, (n,), w.dtype).astype(w.dtype)
    return called(
        "JAX", lambda v: w * v.astype(w.dtype), lambda u: (w.conj() * u).real, struct(n, dtype)
    )


KINDS: dict[str, tuple[Kind, tuple]] = {
    "dense, NumPy": (_dense("NumPy"), _NUMPY),
    "dense, callback": (_dense("callback"), _JAX),
    "gather, NumPy": (_gather("NumPy"), _NUMPY),
    "gather, callback": (_gather("callback"), _JAX),
    "cumulated sum, NumPy": (_cumsum, (*_NUMPY, jnp.int32)),
    "reversed, NumPy": (_reversed, (*_NUMPY, jnp.int16)),
    "one dtype alone, NumPy": (_one_dtype, _NUMPY),
    "scratch array, NumPy": (_scratch, _NUMPY),
    "Fourier transform, NumPy": (_fourier, _NUMPY[2:]),
    "real circulant, NumPy": (_circulant("NumPy", 4, 300), _NUMPY[:2]),
    "real circulant, thousands": (_circulant("JAX", 2048, 4097), (jnp.float32,)),
    "masked MRI": (_mri, _JAX),
    "solve, NumPy": (_solve("NumPy", 1e4), (jnp.float64,)),
    "solve, JAX": (_solve("JAX", 1e2), (jnp.float32, jnp.float64)),
    "fixed point, JAX": (_fixed_point("JAX"), (jnp.int8, jnp.int16)),
    "fixed point, NumPy": (_fixed_point("NumPy"), (jnp.int8, jnp.int16)),
    "float32 to half precision": (_narrower, _HALF),
    "half precision summed in float32": (_widened_inside, _HALF),
    "dense in half precision": (_half_dense, _HALF),
    "sum of thousands": (_long_sum, (*_HALF, jnp.float32)),
    "recurrence that forgets": (_decay, (jnp.float32, jnp.float64)),
    "loop": (_loop, (jnp.float32, jnp.float64)),
    "method": (_method, _JAX),
    "compiled": (_compiled, _JAX),
    "vmapped": (_vmapped, (*_JAX, *_HALF)),
    "one row": (_line(True), _JAX),
    "one column": (_line(False), _JAX),
    "real to complex": (_to_complex, (jnp.float32, jnp.float64)),
}
"""name -> (maker, dtypes that it is made for)."""

TOLERANCES = {
    "dense, callback": 1e-6,
    "Fourier transform, NumPy": 1e-6,
    "real circulant, NumPy": 1e-5,
    "real circulant, thousands": 1e-4,
    "masked MRI": 1e-6,
    "solve": 1e-3,
    "recurrence that forgets": 1e-6,
    "loop": 1e-6,
    "cancelled, NumPy": 1e-6,
}
"""name (or its beginning) -> rounding of an entry, relative to the largest one."""
