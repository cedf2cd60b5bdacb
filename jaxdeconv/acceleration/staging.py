"""A Python call as a jaxpr, its inputs, and the way back to the result.

Arrays are traced. Every other leaf of the arguments (a number, a string, a function, an object
that is no pytree) reaches the function as it is, and every other leaf of the result is handed
through: so static arguments stay static, Python numbers keep their weak types, and what `jax.jit`
takes is taken.
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
        leaves: of the result; where an array belongs, `ARRAY`.
        tree: structure of the result.
    """

    jaxpr: ClosedJaxpr
    inputs: Sequence[Any]
    leaves: Sequence[Any]
    tree: Any

    @property
    def constant(self) -> dict[int, Any] | None:
        """Inputs that are numbers while others are traced: constants of a larger program.

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
"""Marks the place of an array among leaves."""


def stage(fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Staged:
    """Trace one call; Python code of the function runs once, as when it is called.

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
    """Whether a leaf of the arguments is an array, a reference to one, or stands for one."""
    if isinstance(leaf, np.ndarray):
        return leaf.dtype != jax.dtypes.float0 and valid_jaxtype(leaf)
    return isinstance(leaf, jax.Array | jax.Ref | jax.ShapeDtypeStruct)
