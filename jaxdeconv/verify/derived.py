"""Adjoints derived by JAX or by PyTorch: what a function is compared with that comes without one.

Where a function has a rule of its own (`jax.custom_vjp`, `torch.autograd.Function`), that rule is
what is derived.
"""

import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxdeconv.verify.pairing import conjugated

__all__ = ["by_autograd", "by_transposition", "by_vjp"]

Map = Callable[[Any], Any]


def by_vjp(fun: Map, domain: Any) -> Map:
    """The adjoint of the derivative of `fun` at zero, as `jax.vjp` has it."""

    def zeros() -> Any:
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), domain)

    return conjugated(lambda u: jax.vjp(fun, zeros())[1](u)[0])


def by_transposition(fun: Map, domain: Any) -> Map:
    """The adjoint of a linear function, as `jax.linear_transpose` has it."""
    structs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), domain)
    return conjugated(lambda u: jax.linear_transpose(fun, structs)(u)[0])


def by_autograd(fun: Map, zeros: Any) -> Map:
    """The adjoint of a function of tensors, as PyTorch's autograd has it: a function of tensors."""
    torch = sys.modules["torch"]
    leaves, treedef = jax.tree.flatten(zeros)

    def flat(*tensors: Any) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(fun(jax.tree.unflatten(treedef, tensors))))

    def back(u: Any) -> Any:
        cotangents = tuple(jax.tree.leaves(u))
        found = torch.autograd.functional.vjp(flat, tuple(leaves), cotangents)[1]
        return jax.tree.unflatten(treedef, found)

    return back
