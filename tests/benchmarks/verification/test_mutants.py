"""The planted faults are faults, run at any size, and leave the shapes of At alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.verification.convolutions import ConvSpec, conv_pair, conv_specs, enlarged
from benchmarks.verification.mutants import MUTANTS, Mutant, differs
from benchmarks.verification.pair import Pair, cells, matrix

SPECS = list(conv_specs(np.float32, largest=999))
SQUARE = SPECS[5].replace(kernel=np.arange(1, 37, dtype=np.float32).reshape(3, 3, 2, 2))
TENTHS = SPECS[1].replace(kernel=SPECS[1].kernel / np.float32(10))
COMPLEX = next(iter(conv_specs(np.complex64)))
WEIGHTS = np.arange(1, 13, dtype=np.float32).reshape(2, 6)


def tree_pair() -> Pair:
    leaf = jax.ShapeDtypeStruct((2, 3), np.float32)

    def backward(u: jax.Array) -> dict[str, jax.Array]:
        product = (WEIGHTS.T @ u).reshape(2, 3)
        return {"a": product, "b": -product}

    return Pair(
        "tree",
        lambda v: WEIGHTS @ (v["a"] - v["b"]).ravel(),
        backward,
        {"a": leaf, "b": leaf},
        jax.ShapeDtypeStruct((2,), np.float32),
    )


PAIRS = [tree_pair(), *map(conv_pair, (*SPECS, SQUARE, TENTHS, COMPLEX))]


def named(name: str) -> Mutant:
    (found,) = (mutant for mutant in MUTANTS if mutant.name == name)
    return found


def test_at_least_forty_and_unique() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_can_be_planted_and_keeps_the_shapes(mutant: Mutant, request) -> None:
    if mutant.name == "rounded to float32":
        request.getfixturevalue("x64")
        spec = SPECS[0].replace(kernel=np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1))
        pairs = [conv_pair(spec)]
    else:
        pairs = PAIRS
    pair = next(pair for pair in pairs if mutant.applies_to(pair))
    got = jax.eval_shape(jax.jit(mutant.make(pair)), pair.codomain)
    assert jax.tree.structure(got) == jax.tree.structure(pair.domain)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(pair.domain), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


def test_a_fault_that_changes_nothing_is_none() -> None:
    symmetric = SPECS[0].replace(kernel=np.array([1, 2, 1], np.float32).reshape(3, 1, 1))
    assert not named("kernel not flipped").applies_to(conv_pair(symmetric))
    assert named("kernel not flipped").applies_to(conv_pair(SPECS[0]))
    assert not named("padding sides exchanged").applies_to(conv_pair(SPECS[0]))
    assert not named("groups of the result rolled").applies_to(conv_pair(SPECS[0]))
    assert not named("transpose for adjoint").applies_to(conv_pair(SPECS[0]))


def test_unflipped_kernel_by_hand() -> None:
    """A 3-tap kernel, padded by one on both sides: the band in the other order."""
    spec = ConvSpec((1, 4, 1), np.float32([2, 3, 5]).reshape(3, 1, 1), (1,), ((1, 1),), (1,))
    wrong = named("kernel not flipped").make(conv_pair(spec))
    assert wrong is not None
    got = matrix(wrong, jax.ShapeDtypeStruct((1, 4, 1), np.float32))
    assert got.tolist() == [[3, 5, 0, 0], [2, 3, 5, 0], [0, 2, 3, 5], [0, 0, 2, 3]]


def test_matrix_by_hand() -> None:
    v = (jax.ShapeDtypeStruct((2,), np.float32), jax.ShapeDtypeStruct((), np.float32))
    got = matrix(lambda t: {"x": t[0] * 2 + t[1], "y": t[1]}, v)
    assert got.tolist() == [[2, 0, 1], [0, 2, 1], [0, 0, 1]]


@pytest.mark.parametrize("dtype", [np.float32, jnp.bfloat16, np.complex64])
def test_enlarged_keeps_the_remainder(dtype) -> None:
    for spec in conv_specs(dtype):
        large = enlarged(spec, 10**6)
        assert cells(large.domain) >= 10**6
        assert cells(large.domain) < 10**7
        left = [n - m for n, m in zip(spec.shape[1:-1], spec.smallest, strict=True)]
        assert left == [n - m for n, m in zip(large.shape[1:-1], large.smallest, strict=True)]


@pytest.mark.parametrize("name", ["first row zero", "one entry wrong", "kernel not flipped"])
def test_a_million_cells(name: str) -> None:
    pair = conv_pair(enlarged(SPECS[6], 10**6))
    assert not pair.small
    wrong = named(name).make(pair)
    assert wrong is not None
    assert differs(pair, wrong)
    assert not differs(pair, pair.At)
