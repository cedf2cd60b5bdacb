"""Functions of known smoothness for these tests, most of them asymmetric."""

import jax.numpy as jnp

from jaxdeconv.continuous import Function

BOX = Function(jnp.ones_like, (-1, 1))
RAMP = Function(lambda x: 2 + x, (-0.5, 1.5))
HAT = Function(lambda x: 1 - abs(x), (-1, 1), breaks=[0])
HANN = Function(lambda x: jnp.cos(jnp.pi * x / 2) ** 2, (-1, 1))  # one continuous derivative
SKEWED = Function(lambda x: (1 - x**2) ** 2 * jnp.exp(x), (-1, 1))
WAVE = Function(lambda x: jnp.sin(3 * x) + x**2, (-0.7, 2.3))


def _bump(x):
    inside = abs(x) < 1
    return jnp.where(inside, jnp.exp(1 - 1 / jnp.where(inside, 1 - x**2, 1.0)), 0.0)


BUMP = Function(_bump, (-1, 1))  # smooth everywhere
BELL = Function(lambda x: (1 + x) * jnp.exp(-36 * x**2), (-1, 1))  # smooth up to rounding
