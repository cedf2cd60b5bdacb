"""The one table of primitives: to add a primitive, add its entry here.

An entry gives two rules side by side: which parts the output may have (`parts`), and a bound on its
magnitude with the roundings on the way (`bounds`, `products`). Most primitives are of one of the
kinds below, so that an entry is a name in a list. Primitives that hold programs (loops, branches,
calls) are read in `programs` and walked in `control`.
"""

import dataclasses

from jaxdeconv.verify.analysis import bounds, parts, products
from jaxdeconv.verify.analysis.bounds import BoundRule
from jaxdeconv.verify.analysis.parts import PartsRule

__all__ = ["TABLE", "UNKNOWN", "Rule"]


@dataclasses.dataclass(frozen=True)
class Rule:
    """How a primitive is analysed.

    Attributes:
        parts: the parts of its outputs.
        bound: a bound on its outputs; None where none can be derived.
        moves: it only moves entries about, so that a constant keeps its error and its grid.
        narrows: rounding is its purpose: it is linear but for that.
    """

    parts: PartsRule
    bound: BoundRule | None = None
    moves: bool = False
    narrows: bool = False


MOVES = Rule(parts.any_of, bounds.moved, moves=True)
SAME = Rule(parts.any_of, bounds.same, moves=True)
ADDS = Rule(parts.any_of, bounds.added)
REDUCES = Rule(parts.any_of, bounds.reduced)
SCATTERS = Rule(parts.scatter, bounds.scattered)
MULTIPLIES = Rule(parts.product, products.dot)
REDUCES_OVER_DEVICES = Rule(parts.each, bounds.psum)
NONLINEAR = Rule(parts.nonlinear)
UNKNOWN = Rule(parts.opaque)
"""What is not in the table."""

_KINDS: tuple[tuple[Rule, str], ...] = (
    (MOVES, "reshape transpose slice concatenate broadcast_in_dim squeeze rev split unstack stack"),
    (MOVES, "tile ppermute all_gather all_to_all all_gather_invariant pvary"),
    (SAME, "neg copy stop_gradient name sharding_constraint reshard layout_constraint relayout"),
    (ADDS, "add sub add_any"),
    (REDUCES, "reduce_sum cumsum reduce_window_sum"),
    (SCATTERS, "scatter scatter-add scatter-sub"),
    (MULTIPLIES, "dot_general conv_general_dilated"),
    (REDUCES_OVER_DEVICES, "psum psum_invariant"),
    (Rule(parts.each, bounds.same, moves=True), "device_put optimization_barrier"),
    (Rule(parts.real_part, bounds.same, moves=True), "real imag"),
    (NONLINEAR, "abs acos acosh and approx_top_k argmax argmin asin asinh atan atan2 atanh"),
    (NONLINEAR, "bessel_i0e bessel_i1e cbrt ceil cholesky clamp clz cos cosh cumlogsumexp cummax"),
    (NONLINEAR, "cummin cumprod digamma eig eigh eq erf erf_inv erfc exp exp2 expm1 floor ge gt"),
    (NONLINEAR, "igamma igammac is_finite le lgamma log log1p log2 logistic lt lu max min ne"),
    (NONLINEAR, "nextafter not one_minus_square or pmax pmin polygamma polynomial"),
    (NONLINEAR, "population_count pow qr reduce_and reduce_max reduce_min reduce_or reduce_prod"),
    (NONLINEAR, "reduce_window_max reduce_window_min reduce_xor regularized_incomplete_beta rem"),
    (NONLINEAR, "round rsqrt scatter-max scatter-min schur sign sin sinh sort sqrt square svd tan"),
    (NONLINEAR, "tanh top_k xor zeta"),
)

TABLE: dict[str, Rule] = {name: rule for rule, names in _KINDS for name in names.split()} | {
    "complex": Rule(parts.any_of, bounds.from_parts),
    "conj": Rule(parts.conj, bounds.same, moves=True),
    "convert_element_type": Rule(parts.convert, bounds.converted, narrows=True),
    "div": Rule(parts.quotient, products.div),
    "dynamic_slice": Rule(parts.placed(1), bounds.placed(1), moves=True),
    "dynamic_update_slice": Rule(parts.placed(2), bounds.placed(2), moves=True),
    "fft": Rule(parts.fft, products.fft),
    "gather": Rule(parts.gather, bounds.gather, moves=True),
    "integer_pow": Rule(parts.integer_pow, bounds.integer_pow),
    "mul": Rule(parts.product, products.mul),
    "pad": Rule(parts.pad, bounds.moved, moves=True),
    "ragged_dot_general": Rule(parts.product),
    "reduce_precision": Rule(parts.any_of, bounds.converted, narrows=True),
    "reduce_scatter": Rule(parts.any_of, bounds.reduce_scatter),
    "scatter-mul": Rule(parts.scatter_product, bounds.scatter_multiplied),
    "select_n": Rule(parts.choice, bounds.choice, moves=True),
    "triangular_solve": Rule(parts.triangular_solve),
}
"""By name of the primitive."""
