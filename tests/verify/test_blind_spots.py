"""Pairs that were once passed though they are wrong, or refused though they are right."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

pytestmark = pytest.mark.every_variant

S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(0)
SINGLE = np.float32


# --- wrong: a small part beside a large one


LEAVES = {"v": S((300,), SINGLE), "d": S((300,), SINGLE)}
ORDER = RANDOM.permutation(300)
BACK = np.argsort(ORDER)


def two_units(t: dict[str, Any]) -> Any:
    return 1000.1 * t["v"] + (1e-4 * t["d"])[ORDER]


@pytest.mark.parametrize(
    ("At", "status"),
    [
        (lambda u: {"v": 1000.1 * u, "d": (1e-4 * u)[BACK]}, "pass"),
        (lambda u: {"v": 1000.1 * u, "d": 0 * u}, "fail"),
        (lambda u: {"v": 1000.1 * u, "d": (1e-4 * u)[ORDER]}, "fail"),
    ],
    ids=["right", "a leaf is lost", "a leaf is not permuted back"],
)
def test_leaves_of_two_units(At: Callable, status: str) -> None:
    assert verify.adjoint(two_units, At, LEAVES, key=0, budget=0).status == status


def test_small_weights_beside_large_ones() -> None:
    weights = np.where(np.arange(300) % 2, 1.1e6, 1.1).astype(SINGLE)[ORDER]
    halved = np.where((weights < 2) & (np.arange(300) % 3 == 0), 0, weights).astype(SINGLE)
    for back, status in ((weights, "pass"), (halved, "fail")):
        report = verify.adjoint(
            lambda v: weights * v, lambda u, back=back: back * u, S((300,), SINGLE), budget=0, key=0
        )
        assert report.status == status


# --- undecided: transforms in single precision


@pytest.mark.parametrize("fault", ["", "a factor", "a row", "conjugate missing"])
def test_a_circulant_of_4096_cells(fault: str) -> None:
    n = 4096
    spectrum = jnp.fft.rfft(jnp.asarray(RANDOM.standard_normal(n), SINGLE))
    conjugate = spectrum if fault == "conjugate missing" else spectrum.conj()

    def back(u: jax.Array) -> jax.Array:
        result = jnp.fft.irfft(jnp.fft.rfft(u) * conjugate, n=n)
        if fault == "a factor":
            return result * SINGLE(1.001)
        return result.at[5].multiply(1.01) if fault == "a row" else result

    report = verify.adjoint(
        lambda v: jnp.fft.irfft(jnp.fft.rfft(v) * spectrum, n=n), back, S((n,), SINGLE), key=0
    )
    assert report.status == ("fail" if fault else "pass")


def test_a_dense_matrix_in_bfloat16() -> None:
    w = jnp.asarray(RANDOM.standard_normal((300, 300)), jnp.bfloat16)
    domain = S((300,), jnp.bfloat16)
    assert verify.adjoint(lambda v: w @ v, lambda u: w.T @ u, domain, key=0, budget=0).ok
    assert not verify.adjoint(lambda v: w @ v, lambda u: w @ u, domain, key=0, budget=0).ok


# --- NumPy


def test_numpy_code_is_called_with_numpy() -> None:
    def dispatched(v: Any) -> Any:
        return v if isinstance(v, np.ndarray) else v[::-1]

    def reverse(u: Any) -> Any:
        return u[::-1]

    example = np.zeros(20, SINGLE)
    assert verify.adjoint(dispatched, reverse, example, key=0).status == "fail"
    assert verify.adjoint(dispatched, lambda u: 1 * u, example, key=0).ok
    assert verify.adjoint(jnp.flip, jnp.flip, example, key=0).ok  # JAX code takes NumPy arrays


def test_double_precision_of_numpy_needs_no_mode(x32: None) -> None:  # noqa: ARG001
    assert verify.adjoint(lambda v: v[::-1], lambda u: u[::-1], np.zeros(20), key=0).ok
    assert not verify.adjoint(lambda v: v[::-1], lambda u: 1 * u, np.zeros(20), key=0).ok


def test_an_argument_that_is_overwritten() -> None:
    report = verify.adjoint(
        lambda v: np.multiply(v, 2, out=v), lambda u: 2 * u, np.zeros(20, SINGLE), key=0
    )
    assert report.of("argument").text == "A overwrites its argument"
    assert report.status == "fail"


# --- integers


def test_integers_are_compared_in_the_width_of_the_results() -> None:
    """Fixed-point numbers: all that an int8 cell gives is a multiple of 2^8."""

    def shifted(v: jax.Array) -> jax.Array:
        return v.astype(np.int32) * 256

    domain = S((5,), np.int8)
    assert verify.adjoint(shifted, lambda u: 256 * u, domain, key=0).ok
    report = verify.adjoint(shifted, lambda u: 0 * u, domain, key=0)
    assert report.place == "output [0], input [0]: expected 256, got 0"


# --- wrong or not linear, in NumPy, which cannot be read


N = np.zeros(300, SINGLE)


def test_a_leaf_that_is_lost_in_numpy() -> None:
    for cells in (3, 1500):  # every entry is recovered, and not
        domain = {"v": np.zeros(cells, SINGLE), "d": np.zeros(cells, SINGLE)}

        def forward(t: dict[str, Any]) -> Any:
            return SINGLE(1000.1) * t["v"] + SINGLE(1e-4) * t["d"]

        def right(u: Any) -> Any:
            return {"v": SINGLE(1000.1) * u, "d": SINGLE(1e-4) * u}

        def lost(u: Any) -> Any:
            return {"v": SINGLE(1000.1) * u, "d": 0 * u}

        assert verify.adjoint(forward, lost, domain, key=0).status == "fail"
        assert verify.adjoint(forward, right, domain, key=0).status != "fail"


def test_a_small_entry_of_a_small_matrix_in_numpy() -> None:
    w = np.array([[1, 1e-6], [1e-6, 1]], SINGLE)
    wrong = np.array([[1, -1e-6], [0, 1]], SINGLE)
    domain = np.zeros(2, SINGLE)
    assert verify.adjoint(lambda v: w @ v, lambda u: w.T @ u, domain, key=0).ok
    report = verify.adjoint(lambda v: w @ v, lambda u: wrong @ u, domain, key=0)
    assert report.status == "fail"


def test_weights_that_are_lost_in_numpy() -> None:
    weights = np.where(np.arange(3000) % 2, 1.1e6, 1.1).astype(SINGLE)
    halved = np.where((weights < 2) & (np.arange(3000) % 3 == 0), 0, weights).astype(SINGLE)
    domain = np.zeros(3000, SINGLE)
    options = {"key": 0, "budget": 0}
    assert verify.adjoint(lambda v: weights * v, lambda u: weights * u, domain, **options).ok
    report = verify.adjoint(lambda v: weights * v, lambda u: halved * u, domain, **options)
    assert report.status == "fail"


@pytest.mark.parametrize(
    "function",
    [
        lambda v: np.clip(v, -1e4, 1e4),
        lambda v: np.clip(v, -8192, 8192),
        lambda v: np.where(np.abs(v) < 1e-3, 0, v).astype(SINGLE),
        lambda v: np.where(np.abs(v) < 1e-2, 0, v).astype(SINGLE),
        np.rint,
        lambda v: v.astype(np.float16).astype(SINGLE),
    ],
    ids=["clip", "saturation", "threshold", "larger threshold", "rounding", "half precision"],
)
@pytest.mark.parametrize("traced", [False, True], ids=["numpy", "callback"])
def test_what_is_linear_near_one_alone(function: Callable, traced: bool) -> None:
    def called(v: jax.Array) -> jax.Array:
        return jax.pure_callback(
            lambda x: np.asarray(function(np.asarray(x)), SINGLE),
            S(v.shape, v.dtype),
            v,
            vmap_method="sequential",
        )

    domain = S((300,), SINGLE) if traced else N
    report = verify.adjoint(called if traced else function, lambda u: u * 1, domain, key=0)
    assert report.status != "pass"


def test_through_half_precision_in_jax() -> None:
    """11 bits of 24, and infinite beyond 65504."""

    def halved(v: jax.Array) -> jax.Array:
        return v.astype(np.float16).astype(SINGLE)

    assert verify.adjoint(halved, halved, S((20,), SINGLE), key=0).status != "pass"


def test_what_cannot_be_read_is_said_to_be_probed_only() -> None:
    report = verify.adjoint(lambda v: 2 * v, lambda u: 2 * u, N, key=0)
    assert "A and At cannot be read, only probed." in str(report)


# --- right, and once refused


def test_ill_conditioned_solves() -> None:
    left, right = (np.linalg.qr(RANDOM.standard_normal((20, 20)))[0] for _ in range(2))
    for condition, dtype in ((1e4, np.float64), (1e3, SINGLE)):
        k = (left * np.geomspace(1, 1 / condition, 20)) @ right
        k = k.astype(dtype)
        report = verify.adjoint(
            lambda v, k=k: np.linalg.solve(k, v),
            lambda u, k=k: np.linalg.solve(k.T, u),
            np.zeros(20, dtype),
            key=0,
        )
        assert report.status != "fail", report
    matrix = jnp.asarray(k)
    report = verify.adjoint(
        lambda v: jnp.linalg.solve(matrix, v),
        lambda u: jnp.linalg.solve(matrix.T, u),
        S((20,), SINGLE),
        key=0,
    )
    assert report.status != "fail", report


def test_cancellation() -> None:
    for dtype, large, small in ((SINGLE, 1000.1, 0.1), (np.float64, 1e10, 1.0)):
        large, small = dtype(large), dtype(small)  # noqa: PLW2901

        def cancelled(v: Any, large: Any = large, small: Any = small) -> Any:
            return (v * large + small * v) - v * large

        report = verify.adjoint(cancelled, cancelled, np.zeros(30, dtype), key=0)
        assert report.status != "fail", report


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [
        (30000, np.float16),
        (1e-37, SINGLE),
        (1e35, SINGLE),
        (1e-300, np.float64),
        (1e300, np.float64),
    ],
)
@pytest.mark.parametrize("numpy", [False, True], ids=["jax", "numpy"])
def test_the_ends_of_the_range(factor: float, dtype: type, numpy: bool, x64: None) -> None:  # noqa: ARG001
    """Our own probes must not overflow, and small results are not lost in squares."""
    scale = dtype(factor)
    domain = np.zeros(30, dtype) if numpy else S((30,), dtype)
    assert verify.adjoint(lambda v: scale * v, lambda u: scale * u, domain, key=0).status == "pass"
    report = verify.adjoint(lambda v: scale * v, lambda u: (scale * u)[::-1], domain, key=0)
    assert report.status == "fail"


def test_integer_weights_to_half_precision() -> None:
    w = jnp.asarray(RANDOM.integers(-3, 4, (40, 300)), SINGLE)
    report = verify.adjoint(
        lambda v: (w @ v).astype(np.float16),
        lambda u: w.T @ u.astype(SINGLE),
        S((300,), SINGLE),
        key=0,
    )
    assert report.status != "fail", report


# --- a diagnosis that was certain and false


@pytest.mark.parametrize("cells", [20, 32])
def test_a_missing_conjugate_of_an_isometry_is_no_inverse(cells: int) -> None:
    """The pseudo-inverse of conj(A) is A^T where A is an isometry: not of the forward map."""
    report = verify.adjoint(
        lambda v: jnp.fft.fft(v, 32, norm="ortho"),
        lambda u: jnp.fft.fft(u, norm="ortho")[:cells],
        S((cells,), np.complex64),
        key=0,
    )
    assert report.status == "fail"
    assert report.cause == "conjugate missing" or not report.certain
