"""Planted faults: wrong transposes that the checks must reject.

Each takes a correct K^T, (u, w, geometry) -> v, and returns a wrong one.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from jaxdeconv import ConvGeometry

Transpose = Callable[..., object]


def not_flipped(transpose: Transpose) -> Transpose:
    """Uses the flipped kernel."""
    return lambda u, w, geometry: transpose(u, jnp.flip(w, range(geometry.ndim)), geometry)


def shifted(transpose: Transpose) -> Transpose:
    """Off by one cell along the first spatial axis."""
    return lambda u, w, geometry: np.roll(transpose(u, w, geometry), 1, axis=1)


def padding_swapped(transpose: Transpose) -> Transpose:
    """Exchanges low and high padding."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> object:
        swapped = tuple((high, low) for low, high in geometry.padding)
        return transpose(
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


def channels_reversed(transpose: Transpose) -> Transpose:
    """Returns the input channels in the wrong order."""
    return lambda u, w, geometry: np.flip(transpose(u, w, geometry), -1)


def groups_permuted(transpose: Transpose) -> Transpose:
    """Uses the next group's kernel for each block of outputs."""
    return lambda u, w, geometry: transpose(
        u, jnp.roll(w, w.shape[-1] // geometry.groups, axis=-1), geometry
    )


def border_dropped(transpose: Transpose) -> Transpose:
    """Omits the last cell."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> np.ndarray:
        v = np.array(transpose(u, w, geometry))
        v[:, -1] = 0
        return v

    return wrong


def one_entry(transpose: Transpose) -> Transpose:
    """Wrong in a single number, by one."""

    def wrong(u: object, w: object, geometry: ConvGeometry) -> np.ndarray:
        v = np.array(transpose(u, w, geometry))
        v.flat[v.size // 2] += 1
        return v

    return wrong


def scaled(transpose: Transpose) -> Transpose:
    """Twice the transpose."""
    return lambda u, w, geometry: 2 * transpose(u, w, geometry)


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
