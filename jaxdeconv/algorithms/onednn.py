"""oneDNN's own three passes: K forward, K^T backward data, G backward weights.

`onednn_swapped` computes G as a forward pass: v convolved with u as the kernel. The channels of a
group take the place of the batch, and the batch that of a group's channels; stride and dilation are
swapped. It is for strides that oneDNN's backward pass has no fast kernel for.

References: https://uxlfoundation.github.io/oneDNN/dev_guide_convolution.html.
"""

import operator
from typing import Any

import numpy as np
from jax import Array

from jaxdeconv.algorithms import dnnl
from jaxdeconv.algorithms.convolutions import (
    by_onednn,
    cropped_pass,
    crops,
    onednn_is_missing,
    pass_over,
)
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.windows import gradient_padding, pad_with_zeros
from jaxdeconv.geometry import ConvGeometry

LONGEST = 128
"""Taps along one dimension of a transposed convolution."""

LARGEST = 2**18
"""Taps times cells along one dimension of a transposed convolution. For more, oneDNN takes up to
seconds to make its kernel, and for 1024 taps and 58112 cells minutes."""

VECTOR = 16
"""To so many channels oneDNN fills up a group of one channel where it has no kernel for it."""


def apply(x: Array, y: Array, problem: Problem) -> Array:
    """The leg of a problem."""
    cut = crops(problem.geometry.padding)
    if problem.leg == "conv":
        x = pad_with_zeros(x, cut)
    if problem.leg == "kernel_gradient":
        y = pad_with_zeros(y, cut)
    result = dnnl.call(x, y, pass_of(problem))
    if problem.leg == "conv_transpose":
        result = pad_with_zeros(result, [(-low, -high) for low, high in cut])
    return result


def pass_of(problem: Problem) -> dnnl.Pass:
    """What oneDNN is to compute: the leg with v cropped."""
    geometry = problem.geometry
    return cropped_pass(
        problem.leg,
        problem,
        (problem.batch_size, problem.in_channels, problem.out_channels),
        geometry.input_size,
        geometry.kernel_size,
        geometry.stride,
        geometry.padding,
        geometry.dilation,
    )


def _reject(problem: Problem, platform: str) -> str:
    if reason := onednn_is_missing(problem, platform):
        return reason
    one = pass_of(problem)
    return _unfit(problem, one) or dnnl.rejected(one)


def _unfit(problem: Problem, one: dnnl.Pass) -> str:
    """Why oneDNN should not be asked for a pass over these sizes; '' if it may."""
    if min(one.input_size) < 1:
        return "padding crops all of v"
    if problem.leg == "conv_transpose":
        taps, cells = problem.geometry.kernel_size, problem.geometry.input_size
        if max(taps) > LONGEST or max(map(operator.mul, taps, cells)) > LARGEST:
            return "oneDNN takes seconds to make its kernel for rows as long"
    if problem.leg == "kernel_gradient" and problem.dtype != np.float32 and _is_blind(one):
        return "oneDNN does not write the bfloat16 gradient of a tap that meets only padding"
    return ""


def _is_blind(one: dnnl.Pass) -> bool:
    """Whether a tap of the kernel meets nothing but padding, wherever the kernel is."""
    for dim, size in enumerate(one.input_size):
        low, _ = one.padding[dim]
        first = np.arange(one.kernel_size[dim])[:, None] * one.dilation[dim] - low
        met = first + np.arange(one.output_size[dim]) * one.stride[dim]
        if not ((met >= 0) & (met < size)).any(1).all():
            return True
    return False


def _work(problem: Problem) -> Work:
    positions = problem.batch_size * problem.output_positions
    rows = problem.kernel_taps * problem.in_per_group
    columns = VECTOR if dnnl.is_filled_up(pass_of(problem)) else problem.out_per_group
    if problem.leg == "kernel_gradient":
        return Work(rows, positions, columns, problem.geometry.groups)
    return Work(positions, rows, columns, problem.geometry.groups)


def swapped(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v) by a forward pass."""
    geometry, ndim = problem.geometry, problem.geometry.ndim
    spatial = range(1, ndim + 1)
    blocks = v.reshape(*v.shape[:-1], geometry.groups, problem.in_per_group)
    signal = blocks.transpose(ndim + 2, *spatial, ndim + 1, 0)  # [c, *input_size, group, image]
    signal = signal.reshape(*signal.shape[: ndim + 1], -1)
    kernel = u.transpose(*spatial, 0, ndim + 1)
    w = by_onednn(signal, kernel, problem, **_swapped_window(geometry))
    return w.transpose(*spatial, 0, ndim + 1)


def _swapped_window(geometry: ConvGeometry) -> Any:
    return {
        "strides": geometry.dilation,
        "padding": gradient_padding(geometry),
        "rhs_dilation": geometry.stride,
    }


def _reject_swapped(problem: Problem, platform: str) -> str:
    if reason := onednn_is_missing(problem, platform):
        return reason
    geometry, batch = problem.geometry, problem.batch_size
    one = pass_over(
        (problem.in_per_group, *geometry.input_size, geometry.groups * batch),
        (*geometry.output_size, batch, problem.out_channels),
        problem,
        **_swapped_window(geometry),
    )
    return dnnl.rejected(one)


def _work_swapped(problem: Problem) -> Work:
    rows, columns = problem.kernel_taps * problem.in_per_group, problem.out_per_group
    copied = float(problem.bytes("v"))
    positions = problem.batch_size * problem.output_positions
    groups = problem.geometry.groups
    return Work(rows, positions, columns, groups, moved=copied, calls=4, memory=copied)


ONEDNN = Algorithm("onednn", apply, _reject, _work)
SWAPPED = Algorithm("onednn_swapped", swapped, _reject_swapped, _work_swapped)
