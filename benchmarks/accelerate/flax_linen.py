"""The networks in Flax Linen."""

from typing import Any

import jax
import optax
from flax import linen

from benchmarks.accelerate.networks import Layer, Network, run
from benchmarks.accelerate.training import Training, loss, optimiser

__all__ = ["train"]


class Model(linen.Module):
    """A network of Flax's own layers."""

    network: Network
    compute: Any = None

    def setup(self) -> None:
        """The layers."""
        ndim, compute = self.network.ndim, self.compute
        self.layers = [_layer(layer, ndim, compute) for layer in self.network.layers]

    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, *spatial, channels] -> the same."""
        return run(self.network, self.layers, x)


def train(network: Network, compute: Any = None) -> Training:
    """The training of a network.

    Args:
        network: which.
        compute: the dtype of the layers' arithmetic; None: that of the parameters.
    """
    model, rule = Model(network, compute), optimiser()

    def step(parameters: Any, state: Any, x: jax.Array, target: jax.Array) -> Any:
        value, gradients = jax.value_and_grad(lambda p: loss(model.apply(p, x), target))(parameters)
        updates, state = rule.update(gradients, state)
        return optax.apply_updates(parameters, updates), state, value

    def arguments() -> tuple[Any, ...]:
        x, target = network.batch()
        parameters = jax.jit(model.init)(jax.random.key(0), x)
        return parameters, rule.init(parameters), x, target

    return Training(step, jax.jit, arguments)


def _layer(layer: Layer, ndim: int, compute: Any) -> linen.Module:
    kernel, stride = (layer.kernel,) * ndim, (layer.stride,) * ndim
    if layer.kind == "conv":
        dilation = (layer.dilation,) * ndim
        return linen.Conv(
            layer.features,
            kernel,
            stride,
            kernel_dilation=dilation,
            feature_group_count=layer.groups,
            dtype=compute,
        )
    if layer.kind == "up":
        return linen.ConvTranspose(layer.features, kernel, stride, dtype=compute)
    if layer.kind == "norm":
        return linen.GroupNorm(layer.features, dtype=compute)
    if layer.kind == "attention":
        return linen.MultiHeadDotProductAttention(layer.features, dtype=compute)
    return linen.Dense(layer.features, dtype=compute)
