"""A jaxpr with its convolutions replaced: equation by equation, at any depth, nothing retraced.

Only the equations of convolutions change. Whatever else a jaxpr holds (variables and their types,
effects, names, where a line came from, the parameters of jit, scan, while, cond, remat, shard_map,
...) stays the same object, so nothing has to be known of the primitives that carry jaxprs, but for
two things: the rules of `custom_jvp` and `custom_vjp` are functions yet to be traced, so they are
always wrapped, and a remat policy asks for primitives by their identity. A jaxpr with neither
convolution nor rule is returned itself, and any other gives the same result object each time, so
that what JAX compiled for it is found again.
"""

import dataclasses
import functools
import operator
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import jax
from jax.extend import linear_util
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, gensym, jaxprs_in_params
from jax.extend.core.primitives import conv_general_dilated_p

from jaxdeconv.acceleration.axes import LHS, RHS
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.reading import Reading, Unreadable, Zero
from jaxdeconv.acceleration.recognise import read
from jaxdeconv.acceleration.staging import stage
from jaxdeconv.primitives import PRIMITIVES

__all__ = ["Found", "convolutions", "has_convolutions", "rewrite"]


@dataclasses.dataclass(frozen=True)
class Found:
    """A convolution in a jaxpr.

    Attributes:
        equation: the equation itself.
        inside: names of the primitives around it, outermost first.
        convolution: its parameters.
        reading: what it is replaced by, or why it is not.
    """

    equation: JaxprEqn
    inside: tuple[str, ...]
    convolution: Convolution
    reading: Reading | Zero | Unreadable


def rewrite(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same program with every convolution that can be read as a leg computed by that leg.

    Args:
        closed: any jaxpr; it is not changed.

    Returns:
        `closed` itself if there is nothing to replace; else always the same new jaxpr.
    """
    jaxpr = _rewritten(closed.jaxpr)
    if jaxpr is closed.jaxpr:
        return closed
    known = _CLOSED.get(closed)
    if known is None:
        known = _CLOSED[closed] = closed.replace(jaxpr=jaxpr)
    return known


def convolutions(jaxpr: Jaxpr, inside: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every convolution in a jaxpr, at any depth, in the order of the program.

    Args:
        jaxpr: what to search.
        inside: names of the primitives around it.
    """
    for equation in jaxpr.eqns:
        if equation.primitive is conv_general_dilated_p:
            yield Found(equation, inside, *_read(equation))
        for inner in jaxprs_in_params(equation.params):
            yield from convolutions(inner, (*inside, equation.primitive.name))


def has_convolutions(closed: ClosedJaxpr) -> bool:
    """Whether there is a convolution in a jaxpr, at any depth."""
    return next(convolutions(closed.jaxpr), None) is not None


_OPEN: MutableMapping[Jaxpr, Jaxpr | None] = weakref.WeakKeyDictionary()
_CLOSED: MutableMapping[ClosedJaxpr, ClosedJaxpr] = weakref.WeakKeyDictionary()
"""What has been rewritten; None stands for the jaxpr itself, which would keep itself alive."""


def _rewritten(jaxpr: Jaxpr) -> Jaxpr:
    if jaxpr not in _OPEN:
        equations = [new for equation in jaxpr.eqns for new in _replacements(equation)]
        same = len(equations) == len(jaxpr.eqns) and all(map(operator.is_, equations, jaxpr.eqns))
        _OPEN[jaxpr] = None if same else jaxpr.replace(eqns=equations)
    return _OPEN[jaxpr] or jaxpr


def _replacements(equation: JaxprEqn) -> list[JaxprEqn]:
    """The equations that take the place of one."""
    if equation.primitive is conv_general_dilated_p:
        _, reading = _read(equation)
        return [equation] if isinstance(reading, Unreadable) else _inlined(reading, equation)
    params = {name: _rewritten_param(value) for name, value in equation.params.items()}
    changed = not all(map(operator.is_, params.values(), equation.params.values()))
    if changed and params.get("policy") is not None:  # of checkpoint
        params["policy"] = _Policy(params["policy"])
    rules = _RULES.keys() & params.keys()
    params |= {name: _RULES[name](params[name]) for name in rules}
    return [equation.replace(params=params)] if changed or rules else [equation]


def _rewritten_param(value: Any) -> Any:
    """Jaxprs, open or closed, alone or in tuples; everything else as it is."""
    if isinstance(value, ClosedJaxpr):
        return rewrite(value)
    if isinstance(value, Jaxpr):
        return _rewritten(value)
    if type(value) in (tuple, list):
        entries = [_rewritten_param(entry) for entry in value]
        return value if all(map(operator.is_, entries, value)) else type(value)(entries)
    return value


# --- one convolution


def _read(equation: JaxprEqn) -> tuple[Convolution, Reading | Zero | Unreadable]:
    avals = [var.aval for var in (*equation.invars, *equation.outvars)]
    convolution = Convolution.of(avals, equation.params)
    return convolution, read(convolution, jax.default_backend())


@functools.lru_cache(maxsize=4096)
def _template(reading: Reading | Zero) -> ClosedJaxpr:
    """The equations of a leg, from the operands of the convolution to its result."""
    convolution = reading.convolution
    operands = (
        jax.ShapeDtypeStruct(convolution.shapes[array], convolution.dtypes[array])
        for array in (LHS, RHS)
    )
    return jax.make_jaxpr(reading.apply)(*operands)


def _inlined(reading: Reading | Zero, equation: JaxprEqn) -> list[JaxprEqn]:
    """The leg's equations between the variables of the convolution's."""
    template = _template(reading).jaxpr
    names = dict(zip(template.invars, equation.invars, strict=True))
    names |= dict(zip(template.outvars, equation.outvars, strict=True))
    new, like = gensym(), equation.outvars[0].aval
    equations = []
    for step in template.eqns:
        invars = [var if isinstance(var, Literal) else names[var] for var in step.invars]
        outvars = [names.setdefault(var, new(_at_home(var.aval, like))) for var in step.outvars]
        place = {"source_info": equation.source_info, "ctx": equation.ctx}
        equations.append(step.replace(invars=invars, outvars=outvars, **place))
    return equations


def _at_home(aval: Any, like: Any) -> Any:
    """An abstract value in the mesh of another, varying over the same axes (`jax.shard_map`)."""
    sharding = aval.sharding.update(mesh=like.sharding.mesh)
    return aval.update(sharding=sharding, manual_axis_type=like.manual_axis_type)


# --- parameters that are functions


@linear_util.transformation2  # type: ignore[untyped-decorator]
def _rewriting(rule: Callable, *args: Any) -> Any:
    """A rule that returns a jaxpr and more."""
    jaxpr, *others = rule(*args)
    return _rewritten_param(jaxpr), *others


@linear_util.transformation2  # type: ignore[untyped-decorator]
def _accelerating(rule: Callable, *args: Any) -> Any:
    """A rule that computes."""
    staged = stage(rule, args, {})
    return staged.result(rewrite(staged.jaxpr))


@dataclasses.dataclass(frozen=True)
class _Policy:
    """A remat policy to which the legs are the convolutions that they stand for."""

    policy: Callable[..., Any]

    def __call__(self, primitive: Any, *avals: Any, **params: Any) -> Any:
        if primitive in PRIMITIVES.values():
            primitive = conv_general_dilated_p
        return self.policy(primitive, *avals, **params)


def _rewriting_thunk(thunk: Callable[[], tuple[Any, Any]]) -> Callable[[], tuple[Any, Any]]:
    """A function without arguments that returns a jaxpr and its constants."""

    @functools.wraps(thunk)
    def rewriting() -> tuple[Any, Any]:
        jaxpr, consts = thunk()
        return _rewritten_param(jaxpr), consts

    return rewriting


_RULES: dict[str, Callable[[Any], Any]] = {
    "jvp_jaxpr_fun": _rewriting,  # custom_jvp
    "fwd_jaxpr_thunk": _rewriting,  # custom_vjp
    "bwd": _accelerating,
    "transpose_thunk": _rewriting_thunk,  # linear_call
}
"""By name of the parameter: what a rule becomes."""
