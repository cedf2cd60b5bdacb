"""Planted faults: wrong transposes that a test of transposes must refuse.

Each takes a right K^T, (u, w, geometry) -> v, and returns a wrong one.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from jaxdeconv import ConvGeometry

Way = Callable[..., object]


def not_flipped(way: Way) -> Way:
    """Slides the kernel the wrong way round."""
    return lambda u, w, geometry: way(u, jnp.flip(w, range(geometry.ndim)), geometry)


def shifted(way: Way) -> Way:
    """Off by one cell along the first spatial axis."""
    return lambda u, w, geometry: np.roll(way(u, w, geometry), 1, axis=1)


def padding_swapped(way: Way) -> Way:
    """Crops low where high is meant."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> object:
        swapped = tuple((high, low) for low, high in geometry.padding)
        return way(
            u,
            w,
            ConvGeometry(
                geometry.input_size,
                geometry.kernel_size,
                geometry.stride,
                swapped,
                geometry.dilation,
                geometry.groups,
            ),
        )

    return wrong


def channels_reversed(way: Way) -> Way:
    """Returns the input channels in the wrong order."""
    return lambda u, w, geometry: np.flip(way(u, w, geometry), -1)


def groups_permuted(way: Way) -> Way:
    """Joins each block of outputs with the next group's kernel."""
    return lambda u, w, geometry: way(
        u, jnp.roll(w, w.shape[-1] // geometry.groups, axis=-1), geometry
    )


def border_dropped(way: Way) -> Way:
    """Forgets the last cell."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> np.ndarray:
        v = np.array(way(u, w, geometry))
        v[:, -1] = 0
        return v

    return wrong


def one_entry(way: Way) -> Way:
    """Wrong in a single number, by one."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> np.ndarray:
        v = np.array(way(u, w, geometry))
        v.flat[v.size // 2] += 1
        return v

    return wrong


def scaled(way: Way) -> Way:
    """Twice the transpose."""
    return lambda u, w, geometry: 2 * way(u, w, geometry)


FAULTS = (
    not_flipped,
    shifted,
    padding_swapped,
    channels_reversed,
    groups_permuted,
    border_dropped,
    one_entry,
    scaled,
)
