"""Conv and ConvTranspose for Haiku, with the arguments of `haiku.ConvND`.

`ConvNDTranspose` has all of them too, groups and rates included, and `padding` always means the
padding of the forward convolution: with the same arguments it is the transpose of `ConvND`.

    >>> import haiku, jax, jax.numpy as jnp
    >>> from jaxdeconv.nn.haiku import Conv2D, ConvNDTranspose
    >>> def autoencoder(x):
    ...     down = Conv2D(8, 4, stride=2, padding=[(1, 1), (1, 1)])
    ...     return ConvNDTranspose.like(down, output_channels=3)(down(x))  # one kernel for both
    >>> params = haiku.transform(autoencoder).init(jax.random.key(0), jnp.ones((1, 6, 6, 3)))
    >>> jax.tree.map(jnp.shape, params)
    {'conv2_d': {'b': (8,), 'w': (4, 4, 3, 8)}}

The parameters have Haiku's own names and shapes, and in both layers the kernel is that of the
forward convolution; `haiku.ConvNDTranspose` stores it flipped along the spatial axes.
"""

from jaxdeconv.nn.haiku.dimensions import Conv1D as Conv1D
from jaxdeconv.nn.haiku.dimensions import Conv1DTranspose as Conv1DTranspose
from jaxdeconv.nn.haiku.dimensions import Conv2D as Conv2D
from jaxdeconv.nn.haiku.dimensions import Conv2DTranspose as Conv2DTranspose
from jaxdeconv.nn.haiku.dimensions import Conv3D as Conv3D
from jaxdeconv.nn.haiku.dimensions import Conv3DTranspose as Conv3DTranspose
from jaxdeconv.nn.haiku.layers import ConvND as ConvND
from jaxdeconv.nn.haiku.layers import ConvNDTranspose as ConvNDTranspose
from jaxdeconv.nn.haiku.parameters import load as load

Conv = ConvND
ConvTranspose = ConvNDTranspose

__all__ = [
    "Conv",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvND",
    "ConvNDTranspose",
    "ConvTranspose",
    "load",
]
