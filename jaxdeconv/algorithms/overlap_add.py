"""K^T as one matrix product, then overlap-add (col2im).

Every u[y] times the whole kernel, for all y at once: u [positions, out] times w [out, kernel * in].
Then the overlapping products are added up, one dimension after the other: along a dimension, the
taps of one phase are shifted by their shifts and summed, and the phases interleave (see `windows`).
If the kernel is not longer than the stride, nothing overlaps and the sum is a reshape. If there are
fewer output positions than the kernel has strides, whole kernels are added up instead.

There are no unnecessary multiplications; it writes kernel/stride times the size of the result.
"""

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, always
from jaxdeconv.algorithms.steps import FEW_GROUPS, divide, images_at_once, map_images
from jaxdeconv.algorithms.windows import coarse_range, phases
from jaxdeconv.geometry import ConvGeometry


def conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    """K^T u, for a part of the batch at a time if the products would not fit in the cache."""
    return divide(_conv_transpose, map_images, u, w, problem, _bytes_per_image(problem))


def _conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    geometry = problem.geometry
    products = _products(u, w, problem)
    for dim in reversed(range(geometry.ndim)):
        products = _add_up(products, geometry, dim)
    return products


def _products(u: Array, w: Array, problem: Problem) -> Array:
    """Every u[y] times the whole kernel: [batch, *output_size, *kernel_size, in]."""
    geometry = problem.geometry
    groups, ndim = geometry.groups, geometry.ndim
    shape = (u.shape[0], *geometry.output_size, *geometry.kernel_size)
    if groups == 1:
        rows = w.reshape(problem.kernel_taps * problem.in_channels, problem.out_channels)
        return problem.dot_general(u, rows, (((ndim + 1,), (1,)), ((), ()))).reshape(
            *shape, problem.in_channels
        )
    u = u.reshape(-1, groups, problem.out_per_group)
    rows = w.reshape(problem.kernel_taps * problem.in_per_group, groups, problem.out_per_group)
    # [groups, positions, kernel * in/groups]
    products = problem.dot_general(u, rows, (((2,), (2,)), ((1,), (1,))))
    products = products.reshape(groups, *shape, problem.in_per_group)
    return jnp.moveaxis(products, 0, -2).reshape(*shape, problem.in_channels)


def _add_up(products: Array, geometry: ConvGeometry, dim: int) -> Array:
    """[batch, *o, *k, in] -> the same with axis o of `dim` replaced by n, and without its axis k.

    The axes k of the dimensions after `dim` are already gone.
    """
    axis = 1 + dim
    dense = geometry.dilation[dim] == 1
    if dense and geometry.output_size[dim] < -(-geometry.kernel_size[dim] // geometry.stride[dim]):
        return _add_up_kernels(products, geometry, dim)
    add_up = _add_up_blocks if dense else _add_up_residues
    fine = add_up(products, geometry, dim)  # [batch, ..., q, residue, ...]
    fine = fine.reshape(*fine.shape[:axis], -1, *fine.shape[axis + 2 :])
    begin = geometry.padding[dim][0] % geometry.stride[dim]
    return lax.slice_in_dim(fine, begin, begin + geometry.input_size[dim], axis=axis)


def _add_up_kernels(products: Array, geometry: ConvGeometry, dim: int) -> Array:
    """Without dilation: for every output position its whole kernel, padded to where it belongs."""
    axis, taps_axis = 1 + dim, geometry.ndim + dim  # of the kernel once the axis o is gone
    n, k, s = geometry.input_size[dim], geometry.kernel_size[dim], geometry.stride[dim]
    total = None
    for y in range(geometry.output_size[dim]):
        begin = s * y - geometry.padding[dim][0]
        pads = [(0, 0, 0)] * (products.ndim - 1)
        pads[taps_axis] = (begin, n - begin - k, 0)
        one = lax.index_in_dim(products, y, axis, keepdims=False)
        moved = lax.pad(one, jnp.zeros((), products.dtype), pads)
        total = moved if total is None else total + moved
    assert total is not None  # u has at least one cell
    return jnp.moveaxis(total, taps_axis, axis)


def _add_up_blocks(products: Array, geometry: ConvGeometry, dim: int) -> Array:
    """Without dilation: the kernel in blocks of one stride, each block shifted as a whole."""
    # Tap t = s*block + r has residue r and shift `block`, so the taps of a block share one shift.
    axis, taps_axis = 1 + dim, 1 + geometry.ndim + dim
    k, s = geometry.kernel_size[dim], geometry.stride[dim]
    blocks = -(-k // s)
    pads = [(0, 0, 0)] * products.ndim
    pads[taps_axis] = (0, blocks * s - k, 0)
    padded = lax.pad(products, jnp.zeros((), products.dtype), pads)
    split = padded.reshape(*padded.shape[:taps_axis], blocks, s, *padded.shape[taps_axis + 1 :])
    total = _shifted(lax.index_in_dim(split, 0, taps_axis, keepdims=False), 0, geometry, dim)
    for block in range(1, blocks):
        one = lax.index_in_dim(split, block, taps_axis, keepdims=False)
        total = total + _shifted(one, block, geometry, dim)
    return jnp.moveaxis(total, taps_axis, axis + 1)


def _add_up_residues(products: Array, geometry: ConvGeometry, dim: int) -> Array:
    """With dilation: for every residue the sum of its taps, each with its shift."""
    axis, taps_axis = 1 + dim, 1 + geometry.ndim + dim
    rows = []
    for phase in phases(geometry, dim):
        total = None
        for tap, shift in zip(phase.taps, phase.shifts, strict=True):
            one = lax.index_in_dim(products, tap, taps_axis, keepdims=False)
            moved = _shifted(one, shift, geometry, dim)
            total = moved if total is None else total + moved
        rows.append(total)
    zeros = jnp.zeros_like(next(row for row in rows if row is not None))
    return jnp.stack([zeros if row is None else row for row in rows], axis + 1)


def _shifted(x: Array, shift: int, geometry: ConvGeometry, dim: int) -> Array:
    """Shift x up by `shift` along an axis, at all coarse positions q of the result."""
    first, last = coarse_range(geometry, dim)
    pads = [(0, 0, 0)] * x.ndim
    pads[1 + dim] = (shift - first, last - shift - (geometry.output_size[dim] - 1), 0)
    return lax.pad(x, jnp.zeros((), x.dtype), pads)


def _bytes_per_image(problem: Problem) -> float:
    return float(
        problem.output_positions
        * problem.kernel_taps
        * problem.in_channels
        * problem.accumulator.itemsize
    )


def _work(problem: Problem) -> Work:
    groups, per_image = problem.geometry.groups, _bytes_per_image(problem)
    loops = problem.batch_size // images_at_once(problem, per_image)
    products = min(FEW_GROUPS, groups) if problem.platform == "cpu" else 1
    return Work(
        problem.batch_size * problem.output_positions,
        problem.out_per_group,
        problem.kernel_taps * problem.in_per_group,
        groups,
        moved=2 * problem.batch_size * per_image,
        calls=loops * (1 + problem.geometry.ndim) * products,
        memory=problem.batch_size / loops * per_image,
    )


CONV_TRANSPOSE = Algorithm("overlap_add", conv_transpose, always, _work)
