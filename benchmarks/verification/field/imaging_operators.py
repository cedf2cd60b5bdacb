"""Imaging and solvers as people write them in JAX: MRI, NUFFT, deconvolution, Poisson."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.verification.field.jax_operators import derived
from benchmarks.verification.field.operator import Operator
from benchmarks.verification.kinds_called import masked_mri
from benchmarks.verification.pair import Map

__all__ = ["operators", "sampled"]


def operators() -> Iterator[Operator]:
    """Single precision, complex and real."""
    for maker in (_mri, _circular, _spectral, _others):
        yield from maker()


def _operator(name: str, A: Map, At: Map, *shape: int, dtype: str, **options: Any) -> Operator:
    domain = jax.ShapeDtypeStruct(shape, dtype)
    return Operator(f"{name} {dtype}", "imaging", A, At, domain, **options)


def sampled(*shape: int) -> np.ndarray:
    """A mask of about a third of k-space."""
    return np.random.default_rng(int(np.prod(shape))).random(shape) < 0.35


def _sensitivities(coils: int, n: int) -> Array:
    y, x = np.mgrid[0:n, 0:n] / n
    turns = 2 * np.pi * np.arange(coils)[:, None, None] / coils
    size = np.exp(-((y - 0.5 - np.cos(turns) / 2) ** 2) - (x - 0.5 - np.sin(turns) / 2) ** 2)
    return jnp.asarray(size * np.exp(1j * (turns + 3 * x * y)), jnp.complex64)


def _mri() -> Iterator[Operator]:
    for n in (32, 64, 128):
        for dtype in ("complex64", "float32"):
            A, At = masked_mri(sampled(n, n), dtype == "float32")
            yield _operator(f"MRI {n} x {n}", A, At, n, n, dtype=dtype)
    for n, coils in ((32, 4), (128, 8)):
        maps, kept = _sensitivities(coils, n), jnp.asarray(sampled(n, n), jnp.float32)
        yield _operator(
            f"SENSE {n} x {n}, {coils} coils",
            lambda v, maps=maps, kept=kept: kept * jnp.fft.fft2(maps * v, norm="ortho"),
            lambda u, maps=maps, kept=kept: (
                maps.conj() * jnp.fft.ifft2(kept * u, norm="ortho")
            ).sum(0),
            n,
            n,
            dtype="complex64",
        )
    yield _nufft(48, 90)


def _nufft(n: int, points: int) -> Operator:
    """To points off the grid, by twice as fine a grid and a Gaussian of 8 cells."""
    where = np.random.default_rng(5).uniform(0, 2 * n, points)
    near = np.floor(where).astype(int)[:, None] + np.arange(-3, 5)
    weights = jnp.asarray(np.exp(-((near - where[:, None]) ** 2) / 4), jnp.float32)
    index = jnp.asarray(near % (2 * n))
    scale = jnp.asarray(
        1 / np.exp(-((np.arange(n) - n // 2) ** 2) * (np.pi / n / 2) ** 2), jnp.float32
    )

    def forward(v: Array) -> Array:
        return (weights * jnp.fft.fft(scale * v, 2 * n)[index]).sum(1)

    def backward(u: Array) -> Array:
        grid = jnp.zeros(2 * n, u.dtype).at[index].add(weights * u[:, None])
        return scale * (jnp.fft.ifft(grid) * (2 * n))[:n]

    return _operator("NUFFT by gridding", forward, backward, n, dtype="complex64")


def _circular() -> Iterator[Operator]:
    rng = np.random.default_rng(6)
    for n in (256, 2048):
        h = np.exp(-np.arange(n) / 9) * rng.standard_normal(n)
        S = jnp.asarray(np.fft.fft(h), jnp.complex64)
        yield _operator(
            f"circular convolution {n}",
            lambda v, S=S: jnp.fft.ifft(S * jnp.fft.fft(v)),
            lambda u, S=S: jnp.fft.ifft(S.conj() * jnp.fft.fft(u)),
            n,
            dtype="complex64",
        )
        half = S[: n // 2 + 1]
        yield _operator(
            f"circular convolution by rfft {n}",
            lambda v, S=half, n=n: jnp.fft.irfft(S * jnp.fft.rfft(v), n),
            lambda u, S=half, n=n: jnp.fft.irfft(S.conj() * jnp.fft.rfft(u), n),
            n,
            dtype="float32",
        )
    h = np.exp(-np.add.outer(np.arange(64.0), 2.0 * np.arange(64)) / 5)
    G = jnp.asarray(np.fft.rfft2(h), jnp.complex64)
    wiener = G.conj() / (abs(G) ** 2 + 0.1)
    for name, F in (("blur", G), ("Wiener filter", wiener)):
        yield _operator(
            f"{name} 64 x 64",
            lambda v, F=F: jnp.fft.irfft2(F * jnp.fft.rfft2(v), (64, 64)),
            lambda u, F=F: jnp.fft.irfft2(F.conj() * jnp.fft.rfft2(u), (64, 64)),
            64,
            64,
            dtype="float32",
        )


def _spectral() -> Iterator[Operator]:
    n = 48
    k = 2 - 2 * np.cos(2 * np.pi * np.arange(n) / n)
    inverse = jnp.asarray(
        1 / np.where(np.add.outer(k, k) == 0, np.inf, np.add.outer(k, k)), jnp.float32
    )
    half = inverse[:, : n // 2 + 1]

    def poisson(v: Array) -> Array:
        return jnp.fft.irfft2(half * jnp.fft.rfft2(v), (n, n))

    yield _operator("Poisson by FFT", poisson, poisson, n, n, dtype="float32")
    c = 2 - 2 * np.cos(np.pi * np.arange(n) / n)
    damped = jnp.asarray(1 / (1 + np.add.outer(c, c)), jnp.float32)

    def screened(v: Array) -> Array:
        return jax.scipy.fft.idctn(damped * jax.scipy.fft.dctn(v, norm="ortho"), norm="ortho")

    yield _operator("screened Poisson by DCT", screened, screened, n, n, dtype="float32")
    slope = jnp.asarray(2j * np.pi * np.fft.fftfreq(128), jnp.complex64)
    yield _operator(
        "spectral derivative",
        lambda v: jnp.fft.ifft(slope * jnp.fft.fft(v)),
        lambda u: jnp.fft.ifft(slope.conj() * jnp.fft.fft(u)),
        128,
        dtype="complex64",
    )


def _others() -> Iterator[Operator]:
    angles = np.linspace(-1, 1, 13)
    rows = np.arange(24)
    bins = rows + 12 + np.rint(angles[:, None] * (rows - 12)).astype(int)[..., None]
    which = np.arange(13)[:, None, None]

    def rays(v: Array) -> Array:
        spread = jnp.broadcast_to(v, (13, 24, 24))
        return jnp.zeros((13, 48), v.dtype).at[which, bins].add(spread)

    yield _operator(
        "sums along rays", rays, lambda u: u[which, bins].sum(0), 24, 24, dtype="float32"
    )
    frequencies = jnp.arange(1, 17) / 3

    def windowed(v: Array) -> Array:
        frames = jnp.stack([v[start : start + 32] for start in range(0, 97, 16)])
        return jnp.fft.rfft(frames * jnp.hanning(32).astype(v.dtype))

    space = jax.ShapeDtypeStruct((128,), "float32")
    yield _operator(
        "short-time Fourier transform", windowed, derived(windowed, space), 128, dtype="float32"
    )

    def field(v: Any) -> Array:
        return jnp.sin(frequencies) * v["velocity"] + 1e-4 * v["density"][::-1]

    domain = {name: jax.ShapeDtypeStruct((16,), "float32") for name in ("velocity", "density")}
    yield Operator(
        "two units float32",
        "imaging",
        field,
        lambda u: {"velocity": jnp.sin(frequencies) * u, "density": 1e-4 * u[::-1]},
        domain,
    )
