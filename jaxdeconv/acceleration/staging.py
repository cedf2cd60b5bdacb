"""A Python call as a jaxpr, its inputs, and the way back to the result.

Arrays are traced. All other leaves of the arguments (numbers, strings, functions, objects that are
not pytrees) reach the function as they are, and all other leaves of the result are passed through.
So static arguments stay static, Python numbers keep their weak types, and everything that `jax.jit`
accepts works here.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun, valid_jaxtype

__all__ = ["Staged", "is_traced", "stage"]


@dataclasses.dataclass(frozen=True)
class Staged:
    """One call of a function.

    Attributes:
        jaxpr: what it computes.
        inputs: the arrays to which the jaxpr applies.
        leaves: of the result, with `ARRAY` in place of every array.
        tree: structure of the result.
    """

    jaxpr: ClosedJaxpr
    inputs: Sequence[Any]
    leaves: Sequence[Any]
    tree: Any

    @property
    def constant(self) -> dict[int, Any] | None:
        """Inputs that are not traced while others are: constants of a larger program.

        None if nothing is traced.
        """
        traced = [isinstance(one, jax.core.Tracer) for one in self.inputs]
        if not any(traced):
            return None
        return {i: one for i, one in enumerate(self.inputs) if not traced[i]}

    def result(self, jaxpr: ClosedJaxpr) -> Any:
        """The result of the call, computed by another jaxpr of the same type."""
        arrays = iter(jaxpr_as_fun(jaxpr)(*self.inputs))
        leaves = [next(arrays) if leaf is ARRAY else leaf for leaf in self.leaves]
        return jax.tree.unflatten(self.tree, leaves)


ARRAY = object()
"""Stands for an array among leaves."""


def stage(fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Staged:
    """Trace one call; the function's Python code runs once, as in a call.

    Args:
        fun: any function that JAX can trace.
        args: its positional arguments.
        kwargs: its keyword arguments.
    """
    leaves, tree = jax.tree.flatten((args, kwargs))
    places = [place for place, leaf in enumerate(leaves) if is_traced(leaf)]
    inputs = [
        jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        for leaf in (leaves[place] for place in places)
    ]
    seen: dict[str, Any] = {}

    def on_arrays(*arrays: Any) -> list[Any]:
        given = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            given[place] = array
        called_args, called_kwargs = jax.tree.unflatten(tree, given)
        result, seen["tree"] = jax.tree.flatten(fun(*called_args, **called_kwargs))
        seen["leaves"] = [ARRAY if isinstance(leaf, jax.Array) else leaf for leaf in result]
        return [leaf for leaf in result if isinstance(leaf, jax.Array)]

    jaxpr = jax.make_jaxpr(on_arrays)(*inputs)
    return Staged(jaxpr, inputs, seen["leaves"], seen["tree"])


def is_traced(leaf: Any) -> bool:
    """Whether a leaf of the arguments is an array, a reference, or a `jax.ShapeDtypeStruct`."""
    if isinstance(leaf, np.ndarray):
        return leaf.dtype != jax.dtypes.float0 and valid_jaxtype(leaf)
    return isinstance(leaf, jax.Array | jax.Ref | jax.ShapeDtypeStruct)
