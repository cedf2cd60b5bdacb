"""Rounding: how far <A v, u> and <v, At u> may be apart, and how far they are.

With |fl(A v) - A v| <= gamma_A |A| |v| entry by entry, and the like for At,

    |<fl(A v), u> - <v, fl(At u)>| <= gamma_A <|u|, |A| |v|> + gamma_At <|At| |u|, |v|>

when At is A's adjoint; the inner products are formed in extended precision. gamma and |A| |v| are
derived from the jaxpr (`analysis`). Where that is impossible rounding is *observed*
(`additivity`), and the text says so.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from jaxdeconv.verify.floats import tamed
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.report import Evidence, Status

__all__ = [
    "NOUGHT",
    "SENSIBLE",
    "Measurement",
    "entry_bound",
    "error_bound",
    "error_bounds",
    "measure",
    "norms",
    "precision",
    "root_mean_square",
    "underflow",
]

SENSIBLE = 1e-3
"""Evidence that cannot see errors of this fraction of the largest entry decides nothing."""

NOUGHT = 2.0**-51
"""Of the largest in its row and its column: where one program has sin(pi) another may have 0."""

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
    if operator.rounding.magnitude is None:
        entries = _observed(operator, result)
        return entries, norms(entries)
    inputs, outputs = _factors(operator)
    sizes = np.abs(block * inputs).astype(operator.domain.wide)
    if (sizes == sizes[:1]).all():
        sizes = sizes[:1]
    entries, of_vectors = operator.rounding_of(sizes)
    entries = (entries + underflow(operator)) * outputs
    lost = underflow(operator) * math.sqrt(operator.codomain.size)
    of_vectors = (of_vectors + lost) * np.max(outputs)
    return np.broadcast_to(entries, result.shape), np.broadcast_to(of_vectors, len(result))


def _factors(operator: Operator) -> tuple[np.ndarray | float, np.ndarray | float]:
    """What the cells of its arguments and of its results are multiplied by."""
    inputs, outputs = (1.0 if scale is None else scale for scale in operator.scales)
    return inputs, outputs


def _observed(operator: Operator, result: np.ndarray) -> np.ndarray:
    """Where nothing can be derived: a few times what was seen, of the size of each leaf."""
    few = 16 if operator.codomain.size < MANY else 1  # the largest of many has been seen
    sizes = operator.codomain.leafwise(np.abs(result), root_mean_square)
    lost = underflow(operator) * _factors(operator)[1]
    own = 2.0 ** (1 - operator.rounding.bits) * np.abs(result)
    noise = operator.noise if operator.noise <= SENSIBLE else 0.0  # more than that is no rounding
    return few * noise * sizes + own + lost


def entry_bound(operator: Operator, block: np.ndarray, result: np.ndarray) -> np.ndarray:
    """How far recovered entries may be off, where constants are as precise as the given dtypes.

    Two programs may round one constant differently: a step h and its inverse, a spectrum. That
    shows in double precision.

    Args:
        operator: what was applied.
        block: probes that hold ones at single cells: `(vectors, cells of its domain)`.
        result: `(vectors, cells of its codomain)`.

    Returns:
        `(vectors, cells of its codomain)`.
    """
    bound, given, sizes = error_bound(operator, block, result), operator.given, np.abs(result)
    if operator.rounding.magnitude is None:  # single ones may round worse than what was observed
        bound = 32 * bound + 2.0 ** (-operator.rounding.bits / 2) * sizes
    if given is None:
        return bound
    unit = 2.0**-given.rounding.bits
    own = max(4 * unit, min(512 * unit, 2.0**-12)) * sizes
    outputs = _factors(operator)[1]
    largest = operator.codomain.leafwise(sizes / outputs, lambda part: part.max(1, keepdims=True))
    spread = min(64 * unit, max(4 * unit, 2.0**-12)) * outputs * largest
    if given.rounding.magnitude is not None:
        spread = np.fmin(spread, error_bound(given.scaled(*operator.scales), block, result))
    return bound + np.maximum(own, spread)


MANY = 64
"""Cells among which one rounds as badly as any."""


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


def norms(block: np.ndarray) -> np.ndarray:
    """2-norms of rows of magnitudes, `(vectors,)`; squares neither overflow nor vanish."""
    if not block.shape[1]:
        return np.zeros(len(block))
    return root_mean_square(block)[:, 0] * math.sqrt(block.shape[1])


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Of the defects of probes.

    Attributes:
        measured: the largest.
        allowed: how far two inner products may be apart by rounding.
        ratio: largest measured / allowed.
        observed: why the bound is not derived; '' where it is.
    """

    measured: float
    allowed: float
    ratio: float
    observed: str

    def __str__(self) -> str:
        kind = "as observed" if self.observed else "as derived"
        return f"{self.ratio:.2g} of what rounding explains, {kind}"


def measure(sample: Sample) -> Measurement:
    """The defects of probes against what rounding explains.

    The signs of u are independent of the rounding e of A v, and those of v of the rounding of At u.
    So <u, e> is at most `CERTAIN` times the root of the sum of |u|^2 |e|^2, but for a chance of
    2 exp(-CERTAIN^2 / 2) (Hoeffding 1963).
    """
    pair = sample.pair
    y_bound, y_norm = error_bounds(pair.forward, sample.v, sample.y)
    x_bound, x_norm = error_bounds(pair.backward, sample.u, sample.x)
    u, v, y, x = (np.abs(z) for z in (sample.u, sample.v, sample.y, sample.x))
    allowed = _summed(u, y_bound, y_norm) + _summed(v, x_bound, x_norm).T
    allowed = allowed + sample.summation * (u @ y.T + x @ v.T)
    measured = sample.float_defects()
    ratio = float(np.max(measured / np.maximum(allowed, np.finfo(np.float64).tiny), initial=0))
    reasons = [rounding.reason for rounding in pair.roundings if rounding.magnitude is None]
    return Measurement(
        float(measured.max(initial=0)),
        float(allowed.max(initial=0)),
        ratio,
        "; ".join(reasons),
    )


CERTAIN = 6.0
"""Standard deviations."""


def _summed(u: np.ndarray, entries: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """How far <u, e> may be from zero, given bounds on e: `(probes u, vectors e)`."""
    peak = float(entries.max(initial=0)) or 1.0  # whose square may overflow
    from_entries = peak * np.sqrt(np.square(u) @ np.square(entries / peak).T)
    from_norms = np.outer(u.max(axis=1, initial=0), norms)
    return np.minimum(CERTAIN * np.minimum(from_entries, from_norms), u @ entries.T)


UNLIKE = 32.0
"""Times the rounding that was observed: then it depends on the argument, as no rounding does."""


def precision(pair: Pair) -> Evidence:
    """Is the pair as precise as its jaxprs say, and At as precise as A? Gaussian probes."""
    given = pair.given
    if pair.is_widened:
        found = [_against_double(operator, pair) for operator in pair.operators if operator.given]
        ratio, text = max(x[0] for x in found), "; ".join(x[1] for x in found)
    else:
        u, v = (tamed(one, pair.probes.normal(one.domain, PROBES)) for one in pair.operators[::-1])
        measured = measure(pair.sample(u, v))
        ratio, text = measured.ratio, f"{PROBES} x {PROBES} Gaussian probes: {measured}"
    unsure = any(rounding.magnitude is None for rounding in given.roundings)
    status: Status = "pass" if ratio <= (UNLIKE if unsure else 1) else "fail"
    if status == "fail" and unsure:
        status = "inconclusive"
    bits, bits_of_transpose = (rounding.bits for rounding in given.roundings)
    if bits_of_transpose < bits:
        status = "fail"
        text += f"; At forms sums of {bits_of_transpose} bits where A has {bits}"
    elif bits < given.bits:
        text += f"; both form sums of {bits} bits, of {given.bits} that their dtypes have"
    return Evidence("precision", "precision", status, text)


def _against_double(operator: Operator, pair: Pair) -> tuple[float, str]:
    """A function as given against the same in double precision: the worst ratio, and words."""
    given = operator.given or operator
    block = tamed(given, pair.probes.normal(given.domain, PROBES))
    result, exact = given(block), operator.scaled(None, None)(block)
    off = np.abs(result - exact)
    sizes = given.codomain.leafwise(np.abs(exact), root_mean_square)
    relative = float(np.max(off / np.where(sizes > 0, sizes, 1), initial=0))
    text = f"{given.name} is within {relative:.1g} of its results in double precision"
    if given.rounding.magnitude is None:
        return 0.0, text
    # constants that the program computes may be off by more than the operations on them explain
    constants = 64 * 2.0**-given.rounding.bits * sizes
    allowed = np.maximum(error_bound(given, block, result), constants)
    ratio = float(np.max(off / np.maximum(allowed, np.finfo(np.float64).tiny), initial=0))
    return ratio, f"{text}: {ratio:.2g} of what rounding explains"
