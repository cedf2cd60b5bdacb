"""K^T and G, derived from K by JAX: the specification that everything else must equal.

Nothing here says what a transposed convolution looks like. `jax.linear_transpose` turns the linear
map v -> K(w) v into the only map with <u, K(w) v> = <K(w)^T u, v> for all u and v (without
conjugation), and the linear map w -> K(w) v into the kernel gradient.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike

from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.reference.forward import conv


def transpose(u: Array, w: Array, geometry: ConvGeometry, precision: PrecisionLike = None) -> Array:
    """K^T u by `jax.linear_transpose`: THE definition of the transposed convolution.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`, the kernel of K as it is.
        geometry: of K.
        precision: as in `jax.lax`.

    Returns:
        v, `[batch, *input_size, in]`, in the dtype of the operands.
    """
    v = _input_struct(u, w, geometry)
    (v_bar,) = jax.linear_transpose(lambda v: conv(v, w, geometry, precision), v)(u)
    return v_bar


def transpose_by_vjp(
    u: Array, w: Array, geometry: ConvGeometry, precision: PrecisionLike = None
) -> Array:
    """K^T u by `jax.vjp` at v = 0 (any point does: K is linear). Not for integers.

    Args:
        u: see `transpose`, as all others.
        w: see `transpose`.
        geometry: see `transpose`.
        precision: see `transpose`.
    """
    v = _input_struct(u, w, geometry)
    _, pull_back = jax.vjp(lambda v: conv(v, w, geometry, precision), jnp.zeros(v.shape, v.dtype))
    (v_bar,) = pull_back(u)
    return v_bar


def kernel_gradient(
    u: Array, v: Array, geometry: ConvGeometry, precision: PrecisionLike = None
) -> Array:
    """G(u, v), the transpose of w -> K(w) v, by `jax.linear_transpose`.

    Args:
        u: `[batch, *output_size, out]`.
        v: `[batch, *input_size, in]`.
        geometry: of K.
        precision: as in `jax.lax`.

    Returns:
        w, `[*kernel_size, in/groups, out]`, in the dtype of the operands.
    """
    shape = (*geometry.kernel_size, v.shape[-1] // geometry.groups, u.shape[-1])
    w = jax.ShapeDtypeStruct(shape, u.dtype)
    (w_bar,) = jax.linear_transpose(lambda w: conv(v, w, geometry, precision), w)(u)
    return w_bar


def _input_struct(u: Array, w: Array, geometry: ConvGeometry) -> jax.ShapeDtypeStruct:
    in_channels = w.shape[-2] * geometry.groups
    return jax.ShapeDtypeStruct((u.shape[0], *geometry.input_size, in_channels), u.dtype)
