"""Equal, symmetric, unitary, projection, positive: right ones pass, planted faults fail."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pylops
import pytest

from jaxdeconv import verify

pytestmark = pytest.mark.every_variant
S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(5)
A = RANDOM.standard_normal((6, 6))
C = A + 1j * RANDOM.standard_normal((6, 6))
Q = np.linalg.qr(A)[0]
U = np.linalg.qr(C)[0]
P = Q[:, :2] @ Q[:, :2].T
OBLIQUE = np.outer(A[0], A[1]) / (A[0] @ A[1])
LARGE = np.zeros(5000)
V = S((6,), np.float32)


def changed(matrix: np.ndarray, value: float) -> np.ndarray:
    matrix = matrix.copy()
    matrix[-1, 2] += value
    return matrix


@pytest.mark.parametrize(
    ("check", "matrix"),
    [
        (verify.symmetric, A + A.T),
        (verify.symmetric, C + C.conj().T),
        (verify.unitary, Q),
        (verify.unitary, U),
        (verify.projection, P),
        (verify.projection, OBLIQUE),
        (verify.positive, A @ A.T),
        (verify.positive, C @ C.conj().T),
        (verify.positive, P),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_matrices(check: Any, matrix: np.ndarray) -> None:
    report = check(matrix, key=0)
    assert report.ok, report
    assert report.question == check.__name__
    assert check(changed(matrix, 0.01), key=0).status == "fail"
    if check is not verify.unitary:
        assert check(1j * matrix, key=0).status == "fail"
    if check in (verify.unitary, verify.projection):
        assert check(1.001 * matrix, key=0).status == "fail"


def test_orthogonal_projection() -> None:
    assert verify.projection(P, orthogonal=True, key=0).ok
    assert verify.projection(OBLIQUE, orthogonal=True, key=0).status == "fail"
    assert verify.projection(pylops.Real(5), orthogonal=True, key=0).ok
    assert not verify.projection(pylops.Imag(5), key=0).ok


@pytest.mark.parametrize("check", [verify.symmetric, verify.projection, verify.positive])
def test_maps_that_leave_their_domain(check: Any) -> None:
    report = check(A[:, :4], key=0)
    assert report.status == "fail"
    assert report.of("spaces").text == "A takes float64[4], gives float64[6]"


def test_an_isometry_is_not_unitary() -> None:
    report = verify.unitary(Q[:, :4], key=0)
    assert report.verdict("identity") == "pass"
    assert report.status == "fail"
    assert report.of("square").text == "A takes 4 numbers and gives 6: an isometry at most"


def test_unitary_functions() -> None:
    """With the adjoint derived by JAX, or given, which is checked, too."""
    domain = S((6,), np.complex64)
    assert verify.unitary(lambda v: jnp.fft.fft(v, norm="ortho"), domain, key=0).ok
    report = verify.unitary(jnp.fft.fft, domain, key=0)
    assert (report.status, report.verdict("structure")) == ("fail", "pass")
    assert report.place == "output [0], input [0]: expected (1+0j), got (6+0j)"
    large = np.zeros(3000, np.complex128)

    def fft(v: Any) -> Any:
        return np.fft.fft(v, norm="ortho")

    def ifft(v: Any) -> Any:
        return np.fft.ifft(v, norm="ortho")

    assert verify.unitary(fft, large, ifft, key=0).ok
    assert verify.unitary(fft, large, fft, key=0).verdict("structure") == "fail"
    with pytest.raises(TypeError, match=r"unitary needs the adjoint of A; .* Pass At="):
        verify.unitary(fft, large)


def test_symmetric_without_conjugation_and_with_weights() -> None:
    w = np.arange(1.0, 7.0)
    assert verify.symmetric(C + C.T, key=0, transpose=True).ok
    assert not verify.symmetric(C + C.T, key=0).ok
    weighted = (A + A.T) / w[:, None]
    assert verify.symmetric(weighted, key=0, inner=(w, w)).ok
    assert not verify.symmetric(weighted, key=0).ok


@pytest.mark.parametrize("domain", [np.zeros(6), LARGE, np.zeros(6, np.complex128)])
def test_equal_in_numpy(domain: np.ndarray) -> None:
    """Sampled at every cell, or at random combinations."""

    def flipped(v: Any) -> Any:
        return v[::-1].copy()

    def last_lost(v: Any) -> Any:
        return np.append(flipped(v)[:-1], np.zeros(1, v.dtype))

    assert verify.equal(np.flip, flipped, domain, key=0).ok
    for wrong in (
        last_lost,
        lambda v: 1.001 * flipped(v),
        lambda v: np.roll(flipped(v), 1),
    ):
        assert verify.equal(np.flip, wrong, domain, key=0).status == "fail"

    def clipped(v: Any) -> Any:
        return np.where(np.abs(v) > 1e4, 0, flipped(v))

    report = verify.equal(np.flip, clipped, domain, key=0)
    assert not report.ok
    assert report.of("linear: B").status != "pass"


def test_equal_in_jax() -> None:
    assert verify.equal(jnp.flip, lambda v: v[::-1], V, key=0).ok
    report = verify.equal(jnp.flip, lambda v: v[::-1].at[5].set(0), V, key=0)
    assert report.status == "fail"
    assert report.place == "output [5], input [0]: expected 1.0, got 0.0"
    report = verify.equal(jnp.flip, lambda v: jnp.clip(v[::-1], -1e9, 1e9), V, key=0)
    assert report.of("linear: B").status != "pass"
    assert not report.ok
    report = verify.equal(jnp.flip, lambda v: v[1:], V, key=0)
    assert report.of("spaces").text == "B gives float32[5] where A gives float32[6]"


def test_equal_over_rings() -> None:
    domain = np.zeros(6, np.complex128)
    assert verify.equal(np.conj, lambda v: v.conj(), domain, over="reals", key=0).ok
    assert not verify.equal(np.conj, lambda v: v + 0, domain, over="reals", key=0).ok
    assert not verify.equal(lambda v: 1j * v, lambda v: -1j * v, domain, key=0).ok
    integers = np.zeros(6, np.int8)
    assert verify.equal(lambda v: 3 * v, lambda v: v + v + v, integers, key=0).ok
    assert not verify.equal(lambda v: 3 * v, lambda v: 4 * v, integers, key=0).ok
    forward = pylops.FirstDerivative(8, kind="forward")
    assert verify.equal(forward, forward @ pylops.Identity(8), key=0).ok
    assert not verify.equal(forward, pylops.FirstDerivative(8, kind="backward"), key=0).ok


def laplacian(v: Any) -> Any:
    return 2 * v - np.roll(v, 1) - np.roll(v, -1)


@pytest.mark.parametrize(
    ("shift", "status"), [(1.0, "pass"), (0.0, "inconclusive"), (-0.1, "fail")]
)
def test_positive_beyond_what_can_be_solved(shift: float, status: str) -> None:
    """Probes prove it where the smallest eigenvalue is large, and disprove it elsewhere."""
    report = verify.positive(lambda v: laplacian(v) + shift * v, LARGE, key=0)
    assert report.status == report.of("eigenvalues").status == status
    assert verify.symmetric(laplacian, LARGE, key=0).ok


def test_a_rare_negative_eigenvalue() -> None:
    """One of 5000, as large as the others."""
    signs = np.ones(5000)
    signs[1234] = -1
    assert verify.positive(lambda v: signs * v, LARGE, key=0).status == "fail"
    assert verify.positive(lambda v: np.abs(signs) * v, LARGE, key=0).ok


def test_positive_in_single_precision() -> None:
    def second(v: Any) -> Any:
        return 2 * v - jnp.roll(v, 1) - jnp.roll(v, -1)

    assert verify.positive(second, V, key=0).ok
    report = verify.positive(lambda v: second(v) - 0.01 * v, V, key=0)
    assert report.of("eigenvalues").text == "all 6 eigenvalues: from -0.01 to 3.99"
    assert report.status == "fail"
    with pytest.raises(TypeError, match="the domain must hold floats"):
        verify.positive(np.eye(3, dtype=int))
