"""The networks: lists of layers, independent of any framework."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["NETWORKS", "Layer", "Network", "conv", "run", "shrunk", "up"]


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        kind: 'conv', 'up' (a transposed convolution), 'norm' (over groups of channels),
            'dense' or 'attention'.
        features: output channels; groups of a norm, heads of an attention.
        kernel: its size along every dimension.
        stride: likewise.
        dilation: of the kernel, likewise.
        groups: of a convolution.
        active: whether a leaky ReLU follows.
        kept: whether the result is kept for a later layer (a skip connection).
        joins: whether the result kept last is concatenated to the layer's input.
        adds: whether the result kept last is added to the layer's result.
        residual: whether the layer's input is added to its result.
    """

    kind: str
    features: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    active: bool = True
    kept: bool = False
    joins: bool = False
    adds: bool = False
    residual: bool = False


@dataclasses.dataclass(frozen=True)
class Network:
    """Layers one after the other.

    Attributes:
        name: of the network.
        shape: of a batch of inputs, channels last.
        layers: in order.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return len(self.shape) - 2

    @property
    def group(self) -> str:
        """'upsampling', 'down and up', or 'no convolutions'."""
        convolving = [layer for layer in self.layers if layer.kind in ("conv", "up")]
        if not convolving:
            return "no convolutions"
        down = any(layer.kind == "conv" and layer.stride > 1 for layer in convolving)
        return "down and up" if down else "upsampling"

    def with_in_channels(self) -> list[tuple[Layer, int]]:
        """Every layer with its number of input channels."""
        channels, kept, found = self.shape[-1], [], []
        for layer in self.layers:
            channels += kept.pop() if layer.joins else 0
            if layer.adds:
                kept.pop()
            found.append((layer, channels))
            if layer.kind in ("conv", "up", "dense"):
                channels = layer.features
            if layer.kept:
                kept.append(channels)
        return found

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets, channels last."""
        rng = np.random.default_rng(0)
        size = self.shape[1:-1]
        for layer in self.layers:
            if layer.kind == "up":
                size = tuple(n * layer.stride for n in size)
            elif layer.kind == "conv":
                size = tuple(math.ceil(n / layer.stride) for n in size)
        target = (self.shape[0], *size, self.layers[-1].features)
        inputs, targets = (rng.normal(size=shape) for shape in (self.shape, target))
        return inputs.astype(np.float32), targets.astype(np.float32)


def run(
    network: Network, layers: Sequence[Callable[..., Any]], x: jax.Array, channels: int = -1
) -> jax.Array:
    """The forward pass, for every framework.

    Args:
        network: what to compute.
        layers: the framework's layers, in the network's order.
        x: `[batch, *spatial, channels]`, or in the framework's layout.
        channels: the axis of the channels.
    """
    kept: list[jax.Array] = []
    for layer, function in zip(network.layers, layers, strict=True):
        if layer.joins:
            x = jnp.concatenate([x, kept.pop()], channels)
        x = x + function(x) if layer.residual else function(x)
        if layer.adds:
            x = x + kept.pop()
        if layer.active:
            x = jax.nn.leaky_relu(x, 0.2)
        if layer.kept:
            kept.append(x)
    return x


def shrunk(network: Network, factor: int) -> Network:
    """The same layers with fewer channels and smaller sizes, for a quick run."""

    def less(layer: Layer) -> Layer:
        narrow = layer.kind in ("conv", "up", "dense") and layer is not network.layers[-1]
        features = max(layer.features // factor, 16) if narrow else layer.features
        return dataclasses.replace(layer, features=features)

    batch, *size, channels = network.shape
    shape = (batch, *(max(n // factor, 8) for n in size), max(channels // factor, 16))
    small = dataclasses.replace(network, shape=shape, layers=tuple(map(less, network.layers)))
    pairs = zip(network.with_in_channels(), small.with_in_channels(), strict=True)
    layers = [  # with as many channels in a group
        dataclasses.replace(new, groups=max(1, channels * layer.groups // before))
        if layer.groups > 1
        else new
        for (layer, before), (new, channels) in pairs
    ]
    return dataclasses.replace(small, layers=tuple(layers))


def up(features: int, kernel: int = 4, stride: int = 2, **more: Any) -> Layer:
    """A transposed convolution."""
    return Layer("up", features, kernel, stride, **more)


def conv(features: int, kernel: int = 3, stride: int = 1, **more: Any) -> Layer:
    """A convolution."""
    return Layer("conv", features, kernel, stride, **more)


GENERATOR = Network(
    "DCGAN generator",
    (8, 8, 8, 256),
    (
        up(128, active=False),
        Layer("norm", 8),
        up(64, active=False),
        Layer("norm", 8),
        up(3, active=False),
    ),
)
"""From 8x8 to 64x64 (Radford et al. 2016; normalised by groups: no state)."""

U_NET = Network(
    "U-Net",
    (4, 64, 64, 8),
    (
        conv(32, kept=True),
        conv(64, stride=2, kept=True),
        conv(128, stride=2, kept=True),
        conv(256, stride=2),
        up(128, kernel=2),
        conv(128, joins=True),
        up(64, kernel=2),
        conv(64, joins=True),
        up(32, kernel=2),
        conv(32, joins=True),
        conv(1, kernel=1, active=False),
    ),
)
"""Down and up three times (Ronneberger et al. 2015), with transposed convolutions of 2x2."""

DECODER = Network(
    "U-Net decoder k4",
    (4, 8, 8, 256),
    (
        up(128),
        conv(128),
        up(64),
        conv(64),
        up(32),
        conv(1, active=False),
    ),
)
"""The decoder only, with transposed convolutions of 4x4, as in segmentation and autoencoders."""

VOLUME = Network(
    "V-Net decoder, 3-D",
    (1, 8, 8, 8, 64),
    (
        up(32, kernel=2),
        conv(32),
        up(16, kernel=2),
        conv(2, kernel=1, active=False),
    ),
)
"""A decoder for volumes (Milletari et al. 2016)."""

VOCODER = Network(
    "vocoder",
    (4, 32, 128),
    (
        up(64, 16, 8),
        conv(64, 3, dilation=3, residual=True),
        up(32, 16, 8),
        conv(32, 3, dilation=3, residual=True),
        up(16, 4, 2),
        conv(16, 3, dilation=3, residual=True),
        up(8, 4, 2),
        conv(1, 7, active=False),
    ),
)
"""256 samples for every frame of a spectrogram: the scales of HiFi-GAN V2 (Kong et al. 2020)."""

PERCEPTRON = Network(
    "MLP", (256, 256), (Layer("dense", 512), Layer("dense", 512), Layer("dense", 64, active=False))
)

TRANSFORMER = Network(
    "transformer",
    (8, 64, 128),
    (
        Layer("attention", 4, active=False, residual=True),
        Layer("dense", 256),
        Layer("dense", 128, active=False),
        Layer("attention", 4, active=False, residual=True),
        Layer("dense", 256),
        Layer("dense", 128, active=False),
    ),
)

NETWORKS = (GENERATOR, DECODER, VOLUME, VOCODER, U_NET, PERCEPTRON, TRANSFORMER)
"""Four that only upsample, one that goes down and up, two without convolutions."""
