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
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.verify.analysis import jaxprs
from jaxdeconv.verify.analysis.interpreter import Interpreter
from jaxdeconv.verify.analysis.jaxprs import Traced
from jaxdeconv.verify.analysis.known import Known, Parts, Unbounded, constant, worst
from jaxdeconv.verify.analysis.linearity import Linearity, verdict
from jaxdeconv.verify.analysis.norms import norms_of

__all__ = ["Analysis", "Magnitude", "analyse"]


@dataclasses.dataclass(frozen=True, eq=False)
class Magnitude:
    """The magnitude of a linear map, and how far its floating-point results may be off.

    Attributes:
        apply: from |v|, a pytree of the domain (magnitudes are taken of what is not), to a bound on
            |A| |v|, real arrays of the widest floating-point type there is; may be traced.
        rounding: from |v|, members along a leading axis, to bounds on |fl(A v) - A v|: by entries,
            a pytree like A v, and in the 2-norm, a number for each leaf; both with that axis.
        gamma: |fl(A v) - A v| <= gamma |A| |v|, entry by entry.
        accumulators: bits of the narrowest significand that sums are formed in.
        dyadic: the smallest k such that 2^k times every constant is an integer; None where there
            is none or it is not known.
        load: from |v|, v integral, to a number that is at most 1 only if nothing can round, every
            intermediate value being small enough for its significand.
    """

    apply: Callable[[Any], Any]
    rounding: Callable[[Any], tuple[Any, Any]]
    gamma: float
    accumulators: int
    dyadic: int | None
    load: Callable[[Any], float]


@dataclasses.dataclass(frozen=True, eq=False)
class Analysis:
    """What the jaxpr of a function says of it.

    Attributes:
        linearity: whether it is linear.
        bound: its magnitude, or why none can be derived: a primitive is not linear, not known, or
            loops as often as the data say.
    """

    linearity: Linearity
    bound: Magnitude | Unbounded

    @property
    def magnitude(self) -> Magnitude:
        """The magnitude.

        Raises:
            Unbounded: there is none.
        """
        if isinstance(self.bound, Unbounded):
            raise self.bound
        return self.bound


def analyse(traced: Traced, parameters: Any = (), platform: str | None = None) -> Analysis:
    """Derive linearity, |A| and the rounding bound of a function from its jaxpr.

    Args:
        traced: the function; see `jaxprs.trace`.
        parameters: values of what it takes before its argument, a pytree.
        platform: whose arithmetic is meant, 'cpu', 'gpu' or 'tpu'; None for JAX's default.

    Returns:
        See `Analysis`. The magnitude of an affine map is |A| |v| + |b|.

    Cost: one abstract walk; parts of the function that do not depend on its argument are computed.
        Each use of the magnitude takes about one application of A.

    Example:
        >>> v = jax.ShapeDtypeStruct((3,), jnp.float32)
        >>> found = analyse(jaxprs.trace(lambda v: v[1:] - 2 * v[:-1], v))
        >>> found.linearity.kind
        'linear'
        >>> size = found.magnitude
        >>> [round(float(x), 4) for x in size.apply(jnp.array([1.0, 2.0, 3.0]))]
        [4.0, 7.0]
        >>> size.gamma < 3 * 2.0**-24, size.accumulators, size.dyadic
        (True, 24, -1)
        >>> analyse(jaxprs.trace(lambda v: v + 1, v)).linearity.kind
        'affine'
    """
    fixed = jax.tree.leaves(parameters)
    platform = platform or jax.default_backend()
    platform = "gpu" if platform in ("cuda", "rocm") else platform
    avals = traced.jaxpr.in_avals[len(fixed) :]

    def walk(leaves: Sequence[Array]) -> tuple[list[Known], Interpreter]:
        interpreter = Interpreter(platform)
        known = [_argument(leaf, aval.dtype) for leaf, aval in zip(leaves, avals, strict=True)]
        for one, aval in zip(known, avals, strict=True):
            interpreter.log.value(one, jaxprs.bits_of(aval.dtype))
        return interpreter.program(traced.jaxpr, [*map(constant, fixed), *known]), interpreter

    found: list[tuple[list[Known], Interpreter]] = []
    structs = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    jax.eval_shape(lambda leaves: found.append(walk(leaves)), structs)
    ((outs, interpreter),) = found
    has_complex = any(np.issubdtype(aval.dtype, np.complexfloating) for aval in avals)
    linearity = verdict(outs, has_complex, interpreter.notes)
    reason = next((out.unbounded for out in outs if out.unbounded), None)
    if reason is not None:
        return Analysis(linearity, reason)
    log = interpreter.log
    inflation = _inflation(max(worst(outs, "slack"), log.slack))

    def apply(abs_v: Any) -> Any:
        outs, _ = walk(jax.tree.leaves(abs_v))
        arrays = [x.magnitude * _inflation(x.slack) for x in outs]
        return jax.tree.unflatten(jax.tree.structure(traced.codomain), arrays)

    def rounding(leaves: Sequence[Array]) -> tuple[Any, Any]:
        outs, _ = walk(leaves)
        tree = jax.tree.structure(traced.codomain)
        off = [norms_of(x)[1] * _inflation(x.slack + x.array.size) for x in outs]
        entries = [
            jnp.minimum(math.expm1(x.error) * x.magnitude * _inflation(x.slack), norm)
            for x, norm in zip(outs, off, strict=True)
        ]
        return jax.tree.unflatten(tree, entries), jax.tree.unflatten(tree, off)

    def load(leaves: Sequence[Array]) -> Array:
        return walk(leaves)[1].log.load * inflation

    of_many = jaxprs.batched(rounding, structs)
    magnitude = Magnitude(
        apply=jax.jit(apply),
        rounding=lambda abs_v: of_many(jax.tree.leaves(abs_v)),
        gamma=math.expm1(worst(outs, "error")),
        accumulators=int(log.bits),
        dyadic=None if log.grid == math.inf else int(max(log.grid, _COARSEST)),
        load=lambda abs_v: float(jax.jit(load)(jax.tree.leaves(abs_v))),
    )
    return Analysis(linearity, magnitude)


_COARSEST = -1024
"""The grid of a map without constants but zero."""


def _argument(leaf: Any, dtype: Any) -> Known:
    """What the walk starts from. Booleans cannot be added, so nothing is linear in them."""
    parts = Parts.OPAQUE if jnp.issubdtype(dtype, jnp.bool_) else Parts.LINEAR
    return Known(Known(leaf, True).magnitude, slack=1, grid=0, parts=parts)


def _inflation(slack: float) -> float:
    """What makes up for the roundings of a bound."""
    return (1 + float(jnp.finfo(jnp.result_type(float)).eps)) ** (slack + 2)
