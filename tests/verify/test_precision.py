"""Precision: measured against allowed, and an imprecise pair told from a wrong one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.precision import error_bound
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.spaces import Space

S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(0)
W = jnp.asarray(RANDOM.standard_normal((30, 20)), jnp.float32)
WHOLE = jnp.asarray(RANDOM.integers(-4, 5, (30, 20)), jnp.float32)
V = S((20,), np.float32)


def exactly(w: jax.Array, u: Any) -> Any:
    return jnp.matmul(w, u, precision="highest")


def in_bfloat16(w: jax.Array, u: Any) -> Any:
    return jnp.matmul(w, u.astype(jnp.bfloat16).astype(jnp.float32), precision="highest")


def summed_in_bfloat16(w: jax.Array, u: Any) -> Any:
    return (w.astype(jnp.bfloat16) @ u.astype(jnp.bfloat16)).astype(jnp.float32)


def ratio(report: verify.Report) -> float:
    return float(report.of("precision").text.split(": ")[-1].split()[0])


def test_a_precise_pair() -> None:
    report = verify.adjoint(lambda v: exactly(W, v), lambda u: exactly(W.T, u), V, key=0)
    assert report.verdict("precision") == "pass"
    assert 0 < ratio(report) < 1


@pytest.mark.parametrize("lossy", [in_bfloat16, summed_in_bfloat16])
def test_right_but_imprecise(lossy: Any) -> None:
    """The structure is proved, by integers that bfloat16 can hold; the precision is not there."""
    report = verify.adjoint(lambda v: exactly(WHOLE, v), lambda u: lossy(WHOLE.T, u), V, key=0)
    assert report.verdict("structure") == "pass"
    assert report.verdict("precision") == "fail"
    assert "At forms sums of 8 bits where A has 24" in report.of("precision").text
    assert report.status == "fail"
    assert report.place == ""


def test_wrong_and_imprecise() -> None:
    wrong = WHOLE.T.at[3, 5].add(1)
    report = verify.adjoint(lambda v: exactly(WHOLE, v), lambda u: in_bfloat16(wrong, u), V, key=0)
    assert report.verdict("structure") == "fail"
    assert report.place.startswith("output [5], input [3]: ")


def test_both_imprecise() -> None:
    """No failure of At, but said."""
    report = verify.adjoint(
        lambda v: in_bfloat16(WHOLE, v), lambda u: in_bfloat16(WHOLE.T, u), V, key=0
    )
    assert report.ok
    assert "both form sums of 8 bits, of 24 that their dtypes have" in report.of("precision").text


def test_opaque_and_imprecise() -> None:
    """Nothing is derived, but far beyond what is usual for float32."""
    w = np.asarray(W)

    def rounded(u: Any) -> np.ndarray:
        return w.T @ np.asarray(u).astype(np.float16).astype(np.float32)

    report = verify.adjoint(lambda v: w @ np.asarray(v), rounded, V, key=0)
    assert not report.ok


def test_bound_holds_and_is_not_far_off() -> None:
    """Against float64: a bound, and within a factor 100 of the worst error met."""
    operator = Operator.of("A", lambda v: exactly(W, v), Space.of(V, "domain"))
    block = Probes(3).normal(operator.domain, 50)
    result = operator(block)
    bound = error_bound(operator, block, result)
    error = np.abs(result - block @ np.asarray(W, np.float64).T)
    assert (error <= bound).all()
    assert error.max() > bound.max() / 100


def test_bound_of_like_magnitudes_is_computed_once() -> None:
    operator = Operator.of("A", lambda v: exactly(W, v), Space.of(V, "domain"))
    signs = Probes(3).integers(operator.domain, 4, 1)
    bound = error_bound(operator, signs, operator(signs))
    single = error_bound(operator, signs[2:3], operator(signs[2:3]))
    assert bound.shape == (4, 30)
    assert np.array_equal(bound[3], single[0])


@pytest.mark.parametrize(
    ("setting", "bits"),
    [("BF16_BF16_F32", 8), ("TF32_TF32_F32", 10), ("BF16_BF16_F32_X3", 14), ("F32_F32_F32", 24)],
)
def test_precision_settings_widen_the_bound(setting: str, bits: int) -> None:
    algorithm = jax.lax.DotAlgorithmPreset[setting]
    operator = Operator.of(
        "A", lambda v: jnp.matmul(W, v, precision=algorithm), Space.of(V, "domain")
    )
    magnitude = operator.rounding.magnitude
    assert magnitude is not None
    least = 2 * 2.0**-bits if bits < 24 else 20 * 2.0**-24
    assert least <= magnitude.gamma < 2 * least + 21 * 2.0**-24


def test_wider_sums_than_results() -> None:
    """bfloat16 operands summed in float32, rounded once."""
    half = WHOLE.astype(jnp.bfloat16)

    def product(w: jax.Array, v: Any) -> jax.Array:
        return jnp.matmul(w, v, preferred_element_type=jnp.float32).astype(jnp.bfloat16)

    report = verify.adjoint(
        lambda v: product(half, v), lambda u: product(half.T, u), S((20,), jnp.bfloat16), key=0
    )
    assert report.ok


def test_double_precision(x64: None) -> None:  # noqa: ARG001
    w = jnp.asarray(RANDOM.standard_normal((9, 7)))
    domain = S((7,), np.float64)
    report = verify.adjoint(lambda v: exactly(w, v), lambda u: exactly(w.T, u), domain, key=0)
    assert report.ok
    report = verify.adjoint(
        lambda v: exactly(w, v),
        lambda u: exactly(w.T.astype(jnp.float32), u.astype(jnp.float32)).astype(jnp.float64),
        domain,
        key=0,
    )
    assert report.verdict("precision") == "fail"
