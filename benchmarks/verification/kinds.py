"""Makers of correct pairs: a generator of random numbers and a dtype in, a pair out.

Each writes its adjoint by hand, from the formula, wherever that is short; only convolutions and
resamplings take `jax.linear_transpose`, because it is what users take. Constants are small whole
numbers except where the map has its own (a Fourier transform, weights of a resampling).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.random import Generator

from benchmarks.verification.convolutions import ConvSpec, conv_pair
from benchmarks.verification.pair import Pair

Kind = Callable[[Generator, Any], Pair]


def _pair(A: Callable, At: Callable, domain: Any) -> Pair:
    return Pair("", A, At, domain, jax.eval_shape(A, domain))


def _struct(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _shape(rng: Generator, most: int = 40, rank: int | None = None) -> tuple[int, ...]:
    """A shape of one to three axes."""
    rank = int(rng.integers(1, 4)) if rank is None else rank
    return tuple(int(n) for n in rng.integers(1, max(3, int(most ** (2 / (1 + rank)))), rank))


def _values(rng: Generator, shape: tuple[int, ...], dtype: Any, largest: int = 3) -> np.ndarray:
    """Whole numbers, some of them 0; complex ones for complex dtypes."""
    values = rng.integers(-largest, largest + 1, shape)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        values = values + 1j * rng.integers(-largest, largest + 1, shape)
    return values.astype(dtype)


def _scattered(u: Array, index: np.ndarray, n: int) -> Array:
    """Added up into n cells."""
    return jnp.zeros(n, u.dtype).at[index].add(u)


def dense(rng: Generator, dtype: Any) -> Pair:
    """A matrix of whole numbers."""
    m, n = (int(size) for size in rng.integers(1, 24, 2))
    M = _values(rng, (m, n), dtype)
    return _pair(
        lambda v: jnp.matmul(M, v, precision="highest"),
        lambda u: jnp.matmul(M.conj().T, u, precision="highest"),
        _struct((n,), dtype),
    )


def dense_floats(rng: Generator, dtype: Any) -> Pair:
    """With entries that are no whole numbers."""
    m, n = (int(size) for size in rng.integers(1, 24, 2))
    M = rng.standard_normal((m, n)).astype(dtype)
    return _pair(
        lambda v: jnp.matmul(M, v, precision="highest"),
        lambda u: jnp.matmul(M.T, u, precision="highest"),
        _struct((n,), dtype),
    )


def convolution(mode: str) -> Kind:
    """A random geometry in one to three dimensions."""

    def kind(rng: Generator, dtype: Any) -> Pair:
        rank = int(rng.integers(1, 4 if mode == "zeros" else 3))
        groups = int(rng.integers(1, 3))
        kernel = tuple(int(k) for k in rng.integers(1, 4, rank))
        dilation = tuple(int(d) for d in rng.integers(1, 3, rank))
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        low_high = rng.integers(-1 if mode == "zeros" else 0, 3, (rank, 2))
        padding = tuple((int(low), int(high)) for low, high in low_high)
        size = tuple(r + 2 + int(rng.integers(0, 12 // rank)) for r in reach)
        in_channels, out_channels = (int(c) for c in rng.integers(1, 3, 2))
        w = _values(rng, (*kernel, in_channels, groups * out_channels), dtype)
        stride = tuple(int(s) for s in rng.integers(1, 4, rank))
        shape = (int(rng.integers(1, 3)), *size, groups * in_channels)
        return conv_pair(ConvSpec(shape, w, stride, padding, dilation, groups, mode))

    return kind


def circulant(rng: Generator, dtype: Any) -> Pair:
    """Circular convolution by the Fourier transform; the adjoint conjugates the spectrum."""
    n = int(rng.integers(2, 64))
    spectrum = np.fft.fft(_values(rng, (n,), dtype)).astype(dtype)
    return _pair(
        lambda v: jnp.fft.ifft(spectrum * jnp.fft.fft(v)),
        lambda u: jnp.fft.ifft(spectrum.conj() * jnp.fft.fft(u)),
        _struct((n,), dtype),
    )


def fourier(rng: Generator, dtype: Any) -> Pair:
    """The unnormalised transform over all axes; n times the inverse one is its adjoint."""
    shape = _shape(rng)
    cells = int(np.prod(shape))
    return _pair(
        jnp.fft.fftn,
        lambda u: jnp.fft.ifftn(u) * jnp.asarray(cells, u.dtype),
        _struct(shape, dtype),
    )


def cumsum(rng: Generator, dtype: Any) -> Pair:
    """Cumulated sums; back from the other end."""
    shape = _shape(rng)
    axis = int(rng.integers(len(shape)))
    return _pair(
        lambda v: lax.cumsum(v, axis),
        lambda u: lax.cumsum(u, axis, reverse=True),
        _struct(shape, dtype),
    )


def difference(rng: Generator, dtype: Any) -> Pair:
    """Differences of neighbours."""
    n = int(rng.integers(2, 64))

    def backward(u: Array) -> Array:
        padded = jnp.pad(u, 1)
        return padded[:-1] - padded[1:]

    return _pair(lambda v: v[1:] - v[:-1], backward, _struct((n,), dtype))


def gather(rng: Generator, dtype: Any) -> Pair:
    """Some cells, several times or never; added back to where they came from."""
    n, m = (int(size) for size in rng.integers(1, 60, 2))
    index = rng.integers(0, n, m)
    return _pair(lambda v: v[index], lambda u: _scattered(u, index, n), _struct((n,), dtype))


def scatter(rng: Generator, dtype: Any) -> Pair:
    """Cells added up in places; read from there."""
    n, m = (int(size) for size in rng.integers(1, 60, 2))
    index = rng.integers(0, m, n)
    return _pair(lambda v: _scattered(v, index, m), lambda u: u[index], _struct((n,), dtype))


def mask(rng: Generator, dtype: Any) -> Pair:
    """Some cells zeroed: its own adjoint."""
    shape = _shape(rng)
    kept = rng.random(shape) < 0.6
    zero = jnp.zeros((), dtype)
    return _pair(
        lambda v: jnp.where(kept, v, zero),
        lambda u: jnp.where(kept, u, zero),
        _struct(shape, dtype),
    )


def diagonal(rng: Generator, dtype: Any) -> Pair:
    """A weight per cell; the adjoint has the conjugate ones."""
    shape = _shape(rng)
    weights = _values(rng, shape, dtype)
    return _pair(lambda v: weights * v, lambda u: weights.conj() * u, _struct(shape, dtype))


def pad_crop(rng: Generator, dtype: Any) -> Pair:
    """lax.pad with gaps and negative edges; back by a strided slice of the reverse padding."""
    n = int(rng.integers(1, 50))
    low, high = (int(edge) for edge in rng.integers(0, 5, 2))
    gap = int(rng.integers(0, 3))
    zero = jnp.zeros((), dtype)
    return _pair(
        lambda v: lax.pad(v, zero, [(low, high, gap)]),
        lambda u: u[low : low + (n - 1) * (gap + 1) + 1 : gap + 1],
        _struct((n,), dtype),
    )


def roll_flip(rng: Generator, dtype: Any) -> Pair:
    """Rolled, then reversed."""
    shape = _shape(rng)
    axis, by = int(rng.integers(len(shape))), int(rng.integers(-5, 6))
    return _pair(
        lambda v: jnp.flip(jnp.roll(v, by, axis), axis),
        lambda u: jnp.roll(jnp.flip(u, axis), -by, axis),
        _struct(shape, dtype),
    )


def transposed_axes(rng: Generator, dtype: Any) -> Pair:
    """Axes in another order, flattened."""
    shape = _shape(rng, rank=3)
    order = tuple(int(axis) for axis in rng.permutation(3))
    back = tuple(int(axis) for axis in np.argsort(order))
    return _pair(
        lambda v: v.transpose(order).reshape(-1),
        lambda u: u.reshape([shape[axis] for axis in order]).transpose(back),
        _struct(shape, dtype),
    )


def sum_broadcast(rng: Generator, dtype: Any) -> Pair:
    """The sum over an axis; copies along it."""
    shape = _shape(rng, rank=2)
    return _pair(
        lambda v: jnp.sum(v, 1, dtype=dtype),
        lambda u: jnp.broadcast_to(u[:, None], shape),
        _struct(shape, dtype),
    )


def repeat_pool(rng: Generator, dtype: Any) -> Pair:
    """Each cell repeated; sums of as many."""
    n, times = int(rng.integers(1, 40)), int(rng.integers(1, 5))
    return _pair(
        lambda v: jnp.repeat(v, times),
        lambda u: jnp.sum(u.reshape(n, times), 1, dtype=dtype),
        _struct((n,), dtype),
    )


def average(rng: Generator, dtype: Any) -> Pair:
    """Means of equal parts: weights 1/k, exact for k a power of two only."""
    n, k = int(rng.integers(1, 20)), int(rng.integers(1, 6))
    weight = jnp.asarray(1 / k, dtype)
    return _pair(
        lambda v: weight * jnp.sum(v.reshape(n, k), 1, dtype=dtype),
        lambda u: weight * jnp.repeat(u, k),
        _struct((n * k,), dtype),
    )


def resampling(rng: Generator, dtype: Any) -> Pair:
    """Linear interpolation at other points."""
    n, m = (int(size) for size in rng.integers(2, 24, 2))
    domain = _struct((n,), dtype)

    def forward(v: Array) -> Array:
        return jax.image.resize(v, (m,), "linear", antialias=False, precision="highest")

    backward = jax.linear_transpose(forward, domain)
    return _pair(forward, lambda u: backward(u)[0], domain)


def recurrence(rng: Generator, dtype: Any) -> Pair:
    """y[t] = a y[t-1] + v[t], by lax.scan, and the same backwards in time."""
    n = int(rng.integers(1, 10))
    a = jnp.asarray(int(rng.choice((-1, 1))), dtype)

    def run(x: Array, reverse: bool) -> Array:
        def step(state: Array, now: Array) -> tuple[Array, Array]:
            state = a * state + now
            return state, state

        return lax.scan(step, jnp.zeros((), dtype), x, reverse=reverse)[1]

    return _pair(lambda v: run(v, False), lambda u: run(u, True), _struct((n,), dtype))


def leaves_in(rng: Generator, dtype: Any) -> Pair:
    """A dictionary and a tuple of arrays -> one array."""
    n, m = (int(size) for size in rng.integers(1, 12, 2))
    M, N = _values(rng, (m, n), dtype), _values(rng, (m, 2, 3), dtype)
    domain = {"a": _struct((n,), dtype), "b": (_struct((2, 3), dtype), _struct((m,), dtype))}

    def forward(v: Any) -> Array:
        second, third = v["b"]
        mixed = jnp.einsum("mij,ij->m", N, second, precision="highest")
        return jnp.matmul(M, v["a"], precision="highest") + mixed - third

    def backward(u: Array) -> Any:
        second = jnp.einsum("mij,m->ij", N.conj(), u, precision="highest")
        return {"a": jnp.matmul(M.conj().T, u, precision="highest"), "b": (second, -u)}

    return _pair(forward, backward, domain)


def leaves_out(rng: Generator, dtype: Any) -> Pair:
    """One array -> several."""
    shape = _shape(rng, rank=2)
    weights = _values(rng, shape, dtype)

    def forward(v: Array) -> Any:
        return {"rows": jnp.sum(v, 1, dtype=dtype), "weighted": weights * v, "same": (v, -v)}

    def backward(u: Any) -> Array:
        same, negative = u["same"]
        return (
            u["rows"][:, None] * jnp.ones(shape, dtype)
            + weights.conj() * u["weighted"]
            + (same - negative)
        )

    return _pair(forward, backward, _struct(shape, dtype))


def composed(rng: Generator, dtype: Any) -> Pair:
    """Gather after a cumulated sum after a mask."""
    first = mask(rng, dtype)
    n = int(np.prod(first.domain.shape))
    index = rng.integers(0, n, int(rng.integers(1, 40)))
    shape = first.domain.shape

    def backward(u: Array) -> Array:
        summed = lax.cumsum(_scattered(u, index, n), reverse=True)
        return first.At(summed.reshape(shape))

    return _pair(lambda v: lax.cumsum(first.A(v).ravel())[index], backward, _struct(shape, dtype))


def large(rng: Generator, dtype: Any) -> Pair:
    """A convolution of 10^4 to 10^5 cells."""
    n = int(10 ** rng.uniform(2, 2.5))
    w = _values(rng, (3, 3, 1, 1), dtype)
    return conv_pair(ConvSpec((1, n, n, 1), w, (2, 1), ((1, 1), (0, 2)), (1, 1)))


def zero(rng: Generator, dtype: Any) -> Pair:
    """The zero map."""
    shape, other = _shape(rng), _shape(rng)
    return _pair(
        lambda v: jnp.zeros(other, dtype) * jnp.sum(v, dtype=dtype),
        lambda u: jnp.zeros(shape, dtype) * jnp.sum(u, dtype=dtype),
        _struct(shape, dtype),
    )
