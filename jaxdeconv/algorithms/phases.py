"""K^T as dense stride-1 convolutions of u, one for each phase of the stride.

Each residue of the result modulo the stride is a convolution of u with its own taps of the flipped
kernel (see `windows`). Two forms, the second also with oneDNN's convolution:

- `phases`: one convolution per residue; prod(stride) convolutions, no unnecessary multiplication.
- `subpixel`: all residues as output channels of one convolution, then a depth-to-space. If the
  stride does not divide the kernel, the missing taps are stored zeros: a NaN in u then spreads to
  entries that do not depend on it.

A mixture (residues of the last dimension only as channels) was measured, and was nowhere faster by
more than a tenth.

References: Shi et al. 2016, arXiv:1609.05158 and arXiv:1609.07009 (the sub-pixel form).
"""

import functools
import itertools
import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms import dnnl
from jaxdeconv.algorithms.convolutions import (
    Convolve,
    by_onednn,
    by_xla,
    onednn_is_missing,
    pass_over,
)
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, xla_is_unfit
from jaxdeconv.algorithms.windows import (
    cells_of_a_phase,
    coarse_range,
    coarse_size,
    crop,
    interleave,
    phases_in_place,
    swap_channels,
)


def by_phases(u: Array, w: Array, problem: Problem, *, convolve: Convolve) -> Array:
    """K^T u, with one convolution per residue."""
    geometry = problem.geometry
    ndim = geometry.ndim
    kernel = swap_channels(w, geometry.groups).reshape(*w.shape[:-2], -1, problem.in_channels)
    parts: list[Array | None] = []
    for chosen in itertools.product(*(phases_in_place(geometry, dim) for dim in range(ndim))):
        if not all(phase.taps for phase in chosen):
            parts.append(None)
            continue
        taps = kernel
        for dim, phase in enumerate(chosen):
            taps = lax.slice_in_dim(taps, phase.taps.start, None, phase.taps.step, axis=dim)
        # the phase's taps in order, each shifted by `spacing` more than the one before: dilation
        first = [phase.shifts.start for phase in chosen]
        spacing = [phase.shifts.step for phase in chosen]
        reach = [
            (phase.start, phase.start + cells - 1)
            for phase, cells in zip(chosen, cells_of_a_phase(geometry), strict=True)
        ]
        parts.append(_at_shifts(convolve, u, taps, first, spacing, reach, problem))
    return interleave(parts, geometry)


def by_subpixel(u: Array, w: Array, problem: Problem, *, convolve: Convolve) -> Array:
    """K^T u, with all residues as channels of one convolution; no dilation."""
    geometry = problem.geometry
    ndim, stride = geometry.ndim, geometry.stride
    kernel = _residues_to_channels(swap_channels(w, geometry.groups), problem)
    reach = [coarse_range(geometry, dim) for dim in range(ndim)]
    y = _at_shifts(convolve, u, kernel, [0] * ndim, [1] * ndim, reach, problem)
    y = y.reshape(*y.shape[: 1 + ndim], geometry.groups, *stride, problem.in_per_group)
    group, channel = 1 + ndim, 2 + 2 * ndim
    pairs = [axis for dim in range(ndim) for axis in (1 + dim, 2 + ndim + dim)]
    y = y.transpose(0, *pairs, group, channel)
    return crop(y.reshape(*y.shape[: 1 + 2 * ndim], problem.in_channels), geometry)


def _residues_to_channels(kernel: Array, problem: Problem) -> Array:
    """[*kernel, o, groups, c] -> [*taps of a residue, o, groups * prod(stride) * c]."""
    ndim = problem.geometry.ndim
    pads, split = [(0, 0, 0)] * kernel.ndim, []
    sizes = zip(problem.geometry.kernel_size, problem.geometry.stride, strict=True)
    for dim, (k, s) in enumerate(sizes):
        taps = -(-k // s)
        pads[dim] = (0, taps * s - k, 0)
        split += [taps, s]
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), pads)
    kernel = kernel.reshape(*split, *kernel.shape[ndim:])
    o, group, c = range(2 * ndim, 2 * ndim + 3)
    kernel = kernel.transpose(*range(0, 2 * ndim, 2), o, group, *range(1, 2 * ndim, 2), c)
    return kernel.reshape(*kernel.shape[: ndim + 1], -1)


def _at_shifts(
    convolve: Convolve,
    u: Array,
    taps: Array,
    first: list[int],
    spacing: list[int],
    reach: list[tuple[int, int]],
    problem: Problem,
) -> Array:
    """The sum over taps t of u[q - first - spacing * t] taps[t], for all q in `reach`.

    Args:
        convolve: XLA's or oneDNN's.
        u: `[batch, *output_size, out]`.
        taps: `[*taps, out/groups, channels]`.
        first: shift of the first tap along each dimension.
        spacing: shift from tap to tap.
        reach: the first and the last q, along each dimension.
        problem: of K^T.

    Returns:
        `[batch, *q, channels]`.
    """
    geometry = problem.geometry
    ndim = geometry.ndim
    pads = _pads(taps.shape, first, spacing, reach, problem)
    evened = [_evened(pair) if problem.platform == "gpu" else pair for pair in pads]
    y = convolve(
        u,
        lax.rev(taps, tuple(range(ndim))),
        problem,
        strides=(1,) * ndim,
        padding=evened,
        rhs_dilation=spacing,
    )
    for dim, ((q0, q1), even, pair) in enumerate(zip(reach, evened, pads, strict=True)):
        if even != pair:
            begin = even[0] - pair[0]
            y = lax.slice_in_dim(y, begin, begin + q1 - q0 + 1, axis=1 + dim)
    return y


def _pads(
    taps: Sequence[int],
    first: list[int],
    spacing: list[int],
    reach: list[tuple[int, int]],
    problem: Problem,
) -> list[tuple[int, int]]:
    """The padding of u for the sum of `_at_shifts`.

    A convolution reads u at increasing positions, and the sum at decreasing ones: so the taps are
    reversed. Padding makes the first window start at q0 - (shift of the last tap), and the last
    one end at q1 - (shift of the first tap).
    """
    pads = []
    for dim, (q0, q1) in enumerate(reach):
        last = first[dim] + spacing[dim] * (taps[dim] - 1)
        pads.append((last - q0, q1 - first[dim] - (problem.geometry.output_size[dim] - 1)))
    return pads


def _evened(pair: tuple[int, int]) -> tuple[int, int]:
    """Padding alike on both sides: cuDNN knows no other, and XLA would copy u to pad it.

    The results that are too many are cut off where the phases are put in place, at no cost.
    """
    widest = max(pair)
    return (widest, widest) if widest > 0 else pair


MANY = 32
"""More convolutions than this take longer to compile than they save."""


def _too_many(problem: Problem) -> str:
    if math.prod(problem.geometry.stride) > MANY:
        return f"more than {MANY} convolutions to compile"
    return ""


def _no_channels(problem: Problem) -> str:
    geometry = problem.geometry
    if math.prod(geometry.stride) == 1:
        return "no stride to turn into channels: the same as `phases`"
    if any(d > 1 for d in geometry.dilation):
        return "dilation: the residues need different shifts"
    return ""


def _is_ragged(problem: Problem) -> bool:
    """Whether some taps of `subpixel` are stored zeros."""
    sizes = zip(problem.geometry.kernel_size, problem.geometry.stride, strict=True)
    return any(k % s for k, s in sizes)


def _work_phases(problem: Problem) -> Work:
    convolutions = math.prod(problem.geometry.stride)
    return _work(problem, convolutions, problem.kernel_taps / convolutions, 1)


def _work_subpixel(problem: Problem) -> Work:
    geometry = problem.geometry
    sizes = zip(geometry.kernel_size, geometry.stride, strict=True)
    return _work(problem, 1, math.prod(-(-k // s) for k, s in sizes), math.prod(geometry.stride))


def _work(problem: Problem, convolutions: int, taps: float, residues: int) -> Work:
    geometry = problem.geometry
    positions = problem.batch_size * math.prod(coarse_size(geometry))
    result = (
        problem.batch_size
        * problem.input_cells
        * problem.in_channels
        * problem.accumulator.itemsize
    )
    moved: float = result if max(geometry.stride, default=1) > 1 else 0
    calls = 1 + convolutions
    if problem.platform != "cpu" and moved:  # written and read once more; u for each convolution
        moved = 2 * problem.bytes("v") + (convolutions - 1) * problem.bytes("u")
        calls += 2
        if geometry.ndim == 3:  # channels first for cuDNN, and back
            moved += 2 * (problem.bytes("v") + problem.bytes("u"))
    return Work(
        positions * convolutions,
        taps * problem.out_per_group,
        residues * problem.in_per_group,
        geometry.groups,
        moved=moved,
        calls=calls,
        memory=result,
    )


def _reject_onednn(problem: Problem, platform: str) -> str:
    if reason := _no_channels(problem) or onednn_is_missing(problem, platform):
        return reason
    geometry = problem.geometry
    ndim, stride = geometry.ndim, geometry.stride
    taps = [-(-k // s) for k, s in zip(geometry.kernel_size, stride, strict=True)]
    reach = [coarse_range(geometry, dim) for dim in range(ndim)]
    channels = math.prod(stride) * problem.in_channels
    one = pass_over(
        (problem.batch_size, *geometry.output_size, problem.out_channels),
        (*taps, problem.out_per_group, channels),
        problem,
        strides=(1,) * ndim,
        padding=_pads(taps, [0] * ndim, [1] * ndim, reach, problem),
        rhs_dilation=(1,) * ndim,
    )
    return dnnl.rejected(one)


PHASES = Algorithm(
    "phases",
    functools.partial(by_phases, convolve=by_xla),
    lambda problem, platform: _too_many(problem) or xla_is_unfit(problem, platform),
    _work_phases,
)
SUBPIXEL = Algorithm(
    "subpixel",
    functools.partial(by_subpixel, convolve=by_xla),
    lambda problem, platform: _no_channels(problem) or xla_is_unfit(problem, platform),
    _work_subpixel,
    _is_ragged,
)
ONEDNN_SUBPIXEL = Algorithm(
    "onednn_subpixel",
    functools.partial(by_subpixel, convolve=by_onednn),
    _reject_onednn,
    _work_subpixel,
    _is_ragged,
)
