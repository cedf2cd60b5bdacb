"""One main job as data: v, w and the geometry of K; and every way to compute its K^T."""

import argparse
import dataclasses
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from jaxdeconv import boundary, reference
from jaxdeconv.cli import dtypes, kernels, photograph
from jaxdeconv.cli.arguments import as_pairs
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach
from jaxdeconv.legs import PaddingMode, conv, conv_transpose

Transpose = Callable[[NDArray, NDArray], Array]
"""A way to compute K^T: (u, w) -> v, with the sums as they were formed, not rounded further."""

_MOST_CELLS = 2**26  # of the padded photograph: what a few gigabytes hold in every way

PUBLIC = "conv_transpose, public"
"""The public function's row among the ways."""

NOT_FOR_INTEGERS = ("vjp",)
"""Ways that JAX does not define for integers: it has no cotangents of them."""


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
        """The dtype in which sums are formed, and in which ways are compared."""
        return dtypes.accumulator(self.dtype)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of u = K v, `[1, *output_size, out]`."""
        return (1, *self.geometry.output_size, self.w.shape[-1])

    def conv(self, v: NDArray, w: NDArray, *, rounded: bool = False) -> NDArray:
        """K(w) v by its definition, sums as they are, or rounded to the dtype."""
        return np.asarray(
            conv(
                v,
                w,
                stride=self.geometry.stride,
                padding=self.geometry.padding,
                dilation=self.geometry.dilation,
                groups=self.geometry.groups,
                padding_mode=self.padding_mode,
                preferred_element_type=None if rounded else self.accumulator,
                algorithm="derived",
            )
        )

    def conv_transpose(self, u: NDArray, w: NDArray) -> Array:
        """K(w)^T u by the public function, with the algorithm that it chooses."""
        return conv_transpose(
            u,
            w,
            input_size=self.geometry.input_size,
            stride=self.geometry.stride,
            padding=self.geometry.padding,
            dilation=self.geometry.dilation,
            groups=self.geometry.groups,
            padding_mode=self.padding_mode,
            preferred_element_type=self.accumulator,
        )

    def transposes(self) -> dict[str, Transpose]:
        """Every way to compute K^T, by name; the first is the specification."""
        ways = {name: self._through(way) for name, way in reference.TRANSPOSES.items()}
        ways[PUBLIC] = self.conv_transpose
        return ways

    def _through(self, way: reference.Implementation) -> Transpose:
        """K^T = P^T C^T: the reference ways know C; what the padding copied is folded back."""
        border, inner = boundary.split(self.geometry, self.padding_mode)

        def transpose(u: NDArray, w: NDArray) -> Array:
            x, y = (jnp.asarray(operand.astype(self.accumulator)) for operand in (u, w))
            padded = jnp.asarray(way(x, y, inner))
            return boundary.fold(padded, self.geometry.input_size, border, self.padding_mode)

        return transpose


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
    if math.prod(geometry.padded_size) > _MOST_CELLS:
        raise ArgumentValueError(
            f"padding must make at most {_MOST_CELLS} cells of the photograph",
            "Pass less padding.",
            padding=options.padding,
            padded_size=geometry.padded_size,
        )
    return Job(v, w, geometry, options.padding_mode, options.seed)
