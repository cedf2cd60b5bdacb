"""Random programs: convolutions of every form in nested control flow, all of one shape."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["KERNEL", "SHAPE", "program"]

SHAPE = (2, 6, 5, 4)
"""Of what every part of a program takes and returns."""

KERNEL = (3, 3, 4, 4)
"""Of the weights that all convolutions cut their kernels from."""

Part: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
"""(x, w) -> the next x."""

_NUMBERS = ("NHWC", "HWIO", "NHWC")


def program(seed: int, depth: int = 2) -> Part:
    """A program; the same for the same seed.

    Args:
        seed: of the choices.
        depth: of the nesting.
    """
    return _part(np.random.default_rng(seed), depth)


def _part(rng: np.random.Generator, depth: int) -> Part:
    """A convolution, or something around and between smaller parts."""
    if depth == 0:
        convolution = _CONVOLUTIONS[rng.integers(len(_CONVOLUTIONS))]
        return lambda x, w: jnp.tanh(convolution(x, w) / 4)
    wrap = _WRAPPERS[rng.integers(len(_WRAPPERS))]
    return wrap(_part(rng, depth - 1), _part(rng, rng.integers(depth)))


# --- convolutions that keep the shape


def _conv(x: jax.Array, w: jax.Array, **keywords: Any) -> jax.Array:
    keywords = {"window_strides": (1, 1), "padding": "SAME"} | keywords
    return lax.conv_general_dilated(x, w, dimension_numbers=_NUMBERS, **keywords)


def _up_and_down(x: jax.Array, w: jax.Array) -> jax.Array:
    return _conv(lax.conv_transpose(x, w, (2, 2), "SAME"), w, window_strides=(2, 2))


def _channels_first(x: jax.Array, w: jax.Array) -> jax.Array:
    y = lax.conv(x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), (1, 1), "SAME")
    return y.transpose(0, 2, 3, 1)


def _batch_groups(x: jax.Array, w: jax.Array) -> jax.Array:
    y = _conv(x, w, batch_group_count=2)  # [1, ...]: the halves of the channels of either image
    return jnp.concatenate([y, -2 * y])  # no sum of zero, whose sign rounding would decide


_CONVOLUTIONS: tuple[Part, ...] = (
    _conv,
    lambda x, w: _conv(x, w, rhs_dilation=(2, 1)),
    lambda x, w: _conv(x, w[:, :, :2], feature_group_count=2),
    lambda x, w: _conv(x, w[:, :, :1], feature_group_count=4),
    _up_and_down,
    _channels_first,
    _batch_groups,
)


# --- what is put around them


def _scan(one: Part, other: Part) -> Part:
    def looped(x: jax.Array, w: jax.Array) -> jax.Array:
        last, each = lax.scan(lambda c, _: (one(c, w), other(c, w)), x, None, length=2)
        return last + each[0]

    return looped


def _cond(one: Part, other: Part) -> Part:
    return lambda x, w: lax.cond(x.sum() > 0, one, other, x, w)


def _switch(one: Part, other: Part) -> Part:
    which = lambda x: (x.sum() > 0).astype(jnp.int32)  # noqa: E731
    return lambda x, w: lax.switch(which(x), [other, lambda x, w: one(x, w) - x], x, w)


def _while(one: Part, other: Part) -> Part:
    """Not differentiable in the loop, so gradients are stopped there."""

    def looped(x: jax.Array, w: jax.Array) -> jax.Array:
        still = lax.stop_gradient(w)
        _, y = lax.while_loop(
            lambda state: state[0] < 2,
            lambda state: (state[0] + 1, one(state[1], still)),
            (0, lax.stop_gradient(x)),
        )
        return y + other(x, w)

    return looped


def _mapped(one: Part, other: Part) -> Part:
    def mapped(x: jax.Array, w: jax.Array) -> jax.Array:
        both = jax.vmap(one, (0, None))(jnp.stack([x, other(x, w)]), w)
        return both[0] - jax.vmap(one)(jnp.stack([x, x]), jnp.stack([w, -w]))[1]

    return mapped


def _with_vjp(one: Part, other: Part) -> Part:
    """A rule that is not the derivative: the result shows whether it was followed."""
    function = jax.custom_vjp(one)

    def backward(saved: Any, u: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, w = saved
        return other(u, w), jax.vjp(one, x, w)[1](u)[1]

    function.defvjp(lambda x, w: (one(x, w), (x, w)), backward)
    return function


def _with_jvp(one: Part, other: Part) -> Part:
    function = jax.custom_jvp(lambda x, w: jnp.sin(x) + w.sum())

    @function.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        (x, w), (dx, dw) = primals, tangents
        _, tangent = jax.jvp(one, (x, w), (dx, dw))
        return function(x, w), tangent

    return lambda x, w: function(other(x, w), w)


def _descend(one: Part, other: Part) -> Part:
    """A gradient inside, which the gradient of the program differentiates again."""
    energy = lambda x, w: (one(x, w) ** 2).sum()  # noqa: E731
    return lambda x, w: other(x, w) - 0.1 * jax.grad(energy)(x, w)


_WRAPPERS: tuple[Callable[[Part, Part], Part], ...] = (
    _scan,
    _cond,
    _switch,
    _while,
    _mapped,
    _with_vjp,
    _with_jvp,
    _descend,
    lambda one, other: jax.jit(lambda x, w: one(x, w) + other(x, w)),
    lambda one, other: jax.checkpoint(lambda x, w: one(other(x, w), w)),
)
