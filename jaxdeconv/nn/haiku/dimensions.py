"""The layers of a fixed number of spatial dimensions: all the arguments but the first."""

import functools

from jaxdeconv.nn.haiku.layers import ConvND, ConvNDTranspose

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
]


class Conv1D(ConvND):
    """`ConvND` with num_spatial_dims=1."""

    __init__ = functools.partialmethod(ConvND.__init__, 1)


class Conv1DTranspose(ConvNDTranspose):
    """`ConvNDTranspose` with num_spatial_dims=1."""

    __init__ = functools.partialmethod(ConvNDTranspose.__init__, 1)


class Conv2D(ConvND):
    """`ConvND` with num_spatial_dims=2."""

    __init__ = functools.partialmethod(ConvND.__init__, 2)


class Conv2DTranspose(ConvNDTranspose):
    """`ConvNDTranspose` with num_spatial_dims=2."""

    __init__ = functools.partialmethod(ConvNDTranspose.__init__, 2)


class Conv3D(ConvND):
    """`ConvND` with num_spatial_dims=3."""

    __init__ = functools.partialmethod(ConvND.__init__, 3)


class Conv3DTranspose(ConvNDTranspose):
    """`ConvNDTranspose` with num_spatial_dims=3."""

    __init__ = functools.partialmethod(ConvNDTranspose.__init__, 3)
