"""PyTorch's tensors in place of arrays: parameters, bfloat16, sparse ones, and others."""

import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import convert_kernel
from jaxdeconv.compat import torch as ours
from jaxdeconv.compat.tensors import from_tensor
from tests.compat.support import integers
from tests.support.bad_inputs import check_message
from tests.support.checks import check_equal

DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int64", "bool", "complex64")


@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4)])
def test_every_dtype(torch: Any, shape: tuple[int, ...]) -> None:
    for name in DTYPES:
        expected = integers(*shape).astype(name)
        check_equal(from_tensor("w", torch.tensor(expected)), expected)
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        expected = integers(*shape).astype(jnp.dtype(name))
        tensor = torch.tensor(integers(*shape)).to(getattr(torch, name))
        check_equal(from_tensor("w", tensor), expected)


def test_tensors_that_numpy_refuses(torch: Any) -> None:
    """Parameters, conjugates, transposes, sparse ones: their numbers."""
    w = integers(3, 4)
    parameter = torch.nn.Parameter(torch.tensor(w))
    check_equal(from_tensor("w", parameter), w)
    check_equal(from_tensor("w", (2 * parameter).T), 2 * w.T)
    check_equal(from_tensor("w", parameter.bfloat16().T), w.T.astype(jnp.bfloat16))
    z = (w + 1j * integers(3, 4, seed=1)).astype(np.complex64)
    check_equal(from_tensor("w", torch.tensor(z).conj()), z.conj())
    check_equal(from_tensor("w", torch.tensor(z).conj().imag), -z.imag)
    check_equal(from_tensor("w", torch.tensor(w).to_sparse()), w)


def test_is_a_copy(torch: Any) -> None:
    """Later changes of the tensor do not affect the array."""
    tensor = torch.tensor(integers(5))
    for taken in (from_tensor("w", tensor), from_tensor("w", tensor.bfloat16())):
        before = taken.copy()
        tensor += 1
        check_equal(taken, before)


def test_other_things_stay_themselves() -> None:
    for value in (integers(2), jnp.ones(2), None, [1.0], Any, np.ndarray):
        assert from_tensor("w", value) is value


def test_torch_itself_stays_itself(torch: Any) -> None:
    for value in (torch, torch.Tensor):
        assert from_tensor("w", value) is value


@pytest.mark.parametrize(
    "make",
    [
        lambda torch: torch.ones(2, 3, device="meta"),
        lambda torch: torch.quantize_per_tensor(torch.ones(2, 3), 0.1, 0, torch.quint8),
    ],
    ids=["meta", "quantised"],
)
@pytest.mark.filterwarnings("ignore")  # PyTorch has deprecated quantised tensors
def test_without_numbers(torch: Any, make: Any) -> None:
    check_message(
        lambda: convert_kernel(make(torch), source="torch", target="flax"),
        TypeError,
        "convert_kernel: w ...; got w=.... ...w.dequantize()...",
    )


def test_convolutions(torch: Any) -> None:
    """Signal, kernel and bias; the result is a JAX array, equal to PyTorch's."""
    x, w, b = (torch.tensor(integers(*s), requires_grad=True) for s in ((2, 4, 6), (4, 3, 3), (6,)))
    expected = torch.nn.functional.conv_transpose1d(x, w, b, stride=2, groups=2).detach().numpy()
    got = ours.conv_transpose1d(x, w, b, stride=2, groups=2)
    check_equal(got, expected)
    check_equal(ours.conv_transpose1d(x, w.detach().numpy(), b, 2, groups=2), expected)
    halves = [tensor.bfloat16() for tensor in (x, w, b)]
    got = ours.conv_transpose1d(*halves, stride=2, groups=2)
    assert got.dtype == jnp.bfloat16
    check_equal(got, expected.astype(jnp.bfloat16))


def test_kernels(torch: Any) -> None:
    w = torch.nn.Parameter(torch.tensor(integers(4, 3, 2, 5)))
    shared = {"source": "torch", "target": "keras", "groups": 2, "transposed": True}
    expected = convert_kernel(w.detach().numpy(), **shared)
    check_equal(convert_kernel(w, **shared), expected)
    check_equal(convert_kernel(w.bfloat16(), **shared), expected.astype(jnp.bfloat16))


def test_does_not_import_torch() -> None:
    program = "import sys\nfrom jaxdeconv import compat, nn\nprint('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
