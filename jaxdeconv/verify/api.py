"""The public checks: is At the adjoint of A, for one pair or for a family of pairs?"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import numpy as np

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.verify.additivity import linear, with_noise
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pair import Family, Pair
from jaxdeconv.verify.pairing import Inner, Misfit, Ring, operators
from jaxdeconv.verify.patterns import Pattern
from jaxdeconv.verify.probes import HALF, Probes, seed_of
from jaxdeconv.verify.repeatability import repeatable
from jaxdeconv.verify.report import Evidence, Report
from jaxdeconv.verify.run import Run, begun
from jaxdeconv.verify.spaces import Space

__all__ = ["BUDGET", "Options", "adjoint", "adjoint_family", "assert_adjoint", "linearity"]

Function = Callable[..., Any]

BUDGET = 2048
"""Applications that recover every entry of maps of 1024 cells to 1024."""


class Options(TypedDict, total=False):
    """The keywords of `adjoint` besides `key`; it explains them."""

    transpose: bool
    pattern: Pattern | None
    budget: int
    over: Ring
    inner: Inner
    tolerance: float
    seconds: float | None
    progress: bool


@reporting
def adjoint(
    A: Function,
    At: Function,
    domain: Any,
    codomain: Any = None,
    *,
    key: Any = None,
    transpose: bool = False,
    pattern: Pattern | None = None,
    budget: int = BUDGET,
    over: Ring = None,
    inner: Inner = None,
    tolerance: float = 0.0,
    seconds: float | None = None,
    progress: bool = False,
) -> Report:
    """Is `<A v, u> = <v, At u>` for all v and u? Evidence, not one random pair and a tolerance.

    See `Report` for what comes out, and `assert_adjoint` for use in tests. In their order:

    - *repeatable*, *linear*: A and At each, through the range of the floats; all else relies on it;
    - *exact*: blocks of integer probes, on which nothing can round, compared with `==`; or, where
      the constants allow no such probes, *rounding*: compared by what rounding explains, with rows
      and columns brought to one size, so that nothing small hides beside something large;
    - *every entry*: both matrices recovered, by coloured probes where the pattern of A's entries
      is given or detected, and compared entry by entry;
    - *precision*: the functions as they are against the same in double precision.

    What JAX can trace is judged in double precision, whatever its dtypes and mode: whether At is
    the adjoint is a question about the maps that the programs write down. NumPy code is called with
    NumPy arrays, and its rounding is observed. A pass needs evidence for the structure from one of
    the middle two, and no failure anywhere; a failure of the structure is shown at an entry.

    Args:
        A: takes a member of `domain`, a pytree as one argument. Compiled or not, sharded or not,
            traceable by JAX or not (NumPy code is called as it is).
        At: takes what A gives, and gives what A takes.
        domain: pytree of `jax.ShapeDtypeStruct` or of example arrays, whose sharding is kept;
            NumPy arrays for functions that are to be called with NumPy arrays.
            Integers (arithmetic modulo 2^bits), real or complex floats of any width.
        codomain: the same for what A gives; None asks A.
        key: a seed, a key of `jax.random`, or None for a fresh one, which the report names.
        transpose: no complex conjugation: `sum (A v) u = sum v (At u)`.
        pattern: a superset of A's non-zero entries, if you know one; None detects one.
        budget: the most applications to spend on recovering every entry; 0 for none.
        over: "reals" for maps that conjugate or take real parts: complex cells count as two real
            ones, and the inner product is its real part. None: so only where real cells meet them.
        inner: weights of the inner products of domain and codomain, for weighted spaces: positive
            arrays (or pytrees, or numbers) that broadcast to the leaves, None for 1, or a function
            that applies a symmetric positive map. Entries are then those of W A.
        tolerance: of |At - A^T| / |A| in the Frobenius norm, for pairs that are meant to match in
            part only, as projectors do: up to it At passes, and the report says how far it is off.
        seconds: that it should take, but for one application of each function, compilation and, on
            failure, the search for the place. Too few for the usual probes leave about twenty
            applications of each function, and the report says what these prove. None: no limit.
        progress: whether each kind of evidence is printed to standard error when it is found.

    Returns:
        The verdict with its evidence; on failure with a wrong entry and the likely cause.

    Raises:
        TypeError: a domain without dtypes, or an invalid key.
        ValueError: A does not give the codomain, a weight is not positive, or a function raises.

    Cost: 40 to 100 applications of each, and up to `budget` more; O(log cells) more to localise.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((5,), "float32")
        >>> report = adjoint(lambda v: v[1:] - v[:-1], lambda u: jnp.pad(u, (1, 0)), v, key=0)
        >>> report.ok, report.place
        (False, 'output [0], input [0]: expected -1.0, got 0.0')
        >>> adjoint(jnp.flip, jnp.flip, v, key=0).status
        'pass'

        In a space with the inner product `sum w x y` the adjoint has the weights in it.

        >>> w = jnp.array([1.0, 2.0, 4.0, 8.0, 16.0])
        >>> adjoint(jnp.flip, lambda u: jnp.flip(w * u) / w, v, inner=(w, w), key=0).status
        'pass'

        Every entry of a convolution of 4 channels to 6 in 2 groups, with a kernel of 3 x 2, stride
        (2, 3) and dilation (2, 1), takes 12 probes of A and 9 of At, whatever the size of the
        image: 12 and 9 are the entries of a row and of a column.

        >>> from jaxdeconv.verify import Pattern, blocks, window
        >>> w = jnp.arange(-36.0, 36.0).reshape(3, 2, 2, 6)
        >>> settings = dict(rhs_dilation=(2, 1), feature_group_count=2)
        >>> settings |= dict(dimension_numbers=("NHWC", "HWIO", "NHWC"))
        >>> def conv(v):
        ...     return jax.lax.conv_general_dilated(v, w, (2, 3), "VALID", **settings)
        >>> image = jax.ShapeDtypeStruct((1, 33, 26, 4), "float32")
        >>> transposed = jax.linear_transpose(conv, image)
        >>> axes = window(33, 15, 3, stride=2, dilation=2), window(26, 9, 2, stride=3)
        >>> seen = Pattern((blocks(1, 1), *axes, blocks(4, 6, 2)))
        >>> proof = adjoint(conv, lambda u: transposed(u)[0], image, pattern=seen, key=0)
        >>> proof.ok, proof.of("every entry").text.split(":")[0]
        (True, '12 + 9 probes in the colours of the given pattern')

    References: Schwartz 1980, doi:10.1145/322217.322225; Curtis, Powell & Reid 1974,
    doi:10.1093/imamat/13.1.117; Higham 2002, Accuracy and Stability, chapter 3.
    """
    probes, question = Probes(seed_of(key)), "transpose" if transpose else "adjoint"
    try:
        forward, backward = operators(A, At, domain, codomain, transpose, (), over, inner)
    except Misfit as found:
        return _unfit(question, found, probes)
    if pattern is not None and pattern.sizes != (forward.domain.size, forward.codomain.size):
        raise ArgumentValueError(
            "pattern must count the cells of domain and codomain",
            "Give one factor per axis, or one for all cells.",
            sizes=pattern.sizes,
            cells=(forward.domain.size, forward.codomain.size),
        )
    for name, value in (("tolerance", tolerance), ("seconds", seconds)):
        if value is not None and not 0 <= value < math.inf:
            remedy = "Pass such a number, or leave it out."
            raise ArgumentValueError(
                f"{name} must be at least 0 and finite", remedy, **{name: value}
            )
    run = Run(Pair(forward, backward, not transpose, probes), progress)
    run.gather(pattern, budget, math.inf if seconds is None else seconds)
    return run.report(question, tolerance)


@reporting
def assert_adjoint(
    A: Function,
    At: Function,
    domain: Any,
    codomain: Any = None,
    *,
    key: Any = None,
    **options: Unpack[Options],
) -> None:
    """Raise unless `adjoint` passes; an inconclusive report counts as a failure.

    Arguments are those of `adjoint`.

    Args:
        A: the map.
        At: its supposed adjoint.
        domain: what A takes.
        codomain: what A gives.
        key: see `adjoint`.
        **options: `transpose`, `pattern`, `budget`, `over`, `inner`, `tolerance`, `seconds`,
            `progress`.

    Raises:
        AdjointMismatch: an AssertionError; its text is the report, which it holds as `report`.
        TypeError: as `adjoint`.
        ValueError: as `adjoint`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((3, 4), "float32")
        >>> assert_adjoint(jnp.transpose, jnp.transpose, v)
    """
    adjoint(A, At, domain, codomain, key=key, **options).raise_for_status()


@reporting
def adjoint_family(
    A: Function,
    At: Function,
    parameters: Any,
    domain: Any,
    codomain: Any = None,
    *,
    key: Any = None,
    transpose: bool = False,
) -> Report:
    """Is At(w, .) the adjoint of A(w, .) for *every* w? For kernels that are arguments.

    Both are to be linear in w too, which is checked. Then `<A(w, v), u> - <v, At(w, u)>` is
    trilinear, and unless it vanishes for all w, v and u it seldom does for random integers: with q
    values for every cell of w and p for those of u and v, a wrong family survives one draw of w
    and 8 probes of each side with a probability of 1/q + p^-8 + p^-8 at most. As w holds integers,
    the products are exact where the functions have no other constants.

    Args:
        A: takes w and a member of the domain.
        At: takes the same w and what A gives.
        parameters: space of w: pytree of `jax.ShapeDtypeStruct` or of example arrays.
        domain: see `adjoint`.
        codomain: see `adjoint`.
        key: see `adjoint`.
        transpose: see `adjoint`.

    Returns:
        See `adjoint`; the exact evidence is for all w, the precision for one of them.

    Raises:
        TypeError: as `adjoint`.
        ValueError: as `adjoint`.

    Cost: about 80 applications of each.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w, v = jax.ShapeDtypeStruct((4, 3), "float32"), jax.ShapeDtypeStruct((3,), "float32")
        >>> report = adjoint_family(jnp.dot, lambda w, u: w.T @ u, w, v, key=0)
        >>> report.ok, report.of("exact").false_acceptance < 1e-9
        (True, True)
    """
    probes, space = Probes(seed_of(key)), Space.of(parameters, "parameters")
    if space.kind == "complex":
        space = space.realified()  # the adjoint is conjugate-linear in w
    ones = space.place(space.member(np.ones(space.size, space.wide)), False)
    question = "transposes" if transpose else "adjoints"
    try:
        forward, backward = operators(A, At, domain, codomain, transpose, (ones,))
    except Misfit as found:
        return _unfit(question, found, probes)
    largest = 7 if min(space.bits, forward.codomain.bits) > HALF else 3
    family = Family(forward, backward, not transpose, probes, space, largest)
    run = Run(family)
    if all(family.sizes):
        for name, function, inner in (("A", A, forward.domain), ("At", At, backward.domain)):
            run.log.record(_linear_in_parameters(name, function, inner, family))
    run.gather(None, 0)
    return run.report(question)


@reporting
def linearity(A: Function, domain: Any, *, key: Any = None) -> Report:
    """Is A linear? Its jaxpr typed, and A(0) = 0, additivity and homogeneity probed.

    Args:
        A: takes a member of `domain`; need not be traceable.
        domain: pytree of `jax.ShapeDtypeStruct` or of example arrays.
        key: a seed, a key of `jax.random`, or None for a fresh one.

    Returns:
        The verdict: 'inconclusive' where a primitive is not linear but no probe showed it.

    Raises:
        TypeError: a domain without dtypes.
        ValueError: A raises.

    Cost: one trace and about 25 applications.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((3,), "float32")
        >>> linearity(lambda v: v - v.mean(), v).status
        'pass'
        >>> linearity(lambda v: jnp.clip(v, -1e30, 1e30), v).status
        'inconclusive'
    """
    probes = Probes(seed_of(key))
    operator, log = begun(A, domain)
    if not log.lines:
        with log.until_a_finding():
            evidence, operator = repeatable(operator, probes)
            log.record(evidence)
            operator = with_noise(operator, probes)
            log.record(linear(operator, probes))
    return Report("linear", tuple(log.lines), probes.seed)


def _unfit(question: str, found: Misfit, probes: Probes) -> Report:
    return Report(question, (Evidence(found.name, "input", "fail", str(found)),), probes.seed)


def _linear_in_parameters(name: str, function: Function, inner: Space, family: Family) -> Evidence:
    """Evidence of linearity in w, for one fixed member of `inner`."""
    vector = family.probes.modest(inner, 1)
    member = inner.place(inner.member(vector[0]), False)
    operator = Operator.of(f"{name}(., v)", lambda w: function(w, member), family.parameters)
    if family.parameters.split:
        operator = dataclasses.replace(operator, codomain=operator.codomain.realified())
    return linear(with_noise(operator, family.probes), family.probes)
