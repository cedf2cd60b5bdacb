"""Depthwise legs by multiply-adds: one input and one output channel per group, no matrix products.

A tap contributes a shifted copy of the signal times one number per channel; XLA fuses all taps of a
phase into one loop over memory. The signal is padded before that loop: inside it, bounds would be
checked for every tap and cell, which made the loop 2 to 4 times slower. G sums products over all
output positions: it iterates over rows and adds whole rows, because only a loop with the channels
innermost uses the vector units. G also takes groups of a few channels.
"""

import dataclasses
import functools
import itertools
import math
import operator
from collections.abc import Iterable, Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, unless_depthwise
from jaxdeconv.algorithms.tap_blocks import in_blocks
from jaxdeconv.algorithms.windows import (
    cells_of_a_phase,
    interleave,
    pad_with_zeros,
    phases_in_place,
    taps,
    window,
)
from jaxdeconv.geometry import ConvGeometry

MANY = 128
"""More taps than this are computed in blocks: one fused loop would take longer to compile than it
saves."""


MANY_OF_A_GRADIENT = 32
"""The same for G, which has a loop and several rows for each tap."""


@in_blocks("conv", MANY)
def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v: the sum over taps of a window times the tap."""
    geometry = problem.geometry
    padded = _kept(pad_with_zeros(v, geometry.padding), problem).astype(problem.accumulator)
    w = w.astype(problem.accumulator)
    terms = (_scale(window(padded, geometry, tap), w[tap]) for tap in taps(geometry))
    return _sum(terms)


@in_blocks("conv_transpose", MANY)
def conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    """K^T u: for every phase the sum of its taps' contributions, shifted."""
    geometry = problem.geometry
    ndim = geometry.ndim
    reach = [_reach(geometry, dim) for dim in range(ndim)]
    padded = pad_with_zeros(u, reach)
    padded = _kept(padded, problem).astype(problem.accumulator)
    w = w.astype(problem.accumulator)
    parts = []
    for chosen in itertools.product(*(phases_in_place(geometry, dim) for dim in range(ndim))):
        begins = [phase.start + low for phase, (low, _) in zip(chosen, reach, strict=True)]
        places = itertools.product(
            *(zip(phase.taps, phase.shifts, strict=True) for phase in chosen)
        )
        terms = [_shifted_tap(padded, w, place, begins, problem) for place in places]
        parts.append(_sum(terms) if terms else None)
    return interleave(parts, geometry)


@in_blocks("kernel_gradient", MANY_OF_A_GRADIENT)
def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v), with every pair of channels of a group as a separate group."""
    geometry, (in_channels, out_channels) = (
        problem.geometry,
        (problem.in_per_group, problem.out_per_group),
    )
    if in_channels * out_channels == 1:
        return _kernel_gradient(u, v, problem)
    pairs = (geometry.groups, in_channels, out_channels)
    v = jnp.broadcast_to(v.reshape(*v.shape[:-1], *pairs[:2], 1), (*v.shape[:-1], *pairs))
    u = jnp.broadcast_to(
        u.reshape(*u.shape[:-1], pairs[0], 1, out_channels), (*u.shape[:-1], *pairs)
    )
    channels = math.prod(pairs)
    problem = dataclasses.replace(
        problem,
        geometry=dataclasses.replace(geometry, groups=channels),
        in_channels=channels,
        out_channels=channels,
    )
    u, v = (x.reshape(*x.shape[:-3], channels) for x in (u, v))
    w = _kernel_gradient(u, v, problem)
    w = jnp.moveaxis(w.reshape(*geometry.kernel_size, *pairs), -3, -2)
    return w.reshape(*geometry.kernel_size, in_channels, -1)


def _kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    padded = pad_with_zeros(v, geometry.padding).astype(problem.accumulator)
    u = u.astype(problem.accumulator)
    in_rows = problem.platform == "cpu" and not problem.partitioned
    if geometry.ndim < 2 or problem.batch is None or not in_rows:
        products = [window(padded, geometry, tap) * u for tap in taps(geometry)]
        over = tuple(range(geometry.ndim + 1))
        sums = [p.sum(over, dtype=p.dtype) for p in products]
    else:
        totals = _sums_of_rows(u, padded, problem)
        over = tuple(range(geometry.ndim))
        sums = [total.sum(over, dtype=total.dtype) for total in totals]
    return jnp.stack(sums).reshape(*geometry.kernel_size, 1, -1)


AT_ONCE = 4
"""This many rows of u are summed before they are added to a total, because the totals leave the
fast caches between two steps."""


def _sums_of_rows(u: Array, padded: Array, problem: Problem) -> list[Array]:
    """For every tap, its window times u, summed over rows: [1, *output_size[1:], channels]."""
    geometry = problem.geometry
    rows, s = geometry.output_size[0], geometry.stride[0]
    at_once = max((n for n in range(1, AT_ONCE + 1) if rows % n == 0), default=1)
    height = s * (at_once - 1) + geometry.dilated_kernel_size[0]
    columns = list(dict.fromkeys(tap[1:] for tap in taps(geometry)))

    def row_of(x: Array, image: Array, row: Array) -> Array:
        whole_row = (1, 1, *x.shape[2:])
        return lax.dynamic_slice(x, [image, row, *[0] * geometry.ndim], whole_row)[:, 0]

    def add(totals: list[Array], step: Array) -> tuple[list[Array], None]:
        image, first = step * at_once // rows, step * at_once % rows
        seen = [row_of(padded, image, first * s + y) for y in range(height)]
        weights = [row_of(u, image, first + y) for y in range(at_once)]
        sums = []
        for t, column in itertools.product(range(geometry.kernel_size[0]), columns):
            below = [seen[s * y + geometry.dilation[0] * t] for y in range(at_once)]
            cells = [_window_of_row(row, column, problem) for row in below]
            sums.append(_sum(map(operator.mul, cells, weights)))
        return [total + part for total, part in zip(totals, sums, strict=True)], None

    # one total per tap, not one array of all: XLA makes each a loop that fills the vector units
    start = [jnp.zeros((1, *u.shape[2:]), problem.accumulator)] * problem.kernel_taps
    return lax.scan(add, start, jnp.arange(problem.batch_size * rows // at_once))[0]


def _window_of_row(cells: Array, tap: tuple[int, ...], problem: Problem) -> Array:
    """`window` of a row of the first spatial dimension, by a tap of the others."""
    geometry = problem.geometry
    for dim, t in enumerate(tap, start=1):
        begin, s = geometry.dilation[dim] * t, geometry.stride[dim]
        end = begin + s * (geometry.output_size[dim] - 1) + 1
        cells = lax.slice_in_dim(cells, begin, end, s, axis=dim)
    return cells


def _kept(padded: Array, problem: Problem) -> Array:
    """The padded signal as an array in memory, which XLA:CPU does not recompute for every tap."""
    return lax.optimization_barrier(padded) if problem.platform == "cpu" else padded


def _reach(geometry: ConvGeometry, dim: int) -> tuple[int, int]:
    """How many cells before and after u the phases of K^T read along one dimension."""
    cells = cells_of_a_phase(geometry)[dim]
    starts = [p.start - shift for p in phases_in_place(geometry, dim) for shift in p.shifts]
    beyond = max(starts, default=0) + cells - geometry.output_size[dim]
    return max(0, -min(starts, default=0)), max(0, beyond)


def _shifted_tap(
    padded: Array,
    w: Array,
    place: tuple[tuple[int, int], ...],
    begins: Sequence[int],
    problem: Problem,
) -> Array:
    """One tap times u at the q of one phase, the first of which is at `begins` of `padded`."""
    sizes = zip(place, begins, cells_of_a_phase(problem.geometry), strict=True)
    for dim, ((_, shift), begin, cells) in enumerate(sizes):
        padded = lax.slice_in_dim(padded, begin - shift, begin - shift + cells, axis=1 + dim)
    return _scale(padded, w[tuple(tap for tap, _ in place)])


def _scale(x: Array, tap: Array) -> Array:
    """[..., channels] times [1, channels]."""
    return x * lax.broadcast_in_dim(tap[0], x.shape, (x.ndim - 1,))


def _sum(terms: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, terms)


FEW_PAIRS = 16
"""G treats up to this many pairs of channels per group as that many groups."""


def _reject_gradient(problem: Problem, platform: str) -> str:
    pairs, groups = problem.in_per_group * problem.out_per_group, problem.geometry.groups
    if pairs > FEW_PAIRS or groups == 1 < pairs:
        return f"only for several groups of up to {FEW_PAIRS} pairs of channels"
    if pairs > 1 and platform != "cpu":
        return "several channels per group are fast on CPUs only"
    return ""


def _work(problem: Problem) -> Work:
    cells = problem.batch_size * max(problem.output_positions, problem.input_cells)
    padded = cells * problem.in_channels * problem.accumulator.itemsize
    moved = padded if problem.platform == "cpu" else 0.0
    if problem.platform == "gpu" and (
        problem.geometry.ndim == 3 or max(problem.geometry.dilation) > 1
    ):
        # G then wants channels first, and XLA:GPU would compute every tap in that layout
        moved = 4 * (problem.bytes("v") + problem.bytes("u"))
    return Work(
        problem.batch_size * problem.output_positions,
        problem.kernel_taps,
        1,
        problem.geometry.groups,
        vector=True,
        moved=moved,
    )


def _work_gradient(problem: Problem) -> Work:
    rows = problem.batch_size * problem.geometry.output_size[0] if problem.geometry.ndim else 1
    work, pairs = _work(problem), problem.in_per_group * problem.out_per_group
    if problem.platform != "cpu":  # a kernel for every tap
        each = problem.bytes("v") + problem.bytes("u")
        taps = problem.kernel_taps
        return dataclasses.replace(work, moved=taps * each, calls=1 + taps)
    return dataclasses.replace(
        work,
        m=work.k,
        k=work.m,
        times=work.times * pairs,
        moved=work.moved * problem.out_per_group,
        calls=rows,
    )


CONV = Algorithm("depthwise", conv, unless_depthwise, _work)
CONV_TRANSPOSE = Algorithm("depthwise", conv_transpose, unless_depthwise, _work)
KERNEL_GRADIENT = Algorithm("depthwise", kernel_gradient, _reject_gradient, _work_gradient)
