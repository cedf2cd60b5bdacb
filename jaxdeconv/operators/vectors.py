"""What linear maps take: vectors and numbers of their dtype; and how a map becomes a pytree."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["as_scalar", "as_vector", "on_vectors", "pytree", "structured"]

Class = TypeVar("Class", bound=type)


def pytree(*leaves: str) -> Callable[[Class], Class]:
    """Register a dataclass as a pytree with these fields as its children, the others static.

    Putting one back together runs no checks: JAX puts things other than arrays in the leaves'
    places, which no check would let pass.
    """

    def register(cls: Class) -> Class:
        names = [field.name for field in dataclasses.fields(cls)]
        fixed = [name for name in names if name not in leaves]

        def flatten(value: Any) -> tuple[list[Any], tuple[Any, ...]]:
            return [getattr(value, name) for name in leaves], tuple(
                getattr(value, n) for n in fixed
            )

        def unflatten(aux: tuple[Any, ...], children: Any) -> Any:
            value: Any = object.__new__(cls)
            for name, entry in zip((*fixed, *leaves), (*aux, *children), strict=True):
                object.__setattr__(value, name, entry)
            return value

        jax.tree_util.register_pytree_node(cls, flatten, unflatten)
        return cls

    return register


def on_vectors(apply: Callable[[Array], Array], v: Any, shape: Any, dtype: np.dtype) -> Array:
    """`apply`, a map of arrays of `shape`, on a flat vector or a structured one with batch axes."""
    rows, batch = structured("v", v, shape, dtype)
    if batch is None:
        return apply(rows).ravel()
    if batch == ():
        return apply(rows)
    u = jax.vmap(apply)(rows.reshape(math.prod(batch), *shape))
    return u.reshape(*batch, *u.shape[1:])


def structured(
    name: str, v: Any, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[Array, tuple[int, ...] | None]:
    """The vector with its axes, and the shape of its batch axes; None if it was flat."""
    v, size = as_vector(name, v, dtype), math.prod(shape)
    batch_ndim = v.ndim - len(shape)
    if v.shape == (size,) != shape:
        return v.reshape(shape), None
    if batch_ndim < 0 or v.shape[batch_ndim:] != shape:
        raise ArgumentValueError(
            f"{name} must end in the axes {shape}, or be flat with {size} entries",
            f"Reshape {name}, or build the operator for its shape.",
            **{name: v},
        )
    return v, v.shape[:batch_ndim]


def as_vector(name: str, value: Any, dtype: np.dtype) -> Array:
    """An array of exactly this dtype; NumPy's 64-bit arrays follow JAX, as everywhere."""
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise ArgumentTypeError(
            f"{name} must be an array or a linear map",
            f"Pass jax.numpy.asarray({name}).",
            **{name: value},
        )
    array = jnp.asarray(value)
    if array.dtype != dtype:
        raise ArgumentTypeError(
            f"{name} must have the operator's dtype, {dtype}",
            f"Pass {name}.astype({str(dtype)!r}), or build the operator from a converted kernel.",
            **{name: array},
        )
    return array


def as_scalar(factor: Any, dtype: np.dtype) -> Array:
    """The factor of a scaled map, in its dtype."""
    number = hasattr(factor, "dtype") or type(factor) in (int, float, complex)
    if not number or getattr(factor, "shape", ()) != ():
        raise ArgumentTypeError(
            "a linear map can be multiplied by a scalar",
            "Use @ for vectors and for composition.",
            factor=factor,
        )
    if _rank(jnp.result_type(factor)) > _rank(dtype):
        raise ArgumentTypeError(
            f"factor must be of the numbers that {dtype} can hold",
            "Convert the factor, or build the operator from a converted kernel.",
            factor=factor,
        )
    return jnp.asarray(factor, dtype)


def _rank(dtype: Any) -> int:
    """Of the ring: integers, reals, complex numbers."""
    return int(jnp.issubdtype(dtype, jnp.inexact)) + jnp.issubdtype(dtype, jnp.complexfloating)
