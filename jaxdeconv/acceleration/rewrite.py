"""A jaxpr with its convolutions replaced: equation by equation, at any depth, nothing retraced.

Only the equations of convolutions change. Everything else in a jaxpr (variables and their types,
effects, names, source lines, the parameters of jit, scan, while, cond, remat, shard_map, ...) stays
the same object. So nothing has to be known about the primitives that hold jaxprs, with two
exceptions: the rules of `custom_jvp` and `custom_vjp` are functions that are not yet traced, and
always wrapped; and a remat policy identifies primitives by object. A jaxpr with no convolution and
no rule is returned itself, and any other gives the same new object each time, so that JAX finds
again what it compiled for it.
"""

import dataclasses
import functools
import operator
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, TypeAlias

from jax.extend import linear_util
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Var, jaxprs_in_params
from jax.extend.core.primitives import conv_general_dilated_p, jit_p

from jaxdeconv.acceleration.accelerated import accelerated_p
from jaxdeconv.acceleration.constants import Weights, is_large
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.cuts import Cut, Program, cuts
from jaxdeconv.acceleration.excerpt import Excerpt
from jaxdeconv.acceleration.match import obstacle
from jaxdeconv.acceleration.merge import merge
from jaxdeconv.acceleration.platforms import Platforms
from jaxdeconv.acceleration.staging import stage

__all__ = ["Found", "convolutions", "has_convolutions", "rewrite"]


@dataclasses.dataclass(frozen=True)
class Found:
    """A convolution in a jaxpr.

    Attributes:
        equation: the equation itself.
        inside: names of the primitives around it, outermost first.
        convolution: the convolution, merged with the equations around it.
        excerpt: the convolution and those equations; None if no leg can compute it.
        left: why it is left as it is; '' if there is an excerpt.
        platforms: where a leg computes it already; None if it is the program's own.
    """

    equation: JaxprEqn
    inside: tuple[str, ...]
    convolution: Convolution
    excerpt: Excerpt | None
    left: str = ""
    platforms: Platforms | None = None


def rewrite(
    closed: ClosedJaxpr, platforms: Platforms, constant: Mapping[int, Any] | None = None
) -> ClosedJaxpr:
    """The same program, with every convolution that a leg can compute replaced on some platforms.

    Args:
        closed: any jaxpr; it is not changed.
        platforms: where convolutions are replaced; elsewhere the program runs as it is.
        constant: inputs, by position, that will be constants of a larger program; None if there is
            no such program.

    Returns:
        `closed` itself if there is nothing to replace; otherwise the same new jaxpr each time.
    """
    inner = closed.jaxpr
    large: Large = ()
    if constant is not None:
        values = [*zip(inner.constvars, closed.consts, strict=True)]
        values += [(inner.invars[i], value) for i, value in constant.items()]
        large = tuple((var, Weights(value)) for var, value in values if is_large(value))
    jaxpr = _rewritten(inner, platforms, large)
    if jaxpr is inner:
        return closed
    known = _CLOSED.setdefault(closed, {})
    if (platforms, large) not in known:
        known[platforms, large] = closed.replace(jaxpr=jaxpr)
    return known[platforms, large]


def convolutions(jaxpr: Jaxpr, inside: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every convolution in a jaxpr, at any depth, in the order of the program.

    Args:
        jaxpr: what to search.
        inside: names of the primitives around it.
    """
    cut = {id(one.convolution): one for one in _cuts(jaxpr)}
    for equation in jaxpr.eqns:
        if equation.primitive is accelerated_p:
            excerpt, platforms = equation.params["excerpt"], equation.params["platforms"]
            yield Found(equation, inside, merge(excerpt).convolution, excerpt, "", platforms)
        elif id(equation) in cut:
            excerpt = cut[id(equation)].excerpt
            yield Found(equation, inside, merge(excerpt).convolution, excerpt)
        elif equation.primitive is conv_general_dilated_p:
            convolution = _convolution(equation)
            yield Found(equation, inside, convolution, None, obstacle(convolution))
        for inner in jaxprs_in_params(equation.params):
            yield from convolutions(inner, (*inside, equation.primitive.name))


def has_convolutions(jaxpr: Jaxpr) -> bool:
    """Whether there is a convolution in a jaxpr, at any depth."""
    return any(
        equation.primitive in (accelerated_p, conv_general_dilated_p)
        or any(map(has_convolutions, jaxprs_in_params(equation.params)))
        for equation in jaxpr.eqns
    )


Large: TypeAlias = tuple[tuple[Var, Weights], ...]
"""Variables of a jaxpr that are large constants."""

_OPEN: MutableMapping[Jaxpr, dict[tuple[Platforms, Large], Jaxpr | None]] = (
    weakref.WeakKeyDictionary()
)
_CLOSED: MutableMapping[ClosedJaxpr, dict[tuple[Platforms, Large], ClosedJaxpr]] = (
    weakref.WeakKeyDictionary()
)
"""What has been rewritten. None stands for the jaxpr itself: it would keep its own entry alive."""


def _rewritten(jaxpr: Jaxpr, platforms: Platforms, large: Large = ()) -> Jaxpr:
    known = _OPEN.setdefault(jaxpr, {})
    if (platforms, large) not in known:
        equations = _equations(jaxpr, platforms, large)
        same = len(equations) == len(jaxpr.eqns) and all(map(operator.is_, equations, jaxpr.eqns))
        known[platforms, large] = None if same else jaxpr.replace(eqns=equations)
    return known[platforms, large] or jaxpr


def _equations(jaxpr: Jaxpr, platforms: Platforms, large: Large) -> list[JaxprEqn]:
    """The equations of the new program."""
    cut = _cuts(jaxpr)
    instead = {id(one.last): one for one in cut}
    absorbed = {id(equation) for one in cut for equation in one.absorbed}
    equations: list[JaxprEqn] = []
    used, spare = set(_variables(jaxpr.outvars)), set[Var]()
    for equation in reversed(jaxpr.eqns):
        if id(equation) in instead:
            new = _accelerated(instead[id(equation)], platforms, large)
        elif used.isdisjoint(equation.outvars) and (
            id(equation) in absorbed or not (equation.effects or spare.isdisjoint(equation.outvars))
        ):
            spare.update(_variables(equation.invars))
            continue  # only excerpts use it, and they compute it themselves
        else:
            new = _within(equation, platforms, large)
        used.update(_variables(new.invars))
        equations.append(new)
    return equations[::-1]


def _variables(atoms: Iterable[Any]) -> Iterator[Var]:
    return (atom for atom in atoms if isinstance(atom, Var))


def _within(equation: JaxprEqn, platforms: Platforms, large: Large) -> JaxprEqn:
    """An equation with the jaxprs in its parameters rewritten."""
    constant: dict[int, Any] = {}
    if equation.primitive is jit_p:
        known = {id(var): weights.value for var, weights in large}
        constant = {i: known[id(v)] for i, v in enumerate(equation.invars) if id(v) in known}
    params = {
        name: _rewritten_param(value, platforms, constant)
        for name, value in equation.params.items()
    }
    changed = not all(map(operator.is_, params.values(), equation.params.values()))
    if changed and params.get("policy") is not None:  # of checkpoint
        params["policy"] = _Policy(params["policy"])
    rules = _RULES.keys() & params.keys()
    params |= {name: _RULES[name](params[name], platforms) for name in rules}
    return equation.replace(params=params) if changed or rules else equation


def _rewritten_param(
    value: Any, platforms: Platforms, constant: Mapping[int, Any] = MappingProxyType({})
) -> Any:
    """Jaxprs, open or closed, alone or in tuples; everything else as it is."""
    if isinstance(value, ClosedJaxpr):
        return rewrite(value, platforms, constant)
    if isinstance(value, Jaxpr):
        return _rewritten(value, platforms)
    if type(value) in (tuple, list):
        entries = [_rewritten_param(entry, platforms) for entry in value]
        return value if all(map(operator.is_, entries, value)) else type(value)(entries)
    return value


# --- the convolutions of one jaxpr


def _cuts(jaxpr: Jaxpr) -> list[Cut]:
    """The excerpts of a jaxpr around the convolutions that a leg can compute."""
    stock = [one for one in jaxpr.eqns if one.primitive is conv_general_dilated_p]
    possible = [one for one in stock if not obstacle(_convolution(one))]
    return list(cuts(Program(jaxpr), possible)) if possible else []


def _convolution(equation: JaxprEqn) -> Convolution:
    avals = [var.aval for var in (*equation.invars, *equation.outvars)]
    return Convolution.of(avals, equation.params)


def _accelerated(cut: Cut, platforms: Platforms, large: Large) -> JaxprEqn:
    """The equation that takes the place of an excerpt."""
    known = {id(var): weights for var, weights in large}
    x, y = cut.operands
    constant = known.get(id(x)), known.get(id(y))
    return cut.convolution.replace(
        primitive=accelerated_p,
        invars=list(cut.operands),
        outvars=[cut.result],
        params={"excerpt": cut.excerpt, "platforms": platforms, "constant": constant},
    )


# --- parameters that are functions


@linear_util.transformation2  # type: ignore[untyped-decorator]
def _rewriting(rule: Callable, platforms: Platforms, *args: Any) -> Any:
    """A rule that returns a jaxpr and other things."""
    with platforms.traced():
        jaxpr, *others = rule(*args)
    return _rewritten_param(jaxpr, platforms), *others


@linear_util.transformation2  # type: ignore[untyped-decorator]
def _accelerating(rule: Callable, platforms: Platforms, *args: Any) -> Any:
    """A rule that computes."""
    with platforms.traced():
        staged = stage(rule, args, {})
    return staged.result(rewrite(staged.jaxpr, platforms, staged.constant))


@dataclasses.dataclass(frozen=True)
class _Policy:
    """A remat policy that sees an accelerated convolution as the convolution it replaces."""

    policy: Callable[..., Any]

    def __call__(self, primitive: Any, *avals: Any, **params: Any) -> Any:
        if primitive is accelerated_p:
            primitive = conv_general_dilated_p
        return self.policy(primitive, *avals, **params)


def _rewriting_thunk(
    thunk: Callable[[], tuple[Any, Any]], platforms: Platforms
) -> Callable[[], tuple[Any, Any]]:
    """A function without arguments that returns a jaxpr and its constants."""

    @functools.wraps(thunk)
    def rewriting() -> tuple[Any, Any]:
        with platforms.traced():
            jaxpr, consts = thunk()
        return _rewritten_param(jaxpr, platforms), consts

    return rewriting


_RULES: dict[str, Callable[[Any, Platforms], Any]] = {
    "jvp_jaxpr_fun": _rewriting,  # custom_jvp
    "fwd_jaxpr_thunk": _rewriting,  # custom_vjp
    "bwd": _accelerating,
    "transpose_thunk": _rewriting_thunk,  # linear_call
}
"""How to rewrite a rule, by the name of the parameter that holds it."""
