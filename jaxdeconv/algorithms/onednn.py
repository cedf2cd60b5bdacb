"""oneDNN's convolution for K, and for G with the roles swapped; for K^T see `phases`.

G is the convolution of v with u as the kernel: the channels of a group are the batch, the images
are the channels of one group, the stride dilates and the dilation strides.
"""

from jax import Array

from jaxdeconv.algorithms.convolutions import by_onednn, onednn_is_missing
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.windows import gradient_padding


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
    blocks = v.reshape(*v.shape[:-1], geometry.groups, problem.ins_per_group)
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


def _work(problem: Problem) -> Work:
    groups = problem.geometry.groups
    positions = problem.images * problem.positions
    return Work(positions, problem.taps * problem.ins_per_group, problem.outs_per_group, groups)


def _work_gradient(problem: Problem) -> Work:
    groups = problem.geometry.groups
    rows, columns = problem.taps * problem.ins_per_group, problem.outs_per_group
    positions = problem.images * problem.positions
    cells = problem.images * (problem.cells * problem.ins + problem.positions * problem.outs)
    copied = cells * problem.dtype.itemsize
    return Work(rows, positions, columns, groups, moved=copied, calls=4, memory=copied)


CONV = Algorithm("onednn", conv, onednn_is_missing, _work)
KERNEL_GRADIENT = Algorithm("onednn", kernel_gradient, onednn_is_missing, _work_gradient)
