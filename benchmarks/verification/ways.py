"""One map, called in three ways: by JAX, by NumPy, and by JAX through a callback to NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.pair import Map, Pair, zeros

__all__ = ["WAYS", "called", "struct"]

WAYS = ("JAX", "NumPy", "callback")


def struct(shape: tuple[int, ...] | int, dtype: Any) -> jax.ShapeDtypeStruct:
    """A space of one array."""
    return jax.ShapeDtypeStruct((shape,) if isinstance(shape, int) else shape, dtype)


def called(way: str, A: Map, At: Map, domain: Any) -> Pair:
    """The pair of maps that are written for arrays of NumPy and of JAX alike.

    Args:
        way: one of `WAYS`.
        A: the map; its result for zeros of NumPy tells the codomain.
        At: its adjoint.
        domain: pytree of `jax.ShapeDtypeStruct`.
    """
    codomain = jax.tree.map(lambda leaf: struct(leaf.shape, leaf.dtype), A(zeros(domain)))
    if way == "callback":
        A, At = _through(A, codomain), _through(At, domain)
    return Pair("", A, At, domain, codomain, numpy=way == "NumPy")


def _through(function: Map, result: Any) -> Map:
    """Called back from JAX, with NumPy arrays of its own."""

    def back(x: Any) -> Any:
        return jax.tree.map(np.asarray, function(jax.tree.map(np.array, x)))

    return lambda x: jax.pure_callback(
        back, result, jax.tree.map(jnp.asarray, x), vmap_method="sequential"
    )
