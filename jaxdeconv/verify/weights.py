"""Weighted inner products `<x, y>_W = sum of w x conj(y)`.

    <A v, u>_W = <v, At u>_V for all v and u   if and only if   W A = (V At)^H

so a pair is right in weighted spaces if W A and V At are right in the usual ones.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["Weights", "weighted"]

Function: TypeAlias = Callable[..., Any]
Weights: TypeAlias = Any


def weighted(A: Function, At: Function, inner: Any) -> tuple[Function, Function]:
    """W A and V At, for `inner = (V, W)`.

    Raises:
        TypeError: no pair, or a weight that is no real number.
        ValueError: a weight that is not positive, or does not broadcast to its leaf.
    """
    if not isinstance(inner, tuple | list) or len(inner) != 2:
        raise ArgumentTypeError(
            "inner must be a pair: the weights of the domain and of the codomain",
            "Pass (w_domain, w_codomain), None for weights of 1.",
            inner=inner,
        )
    of_domain, of_codomain = _weighing("domain", inner[0]), _weighing("codomain", inner[1])
    return (
        A if of_codomain is None else lambda *arguments: of_codomain(A(*arguments)),
        At if of_domain is None else lambda *arguments: of_domain(At(*arguments)),
    )


def _weighing(word: str, weights: Weights) -> Function | None:
    """What multiplies a member by weights; None where they are 1."""
    if weights is None or callable(weights):
        return weights
    checked = jax.tree.map(lambda w: _checked(word, w), weights)

    def weigh(member: Any) -> Any:
        try:
            spread = jax.tree.broadcast(checked, member)
        except ValueError as error:
            raise ArgumentValueError(
                f"the weights of the {word} must have its structure, or the beginning of it",
                "Pass one weight for each leaf, or a single one.",
                weights=jax.tree.structure(weights),
                **{word: jax.tree.structure(member)},
            ) from error
        return jax.tree.map(lambda leaf, w: _product(word, leaf, w), member, spread)

    return weigh


def _checked(word: str, w: Any) -> np.ndarray:
    """Weights as an array of positive numbers."""
    w = np.asarray(w)
    if w.dtype == bool or not (
        jnp.issubdtype(w.dtype, jnp.floating) or jnp.issubdtype(w.dtype, jnp.integer)
    ):
        raise ArgumentTypeError(
            f"the weights of the {word} must be real numbers",
            "Pass positive floats, or a function that applies a symmetric positive map.",
            dtype=str(w.dtype),
        )
    wrong = w[~((w > 0) & np.isfinite(w))]
    if wrong.size:
        raise ArgumentValueError(
            f"the weights of the {word} must be positive and finite",
            "Leave cells without weight out of the space.",
            weight=float(wrong.flat[0]),
        )
    return w


def _product(word: str, leaf: Any, w: np.ndarray) -> Any:
    """In the dtype of the leaf, and of its kind, NumPy's or JAX's."""
    try:
        fits = np.broadcast_shapes(w.shape, leaf.shape) == leaf.shape
    except ValueError:
        fits = False
    if not fits:
        raise ArgumentValueError(
            f"the weights of the {word} must broadcast to its leaf",
            "Pass an array of the leaf's shape, or a number.",
            weights=w,
            **{word: leaf},
        )
    return leaf * np.broadcast_to(w, leaf.shape).astype(leaf.dtype)
