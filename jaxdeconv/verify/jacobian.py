"""Derivatives: a hand-written one against finite differences, and its adjoint against it."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.verify.api import BUDGET, adjoint, linearity
from jaxdeconv.verify.double import in_double
from jaxdeconv.verify.equality import joined
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.pairing import Ring, conjugated
from jaxdeconv.verify.probes import Probes, seed_of
from jaxdeconv.verify.report import Evidence, Report
from jaxdeconv.verify.spaces import Space
from jaxdeconv.verify.taylor import STEPS, Direction, Fault, judge

__all__ = ["jacobian"]

Function: TypeAlias = Callable[..., Any]
Values: TypeAlias = Callable[[np.ndarray], np.ndarray]

DIRECTIONS, ENOUGH = 2, 5
"""For every leaf of x by itself, so that none hides behind a larger one; and the fewest steps."""


@reporting
def jacobian(
    f: Function,
    x: Any,
    df: Function | None = None,
    dft: Function | None = None,
    *,
    key: Any = None,
    budget: int = BUDGET,
) -> Report:
    """Is `df(x, .)` the derivative of f at x, and `dft(x, .)` the adjoint of that?

    The Taylor test: `f(x + h d) - f(x) - h df(x, d)` must fall like h^2, in float64, at every cell
    of the result. Then `adjoint` of `df(x, .)` and `dft(x, .)`.

    Args:
        f: a function of a pytree of floats, in JAX or NumPy.
        x: where: arrays, with their numbers. NumPy's arrays are given where it is made of these.
        df: takes x and a direction; None for JAX's, which calls the rules of `jax.custom_jvp` and
            `jax.custom_vjp`.
        dft: takes x and what f gives; None for JAX's `vjp` of f, and for no test where JAX cannot
            trace f.
        key: see `adjoint`.
        budget: see `adjoint`.

    Returns:
        The verdict. The evidence 'Taylor' is about 'derivative', and has the orders that were
        observed. 'inconclusive' where f has no derivative at x or near it.

    Raises:
        TypeError: x holds integers, or there is no df and JAX cannot trace f.
        ValueError: f raises.

    Cost: 40 evaluations of f for each leaf of x, and that of `adjoint` for df and dft.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([1.0, 2.0, 3.0])
        >>> jacobian(lambda x: x**3, x, lambda x, d: 3 * x**2 * d, key=0).status
        'pass'
        >>> jacobian(lambda x: x**3, x, lambda x, d: 3.01 * x**2 * d, key=0).status
        'fail'
        >>> report = jacobian(jnp.abs, jnp.array([1.0, 0.0]), key=0)
        >>> report.status, report.of("Taylor").text.split("; ")[1]
        ('inconclusive', 'f is not differentiable at x: its slopes differ on both sides, at [1]')
    """
    seed, space = seed_of(key), _checked(x)
    neighbourhood = _Neighbourhood(f, x, space, df or _derivative(f, x))
    evidence, place = neighbourhood.tested(Probes(seed))
    report = Report("derivative", (evidence,), seed, place=place)
    if evidence.detection_limit is None:  # there was nothing to compare
        return report
    slope, back = neighbourhood.df, _back(f, dft, x, neighbourhood.traceable)
    domain = jax.tree.map(np.zeros_like, x) if space.numpy else space.tree
    if back is None:
        return joined("derivative", report, linearity(slope, domain, key=seed))
    over: Ring = "reals" if space.kind == "complex" else None
    pair = adjoint(slope, back, domain, key=seed, budget=budget, over=over)
    return joined("derivative", report, pair)


class _Neighbourhood:
    """f and its derivative around x, in double precision.

    Attributes:
        df: the derivative at x, a function of the direction.
        traceable: whether f is JAX's.
    """

    def __init__(self, f: Function, x: Any, space: Space, df: Function) -> None:
        self.df = lambda d: df(x, d)
        self._space = space
        self._sizes = np.concatenate([_size(leaf) for leaf in jax.tree.leaves(x)])
        shifted, self._f = _double(
            "f", lambda x, d: f(jax.tree.map(lambda x, d: x + d, x, d)), x, space
        )
        self.traceable, self._codomain = shifted.traceable, shifted.codomain
        if self._codomain.kind == "integer":
            raise ArgumentTypeError(
                "f must give floats: integers have no derivative",
                "Leave them out of the result.",
                result=self._codomain,
            )
        derivative, self._df = _double("df", df, x, space)
        self._found = derivative.codomain

    def tested(self, probes: Probes) -> tuple[Evidence, str]:
        """The Taylor test along random directions, and the place of a fault."""
        found, wanted = self._found, self._codomain
        if not found.fits(wanted) or (found.kind, wanted.kind) == ("complex", "real"):
            return Evidence("Taylor", "input", "fail", f"df gives {found}, f gives {wanted}"), ""
        directions = [(d, self._along(d)) for d in self._directions(probes)]
        for _, one in directions:
            if np.isfinite(one.centre).all() and len(one.steps) < ENOUGH:
                text = "f is not finite near x, which lies on the border of where f is"
                return Evidence("Taylor", "derivative", "inconclusive", text), ""
            if stop := self._unfit(one.centre, one.derivative):
                return Evidence("Taylor", "input", "fail", stop), ""
        evidence, fault = judge([one for _, one in directions])
        if fault is None:
            return evidence, ""
        d = next(d for d, one in directions if one is fault.direction)
        return evidence, self._place(d, fault)

    def _directions(self, probes: Probes) -> list[np.ndarray]:
        """Some for each leaf of x, of its size."""
        of_leaf = np.repeat(np.arange(len(self._space.leaves)), self._space.words)
        return [
            d * self._sizes * (of_leaf == leaf)
            for leaf in np.unique(of_leaf)
            for d in probes.integers(self._space, DIRECTIONS, 8) / 8
        ]

    def _unfit(self, values: np.ndarray, slope: np.ndarray) -> str:
        """Why there is nothing to compare, in words; or ''."""
        for name, found in (("f", values), ("df", slope)):
            if not np.isfinite(found).all():
                cell = int(np.argwhere(~np.isfinite(found))[0, 0])
                return f"{name} gives {found[cell]} at {self._codomain.where(cell)}"
        return ""

    def _along(self, d: np.ndarray) -> Direction:
        """Its values along a direction, at those steps up to which it is finite."""
        ahead = STEPS[:, None] * d
        with np.errstate(all="ignore"):
            values = self._f(np.concatenate([0 * d[None], ahead, -ahead]))
        centre, (ahead, behind) = values[0], np.split(values[1:], 2)
        finite = np.isfinite(ahead).all(axis=1) & np.isfinite(behind).all(axis=1)
        kept = np.logical_and.accumulate(finite[::-1])[::-1]
        slope = self._df(d[None])[0]
        return Direction(self._codomain, centre, ahead[kept], behind[kept], slope, STEPS[kept])

    def _place(self, d: np.ndarray, fault: Fault) -> str:
        """The cell of x that a fault comes from, by bisection of the direction."""
        cells = np.flatnonzero(d)
        while len(cells) > 1:
            for half in np.array_split(cells, 2):
                part = np.where(np.isin(np.arange(d.size), half), d, 0)
                found = self._along(part)
                if found.exceeds(found.slope)[0][fault.cell]:
                    cells, fault = half, Fault(found, fault.cell)
                    break
            else:
                break
        factor = d[cells[0]] if len(cells) == 1 else 1.0
        where = self._space.where(int(cells[0])) if len(cells) == 1 else "a random direction"
        return (
            f"output {self._codomain.where(fault.cell)}, input {where}: "
            f"expected {fault.expected / factor:.6g}, got {fault.got / factor:.6g}"
        )


def _checked(x: Any) -> Space:
    """The space of x, which must have numbers that can be moved a little."""
    leaves = jax.tree.leaves(x)
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves):
        raise ArgumentTypeError(
            "x must be a point, with numbers", "Pass arrays: where f is differentiated.", x=x
        )
    space = Space.of(x, "x")
    if space.kind == "integer":
        raise ArgumentTypeError(
            "x must hold floats: integers have no derivative", "Pass x.astype(float).", x=space
        )
    if not all(np.isfinite(_numbers(leaf)).all() for leaf in leaves):
        raise ArgumentValueError("x must be finite", "Pass another point.", x=space)
    return space


def _numbers(leaf: Any) -> np.ndarray:
    array = np.asarray(leaf)
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def _size(leaf: Any) -> np.ndarray:
    """The size of a leaf's numbers, a power of two, at each of them; 1 if all are zero."""
    typical = float(np.sqrt(np.mean(np.abs(_numbers(leaf)) ** 2))) if leaf.size else 0.0
    return np.full(leaf.size, 2.0 ** np.round(np.log2(typical)) if typical else 1.0)


def _double(name: str, fun: Function, x: Any, space: Space) -> tuple[Operator, Values]:
    """A function of x and d, in double precision where that can be had.

    Returns:
        The map, and what it gives for blocks of d.
    """
    operator = Operator.of(name, fun, space, (x,))
    if operator.mode == "numpy":
        operator = Operator.of(name, fun, space.widened(), (jax.tree.map(_numbers, x),))
    if not operator.traceable:
        return operator, operator.unchecked
    # what depends on parameters alone keeps the given precision: so x is an argument, too
    operator = in_double(Operator.of(name, lambda both: fun(*both), Space.of((x, x), "x")))
    point = space.block(jax.tree.map(lambda leaf: np.asarray(leaf)[None], x))

    def values(block: np.ndarray) -> np.ndarray:
        points = np.broadcast_to(point, (len(block), point.shape[1]))
        return operator.unchecked(np.concatenate([points, block], axis=1))

    return operator, values


def _derivative(f: Function, x: Any) -> Function:
    """By `jax.jvp`; a function with a rule for `jax.vjp` alone has the transpose of that."""

    def forward(x: Any, d: Any) -> Any:
        return jax.jvp(f, (x,), (d,))[1]

    def transposed(x: Any, d: Any) -> Any:
        values = jax.eval_shape(f, x)
        return jax.linear_transpose(lambda u: jax.vjp(f, x)[1](u)[0], values)(d)[0]

    for derived in (forward, transposed):
        try:
            jax.jit(derived).lower(x, x)  # where a rule for the other direction shows
        except Exception:  # NumPy code, or a rule for the other direction
            continue
        return derived
    raise ArgumentTypeError(
        "df is needed where JAX cannot differentiate f", "Pass df, a function of x and d.", f=f
    )


def _back(f: Function, dft: Function | None, x: Any, traceable: bool) -> Function | None:
    """The adjoint of the derivative at x; None where there is none."""
    if dft is not None:
        return lambda u: dft(x, u)
    if not traceable:
        return None
    return conjugated(lambda u: jax.vjp(f, x)[1](u)[0])
