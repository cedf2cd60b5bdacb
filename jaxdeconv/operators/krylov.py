"""Preconditioned conjugate gradients that report their outcome, restarted on the true residual.

lineax' CG stops entry by entry, does not support complex numbers and reports no progress; its LSMR
has neither damping nor a preconditioner. `lstsq` uses lineax for everything else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

__all__ = ["CONVERGED", "NOT_DEFINITE", "NOT_FINITE", "STALLED", "Outcome", "conjugate_gradients"]

CONVERGED, STALLED, NOT_DEFINITE, NOT_FINITE = range(4)

Function = Callable[[Array], Array]

ROUNDS = 8
"""Restarts: each removes the difference that rounding has built up between the recursion's residual
and the true one."""

DIVERGED = 1e4
"""Relative residual at which a singular, inconsistent system is recognised."""


class Outcome(NamedTuple):
    """The outcome of a solve: steps taken, relative residual, and why it ended."""

    steps: Array
    residual: Array
    status: Array


def conjugate_gradients(
    normal: Function,
    b: Array,
    *,
    precondition: Function,
    measure: Function,
    tolerance: float,
    max_steps: int,
    report: Callable[..., None] | None,
) -> tuple[Array, Outcome]:
    """Solve `normal(x) = b` until `measure(b - normal(x)) <= tolerance * measure(b)`.

    Args:
        normal: Hermitian and positive semi-definite.
        b: right-hand side.
        precondition: Hermitian, positive definite, roughly the inverse of `normal`.
        measure: a norm of residuals.
        tolerance: on their relative size.
        max_steps: over all restarts.
        report: called with (steps, relative residual) after every step, or None.
    """
    scale = measure(b)
    scale = jnp.where(scale == 0, 1, scale)

    def unfinished(state: Any) -> Array:
        steps, size, status = state[-3:]
        return (size > tolerance) & (steps < max_steps) & (status == CONVERGED)

    def step(state: Any) -> Any:
        x, r, p, gamma, steps, _, status = state
        q = normal(p)
        curvature = _inner(p, q)
        alpha = jnp.where(curvature > 0, _over(gamma, curvature), 0).astype(x.dtype)
        x, r = x + alpha * p, r - alpha * q
        z = precondition(r)
        renewed = _inner(r, z)
        p = z + _over(renewed, gamma).astype(x.dtype) * p
        size, steps = measure(r) / scale, steps + 1
        if report is not None:
            jax.debug.callback(report, steps, size)
        return x, r, p, renewed, steps, size, _judged(status, curvature, size)

    def round_(state: Any) -> Any:
        x, r, steps, before, status, count = state
        z = precondition(r)
        inner = (x, r, z, _inner(r, z), steps, before, status)
        x, _, _, _, steps, _, status = lax.while_loop(unfinished, step, inner)
        r = b - normal(x)
        size = measure(r) / scale
        status = jnp.where((status == CONVERGED) & (size > before / 2), STALLED, status)
        return x, r, steps, size, status, count + 1

    def more(state: Any) -> Array:
        _, _, steps, size, status, count = state
        return unfinished((steps, size, status)) & (count < ROUNDS)

    start, zero = measure(b) / scale, jnp.zeros((), jnp.int32)
    status = jnp.where(jnp.isfinite(start), CONVERGED, NOT_FINITE)
    state = (jnp.zeros_like(b), b, zero, start, status, zero)
    x, _, steps, size, status, _ = lax.while_loop(more, round_, state)
    reached = jnp.where(size <= tolerance, CONVERGED, STALLED)
    return x, Outcome(steps, size, jnp.where(status < NOT_DEFINITE, reached, status))


def _judged(status: Array, curvature: Array, size: Array) -> Array:
    """The status after a step."""
    definite = (curvature > 0) & ~(size > DIVERGED)
    status = jnp.where(definite, status, NOT_DEFINITE)
    return jnp.where(jnp.isfinite(size) & jnp.isfinite(curvature), status, NOT_FINITE)


def _over(x: Array, y: Array) -> Array:
    """Divide x by y, or return x where y is zero."""
    return x / jnp.where(y == 0, 1, y)


def _inner(x: Array, y: Array) -> Array:
    return jnp.vdot(x, y).real
