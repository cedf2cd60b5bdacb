"""K^T by hand, as a convolution: "transposed convolutions are still convolutions".

In one dimension, with one channel, K^T u[x] is the sum of u[y] w[t] over all s*y + d*t - low = x.
Put u[y] at position s*y of a longer signal U (zeros between: the dilated input). Then

    K^T u[x] = sum_t U[x + low - d*t] w[t] = sum_t' U[x + low - (K - 1) + d*t'] w[k - 1 - t'],

a plain convolution of U with the *flipped* kernel, stride 1, dilation d, padding K - 1 - low
before, and after it what makes the output n long (K is the dilated kernel size). The channels of w
swap roles within each group. This takes prod(s) times as many multiplications as necessary: the
others are by zeros.
Reference: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14.
"""

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.reference.forward import conv


def transpose(u: Array, w: Array, geometry: ConvGeometry) -> Array:
    """K^T u: dilate u, pad, flip w, swap its channels per group, convolve.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.

    Returns:
        v, `[batch, *input_size, in]`.
    """
    padded = lax.pad(u, jnp.zeros((), u.dtype), [(0, 0, 0), *_dilation(geometry), (0, 0, 0)])
    stride_1 = ConvGeometry(
        padded.shape[1:-1], geometry.kernel_size, dilation=geometry.dilation, groups=geometry.groups
    )
    return conv(padded, _flip_and_swap(w, geometry), stride_1)


def _dilation(geometry: ConvGeometry) -> list[tuple[int, int, int]]:
    """(before, after, between): how many zeros to insert along each spatial axis of u."""
    config = []
    for n, o, k, s, (low, _) in zip(
        geometry.input_size,
        geometry.output_size,
        geometry.dilated_kernel_size,
        geometry.stride,
        geometry.padding,
        strict=True,
    ):
        length = s * (o - 1) + 1 if o > 0 else 0
        config.append((k - 1 - low, n + low - length, s - 1))
    return config


def _flip_and_swap(w: Array, geometry: ConvGeometry) -> Array:
    """[*kernel, in/groups, out] -> flipped [*kernel, out/groups, in]."""
    flipped = jnp.flip(w, range(geometry.ndim))
    blocks = flipped.reshape(*w.shape[:-1], geometry.groups, -1)  # [*kernel, in/g, g, out/g]
    swapped = jnp.moveaxis(blocks, -1, -3)  # [*kernel, out/g, in/g, g]
    swapped = jnp.swapaxes(swapped, -1, -2)  # [*kernel, out/g, g, in/g]
    return swapped.reshape(*swapped.shape[:-2], geometry.groups * w.shape[-2])
