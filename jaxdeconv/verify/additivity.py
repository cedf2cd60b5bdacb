"""Is a function linear? Its jaxpr, typed, and probes for what a jaxpr does not show.

Typing sees what random probes do not reach (a clip at ten standard deviations) and names the line;
probing sees through callbacks, and decides where the typing finds no proof.

Probes go through the range of the floats, from 2^-40 to 2^40 as far as the function allows: there
clips, thresholds and narrower dtypes on the way show. A power of two scales every float exactly.
"""

import dataclasses
import math

import numpy as np

from jaxdeconv.verify.arithmetic import largest_part
from jaxdeconv.verify.floats import tamed
from jaxdeconv.verify.maps import FEW, Operator
from jaxdeconv.verify.precision import SENSIBLE, error_bound, root_mean_square, underflow
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.report import Evidence, Status

__all__ = ["linear", "with_noise"]

NEAR, FAR = (-4, 1), 40
"""Exponents of factors near to 1, where nothing is an excuse, and of the furthest."""


ROUGH = 0.05
"""Of the largest result: what rounding may do to a function that cannot be read."""


def with_noise(operator: Operator, probes: Probes) -> Operator:
    """The operator with its rounding as observed, where none can be derived.

    Sums and multiples of fractions are compared with those of their results. What differs by more
    than rounding explains is no noise.
    """
    domain, codomain = operator.domain, operator.codomain
    if domain.kind == "integer" or operator.rounding.magnitude is not None:
        return operator
    v, w = tamed(operator, probes.fractions(domain, 2))
    y = operator(np.stack([v, w, v + w, 3 * v]))
    off = np.maximum(np.abs(y[2] - y[0] - y[1]), np.abs(y[3] - 3 * y[0]))
    size = codomain.leafwise(np.abs(y), root_mean_square).max(axis=0, initial=0)
    return operator.with_noise(float(np.max(off / np.where(size == 0, 1, size), initial=0)))


def linear(operator: Operator, probes: Probes, few: bool = False) -> Evidence:
    """Evidence that `operator` is linear: over the complex numbers where both spaces are complex.

    Args:
        operator: the function.
        probes: the random numbers.
        few: whether to do without probes far from 1, and where the typing finds a proof, without
            any.

    Returns:
        'fail' with the property that does not hold; 'inconclusive' where the probes found nothing
        wrong but the typing names a primitive that is not linear, where the function is opaque
        and the probes saw only what they could not tell from rounding, or where it is not linear
        far from 1.
    """
    name = f"linear: {operator.name}"
    typed = operator.analysis.linearity if operator.analysis else None
    doubt = typed is not None and typed.kind in ("affine", "non-linear")
    proved = typed is not None and not doubt and typed.kind != "opaque"
    if few and typed is not None and proved:
        return Evidence(name, "linearity", "pass", typed.text, caveat=_caveat(operator))
    found = _seen(operator) if few and operator.noise else _probed(operator, probes, few)
    if found.broken:
        where = f"; {typed.text}" if typed and doubt else ""
        return Evidence(name, "linearity", "fail", f"{found.broken}{where}")
    exactly = f"up to {found.off:.1g} of the largest result" if found.off else "exactly"
    probed = f"{operator.name} is 0 at 0, additive and homogeneous on integer probes, {exactly}"
    probed += f"; but {found.doubt}" if found.doubt else ""
    if typed is not None and proved:
        status: Status = "inconclusive" if found.doubt else "pass"
        text = f"{typed.text}; {probed}"
        return Evidence(name, "linearity", status, text, caveat=_caveat(operator))
    if typed is not None and doubt:
        text = f"{typed.text}; but {probed}: the probes may not reach where it is not linear"
        return Evidence(name, "linearity", "inconclusive", text)
    text = (
        f"not typed: {operator.rounding.reason}; {probed}: what the probes do not reach is not seen"
    )
    status = "pass" if found.off <= SENSIBLE and not found.doubt else "inconclusive"
    caveat = f"{operator.name} cannot be read, only probed"
    return Evidence(name, "linearity", status, text, caveat=caveat)


@dataclasses.dataclass(frozen=True)
class _Found:
    """What probes say.

    Attributes:
        broken: the first property of a linear map that fails, '' if all hold.
        doubt: what fails far from 1, where the range of a float may be the reason; or ''.
        off: how far off the others are, relative to the largest result: within rounding.
    """

    broken: str = ""
    doubt: str = ""
    off: float = 0.0


def _caveat(operator: Operator) -> str:
    """Where a function that can be read rounds to fewer digits than its dtypes have."""
    bits, own = operator.rounding.bits, min(operator.domain.bits, operator.codomain.bits)
    narrow = operator.domain.kind != "integer" and bits < own
    return f"{operator.name} rounds to {bits} bits, of {own} of its dtypes" if narrow else ""


def _seen(operator: Operator) -> _Found:
    """What the observation of the rounding says, which compares sums and multiples."""
    name = operator.name
    text = f"{name}(v + w) and {name}(v) + {name}(w) differ by {operator.noise:.2g} of their size"
    if operator.noise > ROUGH:
        return _Found(broken=text)
    return _Found(doubt=text if operator.noise > SENSIBLE else "", off=operator.noise)


def _probed(operator: Operator, probes: Probes, few: bool) -> _Found:
    domain, codomain = operator.domain, operator.codomain
    block = probes.modest(domain, 1)
    block = np.concatenate([block, probes.shuffled(domain, block)])
    exponents: list[int] = [10]
    if domain.kind != "integer":
        block = block if few else tamed(operator, block)
        exponents = [2] if few else _exponents(operator, block, operator(block))
    v, w = block
    i = 1j if domain.kind == "complex" else 1
    factors = [2.0**k if domain.kind != "integer" else 2**k for k in exponents]
    rows = [np.zeros_like(v), v, w, v + w, -3 * v, i * v, *(factor * v for factor in factors)]
    y = operator.unchecked(np.stack(rows))
    operator.check_finite(y[:6])
    claims = _claims(operator.name, exponents, factors, i)
    bounds = _bounds(operator, block, y, [1, 1, 1, 2, 3, 1, *factors])
    worst, scale, doubt = 0.0, float(np.abs(y[:6]).max(initial=0)) or 1.0, ""
    for claim, row, terms, far in claims:
        left, right = y[row], sum((c * y[k] for k, c in terms), 0 * y[0])
        allowed = bounds[row] + sum(abs(c) * bounds[k] for k, c in terms)
        off = _distance(left, right, min(domain.bits, codomain.bits))
        wrong = ~(off <= (allowed if terms else 0.0))  # so that NaN is wrong
        if not wrong.any():
            worst = max(worst, float(np.max(off / max(1.0, abs(terms[0][1]) if terms else 1))))
            continue
        cell = int(np.argmax(np.where(np.isnan(off), np.inf, off - allowed)))
        text = f"{claim} does not hold at {codomain.where(cell)}: {left[cell]} is not {right[cell]}"
        saturated = far > 0 and np.isfinite(left[wrong]).all() and left[wrong].all()
        rough = domain.kind != "integer" and operator.rounding.magnitude is None
        rough = rough and bool((off <= ROUGH * scale).all())
        if saturated or not (far or (terms and rough)):
            return _Found(broken=text)
        doubt = doubt or text
    return _Found(doubt=doubt, off=worst / scale)


def _exponents(operator: Operator, block: np.ndarray, y: np.ndarray) -> list[int]:
    """Exponents of the factors for which argument and result stay within the range of floats."""
    least, largest = operator.limits
    peaks = [peak for peak in (largest_part(block), largest_part(y)) if peak]
    lowest = math.ceil(math.log2(4 * least) - math.log2(min(peaks)))
    highest = math.floor(math.log2(largest / 4) - math.log2(max(peaks)))
    low, high = max(-FAR, lowest), min(FAR, highest)
    far = (low, high) if operator.lanes < FEW else (low, low // 2, high // 2, high)
    near = [k for k in NEAR if lowest <= k <= highest]
    return [*near, *sorted({k for k in far if k < min(NEAR) or k > max(NEAR)})]


def _bounds(operator: Operator, block: np.ndarray, y: np.ndarray, most: list[float]) -> np.ndarray:
    """Rounding of each row, whose argument is at most `most` times the larger of v and w."""
    if operator.domain.kind == "integer":
        return np.zeros(y.shape)
    sizes = np.abs(np.array(most, np.float64))[:, None]
    largest = np.abs(block).max(axis=0)[None]
    result = np.abs(y[1:3]).max(axis=0)[None]
    return sizes * error_bound(operator, largest, result) + underflow(operator)


Claim = tuple[str, int, list[tuple[int, complex]], int]


def _claims(name: str, exponents: list[int], factors: list[float], i: complex) -> list[Claim]:
    """In words; the row that equals a sum of factors times rows; and the exponent, if it is far."""
    claims: list[Claim] = [
        ("A(0) = 0", 0, [], 0),
        ("A(v + w) = A(v) + A(w)", 3, [(1, 1), (2, 1)], 0),
        ("A(-3 v) = -3 A(v)", 4, [(1, -3)], 0),
    ]
    claims += [("A(i v) = i A(v)", 5, [(1, i)], 0)] if i != 1 else []
    for row, (k, factor) in enumerate(zip(exponents, factors, strict=True), start=6):
        shown = str(int(factor)) if 0 < k <= 10 else f"2^{k}"
        far = 0 if k in NEAR else k
        claims.append((f"A({shown} v) = {shown} A(v)", row, [(1, factor)], far))
    return [(text.replace("A(", f"{name}("), row, terms, far) for text, row, terms, far in claims]


def _distance(left: np.ndarray, right: np.ndarray, bits: int) -> np.ndarray:
    """Of integers modulo 2^bits: 0 or 1."""
    if left.dtype.kind == "i":
        return ((left - right) & np.int64(2**bits - 1 if bits < 64 else -1) != 0).astype(float)
    with np.errstate(invalid="ignore"):
        return np.abs(left - right)
