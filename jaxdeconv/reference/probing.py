"""K^T by solving <u, K v> = <K^T u, v> with delta functions.

With v = delta_x, the signal that is 1 at x and 0 elsewhere, the right side is (K^T u)[x]. So

    (K^T u)[x] = <u, K delta_x>

for every cell x of v: only K is applied, once for each cell of v. For small signals.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.reference.forward import conv

_PROBES_AT_ONCE = 256


def transpose(u: Array, w: Array, geometry: ConvGeometry) -> Array:
    """K^T u, one cell at a time, as <u, K delta>.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.

    Returns:
        v, `[batch, *input_size, in]`.
    """
    shape = (*geometry.input_size, geometry.groups * w.shape[-2])
    cells = jnp.arange(math.prod(shape))

    def response(cell: Array) -> Array:
        delta = (cells == cell).astype(u.dtype).reshape(1, *shape)
        return jnp.sum(u * conv(delta, w, geometry), range(1, u.ndim), dtype=u.dtype)  # [batch]

    some = range(0, max(1, cells.size), _PROBES_AT_ONCE)
    responses = [jax.vmap(response)(cells[i : i + _PROBES_AT_ONCE]) for i in some]
    return jnp.concatenate(responses).T.reshape(u.shape[0], *shape)  # from [cells, batch]
