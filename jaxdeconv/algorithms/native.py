"""XLA's own convolution.

K as it is. K^T as the convolution of the dilated u with the flipped kernel, in exactly the form
(stride 1, a `reverse` of the kernel, one group, no kernel dilation) that XLA on GPUs replaces by
cuDNN's backward-data kernel, which inserts no zeros. On CPUs the dilated form multiplies by the
zeros, so only stride 1 is allowed there. G as the convolution of v with u as the kernel, the roles
of batch and channels swapped: XLA's backward-filter form.

`block_diagonal` is the same for groups of few channels, on matrix units that are wide: a TPU
multiplies 128 channels at once, whatever their number. So the kernels of all groups become the
blocks on the diagonal of one kernel, and G is computed for all pairs of channels, of which the
blocks on the diagonal are kept. K and K^T multiply every channel by the zeros beside the blocks: a
NaN in one group then spreads to the others. G throws those products away.

References: XLA's ConvRewriter (MatchBackwardInput, MatchBackwardFilter); jax issues 23783, 31662.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms.convolutions import by_xla
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, xla_is_unfit
from jaxdeconv.algorithms.steps import FEW_GROUPS, group_by_group
from jaxdeconv.algorithms.windows import gradient_padding, swap_channels


def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v."""
    geometry = problem.geometry
    return by_xla(
        v,
        w,
        problem,
        strides=geometry.stride,
        padding=geometry.padding,
        rhs_dilation=geometry.dilation,
    )


def conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    """K^T u."""
    geometry, ndim = problem.geometry, problem.geometry.ndim
    pads = []
    for n, o, k, s, (low, _) in zip(
        geometry.input_size,
        geometry.output_size,
        geometry.dilated_kernel_size,
        geometry.stride,
        geometry.padding,
        strict=True,
    ):
        pads.append((k - 1 - low, n + low - s * (o - 1) - 1))
    signal = (0, ndim + 1, *range(1, ndim + 1))
    if geometry.groups == 1 and problem.platform != "cpu":  # K and K^T then share a copy of w
        kernel, spec = w, (ndim, ndim + 1, *range(ndim))
    else:
        kernel = swap_channels(w, geometry.groups).reshape(*w.shape[:-2], -1, problem.in_channels)
        spec = (ndim + 1, ndim, *range(ndim))
    return by_xla(
        u,
        lax.rev(kernel, tuple(range(ndim))),
        problem,
        strides=(1,) * ndim,
        padding=pads,
        lhs_dilation=geometry.stride,
        rhs_dilation=geometry.dilation,
        numbers=lax.ConvDimensionNumbers(signal, spec, signal),
    )


def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v); on CPUs group by group, because XLA's grouped form is slow there."""
    geometry = problem.geometry
    if geometry.groups > 1 and problem.platform == "cpu":
        return group_by_group(kernel_gradient, u, v, problem)
    ndim = geometry.ndim
    swapped = (ndim + 1, 0, *range(1, ndim + 1))  # channels as the batch, the batch as channels
    return by_xla(
        v,
        u,
        problem,
        strides=geometry.dilation,
        padding=gradient_padding(geometry),
        rhs_dilation=geometry.stride,
        numbers=lax.ConvDimensionNumbers(swapped, swapped, (ndim, ndim + 1, *range(ndim))),
        batch_groups=geometry.groups,
    )


def _reject_transpose(problem: Problem, platform: str) -> str:
    if platform == "cpu" and max(problem.geometry.stride, default=1) > 1:
        return "stride > 1: would multiply by inserted zeros"
    if platform == "tpu" and _multiplies_zeros(problem):
        return "kernel larger than u: XLA exchanges the two, and would multiply by inserted zeros"
    return xla_is_unfit(problem, platform)


def _multiplies_zeros(problem: Problem) -> bool:
    """Whether XLA on an accelerator finds no backward convolution in K^T, and inserts zeros."""
    geometry = problem.geometry
    if max(geometry.stride, default=1) == 1:
        return False
    sizes = problem.kernel_taps, problem.output_positions
    if is_exchanged(*sizes, problem.platform, geometry.ndim):
        return True
    return problem.platform == "gpu" and (geometry.groups > 1 or max(geometry.dilation) > 1)


def is_exchanged(taps: int, cells: int, family: str, ndim: int) -> bool:
    """Whether XLA exchanges a kernel and the smaller signal that it is applied to.

    It does so before it looks for backward convolutions, of which it then finds none.
    """
    return taps > cells and (family, ndim) != ("gpu", 1)


def _reject_gradient(problem: Problem, platform: str) -> str:
    if platform == "cpu" and problem.geometry.groups > FEW_GROUPS:
        return f"more than {FEW_GROUPS} groups: one convolution for each"
    return xla_is_unfit(problem, platform)


def _work(problem: Problem) -> Work:
    groups = problem.geometry.groups
    positions = problem.batch_size * problem.output_positions
    work = Work(
        positions, problem.kernel_taps * problem.in_per_group, problem.out_per_group, groups
    )
    return work if problem.platform == "cpu" else _with_copies(work, problem)


def _work_transpose(problem: Problem) -> Work:
    groups = problem.geometry.groups
    cells = problem.batch_size * problem.input_cells
    zeros = Work(cells, problem.kernel_taps * problem.out_per_group, problem.in_per_group, groups)
    if problem.platform == "cpu":
        return zeros
    if not _multiplies_zeros(problem):
        return _work(problem)
    work, inserted = _with_copies(zeros, problem), math.prod(problem.geometry.stride)
    moved = work.moved + 2 * inserted * problem.bytes("u")
    return dataclasses.replace(work, moved=moved, calls=work.calls + 1)


def _work_gradient(problem: Problem) -> Work:
    groups = problem.geometry.groups
    rows, columns = problem.kernel_taps * problem.in_per_group, problem.out_per_group
    positions = problem.batch_size * problem.output_positions
    work = Work(rows, positions, columns, groups)
    if problem.platform == "cpu":
        return dataclasses.replace(work, calls=groups)
    return _with_copies(work, problem)


def _with_copies(work: Work, problem: Problem) -> Work:
    """With what XLA:GPU copies for cuDNN: the kernel in another layout, at least."""
    geometry = problem.geometry
    moved, calls = 0.0, 2
    taps = zip(geometry.kernel_size, geometry.dilation, geometry.output_size, strict=True)
    forward = problem.leg == "kernel_gradient" and any(k > o or d > 1 < k for k, d, o in taps)
    if geometry.ndim == 3 or forward:  # channels first; G that XLA computes as a forward one
        moved, calls = 2 * (problem.bytes("v") + problem.bytes("u")), 4
    if any(low != high for low, high in geometry.padding):  # cuDNN pads evenly
        moved, calls = moved + 2 * problem.bytes("v"), calls + 1
    if problem.dtype == np.float16 and 1 < _padded_channels(problem) < 1.35:
        moved, calls = moved + 2 * (problem.bytes("v") + problem.bytes("u")), calls + 2
    return dataclasses.replace(work, moved=moved, calls=calls)


def _padded_channels(problem: Problem) -> float:
    """By how much more there is to multiply once XLA:GPU pads float16 channels to 8 for cuDNN."""
    pairs = problem.in_per_group * problem.out_per_group
    return (-(-problem.in_per_group // 8) * 8) * (-(-problem.out_per_group // 8) * 8) / pairs


CONV = Algorithm("native", conv, xla_is_unfit, _work)
CONV_TRANSPOSE = Algorithm("native", conv_transpose, _reject_transpose, _work_transpose)
KERNEL_GRADIENT = Algorithm("native", kernel_gradient, _reject_gradient, _work_gradient)


WIDEST = 512
"""More channels on one side than this: the zeros cost more than the groups."""


def dense_conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v."""
    return conv(v, _dense_kernel(w, problem), _dense(problem))


def dense_conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    """K^T u."""
    return conv_transpose(u, _dense_kernel(w, problem), _dense(problem))


def dense_kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v)."""
    w = kernel_gradient(u, v, _dense(problem))
    groups, sizes = problem.geometry.groups, (problem.in_per_group, problem.out_per_group)
    w = w.reshape(*w.shape[:-2], groups, sizes[0], groups, sizes[1])
    mine = jnp.asarray(np.eye(groups, dtype=bool)[:, None, :, None])
    blocks = lax.select(jnp.broadcast_to(mine, w.shape), w, jnp.zeros_like(w))
    # the other blocks are gone, so that this sum only picks
    return blocks.sum(-4, dtype=w.dtype).reshape(*w.shape[:-4], sizes[0], -1)


def _dense(problem: Problem) -> Problem:
    """The problem of all channels in one group."""
    return dataclasses.replace(problem, geometry=problem.geometry.with_groups(1))


def _dense_kernel(w: Array, problem: Problem) -> Array:
    """[*kernel, in/groups, out] -> [*kernel, in, out], zero between different groups."""
    groups = problem.geometry.groups
    blocks = w.reshape(*w.shape[:-1], groups, problem.out_per_group)
    mine = jnp.asarray(np.eye(groups, dtype=bool)[:, None, :, None])
    shape = (*w.shape[:-2], groups, *blocks.shape[-3:])
    spread = jnp.broadcast_to(jnp.expand_dims(blocks, -4), shape)
    dense = lax.select(jnp.broadcast_to(mine, shape), spread, jnp.zeros(shape, w.dtype))
    return dense.reshape(*w.shape[:-2], problem.in_channels, problem.out_channels)


def _reject_dense(problem: Problem, platform: str) -> str:
    if platform != "tpu":
        return "only for TPUs, whose matrix units are wider than a group"
    if problem.geometry.groups == 1 or problem.in_per_group == problem.out_per_group == 1:
        return "only for groups of several channels"
    if max(problem.in_channels, problem.out_channels) > WIDEST:
        return f"more than {WIDEST} channels: too many zeros"
    return xla_is_unfit(problem, platform)


def _reject_dense_transpose(problem: Problem, platform: str) -> str:
    return _reject_dense(problem, platform) or CONV_TRANSPOSE.reject(_dense(problem), platform)


def _dense_work(problem: Problem) -> Work:
    work: Work = {
        "conv": CONV,
        "conv_transpose": CONV_TRANSPOSE,
        "kernel_gradient": KERNEL_GRADIENT,
    }[problem.leg].work(_dense(problem))
    return work


DENSE_CONV = Algorithm("block_diagonal", dense_conv, _reject_dense, _dense_work, lambda _: True)
DENSE_CONV_TRANSPOSE = Algorithm(
    "block_diagonal", dense_conv_transpose, _reject_dense_transpose, _dense_work, lambda _: True
)
DENSE_KERNEL_GRADIENT = Algorithm(
    "block_diagonal", dense_kernel_gradient, _reject_dense, _dense_work
)
