"""Upsampling by an integer factor, as a transposed convolution with a fixed kernel.

Interpolation gives every output cell x the weighted mean of the input cells y near it,

    v[x] = sum over y of h(position(x) - y) * u[y],

with one profile h for all cells. For an integer factor f the positions repeat with period f, so
the weights h form one kernel, which is added at every f-th cell: a transposed convolution of
stride f, channel by channel.

    profiles     h: nearest, linear, cubic (Keys), Lanczos, or your own
    kernels      h sampled: the taps, the kernel, and the geometry (the recipe of FCN)
    upsampling   `upsample` with its borders, and its transpose

There are no cells beyond the border. The plain transposed convolution treats them as zeros, which
darkens the border; the other options for the border avoid that (see `upsample`).
"""

from jaxdeconv.interpolation.kernels import geometry as geometry
from jaxdeconv.interpolation.kernels import kernel as kernel
from jaxdeconv.interpolation.kernels import taps as taps
from jaxdeconv.interpolation.profiles import PROFILES as PROFILES
from jaxdeconv.interpolation.profiles import Profile as Profile
from jaxdeconv.interpolation.profiles import keys as keys
from jaxdeconv.interpolation.profiles import lanczos as lanczos
from jaxdeconv.interpolation.upsampling import BORDERS as BORDERS
from jaxdeconv.interpolation.upsampling import upsample as upsample
from jaxdeconv.interpolation.upsampling import upsample_transpose as upsample_transpose

__all__ = [
    "BORDERS",
    "PROFILES",
    "Profile",
    "geometry",
    "kernel",
    "keys",
    "lanczos",
    "taps",
    "upsample",
    "upsample_transpose",
]
