"""A kernel of many taps as a loop over blocks of them, so that the compiled program stays small.

K is the sum over blocks of a smaller K: the taps of that block on the part of the padded input that
they read. Every block has all taps of the last dimensions, some taps of one dimension before them,
and one tap of each earlier dimension.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms.problem import Apply, Problem
from jaxdeconv.algorithms.windows import pad_with_zeros
from jaxdeconv.geometry import ConvGeometry


@dataclasses.dataclass(frozen=True)
class Blocks:
    """The blocks of one problem's kernel.

    Attributes:
        problem: the problem with the whole kernel.
        size: of one block, in taps per dimension; it divides the kernel size.
    """

    problem: Problem
    size: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem, most: int) -> "Blocks":
        """Blocks of up to `most` taps."""
        size: list[int] = []
        for k in reversed(problem.geometry.kernel_size):
            limit = max(1, most // math.prod(size))
            size.insert(0, max(n for n in range(1, min(k, limit) + 1) if k % n == 0))
            if size[0] < k:
                most = 0  # then one tap of each earlier dimension
        return cls(problem, tuple(size))

    @functools.cached_property
    def one(self) -> Problem:
        """The problem of one block, on the part of the padded input that it reads."""
        whole = self.problem.geometry
        geometry = ConvGeometry(
            self.reads, self.size, whole.stride, 0, whole.dilation, whole.groups
        )
        return dataclasses.replace(self.problem, geometry=geometry)

    @property
    def reads(self) -> tuple[int, ...]:
        """Spatial size of what one block reads."""
        geometry = self.problem.geometry
        return tuple(
            s * (o - 1) + d * (b - 1) + 1
            for s, o, d, b in zip(
                geometry.stride, geometry.output_size, geometry.dilation, self.size, strict=True
            )
        )

    @property
    def _window(self) -> list[tuple[int, int]]:
        """Padding that makes v exactly what all blocks together read."""
        geometry = self.problem.geometry
        return [
            (low, s * (o - 1) + k - n - low)
            for n, s, o, k, (low, _) in zip(
                geometry.input_size,
                geometry.stride,
                geometry.output_size,
                geometry.dilated_kernel_size,
                geometry.padding,
                strict=True,
            )
        ]

    @property
    def _counts(self) -> list[int]:
        sizes = zip(self.problem.geometry.kernel_size, self.size, strict=True)
        return [k // b for k, b in sizes]

    def _begins(self) -> Array:
        """The first cell that each block reads in the padded input: [blocks, ndim]."""
        index = np.indices(self._counts).reshape(len(self.size), -1).T
        return jnp.asarray(index * np.multiply(self.size, self.problem.geometry.dilation), "int32")

    def _split(self, w: Array) -> Array:
        """[*kernel, i, o] -> [blocks, *size, i, o]."""
        ndim = len(self.size)
        pairs = zip(self._counts, self.size, strict=True)
        w = w.reshape(*(n for pair in pairs for n in pair), *w.shape[-2:])
        order = (*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2), 2 * ndim, 2 * ndim + 1)
        return w.transpose(order).reshape(-1, *self.size, *w.shape[-2:])

    def _joined(self, blocks: Array) -> Array:
        """The inverse of `_split`."""
        ndim = len(self.size)
        w = blocks.reshape(*self._counts, *blocks.shape[1:])
        order = [axis for dim in range(ndim) for axis in (dim, ndim + dim)]
        w = w.transpose(*order, 2 * ndim, 2 * ndim + 1)
        return w.reshape(*self.problem.geometry.kernel_size, *w.shape[-2:])

    def _part(self, padded: Array, begin: Array) -> Array:
        return lax.dynamic_slice(
            padded, self._place(begin), (padded.shape[0], *self.reads, padded.shape[-1])
        )

    def _place(self, begin: Array) -> tuple[Any, ...]:
        zero = jnp.zeros((), begin.dtype)
        return (zero, *(begin[dim] for dim in range(len(self.size))), zero)

    def conv(self, step: Apply, v: Array, w: Array) -> Array:
        """K v, `step` being K of one block."""
        padded = pad_with_zeros(v, self._window)
        shape = (v.shape[0], *self.problem.geometry.output_size, self.problem.out_channels)

        def add(u: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
            begin, taps = block
            return u + step(self._part(padded, begin), taps, self.one), None

        start = jnp.zeros(shape, self.problem.accumulator)
        return lax.scan(add, start, (self._begins(), self._split(w)))[0]

    def conv_transpose(self, step: Apply, u: Array, w: Array) -> Array:
        """K^T u, `step` being K^T of one block."""
        window = self._window
        sizes = zip(self.problem.geometry.input_size, window, strict=True)
        shape = (
            u.shape[0],
            *(n + low + high for n, (low, high) in sizes),
            self.problem.in_channels,
        )

        def add(padded: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
            begin, taps = block
            sums = self._part(padded, begin) + step(u, taps, self.one)
            return lax.dynamic_update_slice(padded, sums, self._place(begin)), None

        start = jnp.zeros(shape, self.problem.accumulator)
        padded = lax.scan(add, start, (self._begins(), self._split(w)))[0]
        return pad_with_zeros(padded, [(-low, -high) for low, high in window])

    def kernel_gradient(self, step: Apply, u: Array, v: Array) -> Array:
        """G(u, v), `step` being G of one block."""
        padded = pad_with_zeros(v, self._window)
        blocks = lax.map(lambda begin: step(u, self._part(padded, begin), self.one), self._begins())
        return self._joined(blocks)


def in_blocks(leg: str, most: int) -> Callable[[Apply], Apply]:
    """Decorate a leg's `apply` to compute kernels of more than `most` taps block by block."""

    def wrap(step: Apply) -> Apply:
        @functools.wraps(step)
        def apply(x: Array, y: Array, problem: Problem) -> Array:
            if problem.kernel_taps <= most:
                return step(x, y, problem)
            return getattr(Blocks.of(problem, most), leg)(step, x, y)

        return apply

    return wrap
