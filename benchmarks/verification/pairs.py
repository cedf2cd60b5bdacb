"""Correct pairs of many kinds and dtypes, to show that none is ever refused."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification import kinds, kinds_apart, kinds_called
from benchmarks.verification.kinds import Kind
from benchmarks.verification.pair import Pair

__all__ = ["CLASSIC", "KINDS", "correct_pairs"]

_FLOATS = (jnp.float32, jnp.float16, jnp.bfloat16)
_COMPLEX = (jnp.complex64,)
_INTEGERS = (jnp.int32, jnp.int16, jnp.int8)
_WIDE = (jnp.float64, jnp.complex128)


def correct_pairs(
    seed: int, count: int = 1000, kinds: Mapping[str, tuple[Kind, tuple]] | None = None
) -> Iterator[Pair]:
    """`count` correct pairs, all kinds in turn, each in the dtypes that it is made for.

    Args:
        seed: of all random shapes, constants and dtypes.
        count: how many.
        kinds: of these; None: of all.

    Yields:
        Pairs whose At is the adjoint of A; of 64 bits too where JAX is set to them.
    """
    rng = np.random.default_rng(seed)
    for i, (name, (kind, dtypes)) in enumerate(
        itertools.cycle((KINDS if kinds is None else kinds).items())
    ):
        if i == count:
            return
        wide = jax.config.jax_enable_x64 or name.endswith(", NumPy")  # which always has 64 bits
        allowed = [d for d in dtypes if wide or d not in _WIDE]
        dtype = jnp.dtype(allowed[rng.integers(len(allowed))])
        pair = kind(rng, dtype)
        yield dataclasses.replace(pair, name=f"{name} {dtype} #{i}")


_ALL = (*_FLOATS, *_COMPLEX, *_INTEGERS, *_WIDE)
_INEXACT = (*_FLOATS, *_COMPLEX, *_WIDE)
_FULL = (jnp.float32, jnp.complex64, *_WIDE)

CLASSIC: dict[str, tuple[Kind, tuple]] = {
    "dense": (kinds.dense, _ALL),
    "dense, no whole numbers": (kinds.dense_floats, (jnp.float32, jnp.float64)),
    "convolution": (kinds.convolution("zeros"), _INEXACT),
    "circular convolution": (kinds.convolution("circular"), _INEXACT),
    "reflected convolution": (kinds.convolution("reflect"), _INEXACT),
    "mirrored convolution": (kinds.convolution("symmetric"), _INEXACT),
    "replicated convolution": (kinds.convolution("edge"), _INEXACT),
    "circulant by FFT": (kinds.circulant, (jnp.complex64, jnp.complex128)),
    "Fourier transform": (kinds.fourier, (jnp.complex64, jnp.complex128)),
    "cumulated sum": (kinds.cumsum, _ALL),
    "difference": (kinds.difference, _ALL),
    "gather": (kinds.gather, _ALL),
    "scatter": (kinds.scatter, _ALL),
    "mask": (kinds.mask, _ALL),
    "diagonal": (kinds.diagonal, _ALL),
    "padding with gaps": (kinds.pad_crop, _ALL),
    "rolled and flipped": (kinds.roll_flip, _ALL),
    "axes transposed": (kinds.transposed_axes, _ALL),
    "sum over an axis": (kinds.sum_broadcast, _ALL),
    "repetition": (kinds.repeat_pool, _ALL),
    "average": (kinds.average, _FULL),
    "resampling": (kinds.resampling, (jnp.float32, jnp.float64)),
    "recurrence": (kinds.recurrence, _ALL),
    "leaves to an array": (kinds.leaves_in, _ALL),
    "array to leaves": (kinds.leaves_out, _ALL),
    "composition": (kinds.composed, _ALL),
    "large convolution": (kinds.large, (jnp.float32, jnp.bfloat16)),
    "zero": (kinds.zero, _ALL),
}
"""Functions of JAX with entries of one size; in these faults are planted."""

KINDS = CLASSIC | kinds_apart.KINDS | kinds_called.KINDS
"""name -> (maker, dtypes that it is made for)."""
