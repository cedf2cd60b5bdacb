"""The wrong place is found, in O(log cells) applications."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

S = jax.ShapeDtypeStruct


@pytest.mark.parametrize("n", [100, 10_000, 300_000])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_one_wrong_entry_in_many(n: int, dtype: type) -> None:
    """Eight parts at a time: 8 log_8 n applications of each, and a few at the end."""
    row, col = n // 3, 2 * n // 3
    report = verify.adjoint(
        lambda v: 3 * v, lambda u: (3 * u).at[row].add(u[col]), S((n,), dtype), key=n, budget=0
    )
    line = report.of("place")
    zero, one = (0, 1) if dtype == np.int32 else (0.0, 1.0)
    assert report.place == f"output [{col}], input [{row}]: expected {zero}, got {one}"
    most = 8 * math.ceil(math.log(n, 8)) + 100  # a hundred, at most, for the diagnosis
    assert line.forward <= most
    assert line.backward <= most


def test_applications_grow_with_the_logarithm() -> None:
    spent = []
    for n in (8**3, 8**5):
        report = verify.adjoint(
            lambda v: v, lambda u: u.at[1].add(u[5]), S((n,), np.float32), key=0, budget=0
        )
        spent.append(report.forward)
    assert spent[1] - spent[0] == 2 * 8


def test_pytrees_and_complex_cells() -> None:
    domain = {"a": S((3,), np.complex64), "b": S((2, 2), np.complex64)}

    def back(u: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return {"a": u["a"], "b": u["b"].at[1, 0].add(1j * u["a"][2])}

    report = verify.adjoint(lambda v: v, back, domain, key=0, budget=0)
    assert report.place == "output ['a'][2], input ['b'][1, 0]: expected 0j, got 1j"
    report = verify.adjoint(lambda v: v, back, domain, key=0)
    assert report.place == "output ['a'][2], input ['b'][1, 0]: expected 0j, got 1j"


def test_real_against_complex() -> None:
    """Over the reals, and the cell is named with its part."""
    domain = S((4,), np.float32)
    report = verify.adjoint(
        lambda v: v + 1j * v, lambda u: u.real - u.imag, domain, key=0, budget=0
    )
    assert report.place.startswith("output [")
    assert ".imag, input [" in report.place
    assert report.place.endswith("expected 1.0, got -1.0")


def test_a_small_error_beside_large_entries() -> None:
    """Constants that are no integers: found above the rounding of everything else."""
    w = jnp.asarray(np.random.default_rng(0).standard_normal((40, 40)), jnp.float32)
    wrong = w.T.at[17, 23].add(0.01)
    report = verify.adjoint(
        lambda v: w @ v, lambda u: wrong @ u, S((40,), np.float32), key=0, budget=0
    )
    assert report.place.startswith("output [23], input [17]: expected ")


def test_nothing_is_located_where_nothing_is_wrong() -> None:
    report = verify.adjoint(jnp.flip, jnp.flip, S((9,), np.float32), key=0)
    assert report.place == ""
    with pytest.raises(KeyError):
        report.of("place")
