"""Operators with their adjoints, drawn at random.

Every adjoint is written by hand here, from the matrix or the definition, and never by a
transposition of JAX: the checker under test is compared with what was derived elsewhere.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["KINDS", "Case", "draw"]


@dataclasses.dataclass(frozen=True)
class Case:
    """A correct pair: `A`, `At`, its domain, and whether it is meant without conjugation."""

    name: str
    A: Callable[[Any], Any]
    At: Callable[[Any], Any]
    domain: Any
    transpose: bool = False


FLOATS = (np.float32, jnp.bfloat16, np.float16)
INTEGERS = (np.int32, np.int8, np.uint8, np.int16)
S = jax.ShapeDtypeStruct


def _matrix(random: np.random.Generator, dtype: Any, whole: bool) -> np.ndarray:
    shape = random.integers(1, 12, 2)
    if np.issubdtype(dtype, np.complexfloating):
        return _matrix(random, np.float32, whole) @ np.eye(1)
    values = random.integers(-4, 5, shape) if whole else random.standard_normal(shape)
    return values.astype(dtype)


def dense(random: np.random.Generator) -> Case:
    dtype = FLOATS[random.integers(len(FLOATS))]
    w = jnp.asarray(_matrix(random, dtype, bool(random.integers(2))))
    return Case(
        f"dense {w.dtype}{w.shape}", lambda v: w @ v, lambda u: w.T @ u, S(w.shape[1:], dtype)
    )


def integer_dense(random: np.random.Generator) -> Case:
    dtype = INTEGERS[random.integers(len(INTEGERS))]
    info = np.iinfo(dtype)
    w = jnp.asarray(random.integers(info.min, info.max, random.integers(1, 9, 2), dtype))
    return Case(
        f"dense {w.dtype}{w.shape}", lambda v: w @ v, lambda u: w.T @ u, S(w.shape[1:], dtype)
    )


def complex_dense(random: np.random.Generator) -> Case:
    shape = random.integers(1, 9, 2)
    values = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    w = jnp.asarray(values.astype(np.complex64))
    transpose = bool(random.integers(2))
    back = w.T if transpose else w.conj().T
    name = "complex transpose" if transpose else "complex adjoint"
    return Case(name, lambda v: w @ v, lambda u: back @ u, S(w.shape[1:], w.dtype), transpose)


def circulant(random: np.random.Generator) -> Case:
    n = int(random.integers(2, 40))
    kernel = random.integers(-3, 4, n) if random.integers(2) else random.standard_normal(n)
    spectrum = jnp.fft.fft(jnp.asarray(kernel.astype(np.float32)))
    return Case(
        f"circulant {n}",
        lambda v: jnp.fft.ifft(jnp.fft.fft(v) * spectrum).real,
        lambda u: jnp.fft.ifft(jnp.fft.fft(u) * spectrum.conj()).real,
        S((n,), np.float32),
    )


def real_fft(random: np.random.Generator) -> Case:
    """Real to complex: the adjoint over the reals is the real part of the inverse sum."""
    n = int(random.integers(2, 20))
    f = np.exp(-2j * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n).astype(np.complex64)
    back = jnp.asarray(f.conj().T)
    return Case(f"rfft {n}", jnp.fft.rfft, lambda u: (back @ u).real, S((n,), np.float32))


def cumsum(random: np.random.Generator) -> Case:
    shape = tuple(int(n) for n in random.integers(1, 7, 2))
    return Case(
        f"cumsum {shape}",
        lambda v: jnp.cumsum(v, axis=1),
        lambda u: jnp.cumsum(u[:, ::-1], axis=1)[:, ::-1],
        S(shape, np.float32),
    )


def roll(random: np.random.Generator) -> Case:
    shape = tuple(int(n) for n in random.integers(1, 7, 3))
    shift = int(random.integers(-3, 4))
    dtype = (*FLOATS, *INTEGERS, np.complex64)[random.integers(8)]
    return Case(
        f"roll {shape} {dtype}",
        lambda v: jnp.roll(v, shift, 1),
        lambda u: jnp.roll(u, -shift, 1),
        S(shape, dtype),
    )


def gather(random: np.random.Generator) -> Case:
    n, m = (int(k) for k in random.integers(1, 30, 2))
    index = random.integers(0, n, m)
    return Case(
        f"gather {n} {m}",
        lambda v: v[index],
        lambda u: jnp.zeros(n, u.dtype).at[index].add(u),
        S((n,), np.float32),
    )


def tree(random: np.random.Generator) -> Case:
    """A pytree to a pytree: (a, b) -> (w a + sum b, a reversed)."""
    n, m = (int(k) for k in random.integers(1, 6, 2))
    w = jnp.asarray(random.standard_normal((m, n)).astype(np.float32))

    def back(u: Any) -> Any:
        return {"a": w.T @ u["x"] + u["y"][::-1], "b": jnp.full((2, 3), u["x"].sum())}

    return Case(
        f"tree {n} {m}",
        lambda v: {"x": w @ v["a"] + v["b"].sum(), "y": v["a"][::-1]},
        back,
        {"a": S((n,), np.float32), "b": S((2, 3), np.float32)},
    )


def compiled(random: np.random.Generator) -> Case:
    case = dense(random)
    return dataclasses.replace(
        case, name="jit " + case.name, A=jax.jit(case.A), At=jax.jit(case.At)
    )


def callback(random: np.random.Generator) -> Case:
    """Opaque to JAX, but traceable."""
    w = _matrix(random, np.float32, bool(random.integers(2)))

    def opaque(matrix: np.ndarray) -> Callable[[Any], Any]:
        result = S(matrix.shape[:1], np.float32)
        return lambda x: jax.pure_callback(
            lambda x: matrix @ np.asarray(x), result, x, vmap_method="sequential"
        )

    return Case(f"callback {w.shape}", opaque(w), opaque(w.T), S(w.shape[1:], np.float32))


def numpy_only(random: np.random.Generator) -> Case:
    """Not traceable at all."""
    w = _matrix(random, np.float32, bool(random.integers(2)))

    def apply(matrix: np.ndarray) -> Callable[[Any], Any]:
        return lambda x: np.asarray([float(row @ np.asarray(x)) for row in matrix], np.float32)

    return Case(f"numpy {w.shape}", apply(w), apply(w.T), S(w.shape[1:], np.float32))


def scaled(random: np.random.Generator) -> Case:
    """Means: dyadic or not."""
    n, k = int(random.integers(1, 8)), int(random.integers(1, 6))
    return Case(
        f"means {n} {k}",
        lambda v: v.mean(axis=1),
        lambda u: jnp.broadcast_to(u[:, None] / k, (n, k)),
        S((n, k), np.float32),
    )


def scan(random: np.random.Generator) -> Case:
    """A linear recursion s <- a s + v and its adjoint, backwards."""
    n = int(random.integers(1, 12))
    a = np.float32(random.choice([0.5, 0.3, -1.0]))

    def run(v: Any, reverse: bool) -> Any:
        def step(s: Any, x: Any) -> Any:
            s = a * s + x
            return s, s

        return jax.lax.scan(step, jnp.float32(0), v, reverse=reverse)[1]

    return Case(f"scan {n}", lambda v: run(v, False), lambda u: run(u, True), S((n,), np.float32))


def zero(random: np.random.Generator) -> Case:
    n, m = (int(k) for k in random.integers(1, 6, 2))
    return Case(
        "zero",
        lambda v: jnp.zeros(m, np.float32) * v.sum(),
        lambda u: jnp.zeros(n, np.float32) * u.sum(),
        S((n,), np.float32),
    )


KINDS = (
    dense, integer_dense, complex_dense, circulant, real_fft, cumsum, roll, gather, tree, compiled,
    callback, numpy_only, scaled, scan, zero,
)  # fmt: skip


def draw(kind: Callable[[np.random.Generator], Case], seed: int) -> Case:
    """A random case of a kind."""
    return kind(np.random.default_rng(seed))
