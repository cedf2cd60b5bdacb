"""Probes: what they hold, that a seed repeats them, and the chances that they promise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.errors import ArgumentTypeError
from jaxdeconv.verify.probes import Probes, seed_of, survival
from jaxdeconv.verify.spaces import Space

FLOATS = Space.of(jax.ShapeDtypeStruct((500,), np.float32), "domain")
COMPLEX = Space.of(jax.ShapeDtypeStruct((500,), np.complex64), "domain")


def test_integers() -> None:
    block = Probes(0).integers(FLOATS, 4, 3)
    assert block.shape == (4, 500)
    assert sorted(set(block.ravel().tolist())) == [-3, -2, -1, 1, 2, 3]
    parts = Probes(0).integers(COMPLEX, 1, 1)
    assert set(parts.ravel().tolist()) == {1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j}
    assert np.abs(Probes(0).integers(FLOATS, 4, 200)).max() > 127


def test_residues_are_uniform_on_each_leaf() -> None:
    tree = (jax.ShapeDtypeStruct((2000,), np.int8), jax.ShapeDtypeStruct((2000,), np.uint8))
    block = Probes(0).residues(Space.of(tree, "domain"), 1)[0]
    assert set(block[:2000].tolist()) == set(range(-128, 128))
    assert set(block[2000:].tolist()) == set(range(256))


def test_small_probes_stay_small_in_half_precision() -> None:
    half = Space.of(jax.ShapeDtypeStruct((500,), jnp.bfloat16), "domain")
    assert np.abs(Probes(0).modest(half, 2)).max() == 1
    assert np.abs(Probes(0).modest(FLOATS, 2)).max() == 4
    assert np.abs(Probes(0).normal(half, 1)).max() < 1
    assert np.array_equal(*(half.block(half.members(x)) for x in [Probes(0).normal(half, 1)] * 2))


def test_a_seed_repeats() -> None:
    first, second, other = (Probes(seed).normal(COMPLEX, 2) for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_keys() -> None:
    assert seed_of(7) == 7
    assert seed_of(jax.random.key(7)) == 7
    assert seed_of(jax.random.PRNGKey(7)) == 7
    assert seed_of(jnp.array([1, 2], jnp.uint32)) == 2**32 + 2
    assert seed_of(None) != seed_of(None)


@pytest.mark.parametrize("key", [-1, 1.5, True, "seed", jnp.zeros(2)])
def test_no_key(key: object) -> None:
    with pytest.raises(ArgumentTypeError, match="key must be a seed or a PRNG key; got key="):
        seed_of(key)


@pytest.mark.parametrize("largest", [1, 2])
def test_survival_bounds_the_true_chance(largest: int) -> None:
    """All draws of 1 x 1 probes of two cells, for every D with small entries."""
    values = [k for k in range(-largest, largest + 1) if k]
    draws = list(itertools.product(values, repeat=2))
    bound = survival(len(values), 1, 1)
    found = []
    for entries in itertools.product((-2, -1, 0, 1), repeat=4):
        D = np.reshape(entries, (2, 2))
        if D.any():
            found.append(np.mean([not (u @ D @ np.array(v)) for u in draws for v in draws]))
    assert 0 < max(found) <= bound


def test_survival_of_blocks() -> None:
    assert survival(16, 8, 8) == 2 * 16**-8
    assert survival(2, 1, 1) == 1
