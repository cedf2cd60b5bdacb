"""oneDNN's convolution for K, and for G with the roles swapped; for K^T see `phases`.

G is the convolution of v with u as the kernel: the channels of a group take the place of the batch
and the batch that of a group's channels; stride and dilation are swapped. A small batch then gives
too few channels to fill the vector units. So `onednn_bands` cuts the rows of u into bands, each
with the rows of v that it reads, and treats every band as an element of the batch; it takes few
groups one by one.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.convolutions import by_onednn, onednn_is_missing
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.steps import FEW_GROUPS, group_by_group
from jaxdeconv.algorithms.windows import gradient_padding, pad_with_zeros


def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v."""
    geometry = problem.geometry
    return by_onednn(
        v,
        w,
        problem,
        strides=geometry.stride,
        padding=geometry.padding,
        rhs_dilation=geometry.dilation,
    )


def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v)."""
    geometry = problem.geometry
    ndim = geometry.ndim
    spatial = range(1, ndim + 1)
    blocks = v.reshape(*v.shape[:-1], geometry.groups, problem.in_per_group)
    signal = blocks.transpose(ndim + 2, *spatial, ndim + 1, 0)  # [c, *input_size, group, image]
    w = by_onednn(
        signal.reshape(*signal.shape[: ndim + 1], -1),
        u,
        problem,
        strides=geometry.dilation,
        padding=gradient_padding(geometry),
        rhs_dilation=geometry.stride,
        rhs_spec=(ndim + 1, 0, *spatial),
    )
    return w.transpose(*spatial, 0, ndim + 1)


def kernel_gradient_in_bands(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v) from bands of rows."""
    return group_by_group(kernel_gradient, *_in_bands(u, v, problem))


IMAGES = 16
"""This many channels fill the vector units."""


def _in_bands(u: Array, v: Array, problem: Problem) -> tuple[Array, Array, Problem]:
    """The operands and the problem with a large enough batch; zeros fill up u's last bands."""
    geometry, banded = problem.geometry, _of_bands(problem)
    bands, rows = _bands(problem)
    stride, (low, _) = geometry.stride[0], geometry.padding[0]
    height = banded.geometry.input_size[0]
    below = stride * rows * (bands - 1) + height - low - geometry.input_size[0]
    v = pad_with_zeros(v, ((low, below), *[(0, 0)] * (geometry.ndim - 1)))
    u = pad_with_zeros(u, ((0, bands * rows - u.shape[1]), *[(0, 0)] * (geometry.ndim - 1)))
    firsts = range(0, stride * rows * bands, stride * rows)
    v = jnp.stack([lax.slice_in_dim(v, y, y + height, axis=1) for y in firsts], 1)
    return (
        u.reshape(banded.batch_size, rows, *u.shape[2:]),
        v.reshape(banded.batch_size, height, *v.shape[3:]),
        banded,
    )


def _of_bands(problem: Problem) -> Problem:
    """The problem whose batch is the bands."""
    geometry = problem.geometry
    bands, rows = _bands(problem)
    height = geometry.stride[0] * (rows - 1) + geometry.dilated_kernel_size[0]
    band = dataclasses.replace(
        geometry,
        input_size=(height, *geometry.input_size[1:]),
        padding=((0, 0), *geometry.padding[1:]),
    )
    return dataclasses.replace(problem, geometry=band, batch=problem.batch_size * bands)


def _bands(problem: Problem) -> tuple[int, int]:
    """The number of bands per image, and of rows of u in each."""
    height = problem.geometry.output_size[0]
    rows = max(1, -(-height // -(-IMAGES // max(1, problem.batch_size))))
    return -(-height // rows), rows


def _work(problem: Problem) -> Work:
    groups = problem.geometry.groups
    positions = problem.batch_size * problem.output_positions
    return Work(
        positions, problem.kernel_taps * problem.in_per_group, problem.out_per_group, groups
    )


def _work_gradient(problem: Problem) -> Work:
    groups = problem.geometry.groups
    rows, columns = problem.kernel_taps * problem.in_per_group, problem.out_per_group
    positions = problem.batch_size * problem.output_positions
    copied = float(
        problem.batch_size * problem.input_cells * problem.in_channels * problem.dtype.itemsize
    )
    return Work(rows, positions, columns, groups, moved=copied, calls=4, memory=copied)


def _work_gradient_in_bands(problem: Problem) -> Work:
    work, geometry = _work_gradient(problem), problem.geometry
    bands, rows = _bands(problem)
    seen = bands * (geometry.stride[0] * (rows - 1) + geometry.dilated_kernel_size[0])
    copied = 2 * work.moved * seen / max(1, geometry.input_size[0])
    return dataclasses.replace(work, moved=copied, memory=copied, calls=4 * geometry.groups)


def _reject_bands(problem: Problem, platform: str) -> str:
    if problem.geometry.ndim == 0:
        return "no rows to cut into bands"
    if reason := onednn_is_missing(_of_bands(problem), platform):
        return reason
    if problem.geometry.groups > FEW_GROUPS:
        return f"more than {FEW_GROUPS} groups: `onednn` has enough channels"
    return "one band: the same as `onednn`" if _bands(problem)[0] <= 1 else ""


CONV = Algorithm("onednn", conv, onednn_is_missing, _work)
KERNEL_GRADIENT = Algorithm("onednn", kernel_gradient, onednn_is_missing, _work_gradient)
KERNEL_GRADIENT_IN_BANDS = Algorithm(
    "onednn_bands", kernel_gradient_in_bands, _reject_bands, _work_gradient_in_bands
)
