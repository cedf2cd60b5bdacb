"""|A| |v| and the rounding of A v, derived by running the jaxpr of A on magnitudes.

With every constant replaced by its magnitude and every subtraction by an addition, the program that
computes A v computes a bound on |A| |v|, and counting the roundings on the way to an entry gives

    |fl(A v) - A v| <= gamma |A| |v|,    gamma = (1 + u)^n - 1,

in the standard model of floating-point arithmetic, for every order of summation. A is the operator
with its constants as given; those that the program computes itself are counted as if every
primitive were right to four units in the last place. Underflow is left out.

References: Higham 2002, Accuracy and Stability of Numerical Algorithms, chapters 3 and 24.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr, JaxprEqn

from jaxdeconv.verify import jaxprs, programs
from jaxdeconv.verify.absolute_control import CONTROL
from jaxdeconv.verify.absolute_rules import EXACT, RULES
from jaxdeconv.verify.absolute_terms import (
    Tally,
    Term,
    Unbounded,
    grid_of,
    roundings,
    unbounded,
    worst,
)

__all__ = ["Magnitude", "Unbounded", "magnitude"]


@dataclasses.dataclass(frozen=True, eq=False)
class Magnitude:
    """The magnitude of a linear map, and how far its floating-point results may be off.

    Attributes:
        apply: from |v|, a pytree of the domain (magnitudes are taken of what is not), to a bound on
            |A| |v|, real arrays of the widest floating-point type there is; may be traced.
        gamma: |fl(A v) - A v| <= gamma |A| |v|, entry by entry.
        accumulators: bits of the narrowest significand that sums are formed in.
        dyadic: the smallest k such that 2^k times every constant is an integer; None where there
            is none or it is not known.
        peak: from |v| to a bound on the magnitude of every intermediate value.
        load: from |v|, v integral, to a number that is at most 1 only if nothing can round, every
            intermediate value being small enough for its significand.
    """

    apply: Callable[[Any], Any]
    gamma: float
    accumulators: int
    dyadic: int | None
    peak: Callable[[Any], float]
    load: Callable[[Any], float]

    @property
    def unit(self) -> float:
        """The unit roundoff of the narrowest sums."""
        return 2.0**-self.accumulators

    @property
    def exact_constants(self) -> bool:
        """Whether all constants are integers."""
        return self.dyadic is not None and self.dyadic <= 0


def magnitude(fun: Callable[[Any], Any], domain: Any, platform: str | None = None) -> Magnitude:
    """Derive |A| and the rounding bound of a linear map from its jaxpr.

    Args:
        fun: of one argument, a pytree of arrays; jit it or not.
        domain: that argument, as a pytree of `jax.ShapeDtypeStruct` or arrays.
        platform: whose arithmetic is meant, 'cpu', 'gpu' or 'tpu'; None for JAX's default.

    Returns:
        See `Magnitude`. For an affine map, |A| |v| + |b|.

    Raises:
        Unbounded: a primitive is not linear, not known, or loops as often as the data say.

    Cost: one trace; each use of the result about one application of A.

    Example:
        >>> v = jax.ShapeDtypeStruct((3,), jnp.float32)
        >>> size = magnitude(lambda v: v[1:] - 2 * v[:-1], v)
        >>> [round(float(x), 4) for x in size.apply(jnp.array([1.0, 2.0, 3.0]))]
        [4.0, 7.0]
        >>> size.gamma < 3 * 2.0**-24, size.accumulators, size.exact_constants
        (True, 24, True)
    """
    platform = platform or jax.default_backend()
    platform = "gpu" if platform in ("cuda", "rocm") else platform
    try:
        jaxpr, codomain = jaxprs.trace(fun, domain)
    except jaxprs.Untraceable as reason:
        raise Unbounded(f"a function that JAX cannot trace ({reason})") from reason

    def bound(abs_v: Any) -> Any:
        outs, _ = _derive(jaxpr, platform, jax.tree.leaves(abs_v))
        arrays = [x.bar * _inflation(x.slack) for x in outs]
        return jax.tree.unflatten(jax.tree.structure(codomain), arrays)

    def extremes(abs_v: Any) -> tuple[Array, Array]:  # asked for once or twice: not compiled
        _, tally = _derive(jaxpr, platform, jax.tree.leaves(abs_v))
        return _largest(tally.peaks), _largest(tally.loads)

    found: list[tuple[list[Term], Tally]] = []
    jax.eval_shape(
        lambda *leaves: found.append(_derive(jaxpr, platform, leaves)),
        *(jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in jaxpr.in_avals),
    )
    ((outs, tally),) = found
    inflation = _inflation(max(worst(outs, "slack"), tally.slack))
    return Magnitude(
        apply=jax.jit(bound),
        gamma=math.expm1(worst(outs, "error")),
        accumulators=int(tally.bits),
        dyadic=None if tally.grid == math.inf else int(max(tally.grid, _COARSEST)),
        peak=lambda abs_v: float(extremes(abs_v)[0]) * inflation,
        load=lambda abs_v: float(extremes(abs_v)[1]) * inflation,
    )


_COARSEST = -1024
"""The grid of a map without constants but zero."""


def _inflation(slack: float) -> float:
    """What makes up for the roundings of a bound."""
    return (1 + float(jnp.finfo(jnp.result_type(float)).eps)) ** (slack + 2)


def _largest(extremes: Sequence[Array]) -> Array:
    return functools.reduce(jnp.maximum, extremes, jnp.zeros((), jnp.result_type(float)))


def _derive(jaxpr: ClosedJaxpr, platform: str, leaves: Sequence[Array]) -> tuple[list[Term], Tally]:
    """Outputs from magnitudes of the inputs, and what was gathered along the way."""
    run = _Run(Tally(platform))
    terms = []
    for leaf, aval in zip(leaves, jaxpr.in_avals, strict=True):
        term = Term(Term(leaf, True).bar, False, slack=1, grid=0)
        run.tally.value(term, jaxprs.bits_of(aval.dtype))
        terms.append(term)
    outs = run.program(jaxpr, terms)
    return outs, run.tally


def _constant(value: Any) -> Term:
    return Term(value, True, grid=grid_of(value))


class _Run:
    """The interpretation: `program` bounds the outputs of a jaxpr from bounds on its inputs."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def program(self, jaxpr: programs.Program, args: Sequence[Term]) -> list[Term]:
        """Bounds on the outputs."""
        body, consts = programs.opened(jaxpr)
        return jaxprs.walk(body, map(_constant, consts), args, self._equation, _constant)

    def _equation(self, eqn: JaxprEqn, ins: list[Term]) -> list[Term]:
        if all(x.constant for x in ins):
            values = jaxprs.evaluate(eqn, [x.array for x in ins])
            if values is not None:
                return self._constants(eqn, ins, values)
        body = programs.callee(eqn)
        if body is not None:
            return self.program(body, ins)
        if all(x.constant for x in ins):
            result = eqn.primitive.bind(*(x.array for x in ins), **eqn.params)
            multiple = eqn.primitive.multiple_results
            return self._constants(eqn, ins, result if multiple else [result])
        control = programs.control(eqn)
        if type(control) in CONTROL:
            return CONTROL[type(control)](self, eqn, control, ins)
        rule = RULES.get(eqn.primitive.name)
        if rule is None:
            raise unbounded(eqn)
        outs = rule(eqn, ins, self.tally)
        outs = outs if isinstance(outs, list) else [outs]
        if eqn.primitive.name not in EXACT:  # what is only moved about is noted already
            for term, var in zip(outs, eqn.outvars, strict=True):
                self.tally.value(term, jaxprs.bits_of(jaxprs.aval(var).dtype))
        return outs

    def _constants(self, eqn: JaxprEqn, ins: Sequence[Term], values: Sequence[Any]) -> list[Term]:
        """Constants that the program computes itself."""
        moved = eqn.primitive.name in EXACT
        terms = []
        for value in values:
            dtype = value.dtype
            error = worst(ins, "error")
            if not moved and jaxprs.is_number(dtype):
                error += roundings(4, jaxprs.bits_of(dtype), dtype)
            grid = grid_of(value)
            if grid == math.inf:  # a tracer
                grid = worst(ins, "grid") if moved else math.inf if jaxprs.is_float(dtype) else 0
            terms.append(Term(value, True, error, grid=grid))
        return terms

    def apart(self, function: Callable[[], list[Term]]) -> tuple[list[Term], Array, Array]:
        """Outputs of an inner program, its peak and its load, which stay inside till returned."""
        outer = self.tally
        self.tally = inner = Tally(outer.platform)
        try:
            outs = function()
        finally:
            self.tally = outer
        outer.absorb(inner)
        return outs, _largest(inner.peaks), _largest(inner.loads)
