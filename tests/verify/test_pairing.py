"""Maps over the reals, and weighted inner products."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

pytestmark = pytest.mark.every_variant
S = jax.ShapeDtypeStruct
A = np.random.default_rng(0).integers(-3, 4, (3, 5)).astype(np.float64)
W, U = np.arange(1.0, 6.0), np.arange(2.0, 5.0)
FLAT = np.zeros(5)
COMPLEX = (np.zeros(5, np.complex128), S((5,), np.complex64))


def weighted_adjoint(u: Any) -> Any:
    return A.T @ (u * U) / W


@pytest.mark.parametrize("domain", COMPLEX, ids=["NumPy", "JAX"])
def test_over_the_reals(domain: Any) -> None:
    conj = jnp.conj if isinstance(domain, S) else np.conj
    assert verify.adjoint(conj, conj, domain, over="reals", key=0).ok
    assert not verify.adjoint(conj, conj, domain, key=0).ok
    assert verify.adjoint(lambda v: v.real + 0j, lambda v: v.real + 0j, domain, over="reals").ok
    for wrong in (
        lambda v: v.imag + 0j,
        lambda v: 1.001 * v.real + 0j,
        lambda v: v,
        lambda v: 1j * v.real,
    ):
        report = verify.adjoint(lambda v: v.real + 0j, wrong, domain, over="reals", key=0)
        assert report.status == "fail"
        assert report.place


@pytest.mark.parametrize("domain", COMPLEX, ids=["NumPy", "JAX"])
def test_real_results_for_a_complex_domain(domain: Any) -> None:
    assert verify.adjoint(lambda v: v.real, lambda u: u, domain, key=0).ok
    assert not verify.adjoint(lambda v: v.imag, lambda u: u, domain, key=0).ok


def test_transpose_over_the_reals() -> None:
    """<A v, u> = Re sum (A v) u: the transpose of a product with 1j is itself."""
    domain = COMPLEX[0]
    for back, ok in ((lambda u: 1j * u, True), (lambda u: -1j * u, False)):
        report = verify.adjoint(lambda v: 1j * v, back, domain, over="reals", transpose=True, key=0)
        assert report.ok is ok


@pytest.mark.parametrize(
    "inner",
    [(W, U), (lambda v: W * v, lambda u: U * u), ([*W], U), (2 * W, 2 * U)],
    ids=["arrays", "functions", "list", "twice"],
)
def test_weighted_spaces(inner: Any) -> None:
    inner = tuple(np.asarray(w) if isinstance(w, list) else w for w in inner)
    report = verify.adjoint(lambda v: A @ v, weighted_adjoint, FLAT, inner=inner, key=0)
    assert report.ok, report


@pytest.mark.parametrize("inner", [None, (W, None), (None, U), (W, 2 * U), (W[::-1], U)])
def test_other_weights(inner: Any) -> None:
    report = verify.adjoint(lambda v: A @ v, weighted_adjoint, FLAT, inner=inner, key=0)
    assert report.status == "fail"


def test_weights_of_pytrees_in_jax() -> None:
    """One weight for each leaf, and complex numbers."""
    domain = {"a": S((3,), np.float32), "b": S((2,), np.complex64)}

    def forward(v: Any) -> Any:
        return v["a"][::-1], 2j * v["b"]

    def back(u: Any) -> Any:
        return {"a": u[0][::-1] * 8, "b": -2j * u[1]}

    inner = ({"a": 0.25, "b": np.array([2.0, 3.0])}, (2.0, np.array([2.0, 3.0])))
    assert verify.adjoint(forward, back, domain, inner=inner, key=0).ok
    assert not verify.adjoint(forward, back, domain, inner=(1.0, 1.0), key=0).ok


@pytest.mark.parametrize(
    ("inner", "error", "words"),
    [
        (3, TypeError, "inner must be a pair"),
        ((W,), TypeError, "inner must be a pair"),
        ((W * 1j, U), TypeError, "the weights of the domain must be real numbers"),
        ((W, U * 0), ValueError, "the weights of the codomain must be positive and finite"),
        ((-1.0, U), ValueError, "must be positive and finite; got weight=-1.0"),
        ((W * np.nan, U), ValueError, "the weights of the domain must be positive and finite"),
        ((W[:2], U), ValueError, "the weights of the domain must broadcast to its leaf"),
        ((W, np.ones(7)), ValueError, "the weights of the codomain must broadcast to its leaf"),
        (({"a": W}, U), ValueError, "the weights of the domain must have its structure"),
    ],
)
def test_bad_weights(inner: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        verify.adjoint(lambda v: A @ v, weighted_adjoint, FLAT, inner=inner)


def test_bad_ring() -> None:
    with pytest.raises(ValueError, match="over must be 'reals' or None; got over='complex'"):
        verify.adjoint(np.flip, np.flip, FLAT, over="complex")  # type: ignore[arg-type]


def test_a_shape_that_does_not_fit_is_a_failure() -> None:
    report = verify.adjoint(lambda v: A @ v, lambda u: u, FLAT, key=0)
    assert report.status == "fail"
    assert report.of("spaces").text == (
        "At gives float64[3], which is no member of the domain float64[5]"
    )
