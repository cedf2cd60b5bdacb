"""A training step of DCGAN's generator in Flax, unmodified, to be read by the compilers of devices.

    python -m jaxdeconv compiled examples.dcgan:case --target h100

Reference: Radford, Metz & Chintala 2016, arXiv:1511.06434.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

__all__ = ["Generator", "case", "step"]

BATCH, LATENT = 64, 100


class Generator(nn.Module):
    """100 numbers -> 64 x 64 pixels of 3 channels, in bfloat16."""

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Pixels in -1..1, `[batch, 64, 64, 3]`, of `[batch, 100]` numbers."""
        up = functools.partial(nn.ConvTranspose, kernel_size=(4, 4), dtype=jnp.bfloat16)
        x = z[:, None, None, :]
        x = nn.relu(up(512, padding="VALID")(x))
        x = nn.relu(up(256, strides=(2, 2))(x))
        x = nn.relu(up(128, strides=(2, 2))(x))
        x = nn.relu(up(64, strides=(2, 2))(x))
        return jnp.tanh(up(3, strides=(2, 2))(x))


def step(parameters: Any, z: jax.Array, images: jax.Array) -> Any:
    """One step of gradient descent on the squared distance from some images."""

    def loss(parameters: Any) -> jax.Array:
        made = Generator().apply(parameters, z)
        return jnp.mean((made.astype(jnp.float32) - images) ** 2)

    slopes = jax.grad(loss)(parameters)
    return jax.tree.map(lambda p, slope: p - 0.1 * slope, parameters, slopes)


_Z = jax.ShapeDtypeStruct((BATCH, LATENT), "float32")

case = (
    step,
    jax.eval_shape(Generator().init, jax.random.key(0), _Z),
    _Z,
    jax.ShapeDtypeStruct((BATCH, 64, 64, 3), "float32"),
)
"""The step, and what it is called with: shapes are enough to compile it."""
