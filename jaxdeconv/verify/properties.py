"""Questions that are answered by questions about pairs.

Symmetric: A is the adjoint of A.
Unitary: At is the adjoint of A, and At A is the identity, which is its own adjoint.
A projection: A A is A; and A is symmetric, if the projection is orthogonal.
Positive: A is symmetric, and no eigenvalue is negative.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, Unpack

import jax
import jax.numpy as jnp

from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.verify.additivity import with_noise
from jaxdeconv.verify.api import Options, adjoint
from jaxdeconv.verify.calls import Finding
from jaxdeconv.verify.double import in_double
from jaxdeconv.verify.eigenvalues import semidefinite
from jaxdeconv.verify.equality import identity, joined, same, unfit
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.objects import Reading, read
from jaxdeconv.verify.pairing import operators
from jaxdeconv.verify.probes import Probes, seed_of
from jaxdeconv.verify.report import Evidence, Report
from jaxdeconv.verify.spaces import Space

__all__ = ["positive", "projection", "symmetric", "unitary"]

Map: TypeAlias = Callable[[Any], Any]


@reporting
def symmetric(A: Any, domain: Any = None, *, key: Any = None, **options: Unpack[Options]) -> Report:
    """Is A self-adjoint: `<A v, u> = <v, A u>`?

    Args:
        A: a function, or an operator object, see `operator`.
        domain: what it takes, and gives; None asks A.
        key: see `adjoint`.
        **options: of `adjoint`: `transpose=True` asks for symmetry without conjugation.

    Returns:
        See `adjoint`.

    Raises:
        TypeError: as `operator`.
        ValueError: as `adjoint`.

    Cost: as `adjoint`.

    Example:
        >>> import jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> symmetric(jnp.flip, v, key=0).status
        'pass'
        >>> report = symmetric(lambda v: v.at[0].add(v[3]), v, key=0)
        >>> report.status, report.place
        ('fail', 'output [0], input [3]: expected 1.0, got 0.0')
    """
    return _symmetric("symmetric", read(A, domain), seed_of(key), options)


@reporting
def unitary(
    A: Any,
    domain: Any = None,
    At: Map | None = None,
    *,
    key: Any = None,
    **options: Unpack[Options],
) -> Report:
    """Is A unitary (orthogonal, if real): square, with `A^H A = I`?

    Args:
        A: a function, or an operator object, see `operator`.
        domain: what it takes; None asks A.
        At: its adjoint, which is checked, too; None takes the object's, or derives one by JAX or
            PyTorch.
        key: see `adjoint`.
        **options: of `adjoint`.

    Returns:
        See `adjoint`. Evidence on `At A = I` is about 'identity'. A wrong entry of At A is named
        where At is right, else one of At.

    Raises:
        TypeError: as `operator`; or there is no adjoint.
        ValueError: as `adjoint`.

    Cost: twice that of `adjoint`.

    Example:
        >>> import jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> unitary(jnp.flip, v, key=0).status
        'pass'
        >>> unitary(lambda v: jnp.pad(v, 1), v, key=0).of("square").text
        'A takes 4 numbers and gives 6: an isometry at most'
    """
    reading, seed = read(A, domain, derive=At is None), seed_of(key)
    back = reading.At if At is None else At
    if back is None:
        raise ArgumentTypeError(
            "unitary needs the adjoint of A",
            "Pass At=, or an operator object that has one.",
            At=At,
        )
    options = _with_own(reading, options)
    pair = adjoint(reading.A, back, reading.domain, key=seed, **options)
    if pair.status == "fail":
        return joined("unitary", pair)
    forward, _ = operators(reading.A, back, reading.domain, over=options.get("over"))
    n, m = forward.domain.size, forward.codomain.size
    bounds = "" if n == m else ": an isometry at most" if n < m else ": it loses some"
    text = f"A takes {n} numbers and gives {m}{bounds}"
    square = Evidence("square", "input", "pass" if n == m else "fail", text)
    options["inner"] = None  # At has the weights in it already
    gram = _into(Space.of(reading.domain, "domain"), lambda v: back(reading.A(v)))
    is_identity = adjoint(lambda v: v, gram, reading.domain, key=seed, **options)
    report = joined("unitary", pair, identity(is_identity, " (I, At A)"))
    return joined("unitary", report, Report("unitary", (square,), seed))


@reporting
def projection(
    A: Any,
    domain: Any = None,
    orthogonal: bool = False,
    *,
    key: Any = None,
    **options: Unpack[Options],
) -> Report:
    """Is A a projection: `A A = A`? And an orthogonal one: self-adjoint?

    Args:
        A: a function, or an operator object, see `operator`.
        domain: what it takes, and gives; None asks A.
        orthogonal: whether it is to be self-adjoint.
        key: see `adjoint`.
        **options: of `adjoint`.

    Returns:
        See `equal`: whether A is the same map as A A.

    Raises:
        TypeError: as `operator`.
        ValueError: as `adjoint`.

    Cost: that of `equal`, and that of `symmetric`.

    Example:
        >>> import jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> def first(v):
        ...     return jnp.zeros_like(v).at[0].set(v.sum())
        >>> projection(first, v, key=0).status, projection(first, v, orthogonal=True, key=0).status
        ('pass', 'fail')
    """
    reading, seed = read(A, domain), seed_of(key)
    options = _with_own(reading, options)
    space = Space.of(reading.domain, "domain")
    if text := _is_no_endomorphism(reading, space):
        return unfit("projection", text, seed)
    once = _into(space, reading.A)
    parts = [same(once, lambda v: once(once(v)), reading.domain, seed, **options)]
    if orthogonal:
        parts.append(_symmetric("symmetric", reading, seed, options))
    return joined("projection", *parts)


@reporting
def positive(A: Any, domain: Any = None, *, key: Any = None, **options: Unpack[Options]) -> Report:
    """Is A symmetric and positive semi-definite: `<A v, v> >= 0`?

    Up to 1024 cells all eigenvalues are computed. Beyond, probes can disprove it; they prove it,
    with a known chance of error, only where the smallest eigenvalue is well above zero: the report
    is 'inconclusive' where it may be negative, and says how far.

    Args:
        A: a function of floats, or an operator object, see `operator`.
        domain: what it takes, and gives; None asks A.
        key: see `adjoint`.
        **options: of `adjoint`.

    Returns:
        See `adjoint`. The evidence 'eigenvalues' is about 'positivity'.

    Raises:
        TypeError: as `operator`; or the domain holds integers.
        ValueError: as `adjoint`.

    Cost: that of `symmetric`, and one application for each cell, or 80.

    Example:
        >>> import jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> positive(lambda v: 2 * v - jnp.roll(v, 1) - jnp.roll(v, -1), v, key=0).status
        'pass'
        >>> report = positive(jnp.flip, v, key=0)
        >>> report.status, report.of("eigenvalues").text
        ('fail', 'all 4 eigenvalues: from -1 to 1')

    References: Kuczynski & Wozniakowski 1992, doi:10.1137/0613066.
    """
    reading, seed = read(A, domain), seed_of(key)
    space = Space.of(reading.domain, "domain")
    if space.kind == "integer":
        raise ArgumentTypeError(
            "the domain must hold floats",
            "Integers have no order here: they are taken modulo 2^bits.",
            domain=space,
        )
    report = _symmetric("positive", reading, seed, options)
    if report.status == "fail" or not space.size:
        return report
    options = _with_own(reading, options)
    fun, probes = _into(space, reading.A), Probes(seed)
    ring = options.get("over"), options.get("inner")
    forward, _ = operators(fun, fun, reading.domain, over=ring[0], inner=ring[1])
    try:
        line = semidefinite(with_noise(in_double(forward), probes), probes)
    except Finding as stop:
        line = Evidence(stop.name, "input", "fail", str(stop))
    return joined("positive", report, Report("positive", (line,), seed))


def _symmetric(question: str, reading: Reading, seed: int, options: Options) -> Report:
    space = Space.of(reading.domain, "domain")
    if text := _is_no_endomorphism(reading, space):
        return unfit(question, text, seed)
    A, options = _into(space, reading.A), _with_own(reading, options)
    return joined(question, adjoint(A, A, reading.domain, key=seed, **options))


def _with_own(reading: Reading, options: Options) -> Options:
    """The options, with the object's own ring and inner products where none are given."""
    return {"over": reading.over, "inner": reading.inner, **options}


def _is_no_endomorphism(reading: Reading, space: Space) -> str:
    """In words, that A leads out of its domain; '' if it does not."""
    found = Operator.of("A", reading.A, space).codomain
    complex_for_real = found.kind == "complex" and space.kind == "real"
    return "" if found.fits(space) and not complex_for_real else f"A takes {space}, gives {found}"


def _into(space: Space, fun: Map) -> Map:
    """Results in the domain's ring: real ones as complex numbers, and the other way round."""

    def cast(leaf: Any, wanted: Any) -> Any:
        was, be = (jnp.issubdtype(x.dtype, jnp.complexfloating) for x in (leaf, wanted))
        return leaf if was == be else leaf.astype(wanted.dtype) if be else leaf.real

    return lambda v: jax.tree.map(cast, fun(v), space.tree)
