"""K^T by hand, as overlap-add.

Every value u[y] is multiplied by the whole kernel, and the product is added to the padded input at
s*y. This is done for all positions y at once, one kernel tap at a time; the padding is cropped at
the end.
"""

import itertools

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.geometry import ConvGeometry


def transpose(u: Array, w: Array, geometry: ConvGeometry) -> Array:
    """K^T u: for every tap t, add u[y] w[t] to canvas[s*y + d*t]; then crop the padding.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.

    Returns:
        v, `[batch, *input_size, in]`.
    """
    in_channels = geometry.groups * w.shape[-2]
    canvas = jnp.zeros((u.shape[0], *geometry.padded_size, in_channels), u.dtype)
    for tap in itertools.product(*map(range, geometry.kernel_size)) if u.size else ():
        cells = tuple(
            slice(d * t, d * t + s * (o - 1) + 1, s)
            for d, t, s, o in zip(
                geometry.dilation, tap, geometry.stride, geometry.output_size, strict=True
            )
        )
        canvas = canvas.at[(slice(None), *cells)].add(_times_tap(u, w[tap], geometry.groups))
    crop = [(-low, -high, 0) for low, high in geometry.padding]
    return lax.pad(canvas, jnp.zeros((), u.dtype), [(0, 0, 0), *crop, (0, 0, 0)])


def _times_tap(u: Array, tap: Array, groups: int) -> Array:
    """Sum over the output channels of each group: [..., out] and [in/groups, out] -> [..., in]."""
    blocked_u = u.reshape(*u.shape[:-1], groups, -1)
    blocked_tap = tap.reshape(tap.shape[0], groups, -1)
    product = jnp.einsum("...go,cgo->...gc", blocked_u, blocked_tap)
    return product.reshape(*u.shape[:-1], groups * tap.shape[0])
