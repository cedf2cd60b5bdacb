"""Training steps on volumes that grow with the number of chips: a block of the same size each."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks.jax_contestants import dimension_numbers
from examples.vnet import network, training
from jaxdeconv import conv

__all__ = ["MESHES", "STEPS", "Step"]

Step = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments: types, with their shardings."""

MESHES = {8: (2, 2, 2), 32: (4, 4, 2), 256: (8, 8, 4)}
"""Chips -> mesh axes x, y and z, each of which divides one dimension of the volume."""

_CHANNELS = 32


def _vnet(mesh: Mesh, who: str, block: int) -> Step:
    """That of `examples.vnet`."""
    convolutions = {"ours": network.OURS, "stock": network.STOCK}[who]

    def step(*arguments: Any) -> Any:
        return training.step(*arguments, convolutions=convolutions)

    return step, training.arguments(mesh, _sizes(mesh, block))


def _grouped(mesh: Mesh, who: str, block: int, groups: int) -> Step:
    """Two layers: a convolution in groups, and one across them."""
    channels = _CHANNELS
    kernels = [(3, 3, 3, channels // groups, channels), (1, 1, 1, channels, channels)]

    def stock(v: Array, w: Array, padding: int = 0, groups: int = 1) -> Array:
        return lax.conv_general_dilated(
            v,
            w,
            (1, 1, 1),
            [(padding, padding)] * 3,
            dimension_numbers=dimension_numbers(3),
            feature_group_count=groups,
        )

    convolution: Callable[..., Array] = {"ours": conv, "stock": stock}[who]

    def loss(parameters: list[Array], v: Array, y: Array) -> Array:
        for deep, across in zip(parameters[::2], parameters[1::2], strict=True):
            v = jax.nn.relu(convolution(v, deep, padding=1, groups=groups))
            v = convolution(v, across)
        return jnp.mean((v - y) ** 2)

    def step(parameters: list[Array], v: Array, y: Array) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, v, y)
        return value, [w - 0.1 * g for w, g in zip(parameters, gradients, strict=True)]

    def on(shape: tuple[int, ...], *axes: str | None) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(
            shape, jnp.float32, sharding=NamedSharding(mesh, PartitionSpec(*axes))
        )

    volume = on((1, *_sizes(mesh, block), channels), None, *mesh.axis_names)
    return step, ([on(shape) for shape in kernels * 2], volume, volume)


def _sizes(mesh: Mesh, block: int) -> tuple[int, ...]:
    return tuple(block * parts for parts in mesh.shape.values())


STEPS: dict[str, Callable[[Mesh, str, int], Step]] = {
    "V-Net": _vnet,
    "4 groups": functools.partial(_grouped, groups=4),
    "depthwise": functools.partial(_grouped, groups=_CHANNELS),
}
"""(mesh, who, size of a chip's block in every dimension) -> step."""
