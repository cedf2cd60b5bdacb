"""K and G as one matrix product over the gathered windows (im2col).

The windows [positions, taps * in] times w [taps * in, out] are K v; the transposed windows times
u [positions, out] are G. Few groups are computed one by one, many as batched products. There are no
unnecessary multiplications; v is copied prod(kernel)/prod(stride) times, for a part of the batch at
a time if all copies together would not fit in the cache.

`row_im2col` gathers only the taps of the last dimension, and sums one product per tap of the
others: v is copied kernel_size[-1]/stride[-1] times.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.steps import FEW_GROUPS, divide, images_at_once, map_images, sum_images
from jaxdeconv.algorithms.windows import pad_with_zeros, taps, window
from jaxdeconv.geometry import ConvGeometry


def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v from the windows of all taps."""
    return divide(_conv, map_images, v, w, problem, window_bytes(problem))


def conv_by_rows(v: Array, w: Array, problem: Problem) -> Array:
    """K v from the windows of the last dimension's taps."""
    return divide(_conv_by_rows, map_images, v, w, problem, row_bytes(problem))


def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v) from the windows of all taps."""
    return divide(_kernel_gradient, sum_images, u, v, problem, window_bytes(problem))


def kernel_gradient_by_rows(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v) from the windows of the last dimension's taps."""
    return divide(_kernel_gradient_by_rows, sum_images, u, v, problem, row_bytes(problem))


def window_bytes(problem: Problem) -> float:
    """Size in bytes of the windows of one image."""
    return float(
        problem.output_positions
        * problem.kernel_taps
        * problem.in_channels
        * problem.dtype.itemsize
    )


def row_bytes(problem: Problem) -> float:
    """Size in bytes of the last dimension's windows of one image."""
    geometry = problem.geometry
    rows = problem.input_cells // max(1, geometry.input_size[-1]) * geometry.output_size[-1]
    return float(rows * geometry.kernel_size[-1] * problem.in_channels * problem.dtype.itemsize)


def _conv(v: Array, w: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    windows = _windows(v, problem)
    if geometry.groups == 1:
        matrix = w.reshape(-1, problem.out_channels)
        return problem.dot_general(windows, matrix, (((windows.ndim - 1,), (0,)), ((), ())))
    blocks = w.reshape(-1, geometry.groups, problem.out_per_group)
    u = problem.dot(_by_group(windows, problem), blocks, (2, 0), (1, 1))  # [groups, positions, o]
    return jnp.moveaxis(u, 0, 1).reshape(*windows.shape[:-1], problem.out_channels)


def _conv_by_rows(v: Array, w: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    gathered = _rows(v, problem)
    u = None
    for tap in _leading_taps(geometry):
        part = window(gathered, geometry, tap)
        matrix = w[tap].reshape(-1, problem.out_channels)
        product = problem.dot_general(part, matrix, (((part.ndim - 1,), (0,)), ((), ())))
        u = product if u is None else u + product
    assert u is not None  # a kernel has at least one tap
    return u


def _kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    windows = _windows(v, problem)
    if geometry.groups == 1:
        matrix = windows.reshape(-1, windows.shape[-1])
        (w,) = problem.products_over_rows([matrix], u.reshape(-1, problem.out_channels))
        return w.reshape(*geometry.kernel_size, problem.in_channels, problem.out_channels)
    blocks = u.reshape(-1, geometry.groups, problem.out_per_group)
    w = problem.dot(_by_group(windows, problem), blocks, (0, 0), (1, 1))  # [groups, taps * in, o]
    shape = (*geometry.kernel_size, problem.in_per_group, problem.out_channels)
    return jnp.moveaxis(w, 0, 1).reshape(shape)


def _kernel_gradient_by_rows(u: Array, v: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    gathered, u = _rows(v, problem), u.reshape(-1, problem.out_channels)
    parts = [window(gathered, geometry, tap) for tap in _leading_taps(geometry)]
    matrices = [part.reshape(-1, part.shape[-1]) for part in parts]
    products = problem.products_over_rows(matrices, u)
    return jnp.stack(products).reshape(
        *geometry.kernel_size, problem.in_channels, problem.out_channels
    )


def _rows(v: Array, problem: Problem) -> Array:
    """[batch, *padded_size[:-1], output_size[-1], last kernel size * in]."""
    geometry = problem.geometry
    last = geometry.ndim - 1
    padded = pad_with_zeros(v, geometry.padding)
    k, s = geometry.kernel_size[last], geometry.stride[last]
    cells = s * geometry.output_size[last]
    if k == s and geometry.dilation[last] == 1:  # adjacent windows: nothing to gather
        whole = lax.slice_in_dim(padded, 0, cells, axis=1 + last)
        return whole.reshape(*whole.shape[: 1 + last], -1, k * whole.shape[-1])
    rows = [window(padded, geometry, (t,), last) for t in range(geometry.kernel_size[last])]
    return jnp.concatenate(rows, -1)


def _leading_taps(geometry: ConvGeometry) -> Iterator[tuple[int, ...]]:
    """Every tap of the dimensions before the last."""
    return itertools.product(*map(range, geometry.kernel_size[:-1]))


def _windows(v: Array, problem: Problem) -> Array:
    """[batch, *output_size, taps * in]."""
    geometry = problem.geometry
    padded = pad_with_zeros(v, geometry.padding)
    if _are_adjacent(geometry):
        return _adjacent_windows(padded, geometry)
    return jnp.concatenate([window(padded, geometry, tap) for tap in taps(geometry)], -1)


def _are_adjacent(geometry: ConvGeometry) -> bool:
    """Whether the windows neither overlap nor leave gaps."""
    return geometry.kernel_size == geometry.stride and max(geometry.dilation, default=1) == 1


def _adjacent_windows(padded: Array, geometry: ConvGeometry) -> Array:
    """Windows that neither overlap nor leave gaps: a transposition."""
    ndim = geometry.ndim
    split: list[int] = []
    for dim, (o, k) in enumerate(zip(geometry.output_size, geometry.kernel_size, strict=True)):
        padded = lax.slice_in_dim(padded, 0, o * k, axis=1 + dim)
        split += [o, k]
    cells = padded.reshape(padded.shape[0], *split, padded.shape[-1])
    outputs, kernel = range(1, 2 * ndim, 2), range(2, 2 * ndim + 1, 2)
    cells = cells.transpose(0, *outputs, *kernel, 2 * ndim + 1)
    return cells.reshape(*cells.shape[: ndim + 1], -1)


def _by_group(windows: Array, problem: Problem) -> Array:
    """[batch, *output_size, taps * in] -> [positions, groups, taps * in/groups]."""
    split = (-1, problem.kernel_taps, problem.geometry.groups, problem.in_per_group)
    blocks = windows.reshape(split).transpose(0, 2, 1, 3)
    return blocks.reshape(*blocks.shape[:2], problem.kernel_taps * problem.in_per_group)


MANY = 128
"""Gathering more taps than this takes longer to compile than it saves."""


def _reject(problem: Problem, platform: str) -> str:  # noqa: ARG001
    if problem.kernel_taps > MANY and not _are_adjacent(problem.geometry):
        return f"more than {MANY} taps to gather"
    return ""


def _reject_rows(problem: Problem, platform: str) -> str:
    geometry = problem.geometry
    if geometry.groups > (FEW_GROUPS if platform == "cpu" else 1):
        return "groups: a product of matrices for each"
    if geometry.ndim < 2:
        return "one dimension: the same as `im2col`"
    return _reject(problem, platform)


def _work_conv(problem: Problem) -> Work:
    return _work(problem, window_bytes(problem), 2)


def _work_rows(problem: Problem) -> Work:
    products = problem.kernel_taps // problem.geometry.kernel_size[-1]
    return _work(problem, row_bytes(problem), 1 + products)


def _work(problem: Problem, per_image: float, calls: int) -> Work:
    loops = problem.batch_size // images_at_once(problem, per_image)
    moved = 2 * problem.batch_size * per_image
    if problem.platform != "cpu":
        moved += 2 * problem.bytes("u") * (problem.geometry.groups > 1)  # group by group
        calls += 2  # small products are cut along the sum, and added up
    else:
        calls *= loops * min(FEW_GROUPS, problem.geometry.groups)
    return Work(
        problem.batch_size * problem.output_positions,
        problem.kernel_taps * problem.in_per_group,
        problem.out_per_group,
        problem.geometry.groups,
        moved=moved,
        calls=calls,
        memory=problem.batch_size / loops * per_image,
    )


def _work_gradient(problem: Problem) -> Work:
    work = _work_conv(problem)
    return dataclasses.replace(work, m=work.k, k=work.m)


def _work_gradient_rows(problem: Problem) -> Work:
    work = _work_rows(problem)
    parts = 1 + problem.kernel_taps // problem.geometry.kernel_size[-1]  # XLA copies all at once
    return dataclasses.replace(work, m=work.k, k=work.m, memory=parts * work.memory)


CONV = Algorithm("im2col", conv, _reject, _work_conv)
CONV_BY_ROWS = Algorithm("row_im2col", conv_by_rows, _reject_rows, _work_rows)
KERNEL_GRADIENT_BY_ROWS = Algorithm(
    "row_im2col", kernel_gradient_by_rows, _reject_rows, _work_gradient_rows
)
KERNEL_GRADIENT = Algorithm("im2col", kernel_gradient, _reject, _work_gradient)
