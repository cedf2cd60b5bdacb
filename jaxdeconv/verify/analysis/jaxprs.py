"""Reading a JAX function through its jaxpr: tracing, walking, constants, source lines.

An interpretation is a rule from an equation and what is known of its inputs to what is known of
its outputs; `walk` carries it through a program. Equations that hold programs themselves are read
in `programs`.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

from jaxdeconv.verify.analysis.programs import CALLS

__all__ = [
    "Traced",
    "Untraceable",
    "aval",
    "batched",
    "bits_of",
    "computed",
    "evaluate",
    "held",
    "in_64_bit_mode",
    "is_float",
    "is_number",
    "is_zero",
    "source",
    "trace",
    "walk",
]

Known = TypeVar("Known")


class Untraceable(Exception):
    """The function cannot be traced; the text says why."""


@dataclasses.dataclass(frozen=True, eq=False)
class Traced:
    """A function as JAX traced it.

    Attributes:
        jaxpr: over the flattened parameters and the flattened argument.
        codomain: the result, as a pytree of `jax.ShapeDtypeStruct`.
    """

    jaxpr: ClosedJaxpr
    codomain: Any

    def __call__(self, constants: Sequence[Any], *arguments: Any) -> Any:
        """The function of other constants; as arguments of a program they compile much faster."""
        program = ClosedJaxpr(self.jaxpr.jaxpr, list(constants))
        leaves = jaxpr_as_fun(program)(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(self.codomain), leaves)


def trace(fun: Callable[..., Any], domain: Any, parameters: tuple[Any, ...] = ()) -> Traced:
    """The jaxpr of `fun`, and its result's structure.

    Args:
        fun: of the parameters, and then of one argument, a pytree.
        domain: that argument, as a pytree of `jax.ShapeDtypeStruct` or arrays.
        parameters: pytrees of the same.

    Returns:
        See `Traced`.

    Raises:
        Untraceable: `fun` raised when it was traced. NumPy, SciPy and Python refuse a tracer in
            many ways, so whatever it raised counts.
    """
    try:
        jaxpr, codomain = jax.make_jaxpr(fun, return_shape=True)(
            *map(held, parameters), held(domain)
        )
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise Untraceable(f"{type(error).__name__}: {reason}") from error
    return Traced(jaxpr, codomain)


def batched(fun: Callable[..., Any], domain: Any) -> Callable[..., Any]:
    """`fun` of members along a leading axis, traced and compiled when it is called first."""

    @functools.cache
    def program() -> Callable[..., Any]:
        traced = trace(fun, domain)
        together = jax.jit(jax.vmap(traced, in_axes=(None, 0)))
        return functools.partial(together, traced.jaxpr.consts)

    def called(members: Any) -> Any:
        return program()(members)

    return called


def held(domain: Any) -> Any:
    """A domain as JAX holds it in its current mode: float64 only under `jax_enable_x64`.

    JAX would narrow it itself, but newer versions warn of that, and a function of NumPy is traced
    only on trial.
    """

    def narrowed(leaf: Any) -> Any:
        if not hasattr(leaf, "dtype") or not is_number(leaf.dtype):
            return leaf
        dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
        return leaf if dtype == leaf.dtype else jax.ShapeDtypeStruct(leaf.shape, dtype)

    return jax.tree.map(narrowed, domain)


def in_64_bit_mode() -> bool:
    """Whether JAX holds float64 now."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def walk(
    jaxpr: Jaxpr,
    consts: Iterable[Known],
    args: Iterable[Known],
    rule: Callable[[JaxprEqn, list[Known]], Sequence[Known]],
    constant: Callable[[Any], Known],
) -> list[Known]:
    """Carry what is known of the inputs through a jaxpr, equation by equation.

    Args:
        jaxpr: the program.
        consts: what is known of its constants.
        args: what is known of its arguments.
        rule: from an equation and what is known of its inputs to the same of its outputs.
        constant: what is known of a literal, from its value.

    Returns:
        What is known of the outputs.
    """
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))

    def read(atom: Any) -> Known:
        if isinstance(atom, Literal):
            return constant(np.asarray(atom.val, aval(atom).dtype))
        return known[atom]

    for eqn in jaxpr.eqns:
        outs = rule(eqn, [read(atom) for atom in eqn.invars])
        known.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def aval(atom: Any) -> Any:
    """The abstract value of a variable or a literal: what has `shape` and `dtype`."""
    return atom.aval


def is_number(dtype: Any) -> bool:
    """Not a random key."""
    return not jnp.issubdtype(dtype, jax.dtypes.extended)


def is_float(dtype: Any) -> bool:
    """Real or complex, of any width."""
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def bits_of(dtype: Any) -> int:
    """Of the significand, the hidden one included; of integers those before overflow."""
    if is_float(dtype):
        return int(jnp.finfo(dtype).nmant) + 1
    if not jnp.issubdtype(dtype, jnp.integer):
        return 1
    return int(jnp.iinfo(dtype).max).bit_length()


# --- constants


def evaluate(eqn: JaxprEqn, values: Sequence[Any]) -> list[Any] | None:
    """The outputs of an equation whose inputs are known, computed now.

    Returns:
        One array per output, or None: an input is unknown (None, or a tracer), the equation has
        effects or belongs to one device of several, or it is a call that has to be entered.
    """
    if eqn.effects or eqn.primitive.name in _NOT_EVALUATED:
        return None
    try:
        result = computed(functools.partial(eqn.primitive.bind, **eqn.params), values)
    except NotImplementedError:  # a primitive that can be compiled only
        return None
    if result is None:
        return None
    return list(result) if eqn.primitive.multiple_results else [result]


def computed(function: Callable[..., Any], values: Sequence[Any]) -> Any:
    """`function(*values)` computed now, also while something is being traced.

    Returns:
        None if a value is None or a tracer.
    """
    if any(value is None or isinstance(value, jax.core.Tracer) for value in values):
        return None
    with jax.ensure_compile_time_eval():
        return function(*values)


_NOT_EVALUATED = frozenset(
    {"pure_callback", "shard_map", "pvary", "sharding_constraint", "reshard"}
    | CALLS - {"jit", "pjit"}
)
"""A callback may cost anything, a mesh may be absent, and calls are walked through instead."""


def source(eqn: JaxprEqn) -> str | None:
    """Where the user wrote an equation: 'file:line (function)', or None inside JAX alone."""
    traceback: Any = eqn.source_info.traceback
    for frame in traceback.frames if traceback else ():  # innermost first
        if frame.file_name.startswith(_OURS):  # which calls the user's function: no line inside it
            return None
        if not frame.file_name.startswith(_JAX):
            return f"{frame.file_name}:{frame.line_num} ({frame.function_name})"
    return None


_JAX = os.path.dirname(jax.__file__) + os.sep
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep


def is_zero(value: Any) -> bool:
    """Whether every entry of a known constant is a zero."""
    return is_number(value.dtype) and not np.any(np.asarray(value))
