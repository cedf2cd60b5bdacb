"""The U-Net in Flax NNX. Its layers are an argument: ours, or Flax's own."""

import functools
import itertools
from typing import Any

import jax
from flax import nnx

from examples.unet.settings import Settings
from jaxdeconv.nn.nnx import Conv, ConvTranspose

OURS = (Conv, ConvTranspose)
FLAX = (nnx.Conv, functools.partial(nnx.ConvTranspose, transpose_kernel=True))
"""With `transpose_kernel=True` Flax's kernels have the same shape and meaning as ours."""


class Block(nnx.Module):
    """A residual block: a depthwise convolution, then a pointwise one."""

    def __init__(self, conv: Any, channels: int, rngs: nnx.Rngs) -> None:
        self.depthwise = conv(channels, channels, (3, 3), feature_group_count=channels, rngs=rngs)
        self.pointwise = conv(channels, channels, (1, 1), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(batch, height, width, channels)` to the same."""
        return x + self.pointwise(jax.nn.relu(self.depthwise(x)))


class UNet(nnx.Module):
    """Halves sizes by 2x2 convolutions, doubles them by 4x4 transposed ones; skips are added."""

    def __init__(self, settings: Settings, layers: Any, rngs: nnx.Rngs) -> None:
        conv, conv_transpose = layers
        levels = list(itertools.pairwise(settings.channels))
        self.stem = conv(1, settings.channels[0], (3, 3), rngs=rngs)
        self.down = nnx.List([conv(a, b, (2, 2), strides=2, rngs=rngs) for a, b in levels])
        self.left = nnx.List([Block(conv, b, rngs) for _, b in levels])
        self.right = nnx.List([Block(conv, b, rngs) for _, b in levels])
        self.up = nnx.List([conv_transpose(b, a, (4, 4), strides=2, rngs=rngs) for a, b in levels])
        self.head = conv(settings.channels[0], 1, (3, 3), rngs=rngs)

    def __call__(self, noisy: jax.Array) -> jax.Array:
        """`(batch, height, width, 1)`, sizes multiples of 8: the image without its noise."""
        x = self.stem(noisy)
        skips = []
        for down, block in zip(self.down, self.left, strict=True):
            skips.append(x)
            x = block(down(x))
        for up, block in zip(reversed(self.up), reversed(self.right), strict=True):
            x = skips.pop() + up(block(x))
        return noisy - self.head(jax.nn.relu(x))
