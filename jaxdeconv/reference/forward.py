"""K: the strided convolution, a linear map of v for every fixed w.

    u[b, y, o] = sum over t, c of v[b, s*y + d*t - low, c] * w[t, c, o]

where cells of v outside its bounds count as 0, c runs over the in/groups input channels of o's
group, and y, t stand for one index per spatial dimension. The kernel is not flipped: this is what
every deep-learning library calls convolution (cross-correlation in signal processing).
"""

import itertools

import jax.numpy as jnp
from jax import Array, lax
from jax.lax import PrecisionLike

from jaxdeconv.geometry import ConvGeometry


def conv(v: Array, w: Array, geometry: ConvGeometry, precision: PrecisionLike = None) -> Array:
    """K v by `jax.lax.conv_general_dilated`.

    v is padded and cropped beforehand, so that the last window ends where v ends, and the
    convolution itself has no padding. Then no convolution that JAX derives from it, of any order,
    has negative padding, for which XLA on CPUs reads outside its arrays (jaxlib 0.10 and 0.11,
    openxla/xla issue 48713).

    Integers use `conv_by_taps`, the same map in a form that `jax.linear_transpose` supports (for an
    integer `conv_general_dilated` or `dot_general` it silently returns float0).

    Args:
        v: `[batch, *input_size, in]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: its sizes must be those of `v` and `w`.
        precision: as in `jax.lax`.

    Returns:
        u, `[batch, *output_size, out]`, in the dtype of the operands.
    """
    if jnp.issubdtype(v.dtype, jnp.integer):
        return conv_by_taps(v, w, geometry)
    spatial = tuple(range(1, geometry.ndim + 1))
    signal = (0, geometry.ndim + 1, *spatial)
    kernel = (geometry.ndim + 1, geometry.ndim, *range(geometry.ndim))
    return lax.conv_general_dilated(
        _padded(v, geometry),
        w,
        window_strides=geometry.stride,
        padding="VALID",
        rhs_dilation=geometry.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(signal, kernel, signal),
        feature_group_count=geometry.groups,
        precision=precision,
    )


def _padded(v: Array, geometry: ConvGeometry) -> Array:
    """The part of padded v that the windows read, [batch, *read, in]."""
    config = [(0, 0, 0)] * v.ndim
    for dim, (n, k, s, o, (low, high)) in enumerate(
        zip(
            geometry.input_size,
            geometry.dilated_kernel_size,
            geometry.stride,
            geometry.output_size,
            geometry.padding,
            strict=True,
        )
    ):
        unread = n + low + high - k - s * (o - 1) if o else 0  # after the last window
        config[1 + dim] = (low, high - unread, 0)
    return lax.pad(v, jnp.zeros((), v.dtype), config)


def conv_by_taps(v: Array, w: Array, geometry: ConvGeometry) -> Array:
    """K v as the sum over kernel taps of (strided slice of padded v) times (tap of w).

    Only pads, slices, products and sums: exact for any type of numbers, and JAX can transpose each.
    """
    pads = [(0, 0, 0), *((low, high, 0) for low, high in geometry.padding), (0, 0, 0)]
    padded = lax.pad(v, jnp.zeros((), v.dtype), pads)
    batch, in_channels = v.shape[0], v.shape[-1]
    out_channels = w.shape[-1]
    blocks = (geometry.groups, in_channels // geometry.groups)
    size = geometry.output_size
    u = jnp.zeros((batch, *size, out_channels), v.dtype)
    for tap in itertools.product(*map(range, geometry.kernel_size)) if u.size else ():
        begin = [d * t for d, t in zip(geometry.dilation, tap, strict=True)]
        end = [b + s * (o - 1) + 1 for b, s, o in zip(begin, geometry.stride, size, strict=True)]
        window = lax.slice(
            padded, (0, *begin, 0), (batch, *end, in_channels), (1, *geometry.stride, 1)
        )
        window = window.reshape(batch, *size, *blocks, 1)
        # [groups, in/groups, out/groups]: output channels are blocked by group, inputs are not
        block = w[tap].reshape(blocks[1], blocks[0], -1).transpose(1, 0, 2)
        block = jnp.expand_dims(block, range(geometry.ndim + 1))
        u += (window * block).sum(-2, dtype=v.dtype).reshape(u.shape)
    return u
