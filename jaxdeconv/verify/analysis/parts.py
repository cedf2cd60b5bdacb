"""Which parts an output has, given the parts of the inputs: one rule per kind of primitive.

A rule may add parts that are not there, never leave one out.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax.extend.core import JaxprEqn
from jax.lax import FftType, GatherScatterMode

from jaxdeconv.verify.analysis.jaxprs import aval, is_float
from jaxdeconv.verify.analysis.known import REAL_LINEAR, Known, Parts, union

__all__ = [
    "PartsRule",
    "any_of",
    "choice",
    "conj",
    "convert",
    "each",
    "fft",
    "gather",
    "integer_pow",
    "nonlinear",
    "opaque",
    "pad",
    "placed",
    "product",
    "quotient",
    "real_part",
    "scatter",
    "scatter_product",
    "triangular_solve",
]

PartsRule: TypeAlias = Callable[[JaxprEqn, Sequence[Known]], Parts | list[Parts]]
"""From an equation and what is known of its inputs to the parts of its outputs."""


def any_of(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Sums, and whatever moves entries about."""
    return union(x.parts for x in ins)


def each(_: JaxprEqn, ins: Sequence[Known]) -> list[Parts]:
    """Each output comes from its own input."""
    return [x.parts for x in ins]


def nonlinear(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """A primitive that is known to be linear in nothing."""
    return Parts.CONSTANT if _all_constant(ins) else Parts.NONLINEAR


def opaque(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """A primitive of which nothing is known."""
    return Parts.CONSTANT if _all_constant(ins) else Parts.OPAQUE


def product(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Linear in each of the first two operands; any further ones are indices."""
    x, y = ins[:2]
    if not _all_constant(ins[2:]):
        return Parts.NONLINEAR
    if not (x.parts and y.parts):
        return Parts.ZERO
    if not (x.parts.is_constant or y.parts.is_constant):
        return Parts.NONLINEAR
    factor, other = (x, y) if x.parts.is_constant else (y, x)
    finite = factor.value is None or np.all(np.isfinite(np.asarray(factor.value)))
    return other.parts | (Parts.ZERO if finite else Parts.NONLINEAR)


def quotient(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """`div`: of floats, since integers are truncated."""
    x, y = (known.parts for known in ins)
    if x.is_constant and y.is_constant:
        return x
    floats = is_float(aval(eqn.outvars[0]).dtype)
    return x if y == Parts.CONSTANT and floats else Parts.NONLINEAR


def choice(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """`select_n(which, *cases)`."""
    which, *cases = ins
    return _moved(cases, [which])


def placed(operands: int) -> PartsRule:
    """A sum of the first `operands` inputs, the others being places, which must be constant."""
    return lambda _, ins: _moved(ins[:operands], ins[operands:])


def gather(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Entries outside the operand are filled by a constant in one of the modes."""
    taken = _moved(ins[:1], ins[1:])
    fills = eqn.params["mode"] == GatherScatterMode.FILL_OR_DROP
    if not fills or eqn.params["fill_value"] == 0 or _inside(eqn, ins[1].value):
        return taken
    return taken | Parts.CONSTANT


def _inside(eqn: JaxprEqn, indices: Any) -> bool:
    """Whether all windows of a gather are known to lie inside its operand."""
    if indices is None:
        return False
    sizes, windows = aval(eqn.invars[0]).shape, eqn.params["slice_sizes"]
    axes = eqn.params["dimension_numbers"].start_index_map
    largest = np.array([sizes[axis] - windows[axis] for axis in axes], np.int64)
    indices = np.asarray(indices).astype(np.int64)
    return bool(np.all((indices >= 0) & (indices <= largest)))


def scatter(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """`scatter(operand, places, updates)`."""
    operand, places, updates = ins
    return _moved([operand, updates], [places])


def scatter_product(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """The operand times factors at some places."""
    return _moved(ins[:1], ins[1:])


def pad(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """The padding counts only where something is padded."""
    x, padding = (known.parts for known in ins)
    pads = any(
        low > 0 or high > 0 or inner > 0 for low, high, inner in eqn.params["padding_config"]
    )
    return x | padding if pads else x


def conj(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """What is linear becomes conjugate-linear, and the other way round."""
    (x,) = (known.parts for known in ins)
    others = x & ~REAL_LINEAR
    swapped = Parts.CONJUGATE if x & Parts.LINEAR else Parts.ZERO
    return others | swapped | (Parts.LINEAR if x & Parts.CONJUGATE else Parts.ZERO)


def real_part(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Re z = (z + conj z) / 2, and Im z alike."""
    (x,) = (known.parts for known in ins)
    return x | REAL_LINEAR if x & REAL_LINEAR else x


def fft(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """`irfft` takes the real part, since it reads half of a Hermitian spectrum."""
    return (real_part if eqn.params["fft_type"] == FftType.IRFFT else any_of)(eqn, ins)


def convert(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Rounding to fewer digits counts as linear, truncation to integers does not."""
    (x,) = (known.parts for known in ins)
    old, new = aval(eqn.invars[0]).dtype, aval(eqn.outvars[0]).dtype
    if x.is_constant:  # zero stays zero
        return x
    if np.issubdtype(old, np.complexfloating) and not np.issubdtype(new, np.complexfloating):
        x = real_part(eqn, ins)
    truncates = np.issubdtype(new, np.bool_) or (is_float(old) and not is_float(new))
    return Parts.NONLINEAR if truncates or np.issubdtype(old, np.bool_) else x


def integer_pow(eqn: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """x^1 is what autodiff leaves of x^2."""
    return ins[0].parts if eqn.params["y"] == 1 else nonlinear(eqn, ins)


def triangular_solve(_: JaxprEqn, ins: Sequence[Known]) -> Parts:
    """Linear in the right side."""
    matrix, x = ins
    return _moved([x], [matrix])


def _moved(operands: Sequence[Known], others: Sequence[Known]) -> Parts:
    """The sum of the operands, if what else it depends on is constant."""
    result = union(x.parts for x in operands)
    return result if _all_constant(others) or not result else Parts.NONLINEAR


def _all_constant(known: Sequence[Known]) -> bool:
    return all(x.parts.is_constant for x in known)
