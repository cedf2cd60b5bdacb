"""K^T as dense stride-1 convolutions of u, one for each phase of the stride.

The residues of the stretched grid are convolutions of u with their own taps of the flipped kernel
(`windows`). How many of the dimensions have their residues as output channels of one convolution,
and how many as convolutions of their own, makes three algorithms:

- `phases`: every residue its own convolution; no waste, prod(stride) convolutions.
- `row_phases`: the last dimension's residues as channels: they are already interleaved in memory.
- `subpixel`: all as channels: one convolution and a depth-to-space; where the stride does not
  divide the kernel, the missing taps are multiplied as zeros.

References: Shi et al. 2016, arXiv:1609.05158 and arXiv:1609.07009 (the sub-pixel form).
"""

import itertools
import math

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, needs_floats
from jaxdeconv.algorithms.windows import coarse_range, coarse_size, interleave, phases
from jaxdeconv.geometry import ConvGeometry


def conv_transpose(u: Array, w: Array, problem: Problem, as_channels: int) -> Array:
    """K^T u, the residues of the last `as_channels` dimensions being output channels."""
    geometry = problem.geometry
    ndim, own = geometry.ndim, geometry.ndim - as_channels
    kernel = _swap_channels(w, problem)
    along = [phases(geometry, dim) for dim in range(ndim)]
    parts = []
    for residues in itertools.product(*(range(s) for s in geometry.stride[:own])):
        chosen = [along[dim][r] for dim, r in enumerate(residues)]
        if not all(phase.taps for phase in chosen):
            shape = (u.shape[0], *coarse_size(geometry), *geometry.stride[own:], problem.ins)
            parts.append(jnp.zeros(shape, problem.accumulator))
            continue
        taps = kernel
        for dim, phase in enumerate(chosen):
            taps = lax.slice_in_dim(taps, phase.taps.start, None, phase.taps.step, axis=dim)
        first = [phase.shifts[0] for phase in chosen] + [0] * as_channels
        spacing = [phase.shifts.step for phase in chosen] + [1] * as_channels
        taps = _residues_to_channels(taps, geometry, own)
        parts.append(_convolve(u, taps, first, spacing, problem, own))
    stacked = jnp.stack(parts, axis=1 + ndim) if own else parts[0]
    shape = (u.shape[0], *coarse_size(geometry), *geometry.stride, problem.ins)
    return interleave(stacked.reshape(shape), geometry)


def _swap_channels(w: Array, problem: Problem) -> Array:
    """[*kernel, in/groups, out] -> [*kernel, out/groups, groups, in/groups]."""
    blocks = w.reshape(*w.shape[:-1], problem.geometry.groups, problem.outs_per_group)
    ndim = w.ndim - 2
    return blocks.transpose(*range(ndim), ndim + 2, ndim + 1, ndim)


def _residues_to_channels(taps: Array, geometry: ConvGeometry, own: int) -> Array:
    """[*own taps, *kernel, o, g, c] -> [*own taps, *taps of a residue, o, g, *stride, c]."""
    ndim = geometry.ndim
    shape = list(taps.shape[:own])
    pads = [(0, 0, 0)] * taps.ndim
    front, residues = list(range(own)), []
    for dim in range(own, ndim):
        k, s = geometry.kernel_size[dim], geometry.stride[dim]
        m = -(-k // s)
        pads[dim] = (0, m * s - k, 0)
        front.append(len(shape))
        residues.append(len(shape) + 1)
        shape += [m, s]
    last = len(shape)
    taps = lax.pad(taps, jnp.zeros((), taps.dtype), pads).reshape(*shape, *taps.shape[-3:])
    return taps.transpose(*front, last, last + 1, *residues, last + 2)


def _convolve(
    u: Array, taps: Array, first: list[int], spacing: list[int], problem: Problem, own: int
) -> Array:
    """Sum of u[q - shift] taps over the taps -> [batch, *coarse_size, *stride[own:], in]."""
    geometry = problem.geometry
    ndim, groups = geometry.ndim, geometry.groups
    pads = []
    for dim in range(ndim):
        q0, q1 = coarse_range(geometry, dim)
        last = first[dim] + spacing[dim] * (taps.shape[dim] - 1)
        pads.append((last - q0, q1 - first[dim] - (geometry.output_size[dim] - 1)))
    kernel = lax.rev(taps.reshape(*taps.shape[: ndim + 1], -1), tuple(range(ndim)))
    spatial = tuple(range(1, ndim + 1))
    signal = (0, ndim + 1, *spatial)
    y = lax.conv_general_dilated(
        u,
        kernel,
        window_strides=(1,) * ndim,
        padding=pads,
        rhs_dilation=spacing,
        dimension_numbers=lax.ConvDimensionNumbers(signal, (ndim + 1, ndim, *range(ndim)), signal),
        feature_group_count=groups,
        precision=problem.precision,
        preferred_element_type=problem.accumulator,
    )
    residues = geometry.stride[own:]
    y = y.reshape(*y.shape[: ndim + 1], groups, *residues, problem.ins_per_group)
    y = jnp.moveaxis(y, ndim + 1, -2)  # groups behind the residues
    return y.reshape(*y.shape[: ndim + 1], *residues, problem.ins)


MANY = 32
"""More convolutions than this in one leg take longer to compile than they can save."""


def _reject(problem: Problem, platform: str, as_channels: int) -> str:
    geometry = problem.geometry
    ndim, own = geometry.ndim, geometry.ndim - as_channels
    if 0 < as_channels < ndim and math.prod(geometry.stride[:own]) == 1:
        return "no stride before the last dimension: the same as `subpixel`"
    if as_channels and math.prod(geometry.stride[own:]) == 1:
        return "no stride to turn into channels: the same as `phases`"
    if any(d > 1 for d in geometry.dilation[own:]):
        return "dilation: the residues have different shifts"
    if math.prod(geometry.stride[:own]) > MANY:
        return f"more than {MANY} convolutions to compile"
    return needs_floats(problem, platform)


def _work(problem: Problem, as_channels: int) -> Work:
    geometry = problem.geometry
    own = geometry.ndim - as_channels
    residues = math.prod(geometry.stride[own:])
    taps = math.prod(geometry.kernel_size[:own]) * math.prod(
        -(-k // s) for k, s in zip(geometry.kernel_size[own:], geometry.stride[own:], strict=True)
    )
    convolutions = math.prod(geometry.stride[:own])
    positions = problem.images * math.prod(coarse_size(geometry))
    result = problem.images * problem.cells * problem.ins * problem.accumulator.itemsize
    return Work(
        positions * convolutions,
        taps / convolutions * problem.outs_per_group,
        residues * problem.ins_per_group,
        geometry.groups,
        moved=result if max(geometry.stride, default=1) > 1 else 0,
        calls=1 + convolutions,
        memory=result,
    )


PHASES = Algorithm(
    "phases",
    lambda u, w, problem: conv_transpose(u, w, problem, 0),
    lambda problem, platform: _reject(problem, platform, 0),
    lambda problem: _work(problem, 0),
)
ROW_PHASES = Algorithm(
    "row_phases",
    lambda u, w, problem: conv_transpose(u, w, problem, 1),
    lambda problem, platform: _reject(problem, platform, 1),
    lambda problem: _work(problem, 1),
)
SUBPIXEL = Algorithm(
    "subpixel",
    lambda u, w, problem: conv_transpose(u, w, problem, problem.geometry.ndim),
    lambda problem, platform: _reject(problem, platform, problem.geometry.ndim),
    lambda problem: _work(problem, problem.geometry.ndim),
)
