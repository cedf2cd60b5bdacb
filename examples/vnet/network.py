"""A V-Net as pure functions. Its convolutions are an argument: ours, or those of `jax.lax`.

Reference: Milletari, Navab & Ahmadi 2016, arXiv:1606.04797.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxdeconv import conv, conv_transpose

__all__ = ["OURS", "STOCK", "Convolutions", "initialise", "logits"]

Convolutions: TypeAlias = tuple[Callable[..., jax.Array], Callable[..., jax.Array]]
"""A convolution (v, w, stride, padding), and a transposed one (u, w, stride)."""

LAYOUT = ("NHWDC", "HWDIO", "NHWDC")


def _stock_conv(v: jax.Array, w: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    around = [(padding, padding)] * 3
    return jax.lax.conv_general_dilated(v, w, (stride,) * 3, around, dimension_numbers=LAYOUT)


def _stock_conv_transpose(u: jax.Array, w: jax.Array, stride: int) -> jax.Array:
    return jax.lax.conv_transpose(
        u, w, (stride,) * 3, "VALID", dimension_numbers=LAYOUT, transpose_kernel=True
    )


OURS: Convolutions = (conv, conv_transpose)
STOCK: Convolutions = (_stock_conv, _stock_conv_transpose)


def initialise(key: jax.Array, channels: Sequence[int], kernel: int = 3) -> dict[str, Any]:
    """Parameters of a network from one channel to one channel.

    Args:
        key: of the random numbers.
        channels: on each level. Every level halves the sizes of the one above it, and has one
            convolution more, three at most.
        kernel: odd size of the kernels inside the levels (the paper's is 5).
    """
    keys = iter(jax.random.split(key, 9 * len(channels)))

    def layer(size: int, inputs: int, outputs: int) -> dict[str, jax.Array]:
        shape = (size, size, size, inputs, outputs)
        scale = (2 / (inputs * size**3)) ** 0.5
        return {
            "kernel": scale * jax.random.normal(next(keys), shape),
            "bias": jnp.zeros(outputs),
            "slope": jnp.full(outputs, 0.25),
        }

    def up(fine: int, coarse: int) -> dict[str, jax.Array]:
        """Its kernel is that of the convolution whose transpose it is."""
        made = layer(2, coarse, fine)
        return made | {"kernel": jnp.swapaxes(made["kernel"], -1, -2)}

    def level(number: int, inputs: int) -> list[dict[str, jax.Array]]:
        c = channels[number]
        return [layer(kernel, n, c) for n in [inputs, *[c] * min(number, 2)]]

    pairs = list(itertools.pairwise(channels))
    return {
        "stem": layer(kernel, 1, channels[0]),
        "left": [level(number, c) for number, c in enumerate(channels)],
        "down": [layer(2, fine, coarse) for fine, coarse in pairs],
        "up": [up(fine, coarse) for fine, coarse in pairs],
        "right": [level(number, 2 * fine) for number, (fine, _) in enumerate(pairs)],
        "head": layer(1, channels[0], 1),
    }


def logits(parameters: Any, volume: jax.Array, convolutions: Convolutions = OURS) -> jax.Array:
    """What the network makes of a volume.

    Args:
        parameters: of `initialise`. Their copies in the dtype of the volume are used.
        volume: `(batch, x, y, z, 1)`, sizes multiples of 2 ** (levels - 1).
        convolutions: with which it is computed.

    Returns:
        The same shape: positive where a cell is thought to be in the foreground.
    """
    conv, conv_transpose = convolutions
    parameters = jax.tree.map(lambda one: one.astype(volume.dtype), parameters)

    def same(layer: Any, x: jax.Array) -> jax.Array:
        return _activate(layer, conv(x, layer["kernel"], padding=layer["kernel"].shape[0] // 2))

    def level(layers: Any, x: jax.Array, added: jax.Array) -> jax.Array:
        return functools.reduce(lambda x, layer: same(layer, x), layers, x) + added

    x = same(parameters["stem"], volume)
    x = level(parameters["left"][0], x, x)
    skips = []
    for down, layers in zip(parameters["down"], parameters["left"][1:], strict=True):
        skips.append(x)
        x = _activate(down, conv(x, down["kernel"], stride=2))
        x = level(layers, x, x)
    for up, layers in zip(reversed(parameters["up"]), reversed(parameters["right"]), strict=True):
        x = _activate(up, conv_transpose(x, up["kernel"], stride=2))
        x = level(layers, jnp.concatenate([x, skips.pop()], axis=-1), x)
    return conv(x, parameters["head"]["kernel"]) + parameters["head"]["bias"]


def _activate(layer: Any, x: jax.Array) -> jax.Array:
    """PReLU of x with a bias: slope 1 for positive numbers, a learnt one for negative ones."""
    x = x + layer["bias"]
    return jnp.where(x > 0, x, layer["slope"] * x)
