"""What every algorithm is given, and what it must say about itself.

A `Problem` is one leg with everything static about it. An `Algorithm` computes the leg on some of
the problems: `reject` says why not on the others, `work` what it costs on these.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.lax import PrecisionLike

from jaxdeconv.geometry import ConvGeometry

LEGS = ("conv", "conv_transpose", "kernel_gradient")


@dataclasses.dataclass(frozen=True)
class Problem:
    """One leg with its geometry, channels and dtypes: all that is known before there are numbers.

    Attributes:
        leg: one of `LEGS`.
        geometry: of the forward map.
        batch: size of the one batch axis; None where it is symbolic (`jax.export`).
        ins: all input channels of the forward map.
        outs: all output channels of the forward map.
        dtype: of both operands.
        accumulator: in which sums are formed, and in which the result is returned.
        precision: as in `jax.lax`.
        exported: whether the program is for `jax.export`: then it may hold nothing but XLA's
            operations.
        platform: 'cpu', 'gpu' or 'tpu': what the program is for.
        partitioned: whether XLA divides the program among devices: then neither may it hold
            convolutions, which XLA divides wrongly.
    """

    leg: str
    geometry: ConvGeometry
    batch: int | None
    ins: int
    outs: int
    dtype: np.dtype
    accumulator: np.dtype
    precision: PrecisionLike = None
    platform: str = "cpu"
    exported: bool = False
    partitioned: bool = False

    @property
    def ins_per_group(self) -> int:
        """Input channels of one group."""
        return self.ins // self.geometry.groups

    @property
    def outs_per_group(self) -> int:
        """Output channels of one group."""
        return self.outs // self.geometry.groups

    @property
    def taps(self) -> int:
        """prod(kernel_size)."""
        return math.prod(self.geometry.kernel_size)

    @property
    def images(self) -> int:
        """The batch, or 1 where it is not known."""
        return 1 if self.batch is None else self.batch

    @property
    def positions(self) -> int:
        """prod(output_size): how often the kernel is laid down on one image."""
        return math.prod(self.geometry.output_size)

    @property
    def cells(self) -> int:
        """prod(input_size): spatial cells of one image of v."""
        return math.prod(self.geometry.input_size)

    @property
    def operand_shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of the two canonical operands."""
        v = (self.images, *self.geometry.input_size, self.ins)
        u = (self.images, *self.geometry.output_size, self.outs)
        w = (*self.geometry.kernel_size, self.ins_per_group, self.outs)
        shapes = {"conv": (v, w), "conv_transpose": (u, w), "kernel_gradient": (u, v)}
        return shapes[self.leg]

    @property
    def is_integer(self) -> bool:
        """Whether XLA's convolutions are slow (CPU) or missing (GPU), unlike its products."""
        return bool(jnp.issubdtype(self.dtype, jnp.integer))

    def some_images(self, batch: int) -> "Problem":
        """The same with another batch."""
        return dataclasses.replace(self, batch=batch)

    def one_group(self) -> "Problem":
        """The same with the channels of one group alone."""
        return dataclasses.replace(
            self,
            geometry=self.geometry.with_groups(1),
            ins=self.ins_per_group,
            outs=self.outs_per_group,
        )

    def products_over_rows(self, parts: Sequence[Array], y: Array) -> list[Array]:
        """x^T y of every part x, [rows, m], and y, [rows, n]; all tall.

        XLA:CPU multiplies two to three times faster when the left operand is contiguous along the
        sum. So whatever is narrower, y or the parts together, is transposed first, behind a
        barrier: without it XLA would fold the transposition into the product again, as it would
        that of the result.
        """
        rows = (((1,), (0,)), ((), ()))
        if sum(part.shape[1] for part in parts) < y.shape[1]:
            wide = [lax.optimization_barrier(part.T) for part in parts]
            return [self.dot_general(x, y, rows) for x in wide]
        wide_y = lax.optimization_barrier(y.T)
        products = [self.dot_general(wide_y, part, rows) for part in parts]
        return [lax.optimization_barrier(product).T for product in products]

    def dot(self, x: Array, y: Array, contract: tuple[int, int], batch: tuple[int, int]) -> Array:
        """`dot_general` over one axis of each and one batch axis."""
        dimensions = (((contract[0],), (contract[1],)), ((batch[0],), (batch[1],)))
        return self.dot_general(x, y, dimensions)

    def dot_general(self, x: Array, y: Array, dimensions: Any) -> Array:
        """`lax.dot_general`, accumulating as the problem says."""
        return lax.dot_general(
            x,
            y,
            dimensions,
            precision=self.precision,
            preferred_element_type=self.accumulator,
        )


@dataclasses.dataclass(frozen=True)
class Work:
    """What an algorithm does, in the units of the cost model.

    Convolutions count as the products of matrices that they are: `times` products of an m x k by
    a k x n matrix, multiplications that are wasted included.

    Attributes:
        m: rows.
        k: length of the sums.
        n: columns.
        times: how many such products.
        moved: bytes written to temporaries and read back.
        calls: kernels launched one after another.
        memory: bytes of the largest set of temporaries.
    """

    m: float
    k: float
    n: float
    times: float = 1.0
    moved: float = 0.0
    calls: float = 1.0
    memory: float = 0.0

    @property
    def features(self) -> tuple[float, ...]:
        """What the seconds are a linear function of: see `jaxdeconv.costmodel`."""
        m, k, n, times = self.m, self.k, self.n, self.times
        return (
            m * k * n * times,
            m * k * times,
            k * n * times,
            m * n * times,
            self.moved,
            self.calls,
        )


Apply: TypeAlias = Callable[[Array, Array, Problem], Array]


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """One way to compute one leg.

    Attributes:
        name: as in `algorithm="name"`; the same word for the same idea on every leg.
        apply: (x, y, problem) -> result, on canonical arrays of `problem.dtype`, in
            `problem.accumulator`.
        reject: (problem, platform) -> why it cannot or should never be used there; '' if it can.
        work: problem -> `Work`.
        spreads: problem -> whether a NaN or an infinity in the first operand reaches entries of the
            result that do not depend on it, because it is multiplied by a zero that was stored.
            Such an algorithm is used only when it is asked for by name.
    """

    name: str
    apply: Apply
    reject: Callable[[Problem, str], str]
    work: Callable[[Problem], Work]
    spreads: Callable[[Problem], bool] = lambda problem: False  # noqa: ARG005


def always(problem: Problem, platform: str) -> str:  # noqa: ARG001
    """`reject` of an algorithm that can do everything."""
    return ""


def xla_is_unfit(problem: Problem, platform: str) -> str:  # noqa: ARG001
    """`reject` of what stands on XLA's convolution."""
    if problem.partitioned:
        return "XLA computes wrong numbers for some convolutions that it divides among devices"
    return "XLA has no fast convolution of integers" if problem.is_integer else ""


CHUNK_BYTES = 4 * 2**20
"""Where the temporaries of all images are larger than this, a loop takes some images at a time: the
temporaries of one step then live in the cache, and no fresh pages are touched (on XLA:CPU those
cost more than the arithmetic)."""

STEP_BYTES = 2**19
"""Temporaries of one step stay below this where they can. Much smaller steps cost more to start
than to compute."""


def images_at_once(problem: Problem, bytes_per_image: float) -> int:
    """How many images one step takes: all where their temporaries together stay in the cache.

    All as well on accelerators, which want large steps, and where XLA divides the program: the
    images may lie on several devices.
    """
    images = problem.images
    if images * bytes_per_image <= CHUNK_BYTES or not _may_loop(problem):
        return images
    most = max(1, int(STEP_BYTES / bytes_per_image))
    return max(n for n in range(1, most + 1) if images % n == 0)


def _may_loop(problem: Problem) -> bool:
    return problem.platform == "cpu" and not problem.partitioned


FEW_GROUPS = 8
"""Up to this many groups are computed one after the other: as ordinary, larger products."""

WORTH_A_STEP = 1e4
"""More groups are computed in a loop where each of them has so many multiply-adds: XLA:CPU is slow
at batched products."""


def worth_looping(problem: Problem) -> bool:
    """Whether many groups are computed in a loop, and not all at once."""
    one = problem.one_group()
    work = problem.images * problem.positions * problem.taps * one.ins * one.outs
    return problem.geometry.groups > FEW_GROUPS and work >= WORTH_A_STEP and _may_loop(problem)


def group_by_group(step: Apply, x: Array, y: Array, problem: Problem) -> Array:
    """`step` on every group: in all of v, w and u the groups are blocks of the last axis."""
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
    """`step`, some images at a time where all would leave the cache, large groups one by one.

    Few groups inside the images: the temporaries of one step are then those of all its groups, and
    no more. Many groups outside of them: each group is a problem of its own.
    """
    if worth_looping(problem):

        def one_group(x: Array, y: Array, one: Problem) -> Array:
            return divide(step, by_images, x, y, one, bytes_per_image / problem.geometry.groups)

        return map_groups(one_group, x, y, problem)

    def by_groups(x: Array, y: Array, part: Problem) -> Array:
        few = 1 < part.geometry.groups <= FEW_GROUPS
        return group_by_group(step, x, y, part) if few else step(x, y, part)

    count = images_at_once(problem, bytes_per_image)
    if count < problem.images:
        return by_images(by_groups, x, y, problem, count)
    return by_groups(x, y, problem)


def map_images(step: Apply, x: Array, y: Array, problem: Problem, count: int) -> Array:
    """`step` on `count` images of x after the others; y is shared."""
    some = problem.some_images(count)
    result = lax.map(lambda images: step(images, y, some), _steps(x, count))
    return result.reshape(-1, *result.shape[2:])


def sum_images(step: Apply, x: Array, y: Array, problem: Problem, count: int) -> Array:
    """The sum of `step` over `count` images of x and y at a time."""
    some = problem.some_images(count)

    def add(total: Array, images: tuple[Array, Array]) -> tuple[Array, None]:
        return total + step(*images, some), None

    geometry = problem.geometry
    shape = (*geometry.kernel_size, problem.ins_per_group, problem.outs)
    start = jnp.zeros(shape, problem.accumulator)
    return lax.scan(add, start, (_steps(x, count), _steps(y, count)))[0]


def _steps(x: Array, count: int) -> Array:
    """[images, ...] -> [steps, count, ...]."""
    return x.reshape(-1, count, *x.shape[1:])
