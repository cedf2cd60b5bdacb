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

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.geometry import ConvGeometry


@dataclasses.dataclass(frozen=True)
class Problem:
    """One leg with its geometry, channels and dtypes: all that is known before there are numbers.

    Attributes:
        leg: its name, a key of `jaxdeconv.algorithms.leg.LEGS`.
        geometry: of the forward map.
        batch: size of the one batch axis; None where it is symbolic (`jax.export`).
        in_channels: all input channels of the forward map.
        out_channels: all output channels of the forward map.
        dtype: of both operands.
        accumulator: in which sums are formed, and in which algorithms return the result.
        precision: as in `jax.lax`.
        exported: whether the program is for `jax.export`: then it may hold nothing but XLA's
            operations.
        platform: 'cpu', 'gpu' or 'tpu': what the program is for.
        partitioned: whether XLA divides the program among devices: then neither may it hold
            convolutions, which XLA divides wrongly.
        result_dtype: of the leg's result, if not `accumulator`: what algorithms return is rounded
            to it, so that they may also return it themselves, rounded once.
    """

    leg: str
    geometry: ConvGeometry
    batch: int | None
    in_channels: int
    out_channels: int
    dtype: np.dtype
    accumulator: np.dtype
    precision: PrecisionLike = None
    platform: str = "cpu"
    exported: bool = False
    partitioned: bool = False
    result_dtype: np.dtype | None = None

    def adapted(self) -> "Problem":
        """The problem that is computed in its place on this platform: see `operand_dtypes`."""
        if self.platform == "cpu":
            return self
        if self.dtype.kind == "c":
            real = np.dtype(f"float{4 * self.dtype.itemsize}")
            return dataclasses.replace(
                self,
                in_channels=2 * self.in_channels,
                out_channels=2 * self.out_channels,
                dtype=real,
                accumulator=real,
                result_dtype=None,
            )
        if self.platform == "gpu" and self.widens:
            return dataclasses.replace(self, dtype=self.accumulator)
        return self

    @property
    def widens(self) -> bool:
        """Whether operands of two bytes have a result of four."""
        return self.dtype.itemsize == 2 < (self.result_dtype or self.accumulator).itemsize

    @property
    def convolution_dtype(self) -> np.dtype:
        """In which XLA's convolution returns a part of the result that nothing is added to."""
        # XLA:GPU has no convolution of half operands with a float32 result: it converts the
        # operands before it looks for cuDNN's kernels, and then finds no backward one. cuDNN sums
        # half operands in float32 and rounds once (XLA's GetConvAccumulatorType in cuda_dnn.cc).
        if self.platform == "gpu" and self.dtype.itemsize == 2 and not self.widens:
            return self.dtype
        return self.accumulator

    @property
    def in_per_group(self) -> int:
        """Input channels of one group."""
        return self.in_channels // self.geometry.groups

    @property
    def out_per_group(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.geometry.groups

    @property
    def kernel_taps(self) -> int:
        """prod(kernel_size)."""
        return math.prod(self.geometry.kernel_size)

    @property
    def batch_size(self) -> int:
        """The batch, or 1 where it is not known."""
        return 1 if self.batch is None else self.batch

    @property
    def output_positions(self) -> int:
        """prod(output_size): how often the kernel is placed on one image."""
        return math.prod(self.geometry.output_size)

    @property
    def products(self) -> int:
        """How many multiplications the leg needs, those with the padding included."""
        positions = self.batch_size * self.output_positions
        return positions * self.kernel_taps * self.in_per_group * self.out_channels

    @property
    def input_cells(self) -> int:
        """prod(input_size): spatial cells of one image of v."""
        return math.prod(self.geometry.input_size)

    @property
    def operand_shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of the two canonical operands."""
        first, second = LEGS[self.leg].operands
        return self.shape(first), self.shape(second)

    def bytes(self, role: str) -> float:
        """Of one of the canonical 'v', 'w' or 'u'."""
        return float(math.prod(self.shape(role)) * self.dtype.itemsize)

    def shape(self, role: str, batch: Any = None) -> tuple[Any, ...]:
        """Shape of the canonical 'v', 'w' or 'u'; `batch` stands for one that is symbolic."""
        geometry, batch = self.geometry, self.batch_size if batch is None else batch
        if role == "w":
            return (*geometry.kernel_size, self.in_per_group, self.out_channels)
        if role == "v":
            return (batch, *geometry.input_size, self.in_channels)
        return (batch, *geometry.output_size, self.out_channels)

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
            in_channels=self.in_per_group,
            out_channels=self.out_per_group,
        )

    def products_over_rows(self, parts: Sequence[Array], y: Array) -> list[Array]:
        """x^T y of every part x, [rows, m], and y, [rows, n]; all tall.

        XLA:CPU multiplies two to three times faster when the left operand is contiguous along the
        sum. So whatever is narrower, y or the parts together, is transposed first, behind a
        barrier: without it XLA would fold the transposition into the product again, as it would
        that of the result. Libraries for accelerators read a matrix in either direction.
        """
        if self.platform != "cpu":
            return [self.dot_general(x, y, (((0,), (0,)), ((), ()))) for x in parts]
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
        vector: whether the products are fused multiply-adds, not those of matrices.
    """

    m: float
    k: float
    n: float
    times: float = 1.0
    moved: float = 0.0
    calls: float = 1.0
    memory: float = 0.0
    vector: bool = False

    @property
    def features(self) -> tuple[float, ...]:
        """What the seconds are a linear function of: see `jaxdeconv.planning.costmodel`."""
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
        seconds: problem -> predicted seconds of one call on a CPU. None: from `work`, by the cost
            model, where it knows the algorithm; otherwise the plan takes it only if it is measured.
        error: problem -> the largest error of an entry of the result, over |x| |y|, the Euclidean
            norms of the operands. None: the error of each entry is that of its own sum, so that
            whole numbers are exact. An algorithm that has one is used only when it is asked for by
            name.
    """

    name: str
    apply: Apply
    reject: Callable[[Problem, str], str]
    work: Callable[[Problem], Work]
    spreads: Callable[[Problem], bool] = lambda problem: False  # noqa: ARG005
    seconds: Callable[[Problem], float] | None = None
    error: Callable[[Problem], float] | None = None


def always(problem: Problem, platform: str) -> str:  # noqa: ARG001
    """`reject` of an algorithm that can do everything."""
    return ""


def xla_is_unfit(problem: Problem, platform: str) -> str:
    """`reject` of what stands on XLA's convolution."""
    if platform != "cpu" and problem.geometry.ndim > 3:
        return "XLA ends the process where a convolution on a GPU has more than 3 dimensions"
    if problem.partitioned:
        return "XLA computes wrong numbers for some convolutions that it divides among devices"
    return "XLA has no fast convolution of integers" if problem.is_integer else ""


def unless_depthwise(problem: Problem, platform: str) -> str:  # noqa: ARG001
    """`reject` of what multiplies channel by channel."""
    if problem.in_per_group != 1 or problem.out_per_group != 1:
        return "only for one input and one output channel per group"
    return ""
