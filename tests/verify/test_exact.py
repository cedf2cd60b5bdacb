"""Integer probes: when `==` may decide, the bound that is printed, and what is used otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.exact import Exactness, classify_exactness
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.spaces import Space

S = jax.ShapeDtypeStruct
SINGLE = np.float32
RANDOM = np.random.default_rng(0)
WHOLE = jnp.asarray(RANDOM.integers(-4, 5, (5, 7)), jnp.float32)
RAGGED = jnp.asarray(RANDOM.standard_normal((5, 7)), jnp.float32)


def judged(w: jax.Array, wt: jax.Array | None = None, **options: object) -> verify.Report:
    back = w.T if wt is None else wt
    domain = S(w.shape[1:], w.dtype)
    return verify.adjoint(lambda v: w @ v, lambda u: back @ u, domain, key=1, budget=0, **options)


def test_integers_are_exact() -> None:
    line = judged(WHOLE).of("exact")
    assert line.status == "pass"
    assert line.false_acceptance == 2 * 16.0**-8
    assert line.detection_limit == 0
    assert (line.forward, line.backward) == (8, 8)
    assert line.text == (
        "1 x 8 x 8 probes of integers up to 8: A v integral, no partial sum can round, "
        "At u integral, no partial sum can round; all inner products equal"
    )


def test_dyadic_constants_are_exact() -> None:
    line = judged(WHOLE / 8).of("exact")
    assert "2^3 A v integral, no partial sum can round" in line.text
    assert (line.status, line.detection_limit) == ("pass", 0)


def test_other_constants_are_detected() -> None:
    """Judged by the rounding bound of double precision, with what is not seen."""
    report = verify.adjoint(
        lambda v: (RAGGED @ v) / 3, lambda u: (RAGGED.T @ u) / 3, S((7,), SINGLE), key=1, budget=0
    )
    line = report.of("rounding")
    assert line.status == "pass"
    assert line.text.endswith("inner products are equal up to rounding")
    assert 0 < line.detection_limit < 1e-9
    assert line.false_acceptance == pytest.approx(2 * 16.0**-8)
    with pytest.raises(KeyError):
        report.of("exact")


def test_constants_of_single_precision_are_exact_in_double() -> None:
    line = judged(RAGGED).of("exact")
    assert "no partial sum can round" in line.text
    assert (line.status, line.detection_limit) == ("pass", 0)


def test_constants_may_be_rounded_in_the_given_precision() -> None:
    """Each may be off by a few digits of itself, by cancellation; by half of them it is another."""
    rounded = RAGGED.T * SINGLE(1 + 2.0**-23)
    assert judged(RAGGED, rounded).of("rounding").status == "pass"
    report = judged(RAGGED, RAGGED.T.at[3, 2].multiply(1 + 2.0**-12))
    assert report.of("exact").status == "fail"
    assert report.place.startswith("output [2], input [3]: expected ")


def test_limit_holds(x64: None) -> None:  # noqa: ARG001
    """An entry wrong by more than the limit is seen, by whatever key."""
    w = jnp.asarray(RANDOM.standard_normal((5, 7)))
    limit, largest = judged(w).of("rounding").detection_limit, float(jnp.abs(w).max())
    for seed in range(5):
        back = w.T.at[seed, 2].add(1.01 * limit * largest)
        report = verify.adjoint(
            lambda v: w @ v, lambda u, back=back: back @ u, S((7,), w.dtype), key=seed, budget=0
        )
        assert report.verdict("structure") == "fail"


def test_large_constants_leave_smaller_probes(x64: None) -> None:  # noqa: ARG001
    """2^48 times 7 terms: integers up to 2 fit into 53 bits, with room for one more."""
    line = judged(jnp.full((5, 7), 2.0**48 + 1)).of("exact")
    assert line.text.startswith("2 x 8 x 8 probes of integers up to 2")
    assert line.false_acceptance == (2 * 4.0**-8) ** 2


def test_range_bounds_to_the_bit() -> None:
    """Eight terms of 2^20 and one more: below 2^24, but twice that is above it."""
    w = jnp.full((1, 8), 2.0**20, jnp.float32).at[0, 0].add(1)
    operator = Operator.of("A", lambda v: w @ v, Space.of(S((8,), np.float32), "domain"))
    ones = np.ones((1, 8))
    results = [classify_exactness(operator, k * ones, operator(k * ones)) for k in (1, 2)]
    assert [result.exactness for result in results] == [Exactness.EXACT, Exactness.ROUNDED]


def test_a_wrong_pair_in_which_nothing_rounds() -> None:
    line = judged(WHOLE, WHOLE.T.at[3, 2].add(1)).of("exact")
    assert line.status == "fail"
    assert line.false_acceptance is None
    assert "inner products differ in 64 of 128 numbers" in line.text


def test_a_transform_with_integer_entries() -> None:
    """A circulant by FFT: integers but for rounding."""
    spectrum = jnp.fft.fft(jnp.asarray(RANDOM.integers(-3, 4, 24), jnp.float32))
    conjugate = spectrum.conj()

    def filtered(v: jax.Array, response: jax.Array) -> jax.Array:
        return jnp.fft.ifft(jnp.fft.fft(v) * response).real

    domain = S((24,), np.float32)
    report = verify.adjoint(
        lambda v: filtered(v, spectrum), lambda u: filtered(u, conjugate), domain, key=0, budget=0
    )
    line = report.of("rounding")
    assert line.status == "pass"
    assert 0 < line.detection_limit < 1e-8
    report = verify.adjoint(
        lambda v: filtered(v, spectrum), lambda u: filtered(u, spectrum), domain, key=0, budget=0
    )
    assert report.verdict("structure") == "fail"


def test_small_constants_are_not_hidden_by_large_ones() -> None:
    """2^-30 next to 1 vanishes in a float32 sum, but not in double precision."""
    w = jnp.eye(6, dtype=jnp.float32).at[0, 5].set(2.0**-30)
    assert judged(w).of("exact").status == "pass"
    assert judged(w, jnp.eye(6, dtype=jnp.float32)).of("exact").status == "fail"


def test_zero_maps_are_said_to_be_zero() -> None:
    line = judged(jnp.zeros((5, 7))).of("exact")
    assert line.status == "pass"
    assert line.text.endswith("all inner products equal; both maps are zero")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16])
def test_halves(dtype: type) -> None:
    line = judged(WHOLE.astype(dtype)).of("exact")
    assert line.status == "pass"
    assert line.false_acceptance < 1e-9


def test_a_sum_too_long_for_its_dtype_is_exact_in_double_precision() -> None:
    report = verify.adjoint(
        lambda v: v.sum(keepdims=True),
        lambda u: jnp.broadcast_to(u, 1000),
        S((1000,), jnp.bfloat16),
        key=0,
        budget=0,
    )
    assert report.of("exact").detection_limit == 0
    assert report.ok


def test_a_sum_too_long_for_its_dtype_is_no_proof() -> None:
    """1000 terms in half precision, in NumPy: neither a pass nor a failure."""
    w = RANDOM.standard_normal(1000).astype(np.float16)
    report = verify.adjoint(
        lambda v: (w * v).sum(keepdims=True, dtype=np.float16),
        lambda u: w * u,
        np.zeros(1000, np.float16),
        key=0,
        budget=0,
    )
    line = report.of("rounding")
    assert line.status == "inconclusive"
    assert "inner products decide nothing: a wrong entry of " in line.text
    assert line.false_acceptance is None
    assert not report.ok
