"""Bounds on the 2-norm of a variable, and of its rounding, where they are narrower than entrywise.

An FFT is a unitary matrix but for a factor: it keeps the 2-norm of what it is given, while the sum
of magnitudes that bounds its entries may be larger by the root of its length. A few transforms on
the way make entrywise bounds useless; rounding errors measured in the 2-norm stay small.

References: Higham 2002, Accuracy and Stability of Numerical Algorithms, theorem 24.2.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.extend.core import JaxprEqn
from jax.lax import FftType

from jaxdeconv.verify.analysis.jaxprs import aval, bits_of
from jaxdeconv.verify.analysis.known import Known
from jaxdeconv.verify.analysis.log import roundings
from jaxdeconv.verify.analysis.products import fft_roundings

__all__ = ["norms_of", "with_norms"]


def norms_of(x: Known) -> tuple[Array, Array]:
    """Bounds on |x| and on |fl(x) - x| in the 2-norm, over all entries."""
    if x.norms is not None:
        return x.norms
    norm = jnp.sqrt(jnp.sum(jnp.square(x.magnitude)))
    return norm, math.expm1(x.error) * norm


def with_norms(eqn: JaxprEqn, ins: Sequence[Known], out: Known) -> Known:
    """The output of an equation with its norms, if there is a rule that may be narrower."""
    found = _norms(eqn, ins)
    if found is None:
        return out
    entrywise = norms_of(dataclasses.replace(out, norms=None))
    norm, off = map(jnp.minimum, found, entrywise)
    return dataclasses.replace(out, norms=(norm, off))


def _norms(eqn: JaxprEqn, ins: Sequence[Known]) -> tuple[Array, Array] | None:
    name, dependent = eqn.primitive.name, [x for x in ins if not x.constant]
    if name == "fft":
        return _rounded(
            *norms_of(ins[0]), _gain(eqn), math.expm1(fft_roundings(eqn, normwise=True))
        )
    if not any(x.norms is not None for x in dependent):
        return None  # nothing is gained over entrywise bounds
    dtype = aval(eqn.outvars[0]).dtype
    unit = math.expm1(roundings(8 if dtype.kind == "c" else 3, bits_of(dtype), dtype))
    if name in ("mul", "div") and len(dependent) == 1:
        (x,), (c,) = dependent, [x for x in ins if x.constant]
        if name == "div" and c is ins[0]:
            return None
        sizes = c.magnitude if name == "mul" else 1 / c.magnitude
        return _rounded(*norms_of(x), jnp.max(sizes, initial=0), unit + math.expm1(2 * c.error))
    if name in _KEEP and (len(dependent) == len(ins) == 1 or name in _PLACE):
        lost = unit if name == "convert_element_type" else 0.0
        return _rounded(*norms_of(dependent[0]), 1.0, lost)
    if name in ("add", "sub", "add_any", "complex") and len(dependent) == 2:
        (size, off), (other, off_other) = map(norms_of, dependent)
        return _rounded(size + other, off + off_other, 1.0, unit)
    return None


_NAMES = "reshape transpose slice squeeze rev neg conj copy real imag convert_element_type"
_KEEP = frozenset(_NAMES.split())
"""They move all entries, or some of them, and none twice."""

_PLACE = frozenset({"dynamic_slice"})
"""They take a constant place too."""


def _rounded(norm: Array, off: Array, gain: Any, unit: float) -> tuple[Array, Array]:
    """After a map of norm `gain`, whose own result has a relative error of `unit`."""
    return gain * norm, gain * (off * (1 + unit) + unit * norm)


def _gain(eqn: JaxprEqn) -> float:
    """The norm of a transform; a half spectrum stands for both of its halves."""
    size = math.prod(eqn.params["fft_lengths"])
    return {
        FftType.IFFT: 1 / math.sqrt(size),
        FftType.IRFFT: math.sqrt(2 / size),
    }.get(FftType(eqn.params["fft_type"]), math.sqrt(size))
