"""A training step, as users of the framework write it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

__all__ = ["Training", "loss", "optimiser"]


@dataclasses.dataclass(frozen=True)
class Training:
    """A training step and everything it needs.

    Attributes:
        step: the function that a user compiles, unmodified.
        compile: `jax.jit`, or the framework's replacement for it.
        arguments: returns new arguments for the step.
        numbers: (arguments, result) of a call -> all arrays that it computed.
    """

    step: Callable[..., Any]
    compile: Callable[[Callable[..., Any]], Callable[..., Any]]
    arguments: Callable[[], tuple[Any, ...]]
    numbers: Callable[[tuple[Any, ...], Any], Any] = lambda _, result: result


def optimiser() -> optax.GradientTransformation:
    """SGD with momentum, whose state after one step is the gradients, which are compared."""
    return optax.sgd(1e-3, momentum=0.9)


def loss(y: jax.Array, target: jax.Array) -> jax.Array:
    """Mean square of the difference, in the dtype of the target."""
    return jnp.mean((y.astype(target.dtype) - target) ** 2)
