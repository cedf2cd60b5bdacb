"""Conv and ConvTranspose for Equinox, with the arguments of `equinox.nn.Conv`.

`padding` always means the padding of the forward convolution, and `ConvTranspose` has every padding
mode: with the same arguments and its channels swapped, it is the transpose of `Conv`.

    >>> import jax, jax.numpy as jnp
    >>> from jaxdeconv.nn.equinox import Conv2d, ConvTranspose
    >>> down = Conv2d(3, 8, 4, stride=2, padding=1, key=jax.random.key(0))
    >>> up = ConvTranspose.like(down)  # its exact transpose
    >>> up(down(jnp.ones((3, 6, 6)))).shape
    (3, 6, 6)

In both layers the weight is that of the forward convolution, with Equinox's order of axes,
`(out_channels, in_channels/groups, *kernel_size)`: weights of `equinox.nn.Conv` fit as they are.
"""

from jaxdeconv.nn.equinox.dimensions import Conv1d as Conv1d
from jaxdeconv.nn.equinox.dimensions import Conv2d as Conv2d
from jaxdeconv.nn.equinox.dimensions import Conv3d as Conv3d
from jaxdeconv.nn.equinox.dimensions import ConvTranspose1d as ConvTranspose1d
from jaxdeconv.nn.equinox.dimensions import ConvTranspose2d as ConvTranspose2d
from jaxdeconv.nn.equinox.dimensions import ConvTranspose3d as ConvTranspose3d
from jaxdeconv.nn.equinox.layers import Conv as Conv
from jaxdeconv.nn.equinox.layers import ConvTranspose as ConvTranspose
from jaxdeconv.nn.equinox.parameters import load as load
from jaxdeconv.nn.equinox.parameters import tied as tied

__all__ = [
    "Conv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "load",
    "tied",
]
