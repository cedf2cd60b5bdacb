"""The networks in Haiku."""

from collections.abc import Callable
from typing import Any

import haiku
import jax
import jax.numpy as jnp
import jmp
import optax

from benchmarks.accelerate.networks import Layer, Network, run
from benchmarks.accelerate.training import Training, loss, optimiser

__all__ = ["train"]


class Model(haiku.Module):
    """A network of Haiku's own layers."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, *spatial, channels] -> the same."""
        layers = [
            _layer(layer, in_channels, self.network.ndim)
            for layer, in_channels in self.network.with_in_channels()
        ]
        return run(self.network, layers, x)


def train(network: Network, compute: Any = None) -> Training:
    """The training of a network.

    Args:
        network: which.
        compute: the dtype of the layers' arithmetic; None: that of the parameters.
    """

    @haiku.without_apply_rng
    @haiku.transform
    def model(x: jax.Array) -> jax.Array:
        if compute is None:
            return Model(network)(x)
        policy = jmp.Policy(jnp.float32, compute, compute)
        with haiku.mixed_precision.push_policy(Model, policy):
            return Model(network)(x)

    rule = optimiser()

    def step(parameters: Any, state: Any, x: jax.Array, target: jax.Array) -> Any:
        value, gradients = jax.value_and_grad(lambda p: loss(model.apply(p, x), target))(parameters)
        updates, state = rule.update(gradients, state)
        return optax.apply_updates(parameters, updates), state, value

    def arguments() -> tuple[Any, ...]:
        x, target = network.batch()
        parameters = jax.jit(model.init)(jax.random.key(0), x)
        return parameters, rule.init(parameters), x, target

    return Training(step, jax.jit, arguments)


def _layer(layer: Layer, in_channels: int, ndim: int) -> Callable[[jax.Array], jax.Array]:
    if layer.kind == "conv":
        return haiku.ConvND(
            ndim,
            layer.features,
            layer.kernel,
            layer.stride,
            layer.dilation,
            feature_group_count=layer.groups,
        )
    if layer.kind == "up":
        return haiku.ConvNDTranspose(ndim, layer.features, layer.kernel, layer.stride)
    if layer.kind == "norm":
        return haiku.GroupNorm(layer.features)
    if layer.kind == "attention":
        start = haiku.initializers.VarianceScaling()
        attention = haiku.MultiHeadAttention(
            layer.features, in_channels // layer.features, w_init=start
        )
        return lambda x: attention(x, x, x)
    return haiku.Linear(layer.features)
