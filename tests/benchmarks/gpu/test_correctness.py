"""Planted faults in algorithms are found, and half sums in half operands."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.gpu import correctness
from benchmarks.gpu.correctness import EXACT, REFUSED, ROUNDED, WRONG, Question, check, compare
from jaxdeconv import register_algorithm
from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Problem
from jaxdeconv.algorithms.contract import CASES
from jaxdeconv.algorithms.problem import always

CASE = next(one for one in CASES if one.name == "stride")
NATIVE = next(one for one in ALGORITHMS["conv"] if one.name == "native")


def status(change, question: Question) -> str:
    """What is found of native, changed."""

    def apply(v: jax.Array, w: jax.Array, problem: Problem) -> jax.Array:
        return change(NATIVE.apply(v, w, problem), v, w)

    with register_algorithm("conv", Algorithm("planted", apply, always, NATIVE.work)):
        found = {one["algorithm"]: one["status"] for one in check(question)}
    exact = {one.name for one in ALGORITHMS["conv"] if one.error is None} & found.keys()
    assert {name: found[name] for name in exact} == dict.fromkeys(exact, EXACT)
    return found["planted"]


def test_what_is_right_is_exact() -> None:
    assert status(lambda u, *_: u, Question("conv", CASE, "float32")) == EXACT


def test_one_wrong_entry_is_found() -> None:
    question = Question("conv", CASE, "float32")
    assert status(lambda u, *_: u.at[0, 1, 0, 2].add(1), question) == WRONG


def test_rounding_is_told_from_a_wrong_term() -> None:
    question = Question("conv", CASE, "float32")
    assert status(lambda u, *_: u * (1 + 2**-20), question) == ROUNDED


def test_nan_is_wrong() -> None:
    assert (
        status(lambda u, *_: u.at[0, 0, 0, 0].set(jnp.nan), Question("conv", CASE, "float32"))
        == WRONG
    )


def test_what_raises_is_refused() -> None:
    def refuse(u: jax.Array, v: jax.Array, w: jax.Array) -> jax.Array:
        raise NotImplementedError("not here")

    assert status(refuse, Question("conv", CASE, "float32")) == REFUSED


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("result", [None, "float32"])
def test_sums_in_half_are_found(dtype: str, result: str | None) -> None:
    """Term after term, each partial sum rounded to half."""
    case = correctness._DEPTHWISE_SUM
    question = Question("conv", case, dtype, result, sums=True)

    def half_sums(u: jax.Array, v: jax.Array, w: jax.Array) -> jax.Array:
        padded = jnp.pad(v, ((0, 0), (1, 1), (1, 1), (0, 0)))
        total = jnp.zeros(u.shape, v.dtype)
        for i in range(3):
            for j in range(3):
                total += padded[:, i : i + 5, j : j + 5] * w[i, j, 0]
        return total.astype(u.dtype)

    assert status(half_sums, question) != EXACT
    assert status(lambda u, *_: u, question) == EXACT


def test_compare_wants_shape_and_dtype() -> None:
    answer = np.ones((2, 3), np.float32)
    assert compare(answer[:1], answer)[0] == WRONG
    assert compare(answer.astype(np.float64), answer)[0] == WRONG
    assert compare(answer.astype(np.int32) + 1, answer.astype(np.int32))[0] == WRONG


def test_every_leg_and_dtype_comes_before_any_depth() -> None:
    asked = correctness.questions(quick=False)
    breadth = asked[: 2 * 3 * len(correctness.DTYPES)]
    assert {(one.leg, one.dtypes) for one in breadth} == {(one.leg, one.dtypes) for one in asked}
    assert len({str(one) for one in asked}) == len(asked)


def test_tally() -> None:
    def record(name: str, dtype: str, status: str) -> dict[str, str]:
        return {"leg": "conv", "algorithm": name, "dtype": dtype, "status": status}

    records = [record("a", "x", EXACT), record("a", "x", WRONG), record("a", "x", EXACT)]
    assert correctness.tally([*records, record("a", "y", EXACT)]) == [
        {"leg": "conv", "algorithm": "a", "counts": {"x": {EXACT: 2, WRONG: 1}, "y": {EXACT: 1}}}
    ]
