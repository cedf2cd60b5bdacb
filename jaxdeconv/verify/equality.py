"""Are two maps the same? B = A if and only if the adjoint of B is that of A.

So the adjoint of B is compared with A, by all the evidence there is on pairs. Where JAX can
transpose B, that is its adjoint. Other code is sampled: at every cell of a small domain; in a large
one at random combinations of cells, and then A is too (Freivalds). 16 combinations with integers
up to 8 hide a wrong row of B with a probability of 16^-16 at most.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias, Unpack

import jax
import numpy as np

from jaxdeconv.errors import reporting
from jaxdeconv.verify.additivity import linear, with_noise
from jaxdeconv.verify.api import BUDGET, Options, adjoint
from jaxdeconv.verify.calls import Finding
from jaxdeconv.verify.derived import by_transposition
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.objects import read
from jaxdeconv.verify.pairing import one
from jaxdeconv.verify.probes import Probes, seed_of
from jaxdeconv.verify.report import Evidence, Report
from jaxdeconv.verify.spaces import Space

__all__ = ["equal", "identity", "joined", "same", "unfit"]

Map: TypeAlias = Callable[[Any], Any]

COMBINATIONS, LARGEST = 16, 8
"""Of cells of a large domain: how many, and the largest integer in them."""


@reporting
def equal(
    A: Any, B: Any, domain: Any = None, *, key: Any = None, **options: Unpack[Options]
) -> Report:
    """Are two linear maps the same: `A v = B v` for all v?

    Args:
        A: a function, or an operator object as in `operator`: what is expected.
        B: the same: what is tested.
        domain: what both take; None asks A.
        key: see `adjoint`.
        **options: of `adjoint`; its budget is for B, too.

    Returns:
        See `adjoint`, where At is the adjoint of B. So a wrong entry that `place` names is the
        conjugate of B's.

    Raises:
        TypeError: as `operator`.
        ValueError: as `adjoint`.

    Cost: as `adjoint`. B that JAX cannot transpose is applied once for each cell of a small domain,
    and else 16 times.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> equal(jnp.flip, lambda v: v[::-1], v, key=0).status
        'pass'
        >>> report = equal(jnp.flip, lambda v: v[::-1].at[0].set(0), v, key=0)
        >>> report.status, report.place
        ('fail', 'output [0], input [3]: expected 1.0, got 0.0')

    References: Freivalds 1977, Probabilistic machines can use less running time.
    """
    expected = read(A, domain)
    tested = read(B, expected.domain if domain is None else domain)
    options.setdefault("over", expected.over or tested.over)
    return same(expected.A, tested.A, expected.domain, seed_of(key), **options)


def same(A: Map, B: Map, domain: Any, seed: int, **options: Unpack[Options]) -> Report:
    """The evidence that B is linear, and A the same map; it is about 'identity'."""
    options["inner"] = None  # equality needs no inner product
    first, second = (one(*named, domain, options.get("over")) for named in (("A", A), ("B", B)))
    found, wanted = second.codomain, first.codomain
    if not found.fits(wanted) or found.kind != wanted.kind:
        return unfit("equal", f"B gives {found} where A gives {wanted}", seed)
    try:
        straight = linear(with_noise(second, Probes(seed)), Probes(seed))
        derived = _transposed(second, domain)
        if derived is not None:
            report = adjoint(A, derived, domain, key=seed, **options)
        elif sum((*second.domain.words, *second.codomain.words)) <= options.get("budget", BUDGET):
            report = adjoint(A, _sampled(second), domain, key=seed, **options)
        else:
            report = _combined(first, second, seed, options)
    except Finding as stop:
        return unfit("equal", str(stop), seed)
    return joined("equal", identity(report), Report("linear", (straight,), seed))


def identity(report: Report, of: str = "") -> Report:
    """A report on a pair, as one on two maps being the same; `of` is added to the lines' names."""
    lines = [
        dataclasses.replace(
            line,
            name=line.name + of,
            about="identity" if line.about == "structure" else line.about,
        )
        for line in report.evidence
    ]
    return dataclasses.replace(report, question="equal", evidence=tuple(lines))


def joined(question: str, *reports: Report) -> Report:
    """The evidence of all; the place and the cause of the first that fails."""
    lines = [line for report in reports for line in report.evidence]
    first = next((report for report in reports if report.status == "fail"), reports[0])
    return dataclasses.replace(first, question=question, evidence=tuple(lines))


def unfit(question: str, text: str, seed: int) -> Report:
    """A failure before there is anything to compare."""
    return Report(question, (Evidence("spaces", "input", "fail", text),), seed)


def _transposed(operator: Operator, domain: Any) -> Map | None:
    """The adjoint as JAX derives it; None where it cannot."""
    if not operator.traceable:
        return None
    back = by_transposition(operator.fun, domain)
    try:
        jax.eval_shape(back, operator.codomain.tree)
    except Exception:  # not linear, or a primitive without a rule
        return None
    return back


def _sampled(operator: Operator) -> Map:
    """The adjoint, from what the map makes of every cell."""
    columns = operator(np.eye(operator.domain.size, dtype=operator.domain.wide))
    return lambda u: operator.domain.member(_products(operator, columns, u))


def _combined(A: Operator, B: Operator, seed: int, options: Options) -> Report:
    """A and B of random combinations of cells: the combinations' coefficients are the domain."""
    probes, space = Probes(seed), A.domain
    if space.kind == "integer":
        cells = probes.residues(space, COMBINATIONS)
    else:
        cells = probes.integers(space, COMBINATIONS, LARGEST)
    columns, dtype = B(cells), _scalar(space)

    def combine(c: Any) -> Any:
        return A.codomain.member(A.unchecked((c.astype(space.wide) @ cells)[None])[0])

    def back(u: Any) -> Any:
        return _products(B, columns, u).astype(dtype)

    return adjoint(combine, back, np.zeros(COMBINATIONS, dtype), key=seed, **options)


def _products(operator: Operator, columns: np.ndarray, u: Any) -> np.ndarray:
    """The inner products of a member of the codomain with every column."""
    one_row = jax.tree.map(lambda leaf: np.asarray(leaf)[None], u)
    return columns.conj() @ operator.codomain.block(one_row)[0]


def _scalar(space: Space) -> np.dtype:
    """The dtype of coefficients, as precise as the first leaf."""
    example = np.zeros(1, space.leaves[0].dtype)
    return example.dtype if space.kind in ("complex", "integer") else example.real.dtype
