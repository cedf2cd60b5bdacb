"""Linear or not: typed where the jaxpr can be read, probed where it cannot."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

S = jax.ShapeDtypeStruct
V = S((6,), np.float32)


def opaque(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], Any]:
    """Seen by JAX as a callback, that is, not at all."""

    def called(v: jax.Array) -> jax.Array:
        result = S(v.shape, v.dtype)
        return jax.pure_callback(
            lambda v: function(np.asarray(v)).astype(v.dtype), result, v, vmap_method="sequential"
        )

    return called


@pytest.mark.parametrize(
    "function",
    [lambda v: 3 * v[::-1], np.cumsum, lambda v: v - v.mean()],
    ids=["whole", "sums", "mean"],
)
def test_opaque_and_linear(function: Callable) -> None:
    line = verify.linearity(opaque(function), V, key=0).of("linear: A")
    assert line.status == "pass"
    assert line.text.startswith("not typed: A: the rounding of pure_callback")
    assert line.text.endswith("what the probes do not reach is not seen")


@pytest.mark.parametrize(
    ("function", "broken"),
    [
        (lambda v: v + 1, "A(0) = 0 does not hold at ["),
        (np.abs, "A(v + w) = A(v) + A(w) does not hold"),
        (lambda v: v * np.abs(v), "A(v + w) = A(v) + A(w) does not hold"),
        (lambda v: np.clip(v, -100, 100), "A(1024 v) = 1024 A(v) does not hold"),
        (lambda v: np.where(v < -3.5, 0, v), "does not hold"),
        (lambda v: v / (1 + 1e-3 * v[0] ** 2), "does not hold"),
    ],
    ids=["affine", "absolute", "square", "clip", "threshold", "gain"],
)
def test_opaque_and_not_linear(function: Callable, broken: str) -> None:
    report = verify.linearity(opaque(function), V, key=0)
    assert report.status == "fail"
    assert broken in report.of("linear: A").text


def test_source_line_of_what_is_not_linear() -> None:
    def squared(v: jax.Array) -> jax.Array:
        return v * v

    text = verify.linearity(squared, V, key=0).of("linear: A").text
    assert "non-linear: the argument goes through a primitive that is not linear: mul at " in text
    assert "test_additivity.py:" in text
    assert "squared)" in text


def test_affine_by_too_little_for_any_tolerance() -> None:
    report = verify.linearity(lambda v: v + 1e-30, V, key=0)
    assert report.status == "fail"
    assert "A(0) = 0 does not hold" in report.of("linear: A").text


@pytest.mark.parametrize(("most", "status"), [(1e9, "fail"), (1e30, "inconclusive")])
def test_clip(most: float, status: str) -> None:
    """Where no probe notices: no failure, and no pass."""
    report = verify.linearity(lambda v: jnp.clip(v, -most, most), V, key=0)
    assert report.status == status
    said = "the probes may not reach where it is not linear" in report.of("linear: A").text
    assert said == (status == "inconclusive")
    pair = verify.adjoint(lambda v: jnp.clip(v, -most, most), lambda u: u, V, key=0)
    assert pair.status == status


@pytest.mark.parametrize(
    ("function", "status"),
    [
        (lambda v: 2j * v, "pass"),
        (jnp.conj, "fail"),
        (lambda v: v.real.astype(v.dtype), "fail"),
    ],
    ids=["linear", "conjugate", "real part"],
)
def test_over_the_complex_numbers(function: Callable, status: str) -> None:
    report = verify.linearity(function, S((4,), np.complex64), key=0)
    assert report.status == status
    if status == "fail":
        assert "A(i v) = i A(v) does not hold" in report.of("linear: A").text


def test_real_part_is_linear_over_the_reals() -> None:
    """From complex to real cells nothing else can be meant."""
    assert verify.linearity(jnp.real, S((4,), np.complex64), key=0).ok


def test_halves_and_integers() -> None:
    for dtype in (jnp.bfloat16, np.float16, np.int8, np.uint16):
        assert verify.linearity(lambda v: v[1:] - v[:-1], S((5,), dtype), key=0).ok
    report = verify.linearity(lambda v: v // 2, S((5,), np.int32), key=0)
    assert report.status == "fail"


def test_rounding_is_no_lack_of_linearity() -> None:
    """Large and small constants, long sums, divisions: nothing but rounding is seen."""
    w = jnp.asarray(np.random.default_rng(0).standard_normal((6, 6)) * 1e6, jnp.float32)
    for seed in range(4):
        report = verify.linearity(lambda v: (w @ v) / 3 + v.sum() * 1e-3, V, key=seed)
        assert report.ok, report
