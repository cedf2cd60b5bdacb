"""The layers of Flax NNX and Equinox, called as functions of their kernel.

Each raises `Unsupported` if the framework is not installed.
"""

import importlib
from types import ModuleType
from typing import Any

import jax
import numpy as np

from benchmarks.cases import BenchCase, Data
from benchmarks.jax_contestants import transposed_padding
from benchmarks.programs import Layout, Program, Unsupported, jax_program

__all__ = ["equinox", "flax"]


def flax(case: BenchCase, data: Data) -> Program:
    """`flax.nnx.ConvTranspose(transpose_kernel=True)` and `flax.nnx.Conv`: channels last."""
    nnx = _import("flax.nnx")
    geometry = case.geometry
    shared = {"use_bias": False, "kernel_dilation": geometry.dilation}
    in_channels, out_channels = (
        geometry.groups * case.in_channels,
        geometry.groups * case.out_channels,
    )
    if case.leg == "conv_transpose" and geometry.groups > 1:
        raise Unsupported("flax.nnx.ConvTranspose has no groups")

    def layer() -> Any:
        if case.leg == "conv":
            return nnx.Conv(
                in_channels,
                out_channels,
                geometry.kernel_size,
                geometry.stride,
                padding=geometry.padding,
                feature_group_count=geometry.groups,
                rngs=nnx.Rngs(0),
                **shared,
            )
        return nnx.ConvTranspose(
            out_channels,
            in_channels,
            geometry.kernel_size,
            geometry.stride,
            padding=transposed_padding(case),
            transpose_kernel=True,
            rngs=nnx.Rngs(0),
            **shared,
        )

    definition, state = nnx.split(nnx.eval_shape(layer))
    structure = jax.tree.structure(state)  # the only leaf is the kernel

    def function(x: jax.Array, w: jax.Array) -> jax.Array:
        return nnx.merge(definition, jax.tree.unflatten(structure, [w]))(x)

    return jax_program(function, data, Layout.channels_last())


def equinox(case: BenchCase, data: Data) -> Program:
    """`equinox.nn.ConvTranspose` and `equinox.nn.Conv` under vmap: channels first."""
    eqx = _import("equinox")
    geometry = case.geometry
    shared = geometry.keywords | {"kernel_size": geometry.kernel_size, "use_bias": False}
    in_channels, out_channels = (
        geometry.groups * case.in_channels,
        geometry.groups * case.out_channels,
    )

    def layer() -> Any:
        key = jax.random.key(0)
        if case.leg == "conv":
            return eqx.nn.Conv(geometry.ndim, in_channels, out_channels, key=key, **shared)
        extra = geometry.output_padding
        return eqx.nn.ConvTranspose(
            geometry.ndim, out_channels, in_channels, output_padding=extra, key=key, **shared
        )

    abstract = eqx.filter_eval_shape(layer)
    layout = Layout.channels_first()
    if case.leg == "conv_transpose":
        layout = _flipped(layout, geometry.groups)

    def function(x: jax.Array, w: jax.Array) -> jax.Array:
        return jax.vmap(eqx.tree_at(lambda layer: layer.weight, abstract, w))(x)

    return jax_program(function, data, layout)


def _flipped(layout: Layout, groups: int) -> Layout:
    """Equinox's ConvTranspose has kernels (in, out/groups, *kernel), reversed in space."""

    def kernel(w: np.ndarray) -> np.ndarray:
        spatial = tuple(range(w.ndim - 2))
        blocks = np.flip(w, spatial).reshape(
            *w.shape[:-1], groups, -1
        )  # [*k, in_channels, q, out_channels]
        blocks = np.moveaxis(blocks, (-2, -3, -1), (0, 1, 2))
        return np.ascontiguousarray(blocks.reshape(-1, *blocks.shape[2:]))

    def kernel_back(w: np.ndarray) -> np.ndarray:
        blocks = w.reshape(groups, -1, *w.shape[1:])  # [q, in_channels, out_channels, *k]
        blocks = np.moveaxis(blocks, (0, 1, 2), (-2, -3, -1))
        canonical = blocks.reshape(*blocks.shape[:-2], -1)
        return np.flip(canonical, tuple(range(canonical.ndim - 2)))

    return Layout(layout.signal, layout.signal_back, kernel, kernel_back)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Unsupported(f"{error.name} is not installed") from error
