import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.cli import dtypes

RNG = np.random.default_rng(0)
every = pytest.mark.parametrize("name", [*FLOATING, *COMPLEX, *INTEGER])


@every
def test_dtype_is_kept(name) -> None:
    dtype = jnp.dtype(name)
    assert dtypes.photograph(np.full((2, 3, 1), 0.4), dtype).dtype == dtype
    assert dtypes.small_integers((2, 3), dtype, 7, RNG).dtype == dtype


def test_photograph() -> None:
    cells = np.array([[[0.0], [0.5], [1.0]]])
    assert dtypes.photograph(cells, np.dtype("int32")).ravel().tolist() == [0, 128, 255]
    assert dtypes.photograph(cells, np.dtype("uint8")).ravel().tolist() == [0, 4, 7]
    assert dtypes.photograph(cells, np.dtype("float16")).ravel().tolist() == [0, 0.5, 1]
    assert dtypes.photograph(cells, np.dtype("complex64")).ravel().tolist() == [1j, 0.5 + 0.5j, 1]


@every
def test_small_integers_are_small_and_not_zero(name) -> None:
    x = dtypes.small_integers((200,), jnp.dtype(name), 3, RNG)
    if np.dtype(name).kind == "u":
        x = x.astype(name.removeprefix("u"))  # negative numbers enter modulo 2^bits
    parts = np.stack([x.real, x.imag]) if name in COMPLEX else x
    assert set(np.unique(parts.astype(np.float64))) == {-3, -2, -1, 1, 2, 3}
