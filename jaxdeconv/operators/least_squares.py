"""The inverse that the transpose is not: least squares, damped, preconditioned, differentiable."""

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.convolution import ConvOperator
from jaxdeconv.operators.filters import gram_inverse
from jaxdeconv.operators.krylov import (
    CONVERGED,
    NOT_DEFINITE,
    NOT_FINITE,
    STALLED,
    Outcome,
    conjugate_gradients,
)
from jaxdeconv.operators.stacking import Identity, vstack
from jaxdeconv.operators.vectors import over_batch, structured
from jaxdeconv.operators.views import optional
from jaxdeconv.planning import tuning_cache

__all__ = ["ConvergenceWarning", "NotConverged", "Solution", "lstsq"]

REASONS = {
    CONVERGED: "converged",
    STALLED: "not converged: more steps, a larger tolerance or damp > 0 may help",
    NOT_DEFINITE: "broke down: K does not have full rank (pass damp > 0, or method='lsmr'), or the "
    "preconditioner is not positive definite",
    NOT_FINITE: "not finite: NaN or infinity in u, in the kernel, or from overflow",
}


class NotConverged(ArithmeticError):
    """A solver did not reach its tolerance; the message says how far it got, and why."""


class ConvergenceWarning(RuntimeWarning):
    """The same as a warning: the result may still be useful."""


@pytree("value", "steps", "residual", "misfit", "status")
@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """What `lstsq` found, and how good it is. All but `value` have only the batch axes.

    Attributes:
        value: v.
        steps: iterations.
        residual: `|K^H (u - K v) - damp v| / |K^H u|` of the normal equations, from v itself.
        misfit: `|u - K v| / |u|`.
        status: 0 converged, 1 not converged, 2 broke down, 3 not finite.
    """

    value: Array
    steps: Array
    residual: Array
    misfit: Array
    status: Array

    @property
    def converged(self) -> Array:
        """Whether the residual is within the tolerance."""
        return self.status == CONVERGED

    def checked(self) -> Array:
        """`value`, or an error if it has not converged.

        Raises:
            NotConverged: some system of the batch has not converged.
        """
        if not bool(jnp.all(self.converged)):
            raise NotConverged(str(self))
        return self.value

    def __str__(self) -> str:
        if isinstance(self.status, jax.core.Tracer | jax.ShapeDtypeStruct):
            return f"lstsq: {self.status}"
        worst = int(np.max(self.status, initial=0))
        return (
            f"lstsq: {REASONS[worst]} (relative residual of the normal equations "
            f"{np.max(self.residual, initial=0):.2g}, misfit {np.max(self.misfit, initial=0):.2g}, "
            f"after {np.max(self.steps, initial=0)} steps)"
        )

    __repr__ = __str__  # what a notebook shows


@reporting
def lstsq(
    K: LinearMap,
    u: ArrayLike,
    *,
    damp: float | Array = 0.0,
    preconditioner: LinearMap | Literal["polyphase"] | None = None,
    tolerance: float = 1e-5,
    max_steps: int | None = None,
    method: Literal["auto", "cg", "lsmr"] = "auto",
    callback: Callable[[Any, Any], None] | None = None,
) -> Solution:
    """The v that minimises `|K v - u|^2 + damp |v|^2`; with damp = 0 the shortest such v.

    'cg' solves `(K^H K + damp) v = K^H u`, or if u is smaller than v the smaller system
    `(K K^H + damp) z = u`, `v = K^H z`. It is differentiable in K, u and damp, through the solution
    and not the steps, if that system is regular: K has full rank, or damp > 0. 'lsmr' is lineax'
    solver, which takes K of any rank and is differentiable too.

    Args:
        K: any linear map of floating point numbers.
        u: as for `K.T @ u`: flat, or structured with batch axes, whose systems are solved one by
            one; may be complex if K is real.
        damp: at least 0; the squared weight of |v| (SciPy's `damp` squared).
        preconditioner: for 'cg': a positive definite map on the side that is solved for (v, or u if
            that is smaller), roughly the inverse of the system; or 'polyphase' for
            `gram_inverse(K, damp=damp)`. Does not change the solution of a regular system.
        tolerance: on `Solution.residual`.
        max_steps: None for ten times the smaller side, ten thousand at most.
        method: 'cg', 'lsmr' (needs lineax), or 'auto': 'lsmr' unless damping, a preconditioner or a
            callback requires 'cg'.
        callback: for 'cg': called with (steps, relative residual) after each step, for each system
            of a batch.

    Returns:
        The solution, and how it was reached. Outside `jax.jit`, a system that has not converged
        gives a warning (`ConvergenceWarning`); `Solution.checked` raises.

    Raises:
        ValueError: wrong shapes or settings.
        TypeError: dtypes that differ, or integers.

    Cost: per step one K and one K^H (if u is smaller than v, two K^H).

    Example:
        >>> K = ConvOperator(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (4, 1))
        >>> solution = lstsq(K, K @ jnp.array([1.0, 0.0, 2.0, 1.0]))
        >>> [round(x, 2) for x in solution.value.tolist()], bool(solution.converged)
        ([-0.04, 0.52, 1.74, 1.13], True)

    References: Paige & Saunders 1982, doi:10.1145/355984.355989; Fong & Saunders 2011,
    doi:10.1137/10079687X (LSMR).
    """
    _check(K, damp, tolerance, method, preconditioner, max_steps)
    rows, batch = structured("u", u, K.output_shape, K.dtype)
    if method == "auto":
        plain = preconditioner is None and callback is None
        undamped = not isinstance(damp, jax.core.Tracer) and not damp > 0
        method = "lsmr" if plain and undamped else "cg"
    if isinstance(preconditioner, str):
        preconditioner = gram_inverse(K, damp=damp)  # type: ignore[arg-type]
    K = K if rows.dtype == K.dtype else K.as_complex()
    steps = min(10 * min(K.shape), 10_000) if max_steps is None else max_steps
    damp = jnp.asarray(damp, rows.real.dtype)
    solve = functools.partial(
        _solve,
        K,
        damp=damp,
        preconditioner=preconditioner,
        method=method,
        tolerance=float(tolerance),
        max_steps=steps,
        callback=callback,
    )
    solution = over_batch(solve, rows, batch)
    if batch is None:
        solution = dataclasses.replace(solution, value=solution.value.ravel())
    if not isinstance(solution.status, jax.core.Tracer) and not bool(solution.converged.all()):
        warnings.warn(str(solution), ConvergenceWarning, stacklevel=3)
    return solution


@tuning_cache.follows
@functools.partial(jax.jit, static_argnames=("method", "tolerance", "max_steps", "callback"))
def _solve(
    K: LinearMap,
    u: Array,
    *,
    damp: Array,
    preconditioner: LinearMap | None,
    method: str,
    tolerance: float,
    max_steps: int,
    callback: Callable[[Any, Any], None] | None,
) -> Solution:
    """The solution of one system, and its misfit."""
    if method == "lsmr":
        v, outcome = _by_lsmr(K, u, damp, tolerance, max_steps)
    else:
        v, outcome = _by_cg(K, u, damp, preconditioner, tolerance, max_steps, callback)
    misfit = _ratio(u - K @ v, u)
    outcome = jax.tree.map(lax.stop_gradient, outcome)
    return Solution(v, outcome.steps, outcome.residual, lax.stop_gradient(misfit), outcome.status)


def _by_cg(
    K: LinearMap,
    u: Array,
    damp: Array,
    preconditioner: LinearMap | None,
    tolerance: float,
    max_steps: int,
    callback: Callable[[Any, Any], None] | None,
) -> tuple[Array, Outcome]:
    """Conjugate gradients on the smaller of the two normal equations, differentiated implicitly."""
    wide = K.shape[0] < K.shape[1]
    gram, b = (K @ K.H, u) if wide else (K.gram, K.H @ u)

    def measure(r: Array) -> Array:
        return jnp.linalg.norm((K.H @ r if wide else r).ravel())

    def solve(normal: Callable[[Array], Array], b: Array) -> tuple[Array, Outcome]:
        return conjugate_gradients(
            normal,
            b,
            precondition=(lambda r: r) if preconditioner is None else preconditioner.__matmul__,
            measure=measure,
            tolerance=tolerance,
            max_steps=max_steps,
            report=callback,
        )

    def solve_conjugate(transposed: Any, b: Array) -> tuple[Array, Outcome]:
        x, outcome = solve(lambda x: jnp.conj(transposed(jnp.conj(x))), jnp.conj(b))
        return jnp.conj(x), outcome

    def normal(x: Array) -> Array:
        return gram @ x + damp.astype(x.dtype) * x

    z, outcome = lax.custom_linear_solve(
        normal, b, solve, transpose_solve=solve_conjugate, has_aux=True
    )
    return (K.H @ z if wide else z), outcome


def _by_lsmr(
    K: LinearMap, u: Array, damp: Array, tolerance: float, max_steps: int
) -> tuple[Array, Outcome]:
    """Lineax' LSMR on [K; sqrt(damp) I]."""
    lineax = optional("lineax")
    root = jnp.where(damp > 0, jnp.sqrt(jnp.where(damp > 0, damp, 1)), 0)
    tall = vstack(K, root.astype(K.dtype) * Identity(K.input_shape, K.dtype))
    right = jnp.concatenate([u.ravel(), jnp.zeros(K.shape[1], K.dtype)])
    tight = max(tolerance / 100, float(jnp.finfo(K.dtype).eps))  # another measure
    solver = lineax.LSMR(rtol=tight, atol=0.0, max_steps=max_steps, conlim=math.inf)
    found = lineax.linear_solve(tall.as_lineax(), right, solver, throw=False)
    v = found.value
    residual = _ratio(K.H @ (u - K @ v) - damp.astype(K.dtype) * v, K.H @ u)
    status = jnp.where(residual <= tolerance, CONVERGED, STALLED)
    status = jnp.where(jnp.isfinite(residual), status, NOT_FINITE)
    return v, Outcome(found.stats["num_steps"], residual, status)


def _ratio(x: Array, y: Array) -> Array:
    """|x| / |y|, or |x| if y is zero."""
    scale = jnp.linalg.norm(y.ravel())
    return jnp.linalg.norm(x.ravel()) / jnp.where(scale == 0, 1, scale)


def _check(
    K: Any, damp: Any, tolerance: Any, method: Any, preconditioner: Any, max_steps: Any
) -> None:
    """Refuse invalid settings."""
    if not isinstance(K, LinearMap) or not jnp.issubdtype(K.dtype, jnp.inexact):
        raise ArgumentTypeError(
            "K must be a linear map of floating point numbers", "Pass a ConvOperator.", K=K
        )
    if jnp.shape(damp) != () or (not isinstance(damp, jax.core.Tracer) and not damp >= 0):
        raise ArgumentValueError("damp must be a number, at least 0", "Pass 0 or more.", damp=damp)
    eps = float(jnp.finfo(K.dtype).eps)
    if not eps <= tolerance < 1:
        raise ArgumentValueError(
            f"tolerance must lie between the rounding of {K.dtype} and 1",
            f"Pass at least {eps:.2g}, or enable 64-bit mode.",
            tolerance=tolerance,
        )
    if max_steps is not None:
        as_integer("max_steps", max_steps, minimum=1)
    check_choice("method", method, ("auto", "cg", "lsmr"))
    _check_preconditioner(K, preconditioner, method)


def _check_preconditioner(K: LinearMap, preconditioner: Any, method: str) -> None:
    if preconditioner is None:
        return
    if method == "lsmr":
        raise ArgumentValueError(
            "method 'lsmr' takes no preconditioner", "Pass method='cg'.", method=method
        )
    if isinstance(preconditioner, str):
        if preconditioner != "polyphase" or not isinstance(K, ConvOperator):
            raise ArgumentValueError(
                "preconditioner must be a linear map, or 'polyphase' if K is a ConvOperator",
                "Pass gram_inverse of a similar ConvOperator.",
                preconditioner=preconditioner,
            )
        return
    side = K.output_shape if K.shape[0] < K.shape[1] else K.input_shape
    shapes = (preconditioner.input_shape, preconditioner.output_shape)
    if shapes != (side, side):
        raise ArgumentValueError(
            f"preconditioner must map the smaller side, {side}, to itself",
            "Pass gram_inverse(K).",
            preconditioner=shapes,
        )
