"""Helpers to define maps: pytree registration, comparison, methods that name their class."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jaxdeconv.errors import reporting

__all__ = ["pytree", "reporting_as", "same"]

Class = TypeVar("Class", bound=type)
Method = TypeVar("Method", bound=Callable[..., Any])


def pytree(*leaves: str) -> Callable[[Class], Class]:
    """Register a dataclass as a pytree with these fields as its children, the others static.

    Unflattening skips `__init__` and its checks, because JAX also puts other objects than arrays in
    place of the leaves.
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


def same(a: Any, b: Any) -> bool:
    """Whether two pytrees have the same structure and equal leaves; NaN equals NaN."""
    kinds: list[Any] = [jax.tree.structure(x) for x in (a, b)]
    if kinds[0] != kinds[1]:
        return False
    return all(map(_same_numbers, jax.tree.leaves(a), jax.tree.leaves(b)))


def _same_numbers(a: Any, b: Any) -> bool:
    if a is b:
        return True
    dtype = jnp.result_type(a)
    if (jnp.shape(a), dtype) != (jnp.shape(b), jnp.result_type(b)):
        return False
    return bool(jnp.array_equal(a, b, equal_nan=bool(jnp.issubdtype(dtype, jnp.inexact))))


def reporting_as(name: str) -> Callable[[Method], Method]:
    """`reporting` for a method that the public class `name` inherits from a private one."""

    def decorate(method: Method) -> Method:
        method.__qualname__ = f"{name}.{method.__name__}"
        return reporting(method)  # type: ignore[return-value]

    return decorate
