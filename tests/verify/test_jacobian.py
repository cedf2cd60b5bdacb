"""Derivatives: right ones pass, and a fault is found and placed; kinks and borders are said."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

pytestmark = pytest.mark.every_variant
RANDOM = np.random.default_rng(2)
M = RANDOM.standard_normal((5, 3))
X = np.array([1.0, 2.0, -3.0])
XJ = jnp.asarray(X, np.float32)


def sine(x: Any) -> Any:
    return np.sin(M @ x)


def sine_derivative(x: Any, d: Any, m: np.ndarray = M) -> Any:
    return np.cos(M @ x) * (m @ d)


def sine_adjoint(x: Any, u: Any) -> Any:
    return M.T @ (np.cos(M @ x) * u)


def orders(report: verify.Report) -> list[float]:
    words = report.of("Taylor").text.split("orders ")[1].split("; ")[0]
    return [float(word) for word in words.split(", ")]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numpy(dtype: Any) -> None:
    x = X.astype(dtype)
    report = verify.jacobian(sine, x, sine_derivative, key=0)
    assert (report.ok, report.question) == (True, "derivative")
    assert np.allclose(orders(report)[2:], 2, atol=0.05)
    report = verify.jacobian(sine, x, sine_derivative, sine_adjoint, key=0)
    assert report.ok
    assert report.verdict("structure") == "pass"


def test_faults_in_numpy() -> None:
    wrong = M.copy()
    wrong[3, 1] *= 1 + 1e-5
    report = verify.jacobian(sine, X, lambda x, d: sine_derivative(x, d, wrong), key=0)
    assert (report.status, report.verdict("derivative")) == ("fail", "fail")
    assert report.place.startswith("output [3], input [1]: expected ")
    assert orders(report)[-1] < 1.5
    for back in (
        lambda x, u: 1.001 * sine_adjoint(x, u),
        lambda x, u: np.roll(sine_adjoint(x, u), 1),
        lambda x, u: np.append(sine_adjoint(x, u)[:-1], 0.0),
    ):
        report = verify.jacobian(sine, X, sine_derivative, back, key=0)
        assert (report.verdict("derivative"), report.status) == ("pass", "fail")
        assert report.place


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda x: x**3, lambda x, d: 3 * x**2 * d),
        (jax.nn.softmax, None),
        (lambda x: jax.lax.conv(x[None, None], jnp.ones((1, 1, 2)), (1,), "VALID") ** 2, None),
    ],
)
def test_jax(f: Any, df: Any) -> None:
    report = verify.jacobian(f, XJ, df, key=0)
    assert report.ok, report
    assert report.of("Taylor").detection_limit < 1e-7  # in double precision


def test_a_factor_in_jax() -> None:
    report = verify.jacobian(lambda x: x**3, XJ, lambda x, d: 3.003 * x**2 * d, key=0)
    assert report.status == "fail"
    assert report.place == "output [2], input [2]: expected 27, got 27.027"


def test_rules_of_custom_derivatives() -> None:
    forward = jax.custom_jvp(jnp.exp)
    forward.defjvp(lambda x, d: (forward(x[0]), 1.01 * jnp.exp(x[0]) * d[0]))
    assert verify.jacobian(forward, XJ, key=0).verdict("derivative") == "fail"
    forward.defjvp(lambda x, d: (forward(x[0]), jnp.exp(x[0]) * d[0]))
    assert verify.jacobian(forward, XJ, key=0).ok
    backward = jax.custom_vjp(jnp.exp)
    backward.defvjp(lambda x: (backward(x), x), lambda x, u: (jnp.roll(jnp.exp(x) * u, 1),))
    assert verify.jacobian(backward, XJ, key=0).verdict("derivative") == "fail"
    backward.defvjp(lambda x: (backward(x), x), lambda x, u: (jnp.exp(x) * u,))
    assert verify.jacobian(backward, XJ, key=0).ok


def test_complex_numbers_are_two_real_ones() -> None:
    z = jnp.asarray([1 + 2j, 0.5 - 1j], np.complex64)
    assert verify.jacobian(lambda z: z**2 * z.conj(), z, key=0).ok
    report = verify.jacobian(lambda z: abs(z) ** 2, z, lambda z, d: 2 * (z * d).real, key=0)
    assert report.verdict("derivative") == "fail"


def test_a_leaf_of_another_scale() -> None:
    """1 % of a derivative that is 10^7 times smaller."""
    x = {"a": XJ, "b": jnp.ones((2, 2))}

    def derivative(factor: float) -> Any:
        return lambda _, d: 1e3 * d["a"] + factor * d["b"].sum()

    def f(x: Any) -> Any:
        return 1e3 * x["a"] + 1e-4 * x["b"].sum()

    assert verify.jacobian(f, x, derivative(1e-4), key=0).ok
    report = verify.jacobian(f, x, derivative(1.01e-4), key=0)
    assert report.status == "fail"
    assert "input ['b'][" in report.place


@pytest.mark.parametrize(
    ("f", "x", "words"),
    [
        (jnp.abs, [1.0, 0.0], "its slopes differ on both sides, at [1]"),
        (jax.nn.relu, [1.0, 0.0], "its slopes differ on both sides, at [1]"),
        (jnp.round, [1.2, 3.5], "f jumps or is rounded"),
        (jnp.sqrt, [1.0, 0.0], "f is not finite near x"),
    ],
)
def test_points_without_a_derivative(f: Any, x: list[float], words: str) -> None:
    report = verify.jacobian(f, jnp.array(x), key=0)
    assert report.status == report.of("Taylor").status == "inconclusive"
    assert words in report.of("Taylor").text


def test_a_fault_beside_a_kink() -> None:
    x = jnp.array([1.0, 0.0, -1.0])
    report = verify.jacobian(jax.nn.relu, x, lambda x, d: jnp.where(x > 0, 1.1 * d, 0), key=0)
    assert report.place == "output [0], input [0]: expected 1, got 1.1"


def test_results_that_cannot_be_compared() -> None:
    report = verify.jacobian(jnp.log, jnp.array([1.0, 0.0]), key=0)
    assert (report.status, report.of("Taylor").text) == ("fail", "f gives -inf at [1]")
    report = verify.jacobian(lambda x: x**2, XJ, lambda _, d: d[1:], key=0)
    assert report.of("Taylor").text == "df gives float64[2], f gives float64[3]"
    assert report.status == "fail"


@pytest.mark.parametrize(
    ("f", "x", "error", "words"),
    [
        (jnp.sin, jnp.arange(3), TypeError, "x must hold floats: integers have no derivative"),
        (jnp.sin, jax.ShapeDtypeStruct((3,), np.float32), TypeError, "x must be a point"),
        (jnp.sin, jnp.array([jnp.nan]), ValueError, "x must be finite"),
        (jnp.argmax, XJ, TypeError, "f must give floats"),
        (lambda x: np.sin(np.asarray(x)), X, TypeError, "df is needed where JAX cannot"),
    ],
)
def test_bad_input(f: Any, x: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=f"jacobian: {words}"):
        verify.jacobian(f, x)
