"""Is a function linear? Its jaxpr, typed, and probes for what a jaxpr does not show.

Typing sees what random probes do not reach (a clip at ten standard deviations) and names the line;
probing sees through callbacks, and decides where the typing finds no proof.
"""

import numpy as np

from jaxdeconv.verify.arithmetic import largest_part
from jaxdeconv.verify.operator import Operator
from jaxdeconv.verify.precision import SENSIBLE, error_bound
from jaxdeconv.verify.probes import HALF, Probes
from jaxdeconv.verify.report import Evidence

__all__ = ["linear"]


def linear(operator: Operator, probes: Probes) -> Evidence:
    """Evidence that `operator` is linear: over the complex numbers where both spaces are complex.

    Args:
        operator: the function.
        probes: the random numbers.

    Returns:
        'fail' with the property that does not hold; 'inconclusive' where the probes found nothing
        wrong but the typing names a primitive that is not linear, or where the function is opaque
        and the probes saw only what they could not tell from rounding.
    """
    name = f"linear: {operator.name}"
    typed = operator.analysis.linearity if operator.analysis else None
    doubt = typed is not None and typed.kind in ("affine", "non-linear")
    broken, off = _probed(operator, probes)
    if broken:
        where = f"; {typed.text}" if typed and doubt else ""
        return Evidence(name, "linearity", "fail", f"{broken}{where}")
    exactly = f"up to {off:.1g} of the largest result" if off else "exactly"
    probed = f"{operator.name} is 0 at 0, additive and homogeneous on integer probes, {exactly}"
    if typed is not None and not doubt and typed.kind != "opaque":
        return Evidence(name, "linearity", "pass", f"{typed.text}; {probed}")
    if typed is not None and doubt:
        text = f"{typed.text}; but {probed}: the probes may not reach where it is not linear"
        return Evidence(name, "linearity", "inconclusive", text)
    text = (
        f"not typed: {operator.rounding.reason}; {probed}: what the probes do not reach is not seen"
    )
    return Evidence(name, "linearity", "pass" if off <= SENSIBLE else "inconclusive", text)


def _probed(operator: Operator, probes: Probes) -> tuple[str, float]:
    """The first property of a linear map that fails on a probe, '' if all hold.

    And how far off they are, relative to the largest result: within what rounding explains.
    """
    domain, codomain, rounding = operator.domain, operator.codomain, operator.rounding
    factor = 2 if domain.bits <= HALF else 2**10
    v, w = probes.modest(domain, 2)
    i = 1j if domain.kind == "complex" else 1
    block = np.stack([np.zeros_like(v), v, w, v + w, -3 * v, factor * v, i * v])
    y = operator(block)
    bounds = np.zeros(y.shape)
    if domain.kind != "integer" and rounding.magnitude is None:
        bounds = error_bound(operator, block, y)
    elif domain.kind != "integer" and largest_part(block) * rounding.load > 1:
        most = np.array([1, 1, 1, 2, 3, factor, 1])[:, None]  # times the larger of v and w
        bounds = most * error_bound(operator, np.abs(block[1:3]).max(axis=0)[None], y[:1])
    worst, scale = 0.0, float(np.abs(y).max(initial=0)) or 1.0
    for claim, terms in _claims(operator.name, factor, i).items():
        left, right = y[terms[0]], sum((c * y[k] for k, c in terms[1]), 0 * y[0])
        allowed = bounds[terms[0]] + sum(abs(c) * bounds[k] for k, c in terms[1])
        off = _distance(left, right, min(domain.bits, codomain.bits))
        if (off > (allowed if terms[1] else 0.0)).any():
            cell = int(np.argmax(off - allowed))
            where = codomain.where(cell)
            return f"{claim} does not hold at {where}: {left[cell]} is not {right[cell]}", 0.0
        worst = max(worst, float(off.max(initial=0)))
    return "", worst / scale


def _claims(name: str, factor: int, i: complex) -> dict[str, tuple[int, list[tuple[int, complex]]]]:
    """Each claim in words, and as a row of the block that equals a sum of factors times rows."""
    claims: dict[str, tuple[int, list[tuple[int, complex]]]] = {
        "A(0) = 0": (0, []),
        "A(v + w) = A(v) + A(w)": (3, [(1, 1), (2, 1)]),
        "A(-3 v) = -3 A(v)": (4, [(1, -3)]),
        f"A({factor} v) = {factor} A(v)": (5, [(1, factor)]),
        "A(i v) = i A(v)": (6, [(1, i)]),
    }
    if i == 1:
        claims.popitem()
    return {claim.replace("A(", f"{name}("): terms for claim, terms in claims.items()}


def _distance(left: np.ndarray, right: np.ndarray, bits: int) -> np.ndarray:
    """Of integers modulo 2^bits: 0 or 1."""
    if left.dtype.kind == "i":
        return ((left - right) & np.int64(2**bits - 1 if bits < 64 else -1) != 0).astype(float)
    return np.abs(left - right)
