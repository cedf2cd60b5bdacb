"""Flax NNX modules among the arguments: objects with state, which functions change in place.

A trace must not leave its tracers behind in the caller's objects. So the function is given
copies, made inside the trace from the modules' arrays, and the arrays of the copies are written
back into the caller's objects afterwards: what `nnx.jit` does, by the same public functions.
Objects shared between arguments stay shared, and objects that the function makes or removes appear
and disappear. Flax is not imported: without it there can be no such object.
"""

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

__all__ = ["Call", "has_modules", "on_arrays"]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of a function of pytrees, which changes nothing but what it returns.

    Attributes:
        fun: the function.
        args: its positional arguments.
        kwargs: its keyword arguments.
        finish: its result -> the result of the call that this one stands for.
    """

    fun: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    finish: Callable[[Any], Any]


def has_modules(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether there is a module, an optimizer, a variable, ... of Flax NNX in the arguments."""
    nnx: Any = sys.modules.get("flax.nnx")
    if nnx is None:
        return False
    is_object = functools.partial(_is_instance, (nnx.Pytree, nnx.Variable))
    return any(map(is_object, jax.tree.leaves((args, kwargs), is_leaf=is_object)))


@contextlib.contextmanager
def on_arrays(
    fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[Call]:
    """The same call without modules; `finish` writes their new state back.

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


def _is_instance(types: tuple[type, ...], leaf: Any) -> bool:
    return isinstance(leaf, types)
