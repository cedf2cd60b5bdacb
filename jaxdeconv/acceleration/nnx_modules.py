"""Flax NNX modules among the arguments: objects with state, which functions change in place.

A trace must not leave tracers in the caller's objects. So the function gets copies, made inside the
trace from the modules' arrays, and the arrays of the copies are written back into the caller's
objects afterwards, as `nnx.jit` does, by the same public functions. Objects that arguments share
stay shared, and those that the function adds or removes are added or removed. Flax is not imported:
if nobody has imported it, there is no such object.
"""

import contextlib
import dataclasses
import functools
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from jaxdeconv.errors import ArgumentValueError

__all__ = ["Call", "explained", "functionalised", "has_modules", "unbound"]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of a pure function of pytrees.

    Attributes:
        fun: the function.
        args: its positional arguments.
        kwargs: its keyword arguments.
        finish: turns its result into that of the original call.
    """

    fun: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    finish: Callable[[Any], Any]


def has_modules(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the arguments contain an object of Flax NNX: a module, an optimizer, a variable."""
    return any(map(_is_object, jax.tree.leaves((args, kwargs), is_leaf=_is_object)))


def unbound(
    fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
    """The same call, with a module that is called (or whose method is) made an argument.

    Args:
        fun: what is called: a module, its method, a `functools.partial`, or any function.
        args: its positional arguments.
        kwargs: its keyword arguments.
    """
    if isinstance(fun, functools.partial) and has_modules(fun.args, fun.keywords):
        return unbound(fun.func, (*fun.args, *args), {**fun.keywords, **kwargs})
    if _is_object(fun):
        return type(fun).__call__, (fun, *args), kwargs
    if isinstance(fun, types.MethodType) and _is_object(fun.__self__):
        return fun.__func__, (fun.__self__, *args), kwargs
    return fun, args, kwargs


@contextlib.contextmanager
def explained(fun: Callable[..., Any]) -> Iterator[None]:
    """Say what to do if Flax finds that `fun` changes a module it closes over.

    Args:
        fun: what is called.
    """
    try:
        yield
    except Exception as error:
        if "flax.nnx" not in sys.modules or "trace level" not in str(error):
            raise
        refusal = ArgumentValueError(
            "fun must not change modules of Flax NNX that it closes over",
            "Pass them as arguments: accelerate(lambda model, x: model(x))(model, x).",
            fun=fun,
        )
        refusal.caller = "accelerate"
        raise refusal from error


@contextlib.contextmanager
def functionalised(
    fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[Call]:
    """The same call as a pure function of arrays; `finish` writes the modules' new state back.

    Args:
        fun: a function that may change modules among its arguments.
        args: its positional arguments.
        kwargs: its keyword arguments.
    """
    if not has_modules(args, kwargs):
        yield Call(fun, args, kwargs, lambda result: result)
        return
    nnx: Any = sys.modules["flax.nnx"]
    tag = object()  # of this call

    def pure(arrays: Any) -> Any:
        copied_args, copied_kwargs = nnx.from_tree(arrays, is_inner=True, ctxtag=tag)
        result = fun(*copied_args, **copied_kwargs)
        changed = nnx.extract.clear_non_graph_nodes((copied_args, copied_kwargs))
        return nnx.to_tree((changed, result), ctxtag=tag)

    def finish(arrays: Any) -> Any:
        return nnx.from_tree(arrays, is_inner=False, ctxtag=tag)[1]

    with nnx.update_context(tag):
        yield Call(pure, (nnx.to_tree((args, kwargs), ctxtag=tag),), {}, finish)


def _is_object(leaf: Any) -> bool:
    nnx: Any = sys.modules.get("flax.nnx")
    return nnx is not None and isinstance(leaf, nnx.Pytree | nnx.Variable)
