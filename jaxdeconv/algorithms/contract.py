"""The contract of an algorithm: what accepts one of ours accepts one of yours.

    check_algorithm("conv", algorithm)

On named geometries, one for each thing that can go wrong, with whole numbers, for which float
arithmetic is exact: every entry equals that of the matrix which `jaxdeconv.reference.coordinates`
builds by loops, in every dtype; a NaN stays where it belongs, or `spreads` says that it does not;
on a CPU no zeros are inserted; and `work` is positive. Only an algorithm that states its `error`
need not equal: every entry is within the error that it states, which must tell whole numbers apart.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.algorithms.problem import Algorithm, Problem
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.reference import coordinates

__all__ = [
    "CASES",
    "CHECKS",
    "Case",
    "bound",
    "check_algorithm",
    "check_equal",
    "check_result",
    "expected",
    "supported",
]

Data = tuple[np.ndarray, ...]

DTYPES = ("float16", "bfloat16", "float64", "complex64", "int8", "int32", "uint8")


@dataclasses.dataclass(frozen=True)
class Case:
    """A geometry with the numbers of channels per group and the batch size."""

    name: str
    geometry: ConvGeometry
    in_channels: int = 2
    out_channels: int = 3
    batch: int = 2

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Canonical shapes of v, w and u."""
        geometry = self.geometry
        v = (self.batch, *geometry.input_size, geometry.groups * self.in_channels)
        w = (*geometry.kernel_size, self.in_channels, geometry.groups * self.out_channels)
        u = (self.batch, *geometry.output_size, geometry.groups * self.out_channels)
        return v, w, u

    @property
    def keywords(self) -> dict[str, Any]:
        """The geometry as keywords of the public functions."""
        return self.geometry.keywords

    def problem(self, leg: str, dtype: DTypeLike = np.float32, platform: str = "cpu") -> Problem:
        """What a leg has to compute on it."""
        return Problem(
            leg,
            self.geometry,
            self.batch,
            self.geometry.groups * self.in_channels,
            self.geometry.groups * self.out_channels,
            np.dtype(dtype),
            accumulator_dtype(np.dtype(dtype)),
            platform=platform,
        )

    def data(self, dtype: Any = np.float32, seed: int = 0) -> tuple[np.ndarray, ...]:
        """v, w and u: small integers of any sign, asymmetric, so that every sum is exact."""
        return tuple(integers(shape, dtype, seed + i) for i, shape in enumerate(self.shapes))


def integers(shape: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Integer-valued data in -4..4; complex types get an imaginary part as well."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-4, 5, shape)
    if np.issubdtype(dtype, np.complexfloating):
        return (values + 1j * rng.integers(-4, 5, shape)).astype(dtype)
    if np.issubdtype(dtype, np.unsignedinteger):
        values = values + 4
    return values.astype(dtype)


CASES = (
    Case("plain", ConvGeometry(5, 3)),
    Case("image_3x3_kernel_2x2", ConvGeometry((3, 3), 2), 1, 1, 1),
    Case("image_4x4_kernel_3x3", ConvGeometry((4, 4), 3), 1, 1, 1),
    Case("pointwise", ConvGeometry((3, 2), 1)),
    Case("stride", ConvGeometry((7, 6), (3, 2), stride=(2, 3), padding=1)),
    Case("stride_does_not_divide", ConvGeometry(9, 4, stride=3)),
    Case("kernel_smaller_than_stride", ConvGeometry((8, 7), (2, 1), stride=(3, 4))),
    Case("dilation", ConvGeometry((9, 8), (3, 2), dilation=(2, 5))),
    Case("dilation_and_stride", ConvGeometry(13, 3, stride=2, dilation=3, padding=2)),
    Case("stride_and_dilation_share_a_factor", ConvGeometry(15, 3, stride=4, dilation=6)),
    Case("asymmetric_padding", ConvGeometry((6, 5), 3, stride=2, padding=((0, 2), (3, 1)))),
    Case("negative_padding", ConvGeometry((8, 7), 2, padding=((-2, 1), (1, -3)))),
    Case("crop_and_grow", ConvGeometry(9, 2, stride=2, padding=((-7, 5),))),
    Case("crop_everything", ConvGeometry(9, 2, stride=2, padding=((-9, 5),))),
    Case("padding_larger_than_kernel", ConvGeometry(3, 2, stride=2, padding=4)),
    Case("same_even_kernel", ConvGeometry((5, 6), 4, stride=2, padding="SAME")),
    Case("same_lower", ConvGeometry((5, 6), (4, 3), stride=2, padding="SAME_LOWER")),
    Case("causal", ConvGeometry(7, 3, stride=2, padding="CAUSAL", dilation=2)),
    Case("groups", ConvGeometry((5, 4), (2, 3), stride=2, padding=1, groups=2)),
    Case("groups_of_one_input", ConvGeometry(6, 3, groups=3), 1, 2),
    Case("depthwise", ConvGeometry((5, 5), 3, stride=2, groups=4), 1, 1),
    Case("groups_dilated", ConvGeometry(11, 3, stride=2, dilation=2, padding=3, groups=2)),
    Case("three_dimensions", ConvGeometry((4, 3, 5), (2, 3, 2), stride=(2, 1, 3), padding=1)),
    Case("four_dimensions", ConvGeometry((3, 2, 4, 3), 2, stride=(1, 1, 2, 1), padding=1), 2, 2),
    Case("no_dimensions", ConvGeometry((), (), groups=2)),
    Case("size_one_axes", ConvGeometry((1, 6, 1), (1, 3, 1), stride=2)),
    Case("empty_batch", ConvGeometry((5, 4), 3, stride=2, padding=1), batch=0),
    Case("empty_v", ConvGeometry((0, 4), 3, stride=2, padding=2)),
    Case("empty_u", ConvGeometry((2, 4), 3)),
    Case("one_channel", ConvGeometry((6, 5), (3, 4), stride=2, padding=2), 1, 1),
)
"""Every algorithm must pass on those of these that it does not reject."""


def check_algorithm(leg: str, algorithm: Algorithm, platforms: Collection[str] = ("cpu",)) -> None:
    """Refuse an algorithm that breaks the contract, naming the first problem on which it does.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        algorithm: what to check; it need not be registered.
        platforms: 'cpu', 'gpu', 'tpu': what it does there is tried, on what it does not reject
            there, and on the device that is JAX's default.

    Raises:
        AssertionError: it is wrong somewhere, or rejects everything.

    Cost: compiles some dozens of small programs, and builds their answers by loops: seconds.
    """
    claimed = [one for one in platforms if supported(leg, algorithm, one)]
    if not claimed:
        raise AssertionError(f"{leg} by {algorithm.name}: rejects every problem of the contract")
    for check, platform in itertools.product(CHECKS, claimed):
        check(leg, algorithm, platform)


def check_numbers(leg: str, algorithm: Algorithm, platform: str) -> None:
    """Every entry on every geometry; and what becomes of a NaN and of an infinity."""
    for case in supported(leg, algorithm, platform):
        problem, what = case.problem(leg, platform=platform), _name(leg, algorithm, case)
        run = jax.jit(_applied(algorithm, problem))
        x, y, answer = expected(leg, case, case.data())
        check_result(run(x, y), answer, what, bound(algorithm, problem, x, y))
        if algorithm.spreads(problem):
            continue
        for x, y, answer in _with_special_values(leg, case):
            if (np.isfinite(np.asarray(run(x, y))) != np.isfinite(answer)).any():
                raise AssertionError(f"{what}: spreads NaN or infinity, and `spreads` denies it")


def check_dtypes(leg: str, algorithm: Algorithm, platform: str) -> None:
    """Results in the accumulator's dtype, exact; integers modulo 2^bits."""
    with jax.enable_x64(True):
        for dtype in DTYPES:
            whole, kept = "int" in dtype, "complex" in dtype or "int" in dtype
            for case in supported(leg, algorithm, platform, dtype)[2:8:3]:
                data = case.data(jnp.dtype(dtype))
                wide = tuple(a.astype(np.int64 if whole else np.complex128) for a in data)
                *exact, answer = expected(leg, case, wide)
                x, y = (jnp.asarray(a if kept else a.real).astype(dtype) for a in exact)
                problem = case.problem(leg, dtype, platform)
                right = (answer if kept else answer.real).astype(problem.accumulator)
                what = f"{_name(leg, algorithm, case)} in {dtype}"
                got = jax.jit(_applied(algorithm, problem))(x, y)
                check_result(got, right, what, bound(algorithm, problem, x, y))


def check_no_zeros(leg: str, algorithm: Algorithm, platform: str) -> None:
    """On a CPU no convolution dilates its input, and nothing is padded between its entries."""
    for case in supported(leg, algorithm, platform) if platform == "cpu" else ():
        problem, what = case.problem(leg), _name(leg, algorithm, case)
        x, y, _ = expected(leg, case, case.data())
        jaxpr = jax.make_jaxpr(_applied(algorithm, problem))(x, y)
        for eqn in equations(jaxpr.jaxpr):
            dilation, config = eqn.params.get("lhs_dilation"), eqn.params.get("padding_config", ())
            if max(dilation or (1,)) > 1 or any(between for _, _, between in config):
                raise AssertionError(f"{what}: inserts zeros, by {eqn.primitive}")


def check_work(leg: str, algorithm: Algorithm, platform: str) -> None:
    """What the cost model is told is no nonsense."""
    for case in supported(leg, algorithm, platform):
        features = algorithm.work(case.problem(leg, platform=platform)).features
        if min(features) < 0 or not features[0] > 0:
            raise AssertionError(f"{_name(leg, algorithm, case)}: work must be positive")


Check = Callable[[str, Algorithm, str], None]

CHECKS: tuple[Check, ...] = (check_work, check_no_zeros, check_dtypes, check_numbers)
"""The cheap ones first."""


def supported(
    leg: str, algorithm: Algorithm, platform: str, dtype: DTypeLike = np.float32
) -> list[Case]:
    """The cases, none of them empty, that an algorithm does not reject on a platform."""
    return [
        case
        for case in CASES
        if all(0 not in shape for shape in case.shapes)
        and not algorithm.reject(case.problem(leg, dtype, platform), platform)
    ]


def expected(leg: str, case: Case, data: Data) -> tuple[np.ndarray, np.ndarray, Any]:
    """The two operands of a leg, and the answer of the matrix of coordinates.

    Args:
        leg: its name.
        case: whose geometry.
        data: v, w and u.
    """
    arrays = dict(zip("vwu", data, strict=True))
    x, y = (arrays[role] for role in LEGS[leg].operands)
    answers = {
        "conv": coordinates.conv,
        "conv_transpose": coordinates.transpose,
        "kernel_gradient": coordinates.kernel_gradient,
    }
    return x, y, answers[leg](x, y, case.geometry)


def _with_special_values(leg: str, case: Case) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
    """As `expected`, two entries of one operand being NaN, or infinite.

    No zeros in the other: their products with it would be NaN, rightly. To G, whose first operand
    is u, the padding of v holds such zeros; there it is entries of v.
    """
    special = 1 if leg == "kernel_gradient" else 0
    for value in (np.nan, np.inf):
        arrays = dict(zip("vwu", case.data(), strict=True))
        roles = LEGS[leg].operands
        signal, other = arrays[roles[special]], arrays[roles[1 - special]]
        other[other == 0] = 1
        signal[(0,) * signal.ndim] = signal[(-1,) * signal.ndim] = value
        with np.errstate(invalid="ignore"):
            yield expected(leg, case, tuple(arrays.values()))


def check_equal(got: Any, answer: Any, what: str = "") -> None:
    """Same shape, same dtype, every entry the same; `what` begins the message if not."""
    got, answer = np.asarray(got), np.asarray(answer)
    what = f"{what}: " if what else ""
    for kind in ("shape", "dtype"):
        if getattr(got, kind) != getattr(answer, kind):
            raise AssertionError(
                f"{what}{kind} {getattr(got, kind)}, expected {getattr(answer, kind)}"
            )
    wrong = np.argwhere(got != answer)
    if len(wrong):
        first = tuple(wrong[0].tolist())
        raise AssertionError(
            f"{what}{len(wrong)} of {got.size} entries differ, first at {first}: "
            f"{got[first]}, expected {answer[first]}"
        )


def check_result(got: Any, answer: Any, what: str, bound: float) -> None:
    """As `check_equal` of whole numbers, from which inexact results may be away by the bound."""
    if bound == 0:
        check_equal(got, answer, what)
        return
    got = np.asarray(got)
    error = np.abs(got - answer).max() if got.shape == answer.shape else 0.0
    if not error <= bound < 1 / 2:
        raise AssertionError(f"{what}: an error of {error:.1e}, stated to be at most {bound:.1e}")
    check_equal(np.rint(got), answer, what)


def bound(algorithm: Algorithm, problem: Problem, x: Any, y: Any) -> float:
    """The largest error of an entry that an algorithm states, of these operands; 0 if exact."""
    if algorithm.error is None:
        return 0.0
    norms = (np.linalg.norm(np.asarray(one, np.complex128).ravel()) for one in (x, y))
    return float(algorithm.error(problem) * math.prod(norms))


def equations(jaxpr: Any) -> list[Any]:
    """All equations of a jaxpr, those inside loops included."""
    inner = [
        equation
        for eqn in jaxpr.eqns
        for value in eqn.params.values()
        if hasattr(value, "jaxpr")
        for equation in equations(value.jaxpr)
    ]
    return [*jaxpr.eqns, *inner]


def _applied(algorithm: Algorithm, problem: Problem) -> Callable[[Any, Any], Any]:
    return lambda x, y: algorithm.apply(x, y, problem)


def _name(leg: str, algorithm: Algorithm, case: Case) -> str:
    return f"{leg} by {algorithm.name} of '{case.name}' ({case.geometry})"
