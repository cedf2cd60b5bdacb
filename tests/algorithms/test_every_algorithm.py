"""The contract of every algorithm, parametrised over their list, so that all are tested."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Problem, per_tap
from jaxdeconv.algorithms.convolutions import has_onednn
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.reference import coordinates
from tests.support.cases import CASES, Case
from tests.support.checks import check_equal

PAIRS = [
    (leg, algorithm)
    for leg, many in ALGORITHMS.items()
    for algorithm in many
    if "onednn" not in algorithm.name or has_onednn()
]
FULL = [case for case in CASES if all(0 not in shape for shape in case.shapes)]
every_algorithm = pytest.mark.parametrize(
    ("leg", "algorithm"), PAIRS, ids=lambda x: x if isinstance(x, str) else x.name
)


def problem_of(case: Case, leg: str, dtype: Any = np.float32) -> Problem:
    groups = case.geometry.groups
    dtype = np.dtype(dtype)
    return Problem(
        leg,
        case.geometry,
        case.batch,
        groups * case.in_channels,
        groups * case.out_channels,
        dtype,
        accumulator_dtype(dtype),
    )


def expected(leg: str, case: Case, data: tuple[np.ndarray, ...]) -> tuple[Any, Any, Any]:
    """The two operands of a leg, and the result by the matrix of coordinates."""
    v, w, u = data
    if leg == "conv":
        return v, w, coordinates.conv(v, w, case.geometry)
    if leg == "conv_transpose":
        return u, w, coordinates.transpose(u, w, case.geometry)
    return u, v, coordinates.kernel_gradient(u, v, case.geometry)


def supported(leg: str, algorithm: Algorithm, dtype: Any = np.float32) -> list[Case]:
    """The cases that an algorithm can compute: 'tpu' rejects the fewest, but has no oneDNN."""
    return [
        case
        for case in FULL
        if not all(algorithm.reject(problem_of(case, leg, dtype), p) for p in ("cpu", "tpu"))
    ]


@every_algorithm
def test_all_cases_exactly(leg: str, algorithm: Algorithm) -> None:
    cases = supported(leg, algorithm)
    assert len(cases) >= 4
    for case in cases:
        x, y, answer = expected(leg, case, case.data())
        problem = problem_of(case, leg)
        got = jax.jit(lambda x, y, p=problem: algorithm.apply(x, y, p))(x, y)
        check_equal(got, answer)


@every_algorithm
@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float64", "complex64", "int8", "int32", "uint8"]
)
@pytest.mark.usefixtures("x64")
def test_dtypes(leg: str, algorithm: Algorithm, dtype: str) -> None:
    """Results in the accumulator's dtype, exact; integers modulo 2^bits."""
    for case in supported(leg, algorithm, dtype)[2:8:3]:
        wide = np.int64 if "int" in dtype else np.complex128
        data = tuple(x.astype(wide) for x in case.data(np.dtype(dtype)))
        x, y, answer = expected(leg, case, data)
        problem = problem_of(case, leg, dtype)
        narrow = [
            jnp.asarray(a if "complex" in dtype or "int" in dtype else a.real) for a in (x, y)
        ]
        got = algorithm.apply(*(a.astype(dtype) for a in narrow), problem)
        real = answer if "complex" in dtype or "int" in dtype else answer.real
        check_equal(got, real.astype(problem.accumulator))


@every_algorithm
def test_image_by_image(leg: str, algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large temporaries make some algorithms loop over the batch or the taps."""
    monkeypatch.setattr("jaxdeconv.algorithms.steps.CHUNK_BYTES", 0)
    monkeypatch.setattr("jaxdeconv.algorithms.steps.STEP_BYTES", 0)
    monkeypatch.setattr(per_tap, "UNROLLED", 0)
    for case in supported(leg, algorithm)[:6]:
        x, y, answer = expected(leg, case, case.data())
        check_equal(algorithm.apply(jnp.asarray(x), jnp.asarray(y), problem_of(case, leg)), answer)


@pytest.mark.parametrize("step_bytes", [0, 2000])
@every_algorithm
def test_some_images_and_groups_at_a_time(
    leg: str, algorithm: Algorithm, step_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loops over groups, and over parts of the batch."""
    monkeypatch.setattr("jaxdeconv.algorithms.steps.CHUNK_BYTES", 0)
    monkeypatch.setattr("jaxdeconv.algorithms.steps.STEP_BYTES", step_bytes)
    monkeypatch.setattr("jaxdeconv.algorithms.steps.WORTH_A_STEP", 0)
    monkeypatch.setattr("jaxdeconv.algorithms.steps.FEW_GROUPS", 1)
    grouped = [case for case in supported(leg, algorithm) if case.geometry.groups > 1]
    for case in [dataclasses.replace(case, batch=6) for case in grouped[:3]]:
        x, y, answer = expected(leg, case, case.data())
        check_equal(algorithm.apply(jnp.asarray(x), jnp.asarray(y), problem_of(case, leg)), answer)


@every_algorithm
def test_no_zeros_are_inserted(leg: str, algorithm: Algorithm) -> None:
    """On a CPU no convolution dilates its input, and nothing is padded between its entries."""
    seen = 0
    for case in FULL:
        problem = problem_of(case, leg)
        if algorithm.reject(problem, "cpu"):
            continue
        seen += 1
        x, y, _ = expected(leg, case, case.data())
        jaxpr = jax.make_jaxpr(lambda x, y, p=problem: algorithm.apply(x, y, p))(x, y)
        for eqn in equations(jaxpr.jaxpr):
            if eqn.primitive.name == "conv_general_dilated":
                assert max(eqn.params["lhs_dilation"], default=1) == 1
            if eqn.primitive.name == "pad":
                assert all(between == 0 for _, _, between in eqn.params["padding_config"])
    assert seen


def equations(jaxpr: Any) -> list[Any]:
    """All equations, including those inside loops."""
    inner = [
        equation
        for eqn in jaxpr.eqns
        for value in eqn.params.values()
        if hasattr(value, "jaxpr")
        for equation in equations(value.jaxpr)
    ]
    return [*jaxpr.eqns, *inner]


@every_algorithm
def test_work_is_positive(leg: str, algorithm: Algorithm) -> None:
    for case in supported(leg, algorithm):
        work = algorithm.work(problem_of(case, leg))
        assert all(value >= 0 for value in work.features)
        assert work.features[0] > 0


@pytest.mark.parametrize("leg", ALGORITHMS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "complex64"])
@pytest.mark.parametrize("platform", ["cpu", "gpu", "tpu"])
def test_some_algorithm_computes_every_problem(leg: str, dtype: str, platform: str) -> None:
    for case in FULL:
        problem = problem_of(case, leg, dtype)
        assert any(not one.reject(problem, platform) for one in ALGORITHMS[leg])
