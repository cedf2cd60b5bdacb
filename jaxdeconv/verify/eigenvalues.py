"""Is a self-adjoint map positive semi-definite? Its eigenvalues, or bounds on them.

All eigenvalues of a small map, from its matrix. Of a large one the Ritz values of k steps of
Lanczos from a Gaussian vector. Each is `<A v, v>` of a unit vector v, so a negative one disproves.
What may lie beyond the smallest is bounded in probability: with n cells over the reals it is above
the smallest eigenvalue by more than a fraction eps of the spectrum's width with a probability of

    1.648 sqrt(n) exp(-sqrt(eps) (2 k - 1))

at most (Kuczynski & Wozniakowski 1992, doi:10.1137/0613066).
"""

import math

import numpy as np

from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.report import Evidence, Status

__all__ = ["semidefinite"]

DENSE = 1024
"""The most cells of a map whose eigenvalues are all computed."""

STEPS, NUMBERS = 80, 2**28
"""Of Lanczos, at most; and the numbers that its basis may take."""

CHANCE = 1e-9
"""That a bound on the spectrum does not hold."""


def semidefinite(operator: Operator, probes: Probes) -> Evidence:
    """The evidence that no eigenvalue of a self-adjoint map is negative."""
    given = operator.given or operator
    unit = 2.0**-given.rounding.bits * 16 * math.sqrt(operator.domain.size)
    if operator.domain.size <= DENSE:
        matrix = operator(np.eye(operator.domain.size, dtype=operator.domain.wide))
        return _judged_all(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2), unit)
    values, closed, steps = _lanczos(operator, probes)
    real_cells = operator.domain.size * (2 if operator.domain.kind == "complex" else 1)
    share = 0.0 if closed else _share_beyond(real_cells, steps)
    return _judged(values, unit, share, steps)


def _judged_all(values: np.ndarray, unit: float) -> Evidence:
    lowest, size = float(values.min()), float(np.abs(values).max())
    passed = lowest >= -unit * size
    text = f"all {len(values)} eigenvalues: from {lowest:.3g} to {values.max():.3g}"
    if passed and lowest < 0:
        text += ", which is 0 up to rounding"
    status: Status = "pass" if passed else "fail"
    return Evidence("eigenvalues", "positivity", status, text, detection_limit=unit)


def _judged(values: np.ndarray, unit: float, share: float, steps: int) -> Evidence:
    """From Ritz values; `share` of the spectrum's width may lie below them."""
    lowest, highest = float(values.min()), float(values.max())
    text = f"{steps} steps of Lanczos: <A v, v> / <v, v> from {lowest:.3g} to {highest:.3g}"
    if lowest < -unit * float(np.abs(values).max()):
        return Evidence("eigenvalues", "positivity", "fail", text)
    beyond = share / (1 - 2 * share) if share < 0.5 else math.inf
    if share == 0 or lowest >= beyond * (highest - lowest):
        text += f"; none is below 0 beyond rounding, but with a probability of {2 * CHANCE:.0e}"
        return Evidence("eigenvalues", "positivity", "pass", text, false_acceptance=2 * CHANCE)
    text += (
        f"; an eigenvalue between 0 and {beyond:.2g} times the largest below it would not be seen:"
        f" probes cannot prove it, all eigenvalues of a map of up to {DENSE} cells can"
    )
    return Evidence("eigenvalues", "positivity", "inconclusive", text, detection_limit=beyond)


def _share_beyond(real_cells: int, steps: int) -> float:
    """The share of the spectrum's width that Ritz values may miss, but for `CHANCE`."""
    return (math.log(1.648 * math.sqrt(real_cells) / CHANCE) / (2 * steps - 1)) ** 2


def _lanczos(operator: Operator, probes: Probes) -> tuple[np.ndarray, bool, int]:
    """Ritz values, whether no other eigenvalues can be, and the steps taken."""
    size = operator.domain.size
    steps = max(2, min(STEPS, NUMBERS // size))
    basis = np.empty((steps, size), operator.domain.wide)
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    vector = probes.normal(operator.domain, 1)[0]
    for k in range(steps):
        basis[k] = vector / np.linalg.norm(vector)
        image = operator(basis[k][None])[0]
        diagonal[k] = np.vdot(basis[k], image).real
        vector = image
        for _ in range(2):  # once leaves what rounding lets in again
            vector = vector - (basis[: k + 1].conj() @ vector) @ basis[: k + 1]
        beside[k] = np.linalg.norm(vector)
        if beside[k] <= 1e-13 * max(np.linalg.norm(image), np.abs(diagonal).max()):
            return _ritz(diagonal, beside, k + 1), True, k + 1
    return _ritz(diagonal, beside, steps), False, steps


def _ritz(diagonal: np.ndarray, beside: np.ndarray, steps: int) -> np.ndarray:
    off = beside[: steps - 1]
    return np.linalg.eigvalsh(np.diag(diagonal[:steps]) + np.diag(off, 1) + np.diag(off, -1))
