"""The contract of every algorithm, parametrised over their list, so that all are tested."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Work, per_tap
from jaxdeconv.algorithms.contract import (
    CASES,
    CHECKS,
    Case,
    Check,
    bound,
    check_algorithm,
    check_result,
    expected,
    supported,
)
from tests.support.algorithms import runs_here

PLATFORMS = ("cpu", "gpu", "tpu")
PAIRS = [
    (leg, algorithm)
    for leg, many in ALGORITHMS.items()
    for algorithm in many
    if runs_here(algorithm.name)
]
FULL = [case for case in CASES if all(0 not in shape for shape in case.shapes)]
every_algorithm = pytest.mark.parametrize(
    ("leg", "algorithm"), PAIRS, ids=lambda x: x if isinstance(x, str) else x.name
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@every_algorithm
def test_contract(leg: str, algorithm: Algorithm, check: Check) -> None:
    """What it does on every platform that it claims, tried here."""
    claimed = [one for one in PLATFORMS if len(supported(leg, algorithm, one)) >= 2]
    assert claimed
    for platform in claimed:
        check(leg, algorithm, platform)


def check_applied(leg: str, algorithm: Algorithm, case: Case, x, y, answer) -> None:
    problem = case.problem(leg)
    got = algorithm.apply(jnp.asarray(x), jnp.asarray(y), problem)
    check_result(got, answer, case.name, bound(algorithm, problem, x, y))


@every_algorithm
def test_image_by_image(leg: str, algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large temporaries make some algorithms loop over the batch or the taps."""
    monkeypatch.setattr("jaxdeconv.algorithms.steps.CHUNK_BYTES", 0)
    monkeypatch.setattr("jaxdeconv.algorithms.steps.STEP_BYTES", 0)
    monkeypatch.setattr(per_tap, "UNROLLED", 0)
    for case in supported(leg, algorithm, "cpu")[:6]:
        x, y, answer = expected(leg, case, case.data())
        check_applied(leg, algorithm, case, x, y, answer)


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
    grouped = [case for case in supported(leg, algorithm, "cpu") if case.geometry.groups > 1]
    for case in [dataclasses.replace(case, batch=6) for case in grouped[:3]]:
        x, y, answer = expected(leg, case, case.data())
        check_applied(leg, algorithm, case, x, y, answer)


@pytest.mark.parametrize("leg", ALGORITHMS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "complex64"])
@pytest.mark.parametrize("platform", ["cpu", "gpu", "tpu"])
def test_some_algorithm_computes_every_problem(leg: str, dtype: str, platform: str) -> None:
    for case in FULL:
        problem = case.problem(leg, dtype, platform).adapted()
        assert any(not one.reject(problem, platform) for one in ALGORITHMS[leg])


def faulty(right: Algorithm, fault: str) -> Algorithm:
    """A right algorithm, one thing about which is wrong."""

    def first_entry_off(x, y, problem):
        result = right.apply(x, y, problem)
        return result.at[(0,) * result.ndim].add(1)

    def double(x, y, problem):
        return right.apply(x, y, problem).astype(float)

    def spreading(x, y, problem):
        return right.apply(x, y, problem) + (0 * x.sum()).astype(problem.accumulator)

    def dilated(x, y, problem):
        spread = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 1)] * x.ndim)
        return right.apply(spread[(slice(None, None, 2),) * x.ndim], y, problem)

    changes = {
        "an entry": {"apply": first_entry_off},
        "dtype": {"apply": double},
        "NaN": {"apply": spreading},
        "zeros": {"apply": dilated},
        "work": {"work": lambda _: Work(0, 0, 0)},
        "rejects all": {"reject": lambda *_: "never"},
    }
    return dataclasses.replace(right, name="faulty", **changes[fault])


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("an entry", r"conv by faulty of '\w+' \(.*\) in float16: 1 of 4 entries differ, first"),
        ("dtype", r"conv by faulty of '\w+' \(.*\) in float16: dtype float64, expected float32"),
        ("NaN", r"conv by faulty of 'plain' \(.*\): spreads NaN or infinity, and `spreads` denies"),
        ("zeros", r"conv by faulty of 'plain' \(.*\): inserts zeros, by pad"),
        ("work", r"conv by faulty of 'plain' \(.*\): work must be positive"),
        ("rejects all", "conv by faulty: rejects every problem of the contract"),
    ],
)
def test_a_wrong_algorithm_is_refused(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_algorithm("conv", faulty(per_tap.CONV, fault))


def test_a_kernel_gradient_that_sums_in_the_dtype_of_half_operands_is_refused() -> None:
    """float16 sums in float32: the contract sees a result that is float16."""
    right = ALGORITHMS["kernel_gradient"][-2]
    wrong = dataclasses.replace(
        right, apply=lambda x, y, problem: right.apply(x, y, problem).astype(problem.dtype)
    )
    with pytest.raises(AssertionError, match="in float16: dtype float16, expected float32"):
        check_algorithm("kernel_gradient", wrong)
