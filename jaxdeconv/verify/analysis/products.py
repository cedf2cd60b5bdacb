"""|A| |v| through products with a constant: elementwise, dot products, convolutions, FFTs."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import JaxprEqn
from jax.lax import FftType

from jaxdeconv.verify.analysis.jaxprs import aval, bits_of, is_float
from jaxdeconv.verify.analysis.known import Known, Unbounded, reciprocal_grid
from jaxdeconv.verify.analysis.log import RoundingLog, roundings

__all__ = ["ProductPrecision", "div", "dot", "fft", "fft_roundings", "mul"]
__all__ += ["product_precision"]


@dataclasses.dataclass(frozen=True)
class ProductPrecision:
    """How a dot product is formed.

    Attributes:
        operand_bits: operands are rounded to these.
        sum_bits: sums are rounded to these.
        guard: how many units an addition may be off; tensor cores truncate.
    """

    operand_bits: int
    sum_bits: int
    guard: int


def product_precision(eqn: JaxprEqn, platform: str) -> ProductPrecision:
    """Of a `dot_general` or `conv_general_dilated`.

    On a GPU the default for float32 is TF32 (11 bits, here 10: the hardware may truncate), on a TPU
    bfloat16 (8 bits; three pieces make `Precision.HIGH` good for 16, less guard bits). Half types
    without a wider `preferred_element_type` are taken to be summed in their own precision, although
    most platforms use a wider one.
    """
    out = aval(eqn.outvars[0]).dtype
    own = bits_of(aval(eqn.invars[0]).dtype)
    guard = 1 if platform == "cpu" else 2
    precision = eqn.params["precision"]
    if isinstance(precision, tuple):
        precision = min(precision, key=_ORDER.index)
    if precision not in _ORDER:
        operand, total = _algorithm_bits(precision, eqn)
        return ProductPrecision(min(own, operand), min(total, bits_of(out)), guard)
    reduced = _REDUCED.get((platform, precision), own) if own == 24 else own
    return ProductPrecision(reduced, bits_of(out), guard)


def _algorithm_bits(algorithm: Any, eqn: JaxprEqn) -> tuple[int, int]:
    """Of operands and sums under a `DotAlgorithmPreset`, as its name says: BF16_BF16_F32_X3."""
    pieces = getattr(algorithm, "name", "").split("_")
    if len(pieces) < 3 or not {pieces[0], pieces[2]} <= set(_ALGORITHM_BITS):
        raise Unbounded(eqn)
    operand, total = _ALGORITHM_BITS[pieces[0]], _ALGORITHM_BITS[pieces[2]]
    summands = {"X3": 2, "X6": 3, "X9": 3}.get(pieces[-1], 1)  # pieces of an operand
    return operand if summands == 1 else summands * operand - 2, total


_ALGORITHM_BITS = {"BF16": 8, "F16": 11, "TF32": 10, "F32": 24, "F64": 53}

_ORDER = [None, lax.Precision.DEFAULT, lax.Precision.HIGH, lax.Precision.HIGHEST]

_REDUCED = {
    ("gpu", None): 10,
    ("gpu", lax.Precision.DEFAULT): 10,
    ("gpu", lax.Precision.HIGH): 10,
    ("tpu", None): 8,
    ("tpu", lax.Precision.DEFAULT): 8,
    ("tpu", lax.Precision.HIGH): 14,
}
"""Bits of float32 operands on an accelerator."""


def _multiplied(
    eqn: JaxprEqn, ins: Sequence[Known], array: Array, count: float, using: ProductPrecision
) -> Known:
    """What is formed by sums of products, with `count` roundings on the way to every entry."""
    x, y = ins[:2]
    dtype = aval(eqn.outvars[0]).dtype
    error = x.error + y.error + roundings(using.guard * count, using.sum_bits, dtype)
    if using.operand_bits < bits_of(aval(eqn.invars[0]).dtype):
        error += roundings(2, using.operand_bits, dtype)
    grid = -math.inf if -math.inf in (x.grid, y.grid) else x.grid + y.grid
    return Known(array, False, error, x.slack + y.slack + 2 * count, grid)


def _linear_operands(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> None:
    """At most one factor may depend on the argument."""
    constants = [x for x in ins[:2] if x.constant]
    if not constants:
        raise Unbounded(eqn)
    for x in constants:
        log.constant(x.grid)


def mul(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """Elementwise; a complex product is two products and a sum."""
    _linear_operands(eqn, ins, log)
    dtype = aval(eqn.outvars[0]).dtype
    own = ProductPrecision(bits_of(dtype), bits_of(dtype), 1)
    return _multiplied(
        eqn, ins, ins[0].magnitude * ins[1].magnitude, 3 if dtype.kind == "c" else 1, own
    )


def div(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """By a constant; XLA may multiply by its rounded reciprocal."""
    x, y = ins
    dtype = aval(eqn.outvars[0]).dtype
    if not y.constant or not is_float(dtype):
        raise Unbounded(eqn)
    inverse = dataclasses.replace(y, grid=reciprocal_grid(y.array))
    log.constant(inverse.grid)
    own = ProductPrecision(bits_of(dtype), bits_of(dtype), 1)
    return _multiplied(
        eqn, [x, inverse], x.magnitude / y.magnitude, 8 if dtype.kind == "c" else 3, own
    )


def dot(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """`dot_general` and `conv_general_dilated`: sums of products."""
    _linear_operands(eqn, ins, log)
    using = product_precision(eqn, log.platform)
    sizes = [x.magnitude for x in ins]
    params = {"precision": (lax.Precision.HIGHEST,) * 2, "preferred_element_type": sizes[0].dtype}
    terms = _terms_of_a_sum(eqn)
    count = 2 * terms + 2 if aval(eqn.outvars[0]).dtype.kind == "c" else terms
    for x in ins:
        if using.operand_bits < bits_of(aval(eqn.invars[0]).dtype):
            log.operand(x, using.operand_bits)
    term = _multiplied(
        eqn, ins, eqn.primitive.bind(*sizes, **{**eqn.params, **params}), count, using
    )
    log.value(term, using.sum_bits)
    return term


def _terms_of_a_sum(eqn: JaxprEqn) -> int:
    numbers = eqn.params["dimension_numbers"]
    if eqn.primitive.name == "dot_general":
        shape, ((contracted, _), _) = aval(eqn.invars[0]).shape, numbers
        return math.prod(shape[axis] for axis in contracted)
    shape = aval(eqn.invars[1]).shape
    return math.prod(shape[axis] for axis in numbers.rhs_spec[1:])


def fft(eqn: JaxprEqn, ins: Sequence[Known], log: RoundingLog) -> Known:
    """A product of sparse matrices of unit entries, one for every prime factor of the length.

    Their magnitudes multiply to a matrix of ones, whose roundings are those of all factors (Higham,
    Accuracy and Stability of Numerical Algorithms, chapter 24, entry by entry). Lengths with a
    large prime factor are computed as a convolution, whose intermediate values may be larger by
    the root of its length.
    """
    (x,) = ins
    lengths, kind = eqn.params["fft_lengths"], eqn.params["fft_type"]
    size, out = math.prod(lengths), aval(eqn.outvars[0])
    total = jnp.sum(x.magnitude, tuple(range(-len(lengths), 0)), keepdims=True)
    scale = {FftType.IFFT: 1 / size, FftType.IRFFT: 2 / size}.get(FftType(kind), 1.0)
    bits, error = bits_of(out.dtype), fft_roundings(eqn)
    log.constant(math.inf)
    array = jnp.broadcast_to(total * scale, out.shape)
    term = Known(array, False, x.error + error, x.slack + x.magnitude.size + 3, math.inf)
    log.value(dataclasses.replace(term, array=total), bits)
    return term


def fft_roundings(eqn: JaxprEqn, normwise: bool = False) -> float:
    """The logarithm of 1 + the relative error of a transform, by entries or in the 2-norm.

    In the 2-norm a factor of length f is sqrt(f) times a unitary matrix, its magnitude f times.
    """
    lengths, dtype = eqn.params["fft_lengths"], aval(eqn.outvars[0]).dtype
    factors = [factor for length in lengths for factor in _prime_factors(length)]
    count = 1 + sum((f + 3) * math.sqrt(f) if normwise else 2 * f + 8 for f in factors)
    error = roundings(count, bits_of(dtype), dtype)
    large = max(factors, default=1) > _LARGEST_FACTOR
    return error * math.sqrt(8 * max(lengths)) if large else error


_LARGEST_FACTOR = 11
"""FFT libraries have kernels for prime factors up to this."""


def _prime_factors(n: int) -> list[int]:
    factors, factor = [], 2
    while factor * factor <= n:
        while n % factor == 0:
            factors.append(factor)
            n //= factor
        factor += 1
    return factors + [n] * (n > 1)
