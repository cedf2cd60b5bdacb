"""Convolutions written down as data, so that a fault can be planted in any part of them."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.verification.pair import Pair

__all__ = ["ConvSpec", "conv_pair", "conv_specs", "enlarged"]

_NUMPY_MODES = {"circular": "wrap", "reflect": "reflect", "symmetric": "symmetric", "edge": "edge"}


@dataclasses.dataclass(frozen=True, eq=False)
class ConvSpec:
    """A convolution, channels last.

    Attributes:
        shape: `(batch, *size, in)` of v.
        kernel: `(*kernel, in/groups, out)`, of the operator's dtype.
        stride: one per spatial axis.
        padding: (low, high) per spatial axis.
        dilation: one per spatial axis.
        groups: of channels.
        mode: "zeros", or a mode of padding with v's own cells.
    """

    shape: tuple[int, ...]
    kernel: np.ndarray
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    mode: str = "zeros"

    @property
    def spatial(self) -> tuple[int, ...]:
        """Spatial axes of v and u."""
        return tuple(range(1, len(self.shape) - 1))

    @property
    def reach(self) -> tuple[int, ...]:
        """Cells under the kernel per spatial axis, gaps of the dilation included."""
        return tuple(
            d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel.shape, strict=False)
        )

    @property
    def smallest(self) -> tuple[int, ...]:
        """The smallest input size that gives this output size."""
        sizes = zip(self.shape[1:-1], self.padding, self.reach, self.stride, strict=True)
        return tuple(n - (n + sum(pads) - reach) % s for n, pads, reach, s in sizes)

    @property
    def name(self) -> str:
        """All integers, readable."""

        def join(values: tuple[int, ...]) -> str:
            return "x".join(map(str, values))

        pads = ",".join(f"{low}:{high}" for low, high in self.padding)
        return (
            f"conv {self.kernel.dtype} {join(self.shape)} kernel {join(self.kernel.shape)} "
            f"stride {join(self.stride)} pad {pads} dilation {join(self.dilation)} "
            f"groups {self.groups} {self.mode}"
        )

    def forward(self, v: Array) -> Array:
        """K v."""
        padding = self.padding
        if self.mode != "zeros":
            v = jnp.pad(v, ((0, 0), *padding, (0, 0)), mode=_NUMPY_MODES[self.mode])
            padding = ((0, 0),) * len(padding)
        spatial = "DHW"[-len(padding) :]
        return lax.conv_general_dilated(
            v,
            jnp.asarray(self.kernel),
            self.stride,
            padding,
            rhs_dilation=self.dilation,
            dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
            feature_group_count=self.groups,
        )

    def transpose(self) -> Callable[[Array], Array]:
        """K^T (never conjugated), derived."""
        derived = jax.linear_transpose(self.forward, self.domain)
        return lambda u: derived(u)[0]

    def adjoint(self) -> Callable[[Array], Array]:
        """K^H."""
        return dataclasses.replace(self, kernel=self.kernel.conj()).transpose()

    @property
    def domain(self) -> jax.ShapeDtypeStruct:
        """Shape and dtype of v."""
        return jax.ShapeDtypeStruct(self.shape, self.kernel.dtype)

    def replace(self, **changes: Any) -> "ConvSpec":
        """Another convolution that differs in some of the attributes."""
        return dataclasses.replace(self, **changes)


def conv_pair(spec: ConvSpec) -> Pair:
    """K and K^H."""
    return Pair(
        spec.name,
        spec.forward,
        spec.adjoint(),
        spec.domain,
        jax.eval_shape(spec.forward, spec.domain),
        conv=spec,
    )


# batch, size, in, out, kernel, stride, padding, dilation, groups, mode
_TABLE = (
    (1, (9,), 1, 1, (3,), (1,), ((1, 1),), (1,), 1, "zeros"),
    (2, (11,), 2, 3, (4,), (2,), ((1, 2),), (1,), 1, "zeros"),
    (1, (12,), 4, 4, (3,), (2,), ((2, 0),), (1,), 2, "zeros"),
    (1, (14,), 2, 2, (3,), (3,), ((0, 1),), (2,), 1, "zeros"),
    (1, (16,), 4, 6, (5,), (3,), ((2, 3),), (1,), 2, "zeros"),
    (1, (8, 8), 2, 2, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "zeros"),
    (1, (7, 8), 2, 3, (3, 2), (2, 1), ((1, 0), (0, 1)), (1, 1), 1, "zeros"),
    (1, (8, 9), 4, 4, (3, 3), (2, 3), ((0, 2), (1, 1)), (1, 1), 2, "zeros"),
    (2, (8, 7), 1, 2, (2, 3), (1, 2), ((1, 2), (2, 0)), (2, 1), 1, "zeros"),
    (1, (10, 9), 2, 6, (3, 2), (2, 3), ((1, 2), (0, 1)), (2, 1), 2, "zeros"),
    (1, (12,), 2, 2, (3,), (1,), ((1, 1),), (1,), 1, "circular"),
    (1, (12,), 1, 2, (4,), (2,), ((2, 2),), (1,), 1, "circular"),
    (1, (8, 8), 2, 2, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "circular"),
    (1, (13,), 2, 1, (3,), (1,), ((1, 1),), (1,), 1, "reflect"),
    (1, (9, 8), 1, 2, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "reflect"),
    (1, (12,), 2, 2, (5,), (1,), ((2, 2),), (1,), 1, "symmetric"),
)


def conv_specs(dtype: Any, seed: int = 0, largest: int = 9) -> Iterator[ConvSpec]:
    """Sixteen convolutions of many forms, with random whole values from 1 to `largest`."""
    rng = np.random.default_rng(seed)
    for (
        batch,
        size,
        in_channels,
        out_channels,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        mode,
    ) in _TABLE:
        shape = (*kernel, in_channels // groups, out_channels)
        values = _integers(rng, shape, largest)
        if jnp.issubdtype(dtype, jnp.complexfloating):
            values = values + 1j * _integers(rng, shape, largest)
        w = values.astype(dtype)
        yield ConvSpec((batch, *size, in_channels), w, stride, padding, dilation, groups, mode)


def enlarged(spec: ConvSpec, cells: int) -> ConvSpec:
    """The same convolution of a v of at least `cells` cells: each axis a multiple, plus the rest.

    What is left over at the end (the remainder of the stride) stays the same.
    """
    grow = (cells / math.prod(spec.shape)) ** (1 / len(spec.spatial))
    period = [math.lcm(s, n) for s, n in zip(spec.stride, spec.shape[1:-1], strict=True)]
    sizes = [
        n + p * math.ceil(n * (grow - 1) / p) for n, p in zip(spec.shape[1:-1], period, strict=True)
    ]
    return spec.replace(shape=(spec.shape[0], *sizes, spec.shape[-1]))


def _integers(rng: np.random.Generator, shape: tuple[int, ...], largest: int) -> np.ndarray:
    """Whole numbers without 0, either sign."""
    return rng.integers(1, largest + 1, shape) * rng.choice((-1, 1), shape)
