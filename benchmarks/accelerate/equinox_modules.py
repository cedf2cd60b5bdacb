"""The networks in Equinox: channels first, one example at a time under `vmap`."""

from collections.abc import Callable
from typing import Any

import equinox
import jax
import numpy as np

from benchmarks.accelerate.networks import Layer, Network, run
from benchmarks.accelerate.training import Training, loss, optimiser

__all__ = ["train"]


class Model(equinox.Module):
    """A network of Equinox's own layers."""

    network: Network = equinox.field(static=True)
    layers: list[equinox.Module]

    def __init__(self, network: Network, key: jax.Array) -> None:
        keys = jax.random.split(key, len(network.layers))
        self.network = network
        self.layers = [
            _layer(layer, in_channels, network.ndim, key)
            for (layer, in_channels), key in zip(network.with_in_channels(), keys, strict=True)
        ]

    def __call__(self, x: jax.Array) -> jax.Array:
        """[channels, *spatial], or [*places, channels] without convolutions -> the same."""
        calls = [
            _call(spec, layer, x.ndim)
            for spec, layer in zip(self.network.layers, self.layers, strict=True)
        ]
        return run(self.network, calls, x, channels=0)


def train(network: Network, compute: Any = None) -> Training:
    """The training of a network.

    Args:
        network: which.
        compute: the dtype of the layers' arithmetic; None: that of the parameters.
    """
    rule = optimiser()

    def step(model: Model, state: Any, x: jax.Array, target: jax.Array) -> Any:
        @equinox.filter_value_and_grad
        def value_and_gradients(model: Model) -> jax.Array:
            model, image = _cast((model, x), compute)
            return loss(jax.vmap(model)(image), target)

        value, gradients = value_and_gradients(model)
        updates, state = rule.update(gradients, state)
        return equinox.apply_updates(model, updates), state, value

    def arguments() -> tuple[Any, ...]:
        model = Model(network, jax.random.key(0))
        state = rule.init(equinox.filter(model, equinox.is_inexact_array))
        first = network.ndim > 0 and network.group != "no convolutions"
        batch = (np.moveaxis(a, -1, 1) if first else a for a in network.batch())
        return model, state, *map(np.ascontiguousarray, batch)

    return Training(step, equinox.filter_jit, arguments)


def _cast(values: Any, dtype: Any) -> Any:
    """All floating-point arrays in another dtype; None: as they are."""
    if dtype is None:
        return values
    return jax.tree.map(lambda a: a.astype(dtype) if equinox.is_inexact_array(a) else a, values)


def _layer(layer: Layer, in_channels: int, ndim: int, key: jax.Array) -> equinox.Module:
    sizes = {"kernel_size": layer.kernel, "stride": layer.stride, "key": key}
    if layer.kind == "conv":
        padding = layer.dilation * (layer.kernel - 1) // 2  # halves every even size at stride 2
        return equinox.nn.Conv(
            ndim,
            in_channels,
            layer.features,
            padding=padding,
            dilation=layer.dilation,
            groups=layer.groups,
            **sizes,
        )
    if layer.kind == "up":
        padding = (layer.kernel - layer.stride) // 2
        return equinox.nn.ConvTranspose(ndim, in_channels, layer.features, padding=padding, **sizes)
    if layer.kind == "norm":
        return equinox.nn.GroupNorm(layer.features, in_channels)
    if layer.kind == "attention":
        return equinox.nn.MultiheadAttention(layer.features, in_channels, key=key)
    return equinox.nn.Linear(in_channels, layer.features, key=key)


def _call(spec: Layer, layer: Any, ndim: int) -> Callable[[jax.Array], jax.Array]:
    """Attention takes three arguments, and a linear layer takes one vector."""
    if spec.kind == "attention":
        return lambda x: layer(x, x, x)
    return jax.vmap(layer) if spec.kind == "dense" and ndim > 1 else layer
