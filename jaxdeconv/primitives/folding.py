"""Axes along which the kernel lies in one place: a product of matrices, and no convolution.

Where output_size is 1, u has one cell for all taps, and

    u[o] = sum over t, c of v[d*t - low, c] * w[t, c, o]

sums over taps as over channels. So the taps of such axes become input channels, in v (its window)
and in w alike, and the axes are gone: a kernel as large as the image leaves a convolution without
spatial axes, which every algorithm computes as the product of matrices that it is.

Channels of one group stay beside each other: v has (group, taps, in/groups), w (taps, in/groups).
Depthwise kernels of few taps stay as they are: their channels fill the vector units.
"""

import dataclasses
import math

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms import Problem
from jaxdeconv.geometry import ConvGeometry

__all__ = ["Folding"]

FEW_TAPS = 128
"""Up to as many taps of depthwise kernels are fused multiply-adds."""


@dataclasses.dataclass(frozen=True)
class Folding:
    """The axes of one geometry whose taps become channels.

    Attributes:
        geometry: the whole one.
        dims: the axes, by their number.
    """

    geometry: ConvGeometry
    dims: tuple[int, ...]

    @classmethod
    def of(cls, geometry: ConvGeometry, in_channels: int, out_channels: int) -> "Folding":
        """All axes that can be folded, of a problem with this many channels in all."""
        depthwise = in_channels == out_channels == geometry.groups > 1
        if depthwise and math.prod(geometry.kernel_size) <= FEW_TAPS:
            return cls(geometry, ())
        one = (dim for dim, o in enumerate(geometry.output_size) if o == 1)
        return cls(geometry, tuple(one))

    @property
    def taps(self) -> int:
        """By how much the input channels are multiplied."""
        return math.prod(self.geometry.kernel_size[dim] for dim in self.dims)

    @property
    def _others(self) -> tuple[int, ...]:
        return tuple(dim for dim in range(self.geometry.ndim) if dim not in self.dims)

    @property
    def simplified(self) -> ConvGeometry:
        """The geometry of the axes that are left."""
        whole = self.geometry
        fields = ("input_size", "kernel_size", "stride", "padding", "dilation")
        left = {
            field: tuple(getattr(whole, field)[dim] for dim in self._others) for field in fields
        }
        return whole.replace(**left)

    def problem(self, problem: Problem) -> Problem:
        """The problem that is left."""
        return dataclasses.replace(
            problem, geometry=self.simplified, in_channels=problem.in_channels * self.taps
        )

    def simplify(self, role: str, x: Array) -> Array:
        """One of v, w and u without the axes, its taps among the channels."""
        return {"v": self._fold_v, "w": self._fold_w, "u": self._fold_u}[role](x)

    def restore(self, role: str, x: Array) -> Array:
        """The transpose of `simplify`: of a result."""
        return {"v": self._unfold_v, "w": self._unfold_w, "u": self._unfold_u}[role](x)

    def _fold_u(self, u: Array) -> Array:
        return lax.squeeze(u, [1 + dim for dim in self.dims])

    def _unfold_u(self, u: Array) -> Array:
        return lax.expand_dims(u, [1 + dim for dim in self.dims])

    def _fold_w(self, w: Array) -> Array:
        ndim = self.geometry.ndim
        w = w.transpose(*self._others, *self.dims, ndim, ndim + 1)
        return w.reshape(*w.shape[: len(self._others)], -1, w.shape[-1])

    def _unfold_w(self, w: Array) -> Array:
        kernel_size, left = self.geometry.kernel_size, len(self._others)
        taps = [kernel_size[dim] for dim in self.dims]
        w = w.reshape(*w.shape[:left], *taps, w.shape[-2] // self.taps, w.shape[-1])
        return jnp.moveaxis(w, range(left, self.geometry.ndim), self.dims)

    def _fold_v(self, v: Array) -> Array:
        geometry, ndim = self.geometry, self.geometry.ndim
        pads = [(0, 0, 0)] * v.ndim
        for dim in self.dims:
            low, high = self._around(dim)
            pads[1 + dim] = (low, high, 0)
        v = lax.pad(v, jnp.zeros((), v.dtype), pads)
        for dim in self.dims:
            v = lax.slice_in_dim(v, 0, None, geometry.dilation[dim], axis=1 + dim)
        groups = geometry.groups
        v = v.reshape(*v.shape[:-1], groups, v.shape[-1] // groups)
        order = [0, *(1 + dim for dim in self._others), 1 + ndim, *(1 + dim for dim in self.dims)]
        v = v.transpose(*order, 2 + ndim)
        return v.reshape(*v.shape[: 1 + len(self._others)], -1)

    def _unfold_v(self, v: Array) -> Array:
        geometry, ndim, left = self.geometry, self.geometry.ndim, len(self._others)
        taps = [geometry.kernel_size[dim] for dim in self.dims]
        channels = v.shape[-1] // (self.taps * geometry.groups)
        v = v.reshape(*v.shape[: 1 + left], geometry.groups, *taps, channels)
        v = jnp.moveaxis(v, 1 + left, 1 + ndim)
        v = jnp.moveaxis(v, range(1 + left, 1 + ndim), [1 + dim for dim in self.dims])
        v = v.reshape(*v.shape[: 1 + ndim], -1)
        pads = [(0, 0, 0)] * v.ndim
        for dim in self.dims:
            low, high = self._around(dim)
            pads[1 + dim] = (-low, -high, geometry.dilation[dim] - 1)
        return lax.pad(v, jnp.zeros((), v.dtype), pads)

    def _around(self, dim: int) -> tuple[int, int]:
        """How much is padded, or cropped, before and after v to give the window."""
        geometry = self.geometry
        low, _ = geometry.padding[dim]
        return low, geometry.dilated_kernel_size[dim] - geometry.input_size[dim] - low
