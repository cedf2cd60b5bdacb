"""`dimension_numbers` <-> the canonical layout, in which everything inside is computed.

Canonical is channels last with exactly one batch axis: v `[batch, *spatial, in]`, u `[batch,
*spatial, out]`, w `[*kernel, in/groups, out]`. XLA's fast paths on a CPU want channels last too.
The user's N stands for *all* batch axes, however many, none included; they are folded into one.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.arguments.integers import SYMBOLIC, IntOrInts, is_sequence, is_symbolic
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

Axes: TypeAlias = tuple[str | int, ...]
"""Axis labels in the order of an array's axes: 'N', 'C', 'I', 'O', or a spatial dimension."""

Shaped: TypeAlias = Array | jax.ShapeDtypeStruct
DimensionNumbers: TypeAlias = tuple[str, str, str] | lax.ConvDimensionNumbers | None


def flip_kernel(w: Array, axes: Sequence[int]) -> Array:
    """A kernel with its taps in reverse.

    Behind a barrier, or this reversal would cancel that of the transposed convolution, by which XLA
    on a GPU knows it: it would then multiply by zeros inserted into u. Costs a copy of the kernel.
    """
    flipped: Array = lax.optimization_barrier(lax.rev(w, tuple(axes)))
    return flipped


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
    def of_kernel(cls, dimension_numbers: DimensionNumbers, w: Shaped) -> Self:
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

    def of(self, role: str) -> Axes:
        """The axes of 'v', 'w' or 'u'."""
        return {"v": self.v, "w": self.w, "u": self.u}[role]


def canonical_shape(role: str, x: Shaped, axes: Axes) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Shape of the batch axes of v, w or u as they are, and the shape that it has if canonical.

    Args:
        role: 'v', 'w' or 'u', the name of `x`.
        x: an array, or anything with a shape.
        axes: its layout.
    """
    if role == "w":
        _check_known(role, x, x.shape)
        return (), tuple(x.shape[axis] for axis in _kernel_order(axes))
    batch, rest = _batch_and_rest(role, x, axes)
    return batch, (batch[0] if len(batch) == 1 else math.prod(batch), *rest)


def _batch_and_rest(name: str, x: Shaped, axes: Axes) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """Shape of the batch axes of v or u, and of the others in canonical order."""
    batch_ndim = x.ndim - (len(axes) - 1)
    if batch_ndim < 0:
        bare = f" If it has no channels: {name}[..., None]." if x.ndim == len(axes) - 2 else ""
        raise ArgumentValueError(
            f"{name} must have {len(axes) - 1} axes and any number of batch axes",
            f"Pass {name} as {_describe(axes)}, where N may be left out or repeated.{bare}",
            **{name: x},
        )
    shape = tuple(x.shape[axis] for axis in _batch_first(axes, batch_ndim))
    _check_known(name, x, shape[batch_ndim:])
    return shape[:batch_ndim], shape[batch_ndim:]


def signal_to_canonical(name: str, x: Array, axes: Axes) -> tuple[Array, tuple[int, ...]]:
    """[batch, *spatial, channels] of v or u, and the shape of its batch axes as they were."""
    batch, rest = _batch_and_rest(name, x, axes)
    x = x.transpose(_batch_first(axes, len(batch)))
    return (x if len(batch) == 1 else x.reshape(math.prod(batch), *rest)), batch


def signal_from_canonical(x: Array, axes: Axes, batch: tuple[int, ...]) -> Array:
    """Inverse of `signal_to_canonical`."""
    if len(batch) != 1:
        x = x.reshape(*batch, *x.shape[1:])
    order = _batch_first(axes, len(batch))
    return x.transpose([order.index(axis) for axis in range(len(order))])


def kernel_to_canonical(w: Array, axes: Axes) -> Array:
    """[*kernel, in/groups, out]."""
    _check_known("w", w, w.shape)
    return w.transpose(_kernel_order(axes))


def kernel_from_canonical(w: Array, axes: Axes) -> Array:
    """Inverse of `kernel_to_canonical`."""
    order = _kernel_order(axes)
    return jnp.transpose(w, [order.index(axis) for axis in range(len(order))])


def other_layout(name: str, x: Shaped, w: Shaped, groups: int) -> str:
    """What to pass if v or u, whose channels do not fit w, seems to have another layout; else ''.

    Args:
        name: 'v' or 'u', which `x` is.
        x: as the user passed it, without `dimension_numbers`.
        w: likewise.
        groups: of the convolution.
    """
    ndim = w.ndim - 2
    if ndim == 0:
        return (
            "A kernel of 2 axes has no spatial axis. If neither array has channels: "
            f"{name}[..., None] and w[..., None, None]."
        )
    if ndim > 3 or x.ndim <= ndim:
        return ""
    spatial = "".join(_spatial_letters(ndim))
    first, last = f"NC{spatial}", f"N{spatial}C"
    channels = {first: x.shape[-ndim - 1], last: x.shape[-1]}
    found = []
    for kernel in (f"OI{spatial}", f"{spatial}IO"):
        sizes = dict(zip(kernel, w.shape, strict=True))
        taps = math.prod(sizes[letter] for letter in spatial)
        wanted = groups * sizes["I"] if name == "v" else sizes["O"]
        for signal in (first, last):
            if channels[signal] == wanted and sizes["O"] % groups == 0:
                found.append((taps, signal, kernel))
    swapped = x.shape[-1] == w.shape[-1 if name == "v" else -2]
    ungrouped = name == "v" and x.shape[-1] == w.shape[-2]  # `groups` is what does not fit
    if not found or ungrouped or (swapped and channels[first] >= min(x.shape[-ndim:])):
        return ""
    _, signal, kernel = min(found, key=lambda one: one[0])  # kernels are small
    who = f"{name} looks channels-first" if signal == first else f"w looks like {kernel}"
    return f"{who}; pass dimension_numbers={(signal, kernel, signal)}."


def channels_first(ndim: int) -> str:
    """What to pass where u and v seem to be channels-first; '' if there are no letters for it."""
    spatial = "".join(_spatial_letters(ndim))
    signal = f"NC{spatial}"
    numbers = (signal, f"{spatial}IO", signal)
    looks = "u and v look channels-first"
    return f"{looks}; pass dimension_numbers={numbers}." if 1 <= ndim <= 3 else ""


def _check_known(name: str, x: Shaped, sizes: tuple[Any, ...]) -> None:
    if any(map(is_symbolic, sizes)):
        raise ArgumentTypeError(
            f"{name} must have sizes that are known, and here one is symbolic",
            SYMBOLIC,
            **{name: x},
        )


def _batch_first(axes: Axes, batch_ndim: int) -> list[int]:
    """Axes of an array laid out as `axes`, N repeated `batch_ndim` times, in canonical order."""
    first = axes.index("N")
    begin = {label: i if i < first else i + batch_ndim - 1 for i, label in enumerate(axes)}
    batch = range(first, first + batch_ndim)
    return [*batch, *(begin[dim] for dim in range(len(axes) - 2)), begin["C"]]


def _kernel_order(axes: Axes) -> list[int]:
    return [axes.index(label) for label in (*range(len(axes) - 2), "I", "O")]


def _describe(axes: Axes) -> str:
    """('N', 0, 1, 'C') -> '(N, H, W, C)'; spatial dimensions by number where they have no names."""
    names = _spatial_letters(len(axes) - 2)
    return f"({', '.join(str(a) if isinstance(a, str) else names[a] for a in axes)})"


def _spatial_letters(ndim: int) -> tuple[str, ...]:
    return tuple("DHW"[3 - ndim :]) if 1 <= ndim <= 3 else tuple(map(str, range(ndim)))


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
