"""Which parts an output has, given the parts of the inputs: one rule per kind of primitive.

Every map over the reals is typed by what it may be a sum of,

    x -> c + A x + B conj(x) + anything else,

as a set of `Parts`: a sum has the union of its terms' parts, the empty set is zero. A rule may add
parts that are not there, never leave one out.
"""

import enum
import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax.extend.core import JaxprEqn
from jax.lax import FftType, GatherScatterMode

from jaxdeconv.verify.jaxprs import aval, is_float

__all__ = ["NONLINEAR", "ROUNDING", "RULES", "Parts", "union"]


class Parts(enum.IntFlag):
    """What the value of a variable may contain, as a function of the argument."""

    ZERO = 0
    CONSTANT = 1
    LINEAR = 2
    CONJUGATE = 4
    NONLINEAR = 8
    OPAQUE = 16

    @property
    def is_constant(self) -> bool:
        """Independent of the argument."""
        return self | Parts.CONSTANT == Parts.CONSTANT


REAL_LINEAR = Parts.LINEAR | Parts.CONJUGATE


def union(parts: Iterable[Parts]) -> Parts:
    """The parts of a sum."""
    return functools.reduce(operator.or_, parts, Parts.ZERO)


Rule: TypeAlias = Callable[[JaxprEqn, Sequence[Parts], Sequence[Any]], Parts | list[Parts]]
"""From equation, parts and known values (or None) of its inputs to the parts of its outputs."""


def _sum(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    """Sums, and whatever moves entries about."""
    return union(parts)


def _each(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> list[Parts]:
    """Each output comes from its own input."""
    return list(parts)


def _product(_: JaxprEqn, parts: Sequence[Parts], values: Sequence[Any]) -> Parts:
    """Linear in each of the first two operands; any further ones are indices."""
    x, y = parts[:2]
    if not all(part.is_constant for part in parts[2:]):
        return Parts.NONLINEAR
    if not (x and y):
        return Parts.ZERO
    if x.is_constant or y.is_constant:
        known = values[0 if x.is_constant else 1]
        bad = known is not None and not np.all(np.isfinite(np.asarray(known)))
        return (x if y.is_constant else y) | (Parts.NONLINEAR if bad else Parts.ZERO)
    return Parts.NONLINEAR


def _quotient(eqn: JaxprEqn, parts: Sequence[Parts], _: Sequence[Any]) -> Parts:
    x, y = parts
    if x.is_constant and y.is_constant:
        return x
    floats = is_float(aval(eqn.outvars[0]).dtype)
    return x if y == Parts.CONSTANT and floats else Parts.NONLINEAR


def _choice(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    """`select_n(which, *cases)`."""
    which, *cases = parts
    chosen = union(cases)
    return chosen if which.is_constant or not chosen else Parts.NONLINEAR


def _at(operands: int) -> Rule:
    """A sum of the first `operands` inputs, the others being places, which must be constant."""

    def rule(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
        return _placed(parts[:operands], parts[operands:])

    return rule


def _placed(moved: Sequence[Parts], places: Sequence[Parts]) -> Parts:
    result = union(moved)
    return result if _all_constant(places) or not result else Parts.NONLINEAR


def _gather(eqn: JaxprEqn, parts: Sequence[Parts], values: Sequence[Any]) -> Parts:
    taken = _placed(parts[:1], parts[1:])
    fills = eqn.params["mode"] == GatherScatterMode.FILL_OR_DROP
    if not fills or eqn.params["fill_value"] == 0 or _inside(eqn, values[1]):
        return taken
    return taken | Parts.CONSTANT


def _inside(eqn: JaxprEqn, indices: Any) -> bool:
    """Whether all windows of a gather are known to lie inside its operand."""
    if indices is None:
        return False
    sizes, windows = aval(eqn.invars[0]).shape, eqn.params["slice_sizes"]
    axes = eqn.params["dimension_numbers"].start_index_map
    room = np.array([sizes[axis] - windows[axis] for axis in axes], np.int64)
    indices = np.asarray(indices).astype(np.int64)
    return bool(np.all((indices >= 0) & (indices <= room)))


def _scatter(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    operand, places, updates = parts
    return _placed((operand, updates), (places,))


def _scatter_product(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    operand, *factors = parts
    return operand if _all_constant(factors) or not operand else Parts.NONLINEAR


def _pad(eqn: JaxprEqn, parts: Sequence[Parts], _: Sequence[Any]) -> Parts:
    x, padding = parts
    pads = any(
        low > 0 or high > 0 or inner > 0 for low, high, inner in eqn.params["padding_config"]
    )
    return x | padding if pads else x


def _conj(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    (x,) = parts
    others = x & ~REAL_LINEAR
    swapped = Parts.CONJUGATE if x & Parts.LINEAR else Parts.ZERO
    return others | swapped | (Parts.LINEAR if x & Parts.CONJUGATE else Parts.ZERO)


def _real_part(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    """Re z = (z + conj z) / 2, and Im z alike."""
    (x,) = parts
    return x | REAL_LINEAR if x & REAL_LINEAR else x


def _fft(eqn: JaxprEqn, parts: Sequence[Parts], values: Sequence[Any]) -> Parts:
    halves = eqn.params["fft_type"] == FftType.IRFFT  # of a Hermitian spectrum: the real part
    return _real_part(eqn, parts, values) if halves else union(parts)


def _convert(eqn: JaxprEqn, parts: Sequence[Parts], values: Sequence[Any]) -> Parts:
    (x,) = parts
    old, new = aval(eqn.invars[0]).dtype, aval(eqn.outvars[0]).dtype
    if x.is_constant:  # zero stays zero
        return x
    if np.issubdtype(old, np.complexfloating) and not np.issubdtype(new, np.complexfloating):
        x = _real_part(eqn, parts, values)
    truncates = np.issubdtype(new, np.bool_) or (is_float(old) and not is_float(new))
    return Parts.NONLINEAR if truncates or np.issubdtype(old, np.bool_) else x


def _integer_pow(eqn: JaxprEqn, parts: Sequence[Parts], _: Sequence[Any]) -> Parts:
    (x,) = parts
    return x if eqn.params["y"] == 1 else Parts.CONSTANT if x.is_constant else Parts.NONLINEAR


def _triangular_solve(_: JaxprEqn, parts: Sequence[Parts], __: Sequence[Any]) -> Parts:
    matrix, x = parts
    return x if matrix.is_constant or not x else Parts.NONLINEAR


def _all_constant(parts: Sequence[Parts]) -> bool:
    return all(part.is_constant for part in parts)


def _named(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_named(_sum, "add sub add_any neg reshape transpose slice concatenate broadcast_in_dim"),
    **_named(_sum, "squeeze rev copy reduce_sum cumsum reduce_window_sum"),
    **_named(_sum, "complex split unstack stack tile reduce_precision stop_gradient name"),
    **_named(_sum, "sharding_constraint reshard layout_constraint relayout ppermute all_gather"),
    **_named(_sum, "all_to_all reduce_scatter pvary all_gather_invariant"),
    **_named(_each, "psum psum_invariant device_put optimization_barrier"),
    **_named(_product, "mul dot_general conv_general_dilated ragged_dot_general"),
    **_named(_at(1), "dynamic_slice"),
    **_named(_at(2), "dynamic_update_slice"),
    **_named(_scatter, "scatter scatter-add scatter-sub"),
    **_named(_real_part, "real imag"),
    "scatter-mul": _scatter_product,
    "div": _quotient,
    "select_n": _choice,
    "gather": _gather,
    "pad": _pad,
    "conj": _conj,
    "fft": _fft,
    "convert_element_type": _convert,
    "integer_pow": _integer_pow,
    "triangular_solve": _triangular_solve,
}

ROUNDING = frozenset({"reduce_precision", "convert_element_type"})
"""Linear but for the rounding that is their purpose."""

_NONLINEAR_NAMES = """
    abs acos acosh and approx_top_k argmax argmin asin asinh atan atan2 atanh bessel_i0e bessel_i1e
    cbrt ceil cholesky clamp clz cos cosh cumlogsumexp cummax cummin cumprod digamma eig eigh eq erf
    erf_inv erfc exp exp2 expm1 floor ge gt igamma igammac is_finite le lgamma log log1p log2
    logistic lt lu max min ne nextafter not one_minus_square or pmax pmin polygamma polynomial
    population_count pow qr reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_window_max
    reduce_window_min reduce_xor regularized_incomplete_beta rem round rsqrt scatter-max scatter-min
    schur sign sin sinh sort sqrt square svd tan tanh top_k xor zeta
"""

NONLINEAR = frozenset(_NONLINEAR_NAMES.split())
"""Known to be non-linear; a primitive in neither list is opaque."""
