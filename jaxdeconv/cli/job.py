"""One main job as data: v, w and the geometry of K; and every implementation of its K^T."""

import argparse
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from jaxdeconv import boundary, reference
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.cli import dtypes, kernels, photograph
from jaxdeconv.cli.values import as_pairs
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.legs import PaddingMode, conv, conv_transpose

Transpose = Callable[[Any, Any], Array]
"""An implementation of K^T: (u, w) -> v, whose sums are not rounded to the dtype of u."""

PUBLIC = "jaxdeconv.conv_transpose"
"""The name of the public function among the implementations."""

NOT_FOR_INTEGERS = ("vjp",)
"""Implementations that JAX does not define for integers, which have no cotangents."""

BATCHED = ("probing",)
"""Implementations that take hardly longer for many u at once than for one."""

_MOST_PIXELS = 2**26  # of the padded photograph: a few gigabytes in every implementation
_LEAST_SIZE, _LONGEST_REACH = 6, 40  # of the small image, along an axis


@dataclasses.dataclass(frozen=True)
class Job:
    """A photograph v `[1, height, width, in]` and a convolution K of it."""

    v: NDArray
    w: NDArray
    geometry: ConvGeometry
    padding_mode: PaddingMode
    seed: int

    @property
    def dtype(self) -> np.dtype:
        """Of v, w and u."""
        return self.v.dtype

    @property
    def accumulator(self) -> np.dtype:
        """The dtype in which sums are formed, and in which answers are compared."""
        return accumulator_dtype(self.dtype)

    @functools.cached_property
    def u(self) -> NDArray:
        """K v, `[1, *output_size, out]`, rounded to the dtype."""
        return dtypes.cast(self.conv(self.v, self.w), self.dtype)

    def conv(self, v: Any, w: Any) -> Array:
        """K(w) v as it is defined; its sums are not rounded to the dtype of v."""
        return conv(
            v,
            w,
            **self._keywords,
            algorithm="derived",
        )

    @property
    def _keywords(self) -> dict[str, Any]:
        """What K and K^T have in common."""
        return self.geometry.keywords | {
            "padding_mode": self.padding_mode,
            "preferred_element_type": self.accumulator,
        }

    def conv_transpose(self, u: Any, w: Any) -> Array:
        """K(w)^T u by the public function, with the algorithm that it chooses."""
        return conv_transpose(
            u.astype(self.dtype),
            w,
            input_size=self.geometry.input_size,
            **self._keywords,
        )

    def transposes(self) -> dict[str, Transpose]:
        """Every implementation of K^T by its name; the first is the definition."""
        found = {name: self._padded(way) for name, way in reference.TRANSPOSES.items()}
        return {**found, PUBLIC: self.conv_transpose}

    def _padded(self, transpose: Callable[[Any, Any, ConvGeometry], Any]) -> Transpose:
        """K^T = P^T C^T: C^T as in `reference`, then the copies that P made are added up."""
        border, inner = boundary.split(self.geometry, self.padding_mode)

        def padded(u: Any, w: Any) -> Array:
            x, y = (jnp.asarray(operand.astype(self.accumulator)) for operand in (u, w))
            v = jnp.asarray(transpose(x, y, inner))
            return boundary.fold(v, self.geometry.input_size, border, self.padding_mode)

        return padded

    def small(self, w: NDArray, groups: int, outputs: int) -> "Job":
        """The same stride, padding and dilation on an image of few cells.

        Args:
            w: a kernel of the same spatial size, whose dtype the image has too.
            groups: that it works with.
            outputs: along each axis, at least; fewer where the stride is long.
        """
        g = self.geometry
        size = tuple(
            max(_LEAST_SIZE, _reach(k, s, outputs) - low - high, -low, -high)
            for k, s, (low, high) in zip(g.dilated_kernel_size, g.stride, g.padding, strict=True)
        )
        geometry = ConvGeometry(size, g.kernel_size, g.stride, g.padding, g.dilation, groups)
        v = np.zeros((1, *size, w.shape[2] * groups), w.dtype)
        return dataclasses.replace(self, v=v, w=w, geometry=geometry)


def _reach(kernel: int, stride: int, outputs: int) -> int:
    """The padded cells that this number of outputs read; fewer outputs if the stride is long."""
    more = min(outputs - 1, max(kernel, _LONGEST_REACH) // stride)
    return kernel + more * stride


def from_options(options: argparse.Namespace) -> Job:
    """The job that the command line asks for.

    Args:
        options: what `arguments.job_parser` parsed.

    Raises:
        ValueError: values that do not fit together; the message says what would.
        TypeError: a kernel file whose numbers do not fit the dtype.
    """
    dtype = np.dtype(options.dtype)
    v = dtypes.photograph(photograph.load(options.image, options.size), dtype)
    rng = np.random.default_rng(options.seed)
    w, groups = kernels.build(
        options.kernel, options.kernel_size, v.shape[-1], options.groups, dtype, rng
    )
    geometry = ConvGeometry(
        v.shape[1:-1],
        w.shape[:2],
        options.stride,
        as_pairs(options.padding, 2),
        options.dilation,
        groups,
    )
    check_reach(geometry)
    if math.prod(geometry.padded_size) > _MOST_PIXELS:
        raise ArgumentValueError(
            f"the padded photograph must have at most {_MOST_PIXELS} pixels",
            "Pass less padding.",
            padding=options.padding,
            padded_size=geometry.padded_size,
        )
    return Job(v, w, geometry, options.padding_mode, options.seed)
