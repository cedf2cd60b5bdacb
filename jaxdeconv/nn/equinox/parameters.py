"""Parameters of the layers: one weight shared by two layers, arrays of other libraries."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from jaxdeconv.nn.arrays import Arrays, check_fit
from jaxdeconv.nn.equinox.layers import Conv, ConvTranspose

__all__ = ["load", "tied"]


def tied(conv: eqx.nn.Conv | Conv, **keywords: Any) -> eqx.nn.Shared:
    """`conv` and its transpose with one weight, to be stored in a model.

    Args:
        conv: as for `ConvTranspose.like`.
        keywords: of `ConvTranspose.like`.

    Returns:
        An `equinox.nn.Shared`; call it for the pair (conv, transpose).

    Example:
        >>> import jax
        >>> from jaxdeconv.nn.equinox import Conv1d
        >>> down = Conv1d(2, 3, 4, key=jax.random.key(0))
        >>> conv, transpose = tied(down)()
        >>> transpose.weight is conv.weight
        True
    """
    pair = (conv, ConvTranspose.like(conv, **keywords))
    return eqx.nn.Shared(pair, lambda pair: pair[1].weight, lambda pair: pair[0].weight)


def load(layer: Conv | ConvTranspose, arrays: Arrays) -> Any:
    """A layer with the kernel and the bias of `arrays`.

    Args:
        layer: a `Conv` or `ConvTranspose` of this module.
        arrays: of `jaxdeconv.nn.arrays.from_torch` or `from_keras`; cast to the layer's dtypes.

    Returns:
        A new layer.

    Raises:
        ValueError: shapes that differ, a bias too many or too few.

    Example:
        >>> import jax, numpy as np
        >>> from jaxdeconv.nn.equinox import ConvTranspose1d
        >>> from jaxdeconv.nn.arrays import from_torch
        >>> up = ConvTranspose1d(2, 1, 3, 2, padding=1, use_bias=False, key=jax.random.key(0))
        >>> up = load(up, from_torch({"up.weight": np.ones((2, 1, 3))}, "up."))
        >>> float(up.weight.sum())
        6.0
    """
    kernel = jnp.moveaxis(layer.weight, (0, 1), (-1, -2))
    bias = None if layer.bias is None else layer.bias.ravel()
    fitting = check_fit(arrays, kernel=kernel, bias=bias)
    weight = jnp.moveaxis(fitting["kernel"], (-1, -2), (0, 1))
    layer = eqx.tree_at(lambda layer: layer.weight, layer, weight)
    if layer.bias is None:
        return layer
    return eqx.tree_at(lambda layer: layer.bias, layer, fitting["bias"].reshape(layer.bias.shape))
