"""The layers of a fixed number of spatial dimensions: all the arguments but the first."""

import functools

from jaxdeconv.nn.equinox.layers import Conv, ConvTranspose

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]


class Conv1d(Conv):
    """`Conv` with num_spatial_dims=1."""

    __init__ = functools.partialmethod(Conv.__init__, 1)


class ConvTranspose1d(ConvTranspose):
    """`ConvTranspose` with num_spatial_dims=1."""

    __init__ = functools.partialmethod(ConvTranspose.__init__, 1)


class Conv2d(Conv):
    """`Conv` with num_spatial_dims=2."""

    __init__ = functools.partialmethod(Conv.__init__, 2)


class ConvTranspose2d(ConvTranspose):
    """`ConvTranspose` with num_spatial_dims=2."""

    __init__ = functools.partialmethod(ConvTranspose.__init__, 2)


class Conv3d(Conv):
    """`Conv` with num_spatial_dims=3."""

    __init__ = functools.partialmethod(Conv.__init__, 3)


class ConvTranspose3d(ConvTranspose):
    """`ConvTranspose` with num_spatial_dims=3."""

    __init__ = functools.partialmethod(ConvTranspose.__init__, 3)
