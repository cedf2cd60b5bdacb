"""The correct pairs are correct: matrices compared entry by entry."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.verification.checkers import is_complex
from benchmarks.verification.kinds_called import TOLERANCES
from benchmarks.verification.pair import Pair, compiled, matrix, zeros
from benchmarks.verification.pairs import CLASSIC, KINDS, correct_pairs

# roundings that the adjoint of a map with its own constants may show, relative to the largest entry
_TOLERANCE = TOLERANCES | {
    "circulant by FFT": 1e-5,
    "Fourier transform": 1e-5,
    "resampling": 1e-6,
}


def check(pair: Pair) -> None:
    """Equal matrices; the result of At is like the domain."""
    if pair.numpy:
        got = pair.At(zeros(pair.codomain))
    else:
        got = jax.eval_shape(compiled(pair.At), pair.codomain)
    assert jax.tree.structure(got) == jax.tree.structure(pair.domain), pair.name
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(pair.domain), strict=True):
        assert (a.shape, a.dtype.kind) == (b.shape, b.dtype.kind), pair.name  # of any width
    if not pair.small:
        return
    expected, found = pair.expected(), matrix(pair.At, pair.codomain, pair.numpy)
    if not is_complex(pair.domain):
        expected = expected.real  # the adjoint over the reals, of real arguments
    tolerance = max((t for name, t in _TOLERANCE.items() if pair.name.startswith(name)), default=0)
    gap = np.abs(found - expected).max(initial=0)
    assert gap <= tolerance * np.abs(expected).max(initial=0), f"{pair.name}: {gap}"


@pytest.mark.parametrize("which", range(len(KINDS)), ids=list(KINDS))
def test_every_kind_is_correct(which: int) -> None:
    """The second round, so that no kind depends on the first draw."""
    n = len(KINDS)
    (pair,) = itertools.islice(correct_pairs(1, 2 * n), n + which, n + which + 1)
    check(pair)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_every_fifth_of_a_thousand_is_correct(start: int) -> None:
    """Another fifth of the kinds in every hundred."""
    for pair in itertools.islice(correct_pairs(0), start + start // 100, start + 100, 5):
        check(pair)


@pytest.mark.usefixtures("x64")
def test_wide_dtypes_are_correct() -> None:
    pairs = list(correct_pairs(3, 2 * len(KINDS)))
    wide = [p for p in pairs if jax.tree.leaves(p.domain)[0].dtype in (jnp.float64, jnp.complex128)]
    assert len(wide) >= 8
    for pair in wide[:8]:
        check(pair)


@pytest.mark.slow
def test_a_thousand_of_many_kinds_and_dtypes() -> None:
    pairs = list(correct_pairs(0, 1000))
    names = [pair.name for pair in pairs]
    assert len(set(names)) == len(names) == 1000
    assert len(KINDS) >= len(CLASSIC) + 30 >= 55
    dtypes = {str(leaf.dtype) for pair in pairs for leaf in jax.tree.leaves(pair.domain)}
    assert dtypes >= {"float32", "float16", "bfloat16", "complex64", "int32", "int16", "int8"}
    assert sum(len(jax.tree.leaves(pair.domain)) > 1 for pair in pairs) >= 30
    assert sum(len(jax.tree.leaves(pair.codomain)) > 1 for pair in pairs) >= 30


def test_seeds_count() -> None:
    def shapes(seed: int) -> list[str]:
        return [str(pair.domain) for pair in correct_pairs(seed, 12)]

    assert shapes(5) == shapes(5)
    assert shapes(5) != shapes(6)
