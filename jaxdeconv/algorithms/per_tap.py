"""K and G as one matrix product per kernel tap; nothing is gathered.

K v is the sum over taps t of window(t) [positions, in] times w[t] [in, out]; G's tap t is window(t)
transposed times u. Good if the kernel has few taps, or few channels on one side, as in 3-D. For
many taps it is a loop over them, so that the compiled program stays small.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.windows import pad_with_zeros, taps, window

UNROLLED = 64
"""Up to this many taps are unrolled, so that XLA can fuse their sums."""


def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v."""
    padded = pad_with_zeros(v, problem.geometry.padding)
    if problem.in_per_group == 1 and problem.platform == "cpu":
        # XLA turns these into elementwise products and would fuse the padding into every one
        padded = lax.optimization_barrier(padded)

    def product(tap: tuple[int, ...]) -> Array:
        return _times_tap(window(padded, problem.geometry, tap), w[tap], problem)

    if problem.kernel_taps <= UNROLLED:
        first, *others = taps(problem.geometry)
        total = product(first)
        for tap in others:
            total = total + product(tap)
        return total

    def add(total: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        begin, tap = step
        return total + _times_tap(_moving_window(padded, begin, problem), tap, problem), None

    shape = (v.shape[0], *problem.geometry.output_size, problem.out_channels)
    flat = w.reshape(problem.kernel_taps, *w.shape[-2:])
    start = jnp.zeros(shape, problem.accumulator)
    return lax.scan(add, start, (_begins(problem), flat))[0]


def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v)."""
    geometry = problem.geometry
    padded = pad_with_zeros(v, geometry.padding)

    def taps_of(windows: list[Array]) -> list[Array]:
        if geometry.groups == 1:
            matrices = [cells.reshape(-1, problem.in_channels) for cells in windows]
            return problem.products_over_rows(matrices, u.reshape(-1, problem.out_channels))
        return [_tap_of_groups(u, cells, problem) for cells in windows]

    if problem.kernel_taps <= UNROLLED:
        w = jnp.stack(taps_of([window(padded, geometry, tap) for tap in taps(geometry)]))
    else:
        w = lax.map(
            lambda begin: taps_of([_moving_window(padded, begin, problem)])[0], _begins(problem)
        )
    return w.reshape(*geometry.kernel_size, problem.in_per_group, problem.out_channels)


def _tap_of_groups(u: Array, cells: Array, problem: Problem) -> Array:
    """One tap of G, [in/groups, out], from its window."""
    cells = cells.reshape(-1, problem.geometry.groups, problem.in_per_group)
    blocks = u.reshape(-1, problem.geometry.groups, problem.out_per_group)
    tap = problem.dot(cells, blocks, (0, 0), (1, 1))  # [groups, in/groups, out/groups]
    return jnp.moveaxis(tap, 0, 1).reshape(problem.in_per_group, problem.out_channels)


def _times_tap(cells: Array, tap: Array, problem: Problem) -> Array:
    """[..., in] times [in/groups, out] -> [..., out]."""
    groups = problem.geometry.groups
    if groups == 1:
        return problem.dot_general(cells, tap, (((cells.ndim - 1,), (0,)), ((), ())))
    blocks = cells.reshape(-1, groups, problem.in_per_group)
    columns = tap.reshape(problem.in_per_group, groups, problem.out_per_group)
    products = problem.dot(blocks, columns, (2, 0), (1, 1))  # [groups, positions, out/groups]
    return jnp.moveaxis(products, 0, 1).reshape(*cells.shape[:-1], problem.out_channels)


def _begins(problem: Problem) -> Array:
    """Where the window of every tap begins in the padded input, [taps, ndim]."""
    index = np.indices(problem.geometry.kernel_size).reshape(problem.geometry.ndim, -1).T
    return jnp.asarray(index * np.asarray(problem.geometry.dilation, np.int32), np.int32)


def _moving_window(padded: Array, begin: Array, problem: Problem) -> Array:
    """`window` at a position that is only known when the program runs."""
    geometry = problem.geometry
    span = [s * (o - 1) + 1 for s, o in zip(geometry.stride, geometry.output_size, strict=True)]
    zero = jnp.zeros((), begin.dtype)
    place = (zero, *(begin[dim] for dim in range(geometry.ndim)), zero)
    cells = lax.dynamic_slice(padded, place, (padded.shape[0], *span, padded.shape[-1]))
    for dim, s in enumerate(geometry.stride):
        cells = lax.slice_in_dim(cells, 0, None, s, axis=1 + dim)
    return cells


def _work(problem: Problem) -> Work:
    itemsize, images = problem.dtype.itemsize, problem.batch_size
    windows = images * problem.output_positions * problem.in_channels * itemsize
    results = (
        images * problem.output_positions * problem.out_channels * problem.accumulator.itemsize
    )
    moved: float = problem.kernel_taps * (windows + 2 * results)
    calls = problem.kernel_taps
    fused = problem.platform != "cpu" and problem.in_per_group == 1 and calls <= UNROLLED
    if fused:
        # the padded v is kept
        padded = any(pair != (0, 0) for pair in problem.geometry.padding)
        moved, calls = 2 * problem.bytes("v") * padded, 1 + padded
        if problem.geometry.groups > 1 and problem.geometry.ndim == 3:  # as for `depthwise`
            moved += 4 * (problem.bytes("v") + problem.bytes("u"))
    elif problem.platform != "cpu":
        calls = 2 * (1 + problem.kernel_taps)
    return Work(
        images * problem.output_positions,
        problem.in_per_group,
        problem.out_per_group,
        problem.geometry.groups * problem.kernel_taps,
        moved=moved,
        calls=calls,
        memory=windows + results,
        vector=fused,
    )


def _work_gradient(problem: Problem) -> Work:
    itemsize, images = problem.dtype.itemsize, problem.batch_size
    windows = images * problem.output_positions * problem.in_channels * itemsize
    moved: float = 2 * problem.kernel_taps * windows
    calls = problem.kernel_taps
    if problem.platform != "cpu":
        moved += 2 * problem.bytes("u") * (problem.geometry.groups > 1)  # group by group
        calls = 3 * (1 + problem.kernel_taps)
    return Work(
        problem.in_per_group,
        images * problem.output_positions,
        problem.out_per_group,
        problem.geometry.groups * problem.kernel_taps,
        moved=moved,
        calls=calls,
        memory=windows,
    )


MANY_GROUPS = 64
"""More groups than this, of several channels each, give too many small products per tap."""

MANY_TAPS = 128
"""For more taps than this, `im2col` is rejected, and this algorithm is used whatever the groups."""


def _reject_conv(problem: Problem, platform: str) -> str:
    if problem.kernel_taps > UNROLLED and problem.in_per_group == problem.out_per_group == 1:
        return f"one channel per group and more than {UNROLLED} taps: a slow loop"
    return _reject(problem, platform)


def _reject(problem: Problem, platform: str) -> str:
    several = min(problem.in_per_group, problem.out_per_group) > 1
    if platform != "cpu" or not several or problem.kernel_taps > MANY_TAPS:
        return ""
    if problem.geometry.groups > MANY_GROUPS:
        return f"more than {MANY_GROUPS} groups of several channels: too many small products"
    return ""


CONV = Algorithm("per_tap", conv, _reject_conv, _work)
KERNEL_GRADIENT = Algorithm("per_tap", kernel_gradient, _reject, _work_gradient)
