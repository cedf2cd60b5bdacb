"""A leg on the blocks that the devices hold.

The forward convolution and the kernel gradient fetch v, the transposed convolution fetches u: what
a device returns it has computed whole, and rounds as one device would. Sums are divided only where
channels are that are summed over, and in the kernel gradient; they are formed in the accumulator's
dtype. Dimensions are fetched one after the other, so that corners need nothing of their own.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
from jax import Array, lax
from jax.sharding import PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.boundary import fold, pad, source_index
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.sharding.dimension import Dimension, Image
from jaxdeconv.sharding.fetch import cut, fetch, fill, give_back, only_first, only_needed
from jaxdeconv.sharding.layout import Layout, MeshAxes
from jaxdeconv.sharding.windows import Copies, Window, ceil_div

__all__ = ["Compute", "DividedLeg", "watched"]

Compute: TypeAlias = Callable[[Array, Array, ConvGeometry], Array]
"""A leg with zero padding on one device, (x, y, geometry) -> result in the accumulator's dtype."""


_WATCHERS: list[list[tuple["DividedLeg", tuple[str, ...]]]] = []


@contextlib.contextmanager
def watched() -> Iterator[list[tuple["DividedLeg", tuple[str, ...]]]]:
    """A list to which every leg is added that is divided meanwhile, with what had to be resharded.

    Not a context variable: XLA calls its callbacks in threads of its own.
    """
    seen: list[tuple[DividedLeg, tuple[str, ...]]] = []
    _WATCHERS.append(seen)
    try:
        yield seen
    finally:
        _WATCHERS[:] = [one for one in _WATCHERS if one is not seen]


@dataclasses.dataclass(frozen=True)
class DividedLeg:
    """A leg, and how it is divided among devices. One device alone is a layout too.

    Attributes:
        problem: of the whole.
        padding_mode: what the padding holds.
        layout: which mesh axes divide what.
        mesh_sizes: of the mesh axes.
        manual: whether the blocks of the result are the user's: then they end in zeros.
    """

    problem: Problem
    padding_mode: str
    layout: Layout
    mesh_sizes: Mapping[str, int]
    manual: bool = False

    def parts(self, axes: MeshAxes) -> int:
        """Among how many devices these mesh axes divide."""
        return math.prod(self.mesh_sizes[axis] for axis in axes)

    def divided(self, role: str) -> list[tuple[int, MeshAxes, int]]:
        """The divided axes of v, w or u: (number, mesh axes, size of the whole)."""
        axes, shape = self.layout.axes(role), self.problem.shape(role)
        found = zip(range(len(axes)), axes, shape, strict=True)
        return [(dim, names, size) for dim, names, size in found if self.parts(names) > 1]

    def note(self, given: Mapping[str, tuple[MeshAxes, ...]]) -> None:
        """Add this leg to the lists of `watched`.

        Args:
            given: how the operands were sharded before.
        """
        operands = LEGS[self.problem.leg].operands
        moved = (self._moved(role, given[role]) for role in operands if role in given)
        told = tuple(filter(None, moved))
        for seen in _WATCHERS:
            seen.append((self, told))

    def _moved(self, role: str, before: tuple[MeshAxes, ...]) -> str:
        """What has to be gathered of an operand, and why; '' where blocks are cut at most."""
        now = self.layout.axes(role)
        pairs = enumerate(zip(before, now, strict=True))
        gathered = [dim for dim, (old, new) in pairs if new[: len(old)] != old]
        if not gathered:
            return ""
        why = "the arrays are sharded differently"
        if role == "w" and gathered[0] < self.problem.geometry.ndim:
            why = "spatial axes of a kernel stay whole"
        elif self.problem.geometry.groups > 1 and gathered[0] >= len(now) - 2 + (role != "w"):
            why = "groups stay whole"
        old = PartitionSpec(*(axes or None for axes in before))
        return f"{role} is resharded from {old} to {self.layout.spec(role)}: {why}"

    def apply(self, x: Array, y: Array, compute: Compute, dtype: np.dtype) -> Array:
        """The leg on one device's blocks of the operands, where the mesh axes are manual.

        Args:
            x: block of the first operand. Behind the end of a whole axis there may be anything.
            y: of the second.
            compute: the leg on one device.
            dtype: of the result.

        In `manual` mode, the kernel gradient is that of the device's own block of u.

        Returns:
            The block of the result; behind the end of a whole axis there may be anything.
        """
        leg, summed = LEGS[self.problem.leg], self.layout.summed(LEGS[self.problem.leg])
        blocks = zip(leg.operands, (x, y), strict=True)
        arrays = {role: self._without_rest(role, block) for role, block in blocks}
        geometry = self._without_halo()
        # borders that every device has of its own come last: they need not be sent
        for dim in sorted(range(geometry.ndim), key=lambda dim: not self.layout.space[dim]):
            fetched = "u" if leg.result == "v" else "v"
            step = self._fetch_u if leg.result == "v" else self._fetch_v
            arrays[fetched], geometry = step(arrays[fetched], dim, geometry)
        first, second = leg.operands
        result = compute(arrays[first], arrays[second], geometry)
        if leg.result == "v":
            for dim in range(geometry.ndim):
                result = self._finish_v(result, dim)
        if self.manual:
            for dim, axes, size in self.divided(leg.result):
                result = only_first(result, dim, axes, size)
        elif summed:
            result = lax.psum(result, summed)
        return result.astype(dtype)

    def _without_rest(self, role: str, x: Array) -> Array:
        """Zeros behind the end of what is summed over, but for what is fetched: `fetch` does it."""
        summed = {*self.layout.summed(LEGS[self.problem.leg])}
        for dim, axes, size in self.divided(role):
            is_fetched = role == "v" and axes in self.layout.space
            if {*axes} <= summed and not is_fetched:
                x = only_first(x, dim, axes, size)
        return x

    def _without_halo(self) -> ConvGeometry:
        """The geometry of groups and contracted dimensions of one device, as there is no halo."""
        whole, layout = self.problem.geometry, self.layout
        sizes, kernel = list(whole.input_size), list(whole.kernel_size)
        for dim, axes in enumerate(layout.contracted):
            if axes:
                sizes[dim] = kernel[dim] = ceil_div(sizes[dim], self.parts(axes))
        return whole.replace(
            input_size=tuple(sizes),
            kernel_size=tuple(kernel),
            groups=whole.groups // self.parts(layout.groups),
        )

    def window(self, dim: int) -> Window:
        """What the devices need of v along a divided dimension."""
        return self._dimension(dim).window(self.parts(self.layout.space[dim]))

    def copies(self, dim: int) -> tuple[Copies, ...]:
        """What the padding of v holds there."""
        source = self._source(dim)
        low, _ = self.problem.geometry.padding[dim]
        return () if source is None else self.window(dim).copies(source, low)

    def image(self, dim: int) -> Image:
        """What the devices need of u along a divided dimension, and what they make of it."""
        return self._dimension(dim).image(self.parts(self.layout.space[dim]), self._source(dim))

    def _dimension(self, dim: int) -> Dimension:
        return Dimension.of(self.problem.geometry, dim)

    def _source(self, dim: int) -> list[int] | None:
        """Which cell of v is copied to each place of the padded axis; None if it is zeros."""
        if self.padding_mode == "zeros":
            return None
        size, pair = self.problem.geometry.input_size[dim], self.problem.geometry.padding[dim]
        source: list[int] = source_index(size, *pair, self.padding_mode).tolist()
        return source

    def _fetch_v(self, v: Array, dim: int, local: ConvGeometry) -> tuple[Array, ConvGeometry]:
        """V with what the device's outputs need, and the geometry of the convolution of that."""
        axes, axis = self.layout.space[dim], 1 + dim
        if self.parts(axes) > 1:
            window, block = self.window(dim), v
            v = fetch(block, axis, axes, window)
            for copies in self.copies(dim):
                v = fill(v, block, axis, axes, copies)
            if self.problem.leg == "kernel_gradient":
                v = only_needed(v, axis, axes, window)  # a NaN times zero is no zero
        elif self._has_border(dim):
            v = pad(v, self._padding(dim), self.padding_mode)
        else:
            return v, local
        return v, _with(local, dim, v.shape[axis], (0, 0))

    def _fetch_u(self, u: Array, dim: int, local: ConvGeometry) -> tuple[Array, ConvGeometry]:
        """U with what the device's cells of v need, and the geometry of their convolution."""
        axes = self.layout.space[dim]
        if self.parts(axes) > 1:
            image = self.image(dim)
            u = fetch(u, 1 + dim, axes, image.window)
            return u, _with(local, dim, image.size, image.padding)
        if self._has_border(dim):
            return u, _with(local, dim, self.problem.geometry.padded_size[dim], (0, 0))
        return u, local

    def _finish_v(self, v: Array, dim: int) -> Array:
        """The device's own cells of its image, and the padding folded back."""
        axes, axis = self.layout.space[dim], 1 + dim
        if self.parts(axes) > 1:
            image, whole = self.image(dim), v
            block = ceil_div(self.problem.geometry.input_size[dim], self.parts(axes))
            v = cut(whole, axis, axes, image.offsets, block)
            for back in image.returns:
                v = give_back(v, whole, axis, axes, back)
        elif self._has_border(dim):
            size = list(v.shape[1:-1])
            size[dim] = self.problem.geometry.input_size[dim]
            v = fold(v, tuple(size), self._padding(dim), self.padding_mode)
        return v

    def _has_border(self, dim: int) -> bool:
        return self.padding_mode != "zeros" and self.problem.geometry.padding[dim] != (0, 0)

    def _padding(self, dim: int) -> tuple[tuple[int, int], ...]:
        """The padding of one dimension, and none of the others."""
        padding = self.problem.geometry.padding
        return tuple(pair if j == dim else (0, 0) for j, pair in enumerate(padding))


def _with(geometry: ConvGeometry, dim: int, size: int, padding: tuple[int, int]) -> ConvGeometry:
    """The geometry with another input size and padding of one dimension."""
    sizes, paddings = list(geometry.input_size), list(geometry.padding)
    sizes[dim], paddings[dim] = size, padding
    return geometry.replace(input_size=tuple(sizes), padding=tuple(paddings))
