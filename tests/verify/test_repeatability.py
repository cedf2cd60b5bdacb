"""The same answer twice, compiled and batched: or said which one differs."""

from typing import Any

import jax
import numpy as np
import pytest

from jaxdeconv import verify
from tests.verify.right_pair import S, V

pytestmark = pytest.mark.every_variant


def test_noise() -> None:
    random = np.random.default_rng(0)

    def noisy(v: Any) -> np.ndarray:
        return (np.asarray(v) * (1 + 0.01 * random.standard_normal(5))).astype(np.float32)

    report = verify.adjoint(noisy, noisy, V, key=0)
    assert report.status == "fail"
    assert report.of("repeatable: A").status == "fail"
    assert "two calls with the same argument differ at [" in report.of("repeatable: A").text


def test_state() -> None:
    """Every second call gives another map."""
    calls = [0]

    def alternating(v: Any) -> np.ndarray:
        calls[0] += 1
        return np.asarray(v) * np.float32(1 + calls[0] % 2)

    report = verify.adjoint(alternating, lambda u: np.asarray(u) * np.float32(1), V, key=0)
    assert report.status == "fail"


def test_another_map_when_compiled() -> None:
    def split(v: Any) -> Any:
        return v * (2 if isinstance(v, jax.core.Tracer) else 1)

    report = verify.adjoint(split, split, V, key=0)
    assert report.of("repeatable: A").text == "jax.jit of it is another map"
    assert not report.ok


def test_another_map_when_batched() -> None:
    """Then it is applied one vector at a time, and the pair is judged as it is."""

    @jax.custom_batching.custom_vmap
    def twice(v: jax.Array) -> jax.Array:
        return v * 2

    @twice.def_vmap
    def _(_size: int, batched: list[bool], v: jax.Array) -> tuple[jax.Array, bool]:
        return v * 3, batched[0]

    report = verify.adjoint(twice, lambda u: u * 2, V, key=0)
    assert report.ok
    assert report.of("repeatable: A").text.endswith("jax.vmap of it is another map and is not used")


def test_narrower_results() -> None:
    """At gives int8 where A takes int32: the high bits are lost."""
    report = verify.adjoint(
        lambda v: v.astype(np.int8), lambda u: u, S((4,), np.int32), S((4,), np.int8), key=0
    )
    assert report.of("dtypes").status == "fail"
    assert not report.ok
