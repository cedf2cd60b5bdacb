"""`dimension_numbers` <-> the canonical layout, in which everything inside is computed.

Canonical is channels last with exactly one batch axis: v `[batch, *spatial, in]`, u `[batch,
*spatial, out]`, w `[*kernel, in/groups, out]`. XLA's fast paths on a CPU want channels last too.
The user's N stands for *all* batch axes, however many, none included; they are folded into one.
"""

import dataclasses
import math
from typing import Any, Self, TypeAlias

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.integers import IntOrInts, is_sequence

Axes: TypeAlias = tuple[str | int, ...]
"""Axis labels in the order of an array's axes: 'N', 'C', 'I', 'O', or a spatial dimension."""

DimensionNumbers: TypeAlias = tuple[str, str, str] | lax.ConvDimensionNumbers | None


@dataclasses.dataclass(frozen=True)
class Layout:
    """The order of the axes of v, w and u, e.g. ("N", 0, 1, "C"), (0, 1, "I", "O"), ..."""

    v: Axes
    w: Axes
    u: Axes

    @classmethod
    def parse(cls, dimension_numbers: DimensionNumbers, kernel_ndim: int | None) -> Self:
        """Read what `jax.lax.conv_general_dilated` accepts as `dimension_numbers`.

        Args:
            dimension_numbers: None (channels last), three strings such as ('NHWC', 'HWIO',
                'NHWC') for v, w and u, or a `jax.lax.ConvDimensionNumbers`. The letters of the
                spatial dimensions are free; their order in the kernel's string is the order of
                stride, padding, ... and of sizes.
            kernel_ndim: number of axes of the kernel, to check against; None if there is none.
        """
        if dimension_numbers is None:
            spatial = range((kernel_ndim or 2) - 2)
            signal: Axes = ("N", *spatial, "C")
            return cls(signal, (*spatial, "I", "O"), signal)
        if isinstance(dimension_numbers, lax.ConvDimensionNumbers):
            layout = cls(*_from_numbers(dimension_numbers))
        else:
            layout = cls(*_from_strings(dimension_numbers))
        if kernel_ndim is not None and len(layout.w) != kernel_ndim:
            raise ArgumentValueError(
                f"dimension_numbers must describe the {kernel_ndim} axes of w",
                "Use one letter per axis of the kernel, 'I' and 'O' included.",
                dimension_numbers=dimension_numbers,
            )
        return layout

    @classmethod
    def of_kernel(cls, dimension_numbers: DimensionNumbers, w: Array) -> Self:
        """The layout of a leg that is given the kernel."""
        if w.ndim < 2:
            raise ArgumentValueError(
                "w must have an axis of input and an axis of output channels",
                "Pass w as (*kernel_size, in/groups, out), e.g. w[..., None, None].",
                w=w,
            )
        return cls.parse(dimension_numbers, w.ndim)

    @classmethod
    def of_kernel_size(cls, dimension_numbers: DimensionNumbers, kernel_size: IntOrInts) -> Self:
        """The layout of the leg that returns the kernel."""
        if is_sequence(kernel_size):
            return cls.parse(dimension_numbers, len(kernel_size) + 2)
        if dimension_numbers is None:
            raise ArgumentValueError(
                "kernel_size must have one entry per spatial dimension, to tell how many there are",
                f"Pass a tuple, e.g. ({kernel_size}, {kernel_size}) for images.",
                kernel_size=kernel_size,
            )
        return cls.parse(dimension_numbers, None)

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return len(self.w) - 2


def signal_to_canonical(name: str, x: Array, axes: Axes) -> tuple[Array, tuple[int, ...]]:
    """[batch, *spatial, channels] of v or u, and the shape of its batch axes as they were."""
    batch_ndim = x.ndim - (len(axes) - 1)
    if batch_ndim < 0:
        raise ArgumentValueError(
            f"{name} must have {len(axes) - 1} axes and any number of batch axes",
            f"Pass {name} as {_describe(axes)}, where N may be left out or repeated.",
            **{name: x},
        )
    order = _batch_first(axes, batch_ndim)
    x = x.transpose(order)
    batch, rest = x.shape[:batch_ndim], x.shape[batch_ndim:]
    return (x if batch_ndim == 1 else x.reshape(math.prod(batch), *rest)), batch


def signal_from_canonical(x: Array, axes: Axes, batch: tuple[int, ...]) -> Array:
    """Inverse of `signal_to_canonical`."""
    if len(batch) != 1:
        x = x.reshape(*batch, *x.shape[1:])
    order = _batch_first(axes, len(batch))
    return x.transpose([order.index(axis) for axis in range(len(order))])


def kernel_to_canonical(w: Array, axes: Axes) -> Array:
    """[*kernel, in/groups, out]."""
    return w.transpose(_kernel_order(axes))


def kernel_from_canonical(w: Array, axes: Axes) -> Array:
    """Inverse of `kernel_to_canonical`."""
    order = _kernel_order(axes)
    return jnp.transpose(w, [order.index(axis) for axis in range(len(order))])


def _batch_first(axes: Axes, batch_ndim: int) -> list[int]:
    """Axes of an array laid out as `axes`, N repeated `batch_ndim` times, in canonical order."""
    first = axes.index("N")
    begin = {label: i if i < first else i + batch_ndim - 1 for i, label in enumerate(axes)}
    batch = range(first, first + batch_ndim)
    return [*batch, *(begin[dim] for dim in range(len(axes) - 2)), begin["C"]]


def _kernel_order(axes: Axes) -> list[int]:
    return [axes.index(label) for label in (*range(len(axes) - 2), "I", "O")]


def _describe(axes: Axes) -> str:
    """('N', 0, 1, 'C') -> '(N, 0, 1, C)', spatial dimensions by number."""
    return f"({', '.join(map(str, axes))})"


def _from_numbers(numbers: lax.ConvDimensionNumbers) -> tuple[Axes, Axes, Axes]:
    labels = (("N", "C"), ("O", "I"), ("N", "C"))  # the order in jax.lax
    specs: list[Axes] = []
    for spec, pair in zip(numbers, labels, strict=True):
        named = dict(zip(spec, (*pair, *range(len(spec) - 2)), strict=True))
        if sorted(named) != list(range(len(spec))):
            raise ArgumentValueError(
                "dimension_numbers must be a permutation of the axes",
                "Build it with jax.lax.conv_dimension_numbers.",
                dimension_numbers=numbers,
            )
        specs.append(tuple(named[axis] for axis in range(len(spec))))
    return specs[0], specs[1], specs[2]


def _from_strings(dimension_numbers: Any) -> tuple[Axes, Axes, Axes]:
    if (
        not isinstance(dimension_numbers, (tuple, list))
        or len(dimension_numbers) != 3
        or not all(isinstance(spec, str) for spec in dimension_numbers)
    ):
        raise ArgumentTypeError(
            "dimension_numbers must be None, three strings, or a jax.lax.ConvDimensionNumbers",
            "Pass for example ('NCHW', 'OIHW', 'NCHW').",
            dimension_numbers=dimension_numbers,
        )
    spatial = [letter for letter in dimension_numbers[1] if letter not in "IO"]
    specs: list[Axes] = []
    for spec, pair in zip(dimension_numbers, ("NC", "IO", "NC"), strict=True):
        if sorted(spec) != sorted([*pair, *spatial]) or len(set(spec)) != len(spec):
            raise ArgumentValueError(
                "dimension_numbers must name v and u by N, C and the spatial letters, w by I, O "
                "and the same spatial letters, each once",
                "Pass for example ('NCHW', 'OIHW', 'NCHW').",
                dimension_numbers=dimension_numbers,
            )
        specs.append(tuple(c if c in pair else spatial.index(c) for c in spec))
    return specs[0], specs[1], specs[2]
