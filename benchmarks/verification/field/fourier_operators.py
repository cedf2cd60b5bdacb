"""Circulants by FFT and masked MRI, from 2^10 to 2^20 cells, with the wrong pairs of the table."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.verification.field.imaging_operators import sampled
from benchmarks.verification.field.operator import Operator
from benchmarks.verification.kinds_called import masked_mri
from benchmarks.verification.pair import Map

__all__ = ["KINDS", "SIZES", "operators"]

SIZES = tuple(2**k for k in range(10, 21, 2))
"""Cells of the domain."""

_SECONDS = 20.0


def operators(sizes: tuple[int, ...] = SIZES) -> Iterator[Operator]:
    """Every kind at every size; `library` holds the kind."""
    for kind, maker in KINDS.items():
        for n in sizes:
            A, At, unconjugated, shape, dtype = maker(n)
            wrongs = _wrongs(At, unconjugated)
            domain = jax.ShapeDtypeStruct(shape, dtype)
            yield Operator(f"{n} {dtype}", kind, A, At, domain, _SECONDS, wrongs=wrongs)


def _wrongs(At: Map, unconjugated: Map) -> Mapping[str, Map]:
    def one_cell(u: Array) -> Array:
        v = At(u)
        return v.at[tuple(n // 3 for n in v.shape)].mul(1.01)

    return {
        "times 1.001": lambda u: 1.001 * At(u),
        "one cell off by 1 %": one_cell,
        "conjugate missing": unconjugated,
    }


Made = tuple[Map, Map, Map, tuple[int, ...], str]


def _kernel(n: int) -> np.ndarray:
    """Decaying, from one cell on: its spectrum is complex."""
    return np.exp(-np.arange(n) / 9) * np.random.default_rng(n).standard_normal(n)


def _circulant(n: int) -> Made:
    S = jnp.asarray(np.fft.fft(_kernel(n)), jnp.complex64)

    def by(spectrum: Array) -> Map:
        return lambda v: jnp.fft.ifft(spectrum * jnp.fft.fft(v))

    return by(S), by(S.conj()), by(S), (n,), "complex64"


def _real_circulant(n: int) -> Made:
    S = jnp.asarray(np.fft.rfft(_kernel(n)), jnp.complex64)

    def by(spectrum: Array) -> Map:
        return lambda v: jnp.fft.irfft(spectrum * jnp.fft.rfft(v), n)

    return by(S), by(S.conj()), by(S), (n,), "float32"


def _mri(dtype: str) -> Any:
    def maker(n: int) -> Made:
        side = int(n**0.5)
        A, At = masked_mri(sampled(side, side), real=dtype == "float32")

        def unconjugated(u: Array) -> Array:
            return At(u.conj()).conj()

        if dtype == "float32":
            return A, At, lambda u: At(u.conj()), (side, side), dtype
        return A, At, unconjugated, (side, side), dtype

    return maker


KINDS = {
    "circulant by fft, complex64": _circulant,
    "circulant by rfft, float32": _real_circulant,
    "masked MRI, complex64": _mri("complex64"),
    "masked MRI of a real image, float32": _mri("float32"),
}
"""name -> cells -> A, At, the adjoint without its conjugate, shape, dtype."""
