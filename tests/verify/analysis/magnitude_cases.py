"""Linear maps in JAX, and their magnitudes from explicit matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.analysis.support import magnitude

N = 6
RANDOM = np.random.default_rng(5)


def eighths(shape) -> np.ndarray:
    """Constants that every precision holds."""
    return (RANDOM.integers(-60, 60, shape) / 8 + 1 / 16).astype(np.float32)


C, MATRIX, KERNEL = eighths(N), eighths((5, N)), eighths((2, 2, 3))
MASK = np.array([True, False, True, True, False, True])
PLACES = np.array([2, 0, 2, 5], np.int32)


def like(constant: np.ndarray, v: Any) -> jax.Array:
    """A constant in the precision of the input."""
    return jnp.asarray(constant).astype(v.dtype)


def conv(v):
    x = v.reshape(1, 3, 2)
    dimension_numbers = ("NWC", "WIO", "NWC")
    return lax.conv_general_dilated(
        x, like(KERNEL, v), (2,), ((1, 2),), rhs_dilation=(2,), dimension_numbers=dimension_numbers
    )


def circulant(v):
    n = v.shape[0]
    return jnp.fft.irfft(jnp.fft.rfft(v) * jnp.fft.rfft(like(C[:n], v)), n=n)


def table_scan(v):
    """Coefficients from a table, read by a counter."""
    table = like(C, v)
    return lax.fori_loop(0, N, lambda i, c: c * table[i] + v[i], jnp.zeros((), v.dtype))


def switched(v):
    def step(i, c):
        return lax.cond(i % 2 == 0, lambda c: c * 3, lambda c: c[::-1] + v, c)

    return lax.fori_loop(0, 3, step, v)


TIGHT: dict[str, Callable[[Any], Any]] = {
    "dot": lambda v: like(MATRIX, v) @ v,
    "conv": conv,
    "mul": lambda v: v * like(C, v),
    "div": lambda v: v / like(C, v),
    "cumsum": jnp.cumsum,
    "sum": jnp.sum,
    "difference": lambda v: v[1:] - 2 * v[:-1],
    "gather": lambda v: -v[PLACES],
    "scatter-add": lambda v: jnp.zeros((N,), v.dtype).at[PLACES].add(-v[:4]),
    "scatter": lambda v: v.at[2].set(v[0]),
    "where": lambda v: jnp.where(MASK, v, 2 * v[::-1]),
    "pad": lambda v: jnp.pad(v, 2, mode="reflect").reshape(2, 5).T,
    "window": lambda v: lax.reduce_window(v, np.zeros((), v.dtype), lax.add, (3,), (2,), "SAME"),
    "update": lambda v: lax.dynamic_update_slice(v, -v[:2], (jnp.int32(3),)),
    "slice": lambda v: lax.dynamic_slice(v, (jnp.int32(3),), (2,)),
    "scan": lambda v: lax.scan(lambda c, x: (c + x, c - x), jnp.zeros((), v.dtype), v),
    "scan of a table": table_scan,
    "concatenate": lambda v: jnp.concatenate([v, -v, 0 * v]),
}
"""One step from input to output, or the same sign on every way: |A| |v| itself."""

LOOSE: dict[str, Callable[[Any], Any]] = {
    "cancels": lambda v: (v + v[::-1]) - v,
    "two products": lambda v: like(MATRIX, v).T @ (like(MATRIX, v) @ v),
    "circulant": circulant,
    "fft of 5": lambda v: jnp.fft.ifft(jnp.fft.fft(v[:5])).real,
    "branches": switched,
    "jit and remat": jax.jit(jax.checkpoint(lambda v: conv(v)[0] - jnp.mean(v))),
    "resize": lambda v: jax.image.resize(v, (9,), "cubic"),
    "half": lambda v: v.astype(jnp.bfloat16).astype(v.dtype) * 3,
    "mean removed": lambda v: v - jnp.mean(v),
    "computed constants": lambda v: v * jnp.sin(jnp.arange(N, dtype=v.dtype) + 1),
}
each_tight = pytest.mark.parametrize("fun", TIGHT.values(), ids=TIGHT)
each_loose = pytest.mark.parametrize("fun", LOOSE.values(), ids=LOOSE)
each = pytest.mark.parametrize("fun", (TIGHT | LOOSE).values(), ids=TIGHT | LOOSE)


def domain(dtype=np.float32, n: int = N) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((n,), dtype)


def flat(tree) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def magnitudes(fun, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|A| |v| as derived, and from the explicit matrix in double precision."""
    derived = flat(magnitude(fun, domain()).apply(jnp.abs(v)))
    with jax.enable_x64(True):
        columns = jax.jit(jax.vmap(fun, out_axes=-1))(np.eye(N))
        matrix = np.concatenate([np.reshape(x, (-1, N)) for x in jax.tree.leaves(columns)])
    return derived, np.abs(matrix) @ np.abs(v.astype(np.float64))
