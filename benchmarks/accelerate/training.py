"""A training step, as the framework's users write it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

__all__ = ["Training", "loss", "optimiser"]


@dataclasses.dataclass(frozen=True)
class Training:
    """A training step and all that it needs.

    Attributes:
        step: the function that a user compiles; nothing in it knows of us.
        compile: `jax.jit`, or what the framework has in its place.
        arguments: -> fresh arguments for the step.
        numbers: (arguments, result) of a call -> all numbers that it computed.
    """

    step: Callable[..., Any]
    compile: Callable[[Callable[..., Any]], Callable[..., Any]]
    arguments: Callable[[], tuple[Any, ...]]
    numbers: Callable[[tuple[Any, ...], Any], Any] = lambda _, result: result


def optimiser() -> optax.GradientTransformation:
    """Its state after one step holds the gradients themselves, so that they can be compared."""
    return optax.sgd(1e-3, momentum=0.9)


def loss(y: jax.Array, target: jax.Array) -> jax.Array:
    """Mean square of the difference."""
    return jnp.mean((y - target) ** 2)
