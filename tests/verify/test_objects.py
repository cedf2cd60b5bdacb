"""Operator objects of every library: right ones pass, faults are found, others are refused."""

from typing import Any

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pylops
import pytest
import scipy.sparse as sparse
from jax.experimental.sparse import BCOO

from jaxdeconv import verify
from jaxdeconv.operators import ConvOperator
from tests.verify.protocols import FAULTS, PROTOCOLS, forward_matrix

pytestmark = pytest.mark.every_variant
S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(3)
REAL = RANDOM.standard_normal((6, 5))
COMPLEX = REAL + 1j * RANDOM.standard_normal((6, 5))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_right_operators_pass_and_faults_are_found(name: str) -> None:
    build, domain = PROTOCOLS[name]
    a = forward_matrix()
    report = verify.operator(build(a, a.conj().T), domain=domain, key=0)
    assert report.ok, report
    for fault, change in FAULTS.items():
        report = verify.operator(build(a, change(a.conj().T)), domain=domain, key=0)
        assert report.status == "fail", (fault, report)
        assert report.place, fault


@pytest.mark.parametrize(
    "matrix",
    [
        REAL,
        COMPLEX,
        RANDOM.integers(-3, 4, (4, 3)),
        sparse.csr_array(COMPLEX),
        sparse.csc_matrix(COMPLEX),
        sparse.eye_array(5, 7, k=1),
        jnp.asarray(REAL, np.float32),
        jnp.asarray(COMPLEX, np.complex64),
        BCOO.fromdense(jnp.asarray(REAL, np.float32)),
    ],
    ids=lambda matrix: f"{type(matrix).__name__} {matrix.dtype}",
)
def test_matrices(matrix: Any) -> None:
    assert verify.operator(matrix, key=0).ok


@pytest.mark.parametrize(
    "operator",
    [
        pylops.FirstDerivative(7),
        pylops.FirstDerivative(7, dtype="float32"),
        pylops.signalprocessing.FFT(10),
        pylops.signalprocessing.FFT(10, real=True),
        pylops.Conj(5),
        pylops.Real(5),
        pylops.Imag(5),
        pylops.VStack([pylops.Identity(5), pylops.FirstDerivative(5)]),
    ],
    ids=lambda operator: f"{type(operator).__name__} {operator.dtype}",
)
def test_pylops(operator: Any) -> None:
    """Over the reals, where it says that it is not linear over the complex numbers."""
    assert verify.operator(operator, key=0).ok


def test_lineax() -> None:
    matrix = lx.MatrixLinearOperator(jnp.asarray(COMPLEX, np.complex64))
    assert verify.operator(matrix, key=0).ok
    assert not verify.operator((matrix, matrix.T), key=0).ok  # not conjugated
    domain = {"b": S((4,), np.float32)}
    reverse = lx.FunctionLinearOperator(lambda v: {"a": v["b"][::-1] * 2}, domain)
    assert verify.operator(reverse, key=0).ok
    assert verify.operator((reverse.mv, reverse.T.mv), domain=domain, key=0).ok


def test_our_own() -> None:
    K = ConvOperator(jnp.asarray([[1, -2], [3, 0], [2, 5]], np.float32), (5, 4))
    assert verify.operator(K, key=0).ok
    assert verify.operator((K, K.T), key=0).ok
    assert not verify.operator((K, 2 * K.T), key=0).ok


def test_a_domain_of_another_dtype() -> None:
    """A matrix of real numbers applied to complex ones, and NumPy's arrays for a JAX function."""
    report = verify.operator(REAL, domain=np.zeros(5, np.complex128), key=0)
    assert report.ok
    assert "complex128" not in report.to_json()
    assert verify.operator((np.flip, np.flip), domain=np.zeros(4), key=0).ok


class WrongShape:
    shape, dtype = (4, 5), np.dtype(np.float64)

    def matvec(self, v: Any) -> Any:
        return v[1:] - v[:-1]

    def rmatvec(self, u: Any) -> Any:
        return u


def test_results_of_a_wrong_shape_are_a_failure() -> None:
    report = verify.operator(WrongShape(), key=0)
    assert report.status == "fail"
    expected = "At gives float64[4], which is no member of the domain float64[5]"
    assert report.of("spaces").text == expected


def test_complex_results_for_a_real_domain() -> None:
    """Right where the imaginary part vanishes."""
    f = np.exp(-2j * np.pi * np.outer(np.arange(3), np.arange(5)) / 5)
    domain = np.zeros(5)
    assert verify.operator((np.fft.rfft, lambda u: (f.conj().T @ u).real + 0j), domain=domain).ok
    report = verify.operator((np.fft.rfft, lambda u: f.conj().T @ u), domain=domain, key=0)
    assert report.status == "fail"
    assert report.place.endswith("input [0].imag: expected 0.0, got 1.0")


def test_options_reach_the_check() -> None:
    assert "every entry" not in verify.operator(REAL, key=0, budget=0).to_json()
    report = verify.operator(PROTOCOLS["ODL"][0](COMPLEX, COMPLEX.conj().T), inner=None, key=0)
    assert report.status == "fail"  # its adjoint is that of the weighted spaces


@pytest.mark.parametrize(
    ("op", "domain", "words"),
    [
        (object(), None, "op must be a linear operator; .* Looked for mv, matvec, direct, A"),
        (np.zeros((2, 2, 2)), None, "op must be a linear operator"),
        (None, None, "op must be a linear operator"),
        (jnp.flip, None, "op must say what it takes, or domain must; .* Pass domain="),
        (lambda v: np.flip(np.asarray(v)), np.zeros(4), "op must have an adjoint; .* rmatvec"),
    ],
)
def test_what_is_no_operator(op: Any, domain: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"operator: {words}"):
        verify.operator(op, domain=domain)


def test_torch() -> None:
    """Modules and functions, by their own adjoint or by autograd's."""
    torch = pytest.importorskip("torch")
    a = torch.tensor(COMPLEX)
    assert verify.operator(a, key=0).ok
    flat = torch.zeros(5, dtype=a.dtype)
    assert verify.operator(lambda v: a @ v, domain=flat, key=0).ok
    for change in FAULTS.values():
        back = torch.tensor(change(COMPLEX.conj().T))
        pair = (lambda v: a @ v, lambda u, back=back: back @ u)
        assert verify.operator(pair, domain=flat, key=0).status == "fail"

    class Difference(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, v: Any) -> Any:
            return v[1:] - v[:-1]

        @staticmethod
        def backward(_: Any, u: Any) -> Any:
            return torch.cat([u.new_zeros(1), u])

    report = verify.operator(Difference.apply, domain=torch.zeros(5), key=0)
    assert report.place == "output [0], input [0]: expected -1.0, got 0.0"
    image = torch.zeros(1, 2, 8, dtype=torch.float64)
    for bias in (False, True):
        layer = torch.nn.Conv1d(2, 3, 3, bias=bias, dtype=image.dtype)
        report = verify.operator(layer, domain=image, key=0)
        assert report.ok is not bias
    tree = {"a": torch.zeros(3), "b": torch.zeros(2, 2)}
    assert verify.operator(lambda v: (v["a"].flip(0) * 2, v["b"].sum()), domain=tree, key=0).ok
    with pytest.raises(TypeError, match="tensors must have a dtype that NumPy has"):
        verify.operator(lambda v: 2 * v, domain=torch.zeros(3, dtype=torch.bfloat16))
