"""A training step, and its arguments: on one device, or divided among the devices of a mesh."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import DTypeLike

from examples.vnet import network
from examples.vnet.network import OURS, Convolutions

__all__ = ["RATE", "arguments", "dice_loss", "start", "step", "volume_sharding"]

RATE, MOMENTUM = 0.05, 0.9


def dice_loss(
    parameters: Any, volume: jax.Array, labels: jax.Array, convolutions: Convolutions = OURS
) -> jax.Array:
    """1 - Dice coefficient of what the network finds, and what is there: 0 is perfect."""
    scores = network.logits(parameters, volume, convolutions).astype(jnp.float32)
    found, true = jax.nn.sigmoid(scores), labels.astype(jnp.float32)
    return 1 - 2 * jnp.sum(found * true) / (jnp.sum(found**2) + jnp.sum(true**2))


def step(
    parameters: Any,
    velocity: Any,
    volume: jax.Array,
    labels: jax.Array,
    convolutions: Convolutions = OURS,
) -> tuple[Any, Any, jax.Array]:
    """One step of gradient descent with momentum.

    Nothing in it knows of devices: it is divided as its arguments are.

    Args:
        parameters: of `network.initialise`.
        velocity: the same tree, zeros at the start.
        volume: `(batch, x, y, z, 1)`.
        labels: likewise, 1 in the foreground and 0 elsewhere.
        convolutions: ours, or `network.STOCK`.

    Returns:
        Parameters and velocity after the step, and the loss before it.
    """
    loss, gradient = jax.value_and_grad(dice_loss)(parameters, volume, labels, convolutions)
    velocity = jax.tree.map(lambda v, g: MOMENTUM * v - RATE * g, velocity, gradient)
    parameters = jax.tree.map(jnp.add, parameters, velocity)
    return parameters, velocity, loss


def volume_sharding(mesh: Mesh) -> NamedSharding:
    """Blocks of a volume: mesh axes "batch", "x", "y" and "z", as many as there are."""
    names = (name if name in mesh.axis_names else None for name in ("batch", "x", "y", "z"))
    return NamedSharding(mesh, PartitionSpec(*names))


def start(channels: Sequence[int], kernel: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Parameters and velocity before the first step."""
    parameters = network.initialise(jax.random.key(seed), channels, kernel)
    return parameters, jax.tree.map(jnp.zeros_like, parameters)


def arguments(
    mesh: Mesh | None,
    sizes: Sequence[int],
    channels: Sequence[int] = (8, 16, 32),
    *,
    kernel: int = 3,
    dtype: DTypeLike = jnp.float32,
    batch: int = 1,
) -> tuple[Any, ...]:
    """The arguments of `step` as types, with their shardings: to compile, and not to run.

    Args:
        mesh: divides the volume, as in `volume_sharding`; parameters are whole on every device.
            None: everything on one device.
        sizes: of the whole volume, x, y and z.
        channels: on each level.
        kernel: size inside the levels.
        dtype: of volume and labels; parameters are float32.
        batch: number of volumes.
    """
    whole = NamedSharding(mesh, PartitionSpec()) if mesh else None
    blocks = volume_sharding(mesh) if mesh else None
    types = jax.eval_shape(lambda: start(channels, kernel))
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=whole), types)
    volume = jax.ShapeDtypeStruct((batch, *sizes, 1), dtype, sharding=blocks)
    return *state, volume, volume
