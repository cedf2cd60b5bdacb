"""What linear maps take: vectors and numbers of their dtype; and how a map becomes a pytree."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["as_scalar", "as_vector", "on_vectors", "over_batch", "pytree", "structured"]

Batch: TypeAlias = tuple[int, ...] | None
"""The shape of the axes before those of a vector; None for a flat vector."""

Class = TypeVar("Class", bound=type)
Result = TypeVar("Result")


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
    u = over_batch(apply, rows, batch)
    return u.ravel() if batch is None else u


def over_batch(apply: Callable[[Array], Result], rows: Array, batch: Batch) -> Result:
    """`apply` on what `structured` returned; its results get the axes of the batch."""
    if not batch:
        return apply(rows)
    one_axis = rows.reshape(math.prod(batch), *rows.shape[len(batch) :])
    many = jax.vmap(apply)(one_axis)
    return jax.tree.map(lambda x: x.reshape(*batch, *x.shape[1:]), many)


def structured(name: str, v: Any, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Array, Batch]:
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
