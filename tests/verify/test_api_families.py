"""Families: random integer kernels certify all kernels at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

S = jax.ShapeDtypeStruct
V, W = S((1, 7, 2), np.float32), S((3, 2, 4), np.float32)
NUMBERS = ("NHC", "HIO", "NHC")


def convolved(w: jax.Array, v: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(v, w, (2,), ((1, 1),), dimension_numbers=NUMBERS)


def spread(w: jax.Array, u: jax.Array) -> jax.Array:
    """Written by hand: dilate, pad, flip."""
    flipped = jnp.swapaxes(w[::-1], 1, 2)
    return jax.lax.conv_general_dilated(
        u, flipped, (1,), ((1, 1),), lhs_dilation=(2,), dimension_numbers=NUMBERS
    )


def test_all_kernels_at_once() -> None:
    report = verify.adjoint_family(convolved, spread, W, V, key=0)
    assert report.ok, report
    line = report.of("exact")
    assert line.false_acceptance < 1e-9
    assert line.detection_limit == 0
    assert report.question == "adjoints"
    for name in ("linear: A(., v)", "linear: At(., v)", "linear: A", "linear: At"):
        assert report.of(name).status == "pass"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w, u: spread(w[::-1], u),
        lambda w, u: spread(w.at[0, 0, 0].set(w[0, 0, 1]), u),
        lambda w, u: spread(w, u).at[0, 0, 0].add(w[2, 1, 3] * u[0, 3, 0]),
    ],
    ids=["unflipped", "one tap", "one entry"],
)
def test_wrong_families(wrong: object) -> None:
    report = verify.adjoint_family(convolved, wrong, W, V, key=0)
    assert report.status == "fail"
    assert report.place


def test_a_family_that_is_right_for_one_kernel_only() -> None:
    """Correct where all taps are one, as they were when it was first called."""
    report = verify.adjoint_family(convolved, lambda w, u: spread(w * 0 + 1, u), W, V, key=0)
    assert report.status == "fail"


def test_not_linear_in_the_kernel() -> None:
    """Correct for every w, but w is squared: the bound on the chance would not hold."""
    report = verify.adjoint_family(
        lambda w, v: convolved(w * w, v), lambda w, u: spread(w * w, u), W, V, key=0
    )
    assert report.verdict("linearity") == "fail"
    assert not report.ok


@pytest.mark.parametrize("transpose", [False, True])
def test_complex_families(transpose: bool) -> None:
    """The adjoint is conjugate-linear in its kernel: over the reals both are linear."""
    w, v = S((3, 2), np.complex64), S((2,), np.complex64)

    def right(w: jax.Array, u: jax.Array) -> jax.Array:
        return (w.T if transpose else w.conj().T) @ u

    def wrong(w: jax.Array, u: jax.Array) -> jax.Array:
        return (w.conj().T if transpose else w.T) @ u

    assert verify.adjoint_family(jnp.dot, right, w, v, key=0, transpose=transpose).ok
    assert not verify.adjoint_family(jnp.dot, wrong, w, v, key=0, transpose=transpose).ok


def test_integer_families() -> None:
    """Modulo 2^8 an odd difference shows in half of all draws: more of them are made."""
    w, v = S((3, 2), np.int8), S((2,), np.int8)
    report = verify.adjoint_family(jnp.dot, lambda w, u: w.T @ u, w, v, key=0)
    assert report.ok
    assert report.of("exact").text.startswith("31 x 8 x 8 probes of uniform residues: modulo 2^8")
    wrong = verify.adjoint_family(
        jnp.dot, lambda w, u: (w.T @ u).at[0].add(w[0, 0] * u[0] * np.int8(64)), w, v, key=0
    )
    assert wrong.status == "fail"


def test_kernels_that_are_differenced_are_bounded_by_what_they_are() -> None:
    """w[1:] - w[:-1] vanishes for equal taps: the range is derived anew for every draw."""

    def forward(w: jax.Array, v: jax.Array) -> jax.Array:
        return (w[1:] - w[:-1]) * v * 2.0**20

    report = verify.adjoint_family(
        forward, forward, S((4,), np.float32), S((3,), np.float32), key=0
    )
    assert report.ok
    assert "no partial sum can round" in report.of("exact").text


def test_halves() -> None:
    w, v = S((3, 2), jnp.bfloat16), S((2,), jnp.bfloat16)
    assert verify.adjoint_family(jnp.dot, lambda w, u: w.T @ u, w, v, key=0).ok
