"""Richardson-Lucy: the most likely non-negative image behind counted photons."""

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.operators.algebra import LinearMap
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.least_squares import ConvergenceWarning
from jaxdeconv.operators.vectors import over_batch, structured
from jaxdeconv.planning import tuning_cache

__all__ = ["Deconvolved", "richardson_lucy"]


@pytree("value", "steps", "change", "converged")
@dataclasses.dataclass(frozen=True, eq=False)
class Deconvolved:
    """What `richardson_lucy` found. All but `value` have only the batch axes.

    Attributes:
        value: v, not negative.
        steps: iterations.
        change: `|v - before| / |before|` of the last one.
        converged: whether `change` is within the tolerance; False if it is not finite.
    """

    value: Array
    steps: Array
    change: Array
    converged: Array

    def __str__(self) -> str:
        if isinstance(self.change, jax.core.Tracer | jax.ShapeDtypeStruct):
            return f"richardson_lucy: {self.change}"
        change = float(np.max(self.change, initial=0))
        state = "converged" if bool(np.all(self.converged)) else "stopped before its tolerance"
        if not math.isfinite(change):
            state = "not finite: NaN, or negative numbers in u or in the kernel"
        return f"richardson_lucy: {state} (change {change:.2g}, {np.max(self.steps)} steps)"

    __repr__ = __str__  # what a notebook shows


@reporting
def richardson_lucy(
    K: LinearMap,
    u: ArrayLike,
    *,
    start: ArrayLike | None = None,
    tolerance: float = 1e-3,
    max_steps: int = 100,
    callback: Callable[[Any, Any], None] | None = None,
) -> Deconvolved:
    """The likeliest v >= 0 for counts u with mean K v: `v <- v * K^T(u / K v) / K^T 1`.

    K^T is the exact transpose, for any stride and padding. K^T 1 is how strongly each cell of v is
    observed; dividing by it keeps borders from darkening. Cells that are not observed keep their
    initial value. An operator with `algorithm="fft"` must observe all cells alike, to a factor of
    10^5 or so: below that K^T 1 is rounding error, and where it is negative the result is NaN.

    Args:
        K: a real map with entries that are not negative.
        u: not negative; flat, or structured with batch axes, whose images are treated one by one.
        start: positive initial v, the same for the whole batch; None for the mean of u over the
            mean of K 1.
        tolerance: on the relative change of v in a step; 0 takes all steps.
        max_steps: at least 1.
        callback: called with (steps, change) after each step.

    Returns:
        The image, and how it was reached. Outside `jax.jit`, a tolerance that was not reached, or
        numbers that are not finite, give a warning (`ConvergenceWarning`).

    Raises:
        ValueError: wrong shapes or settings.
        TypeError: K is complex or has integers.

    Cost: one K and one K^T per step.

    Example:
        >>> from jaxdeconv.operators import ConvOperator
        >>> K = ConvOperator(jnp.array([1.0, 2.0, 1.0]).reshape(3, 1, 1), (6, 1), padding=1)
        >>> u = K @ jnp.array([0.0, 0.0, 8.0, 0.0, 0.0, 0.0])
        >>> richardson_lucy(K, u, tolerance=0.0, max_steps=1000).value.round(1).tolist()
        [0.0, 0.0, 8.0, 0.0, 0.0, 0.0]

    References: Richardson 1972, doi:10.1364/JOSA.62.000055; Lucy 1974, doi:10.1086/111605.
    """
    if not isinstance(K, LinearMap) or not jnp.issubdtype(K.dtype, jnp.floating):
        raise ArgumentTypeError(
            "K must be a linear map of real floating point numbers", "Convert the kernel.", K=K
        )
    as_integer("max_steps", max_steps, minimum=1)
    if not 0 <= tolerance < 1:
        raise ArgumentValueError(
            "tolerance must lie between 0 and 1", "Pass 0 for all steps.", tolerance=tolerance
        )
    rows, batch = structured("u", u, K.output_shape, K.dtype, real=True)
    if start is not None:
        start, _ = structured("start", start, K.input_shape, K.dtype, real=True)
    solve = functools.partial(
        _iterate, K, start=start, tolerance=float(tolerance), max_steps=max_steps, callback=callback
    )
    found = over_batch(solve, rows, batch)
    if batch is None:
        found = dataclasses.replace(found, value=found.value.ravel())
    if not isinstance(found.change, jax.core.Tracer):
        failed = ~np.isfinite(found.change) if tolerance == 0 else ~np.asarray(found.converged)
        if failed.any():
            warnings.warn(str(found), ConvergenceWarning, stacklevel=3)
    return found


@tuning_cache.follows
@functools.partial(jax.jit, static_argnames=("tolerance", "max_steps", "callback"))
def _iterate(
    K: LinearMap,
    u: Array,
    *,
    start: Array | None,
    tolerance: float,
    max_steps: int,
    callback: Callable[[Any, Any], None] | None,
) -> Deconvolved:
    observed = K.T @ jnp.ones_like(u)
    if start is None:
        ones = jnp.ones(K.input_shape, K.dtype)
        start = ones * (jnp.mean(u) / jnp.mean(K @ ones))
    valid = jnp.all(u >= 0) & jnp.all(observed >= 0)
    v = jnp.where(valid, start, jnp.nan)  # reported as not finite

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        _, steps, change = state
        return (steps < max_steps) & (change > tolerance) & ~jnp.isnan(change)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        v, steps, _ = state
        # what is not negative may be computed as less than 0, by algorithm="fft"
        ratio = _quotient(u, jnp.maximum(K @ v, 0), 0)
        back = jnp.maximum(K.T @ ratio, 0)
        renewed = v * jnp.where(observed > 0, _quotient(back, observed, 1), 1)
        change = jnp.linalg.norm((renewed - v).ravel())
        change = _quotient(change, jnp.linalg.norm(v.ravel()), 0)
        if callback is not None:
            jax.debug.callback(callback, steps + 1, change)
        return renewed, steps + 1, change

    state = (v, jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, K.dtype))
    v, steps, change = lax.while_loop(unfinished, step, state)
    return Deconvolved(v, steps, change, change <= tolerance)


def _quotient(x: Array, y: Array, otherwise: float) -> Array:
    """Divide x by y, with `otherwise` where y is zero."""
    return jnp.where(y == 0, otherwise, x / jnp.where(y == 0, 1, y))
