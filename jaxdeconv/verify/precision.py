"""Rounding: how far <A v, u> and <v, At u> may be apart, and how far they are.

With |fl(A v) - A v| <= gamma_A |A| |v| entry by entry, and the like for At,

    |<fl(A v), u> - <v, fl(At u)>| <= gamma_A <|u|, |A| |v|> + gamma_At <|At| |u|, |v|>

when At is A's adjoint; the inner products are formed in extended precision. gamma and |A| |v| are
derived from the jaxpr (`analysis`). Where that is impossible a bound is *assumed*,
and the text says so.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.verify.operator import Operator
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.report import Evidence, Status

__all__ = ["SENSIBLE", "Measurement", "error_bound", "error_bounds", "measure", "precision"]
__all__ += ["root_mean_square", "tolerance", "underflow"]

Bound: TypeAlias = Callable[[Operator, np.ndarray, np.ndarray], np.ndarray]

SENSIBLE = 1e-2
"""Evidence that cannot see errors of this fraction of the largest entry decides nothing."""

PROBES = 2
"""Gaussian probes of each side."""


def error_bound(operator: Operator, block: np.ndarray, result: np.ndarray) -> np.ndarray:
    """A bound on the rounding error of `result = operator(block)`, entry by entry.

    Args:
        operator: what was applied.
        block: `(vectors, cells of its domain)`.
        result: `(vectors, cells of its codomain)`.

    Returns:
        `(vectors, cells of its codomain)`, float64.

    Cost: an application of |A| for each vector, or a single one if all have the same magnitudes.
    """
    return error_bounds(operator, block, result)[0]


def error_bounds(
    operator: Operator, block: np.ndarray, result: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same, and a bound in the 2-norm of each vector: `(vectors,)`."""
    domain, codomain, rounding = operator.domain, operator.codomain, operator.rounding
    if rounding.magnitude is None:
        assumed = 16 * np.sqrt(domain.size + codomain.size) * 2.0**-rounding.bits
        assumed += 32 * operator.noise
        sizes = codomain.leafwise(np.abs(result), root_mean_square)
        entries = assumed * sizes + underflow(operator)
        return entries, np.linalg.norm(entries, axis=1)
    sizes = np.abs(block).astype(domain.wide)
    if (sizes == sizes[:1]).all():
        sizes = sizes[:1]
    with operator.arithmetic():
        found = [rounding.magnitude.rounding(domain.member(vector)) for vector in sizes]
    entries = np.stack([codomain.magnitudes(by_entry) for by_entry, _ in found])
    norms = np.array([np.linalg.norm(jax.tree.leaves(by_leaf)) for _, by_leaf in found])
    lost = underflow(operator)
    return (
        np.broadcast_to(entries + lost, result.shape),
        np.broadcast_to(norms + lost * math.sqrt(codomain.size), len(result)),
    )


def underflow(operator: Operator) -> float:
    """What results may lose below the range of floats. XLA takes subnormal numbers for zero."""
    infos = [jnp.finfo(leaf.dtype) for leaf in operator.codomain.leaves]
    kept = operator.mode == "numpy"
    unit = max(float(x.smallest_subnormal if kept else x.tiny) for x in infos)
    return operator.domain.size * unit


def root_mean_square(block: np.ndarray) -> np.ndarray:
    """Of each row, `(vectors, 1)`; squares neither overflow nor vanish."""
    peak = block.max(axis=1, keepdims=True, initial=0)
    scaled = block / np.where(peak > 0, peak, 1)
    return peak * np.sqrt(np.mean(scaled**2, axis=1, keepdims=True))


def tolerance(operator: Operator, block: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The bound in the precision that was given: constants need not be more precise than that."""
    return error_bound(operator.given or operator, block, result)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Of the defects of probes.

    Attributes:
        ratio: largest measured / allowed.
        allowed: how far two inner products may be apart, at most.
        assumed: why the bound is not derived; '' where it is.
    """

    ratio: float
    allowed: float
    assumed: str

    @property
    def status(self) -> Status:
        """A defect beyond a bound that is only assumed fails only if it is far beyond."""
        if self.ratio <= 1:
            return "pass"
        return "inconclusive" if self.assumed and self.ratio < 1e3 else "fail"

    def __str__(self) -> str:
        kind = f"an assumed bound ({self.assumed})" if self.assumed else "the derived bound"
        return f"measured / allowed = {self.ratio:.2g} under {kind}"


def measure(sample: Sample, as_given: bool = False) -> Measurement:
    """The defects of probes against the bound, of the arithmetic used or of the one given."""
    pair = sample.pair.given if as_given else sample.pair
    y_bound, y_norm = error_bounds(pair.forward, sample.v, sample.y)
    x_bound, x_norm = error_bounds(pair.backward, sample.u, sample.x)
    u, v, y, x = (np.abs(z) for z in (sample.u, sample.v, sample.y, sample.x))
    # |<u, e>| is at most <|u|, |e|>, and at most |u| |e|
    from_y = np.minimum(u @ y_bound.T, np.outer(np.linalg.norm(u, axis=1), y_norm))
    from_x = np.minimum(x_bound @ v.T, np.outer(x_norm, np.linalg.norm(v, axis=1)))
    allowed = from_y + from_x + sample.summation * (u @ y.T + x @ v.T)
    measured = sample.float_defects()
    ratio = float(np.max(measured / np.maximum(allowed, np.finfo(np.float64).tiny), initial=0))
    reasons = [rounding.reason for rounding in pair.roundings if rounding.magnitude is None]
    return Measurement(ratio, float(allowed.max(initial=0)), "; ".join(reasons))


def precision(pair: Pair) -> Evidence:
    """Is the pair as precise as its jaxprs say, and At as precise as A? Gaussian probes."""
    u = pair.probes.normal(pair.forward.codomain, PROBES)
    v = pair.probes.normal(pair.forward.domain, PROBES)
    found = measure(pair.sample(u, v))
    status, text = found.status, f"{PROBES} x {PROBES} Gaussian probes: {found}"
    bits, bits_of_transpose = (rounding.bits for rounding in pair.roundings)
    if bits_of_transpose < bits:
        status = "fail"
        text += f"; At forms sums of {bits_of_transpose} bits where A has {bits}"
    elif bits < pair.bits:
        text += f"; both form sums of {bits} bits, of {pair.bits} that their dtypes have"
    return Evidence("precision", "precision", status, text)
