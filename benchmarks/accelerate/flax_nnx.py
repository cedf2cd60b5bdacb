"""The networks in Flax NNX: the module and the optimiser are changed in place."""

from typing import Any

import jax
from flax import nnx

from benchmarks.accelerate.networks import Layer, Network, run
from benchmarks.accelerate.training import Training, loss, optimiser

__all__ = ["train"]


class Model(nnx.Module):
    """A network of Flax's own layers."""

    def __init__(self, network: Network, rngs: nnx.Rngs, compute: Any) -> None:
        self.network = network
        self.layers = nnx.List(
            _layer(layer, in_channels, network.ndim, {"rngs": rngs, "dtype": compute})
            for layer, in_channels in network.with_in_channels()
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, *spatial, channels] -> the same."""
        return run(self.network, self.layers, x)


def step(model: Model, optimizer: nnx.Optimizer, x: jax.Array, target: jax.Array) -> jax.Array:
    """One training step: the loss; `model` and `optimizer` move on."""
    value, gradients = nnx.value_and_grad(lambda model: loss(model(x), target))(model)
    optimizer.update(model, gradients)
    return value


def train(network: Network, compute: Any = None) -> Training:
    """The training of a network.

    Args:
        network: which.
        compute: the dtype of the layers' arithmetic; None: that of the parameters.
    """

    def arguments() -> tuple[Any, ...]:
        model = Model(network, nnx.Rngs(0), compute)
        return model, nnx.Optimizer(model, optimiser(), wrt=nnx.Param), *network.batch()

    def numbers(arguments: tuple[Any, ...], value: Any) -> Any:
        model, optimizer, *_ = arguments
        return value, nnx.state(model), nnx.state(optimizer)

    return Training(step, nnx.jit, arguments, numbers)


def _layer(layer: Layer, in_channels: int, ndim: int, given: dict[str, Any]) -> nnx.Module:
    kernel, stride = (layer.kernel,) * ndim, (layer.stride,) * ndim
    if layer.kind == "conv":
        return nnx.Conv(
            in_channels,
            layer.features,
            kernel,
            stride,
            kernel_dilation=(layer.dilation,) * ndim,
            feature_group_count=layer.groups,
            **given,
        )
    if layer.kind == "up":
        return nnx.ConvTranspose(in_channels, layer.features, kernel, stride, **given)
    if layer.kind == "norm":
        return nnx.GroupNorm(in_channels, layer.features, **given)
    if layer.kind == "attention":
        return nnx.MultiHeadAttention(layer.features, in_channels, decode=False, **given)
    return nnx.Linear(in_channels, layer.features, **given)
