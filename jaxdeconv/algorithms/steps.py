"""A leg in steps: a part of the batch, or of the groups, at a time.

On CPUs, temporaries that do not fit in the cache cost more than the arithmetic, and batched
products are slow. So algorithms that copy their operands get a part of the problem at a time.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Apply, Problem

CHUNK_BYTES = 4 * 2**20
"""If the temporaries of the whole batch are larger than this, a loop takes some images at a time:
the temporaries of one step then stay in the cache, and no fresh pages are touched (on XLA:CPU those
cost more than the arithmetic)."""

STEP_BYTES = 2**19
"""Temporaries of one step stay below this if possible. Much smaller steps cost more to start than
to compute."""


def images_at_once(problem: Problem, bytes_per_image: float) -> int:
    """How many images one step takes: all if their temporaries together fit in the cache.

    Also all on accelerators, where large steps are faster, and if XLA partitions the program: the
    batch may be divided among devices.
    """
    images = problem.batch_size
    if images * bytes_per_image <= CHUNK_BYTES or not _may_loop(problem):
        return images
    most = max(1, int(STEP_BYTES / bytes_per_image))
    return max(n for n in range(1, most + 1) if images % n == 0)


def _may_loop(problem: Problem) -> bool:
    return problem.platform == "cpu" and not problem.partitioned


FEW_GROUPS = 8
"""Up to this many groups are computed one after the other: as ordinary, larger products."""

WORTH_A_STEP = 1e4
"""More groups are computed in a loop if each has this many multiply-adds: XLA:CPU is slow at
batched products."""


def worth_looping(problem: Problem) -> bool:
    """Whether many groups are computed in a loop, not all at once."""
    one = problem.one_group()
    work = (
        problem.batch_size
        * problem.output_positions
        * problem.kernel_taps
        * one.in_channels
        * one.out_channels
    )
    return problem.geometry.groups > FEW_GROUPS and work >= WORTH_A_STEP and _may_loop(problem)


def group_by_group(step: Apply, x: Array, y: Array, problem: Problem) -> Array:
    """`step` on every group: in v, w and u alike the groups are blocks of the last axis."""
    one, groups = problem.one_group(), problem.geometry.groups
    pairs = zip(jnp.split(x, groups, -1), jnp.split(y, groups, -1), strict=True)
    return jnp.concatenate([step(*pair, one) for pair in pairs], -1)


def map_groups(step: Apply, x: Array, y: Array, problem: Problem) -> Array:
    """The same in a loop, for many groups."""
    one, groups = problem.one_group(), problem.geometry.groups

    def first(x: Array) -> Array:
        return jnp.moveaxis(x.reshape(*x.shape[:-1], groups, -1), -2, 0)

    result = lax.map(lambda pair: step(pair[0], pair[1], one), (first(x), first(y)))
    result = jnp.moveaxis(result, 0, -2)
    return result.reshape(*result.shape[:-2], -1)


def divide(
    step: Apply,
    by_images: Callable[[Apply, Array, Array, Problem, int], Array],
    x: Array,
    y: Array,
    problem: Problem,
    bytes_per_image: float,
) -> Array:
    """`step` in parts: of the batch if all of it does not fit in the cache, of the groups if large.

    Few groups are divided inside the loop over the batch, whose step has the temporaries of all
    groups. Many groups are the outer loop: each is a separate problem.
    """
    if worth_looping(problem):

        def one_group(x: Array, y: Array, one: Problem) -> Array:
            return divide(step, by_images, x, y, one, bytes_per_image / problem.geometry.groups)

        return map_groups(one_group, x, y, problem)

    def by_groups(x: Array, y: Array, part: Problem) -> Array:
        few = part.platform == "cpu" and 1 < part.geometry.groups <= FEW_GROUPS
        return group_by_group(step, x, y, part) if few else step(x, y, part)

    count = images_at_once(problem, bytes_per_image)
    if count < problem.batch_size:
        return by_images(by_groups, x, y, problem, count)
    return by_groups(x, y, problem)


def map_images(step: Apply, x: Array, y: Array, problem: Problem, count: int) -> Array:
    """`step` on `count` images of x at a time; all share y."""
    some = problem.some_images(count)
    result = lax.map(lambda images: step(images, y, some), _steps(x, count))
    return result.reshape(-1, *result.shape[2:])


def sum_images(step: Apply, x: Array, y: Array, problem: Problem, count: int) -> Array:
    """The sum of `step` over `count` images of x and y at a time."""
    some = problem.some_images(count)

    def add(total: Array, images: tuple[Array, Array]) -> tuple[Array, None]:
        return total + step(*images, some), None

    geometry = problem.geometry
    shape = (*geometry.kernel_size, problem.in_per_group, problem.out_channels)
    start = jnp.zeros(shape, problem.accumulator)
    return lax.scan(add, start, (_steps(x, count), _steps(y, count)))[0]


def _steps(x: Array, count: int) -> Array:
    """[images, ...] -> [steps, count, ...]."""
    return x.reshape(-1, count, *x.shape[1:])
