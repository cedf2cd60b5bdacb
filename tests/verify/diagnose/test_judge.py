"""Diagnoses of planted faults: the cause is named, or said to be unknown; never wrong for certain.

The faults come from benchmarks/verification; the matrices are written out by unit vectors.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.verification.convolutions import ConvSpec, conv_pair, conv_specs
from benchmarks.verification.mutants import MUTANTS, planted
from benchmarks.verification.pair import Pair, matrix
from jaxdeconv.verify.diagnose import Cause, Diagnosis, diagnose
from jaxdeconv.verify.matrices import Entries

LINEAR = [mutant for mutant in MUTANTS if mutant.linear]
SPECS = list(conv_specs(np.float32, largest=999))
FACTS = {Cause.MISSING_ENTRY, Cause.WRONG_ENTRY, Cause.DUPLICATED}


def entries(dense: np.ndarray) -> Entries:
    rows, cols = np.nonzero(dense)
    return Entries(rows, cols, dense[rows, cols], dense.shape)


def diagnosed(pair: Pair, expected: np.ndarray, got: np.ndarray, **window) -> Diagnosis:
    return diagnose(entries(expected), entries(got), pair.domain, pair.codomain, **window)


def fits(diagnosis: Diagnosis) -> set[Cause | None]:
    return {diagnosis.cause, *(suspect.cause for suspect in diagnosis.alternatives)}


def judge(pairs: list[Pair]) -> tuple[int, int, int]:
    """(faults planted, cause named first, cause among those named); fails on a wrong certainty."""
    count = first = among = 0
    expected: dict[str, np.ndarray] = {}
    for mutant, pair, wrong in planted(pairs, LINEAR):
        if pair.name not in expected:
            expected[pair.name] = pair.expected()
        found = diagnosed(pair, expected[pair.name], matrix(wrong, pair.codomain))
        where = f"{pair.name}, {mutant.name}: {found}"
        assert not found.certain or found.cause == mutant.cause, where
        assert not found.certain or not found.alternatives, where
        if mutant.cause is not None:
            count += 1
            first += found.cause == mutant.cause
            among += mutant.cause in fits(found)
    return count, first, among


def test_every_cause_but_those_of_other_maps_is_planted() -> None:
    planted_causes = {mutant.cause for mutant in MUTANTS} - {None}
    assert planted_causes == set(Cause) - {Cause.MISSING_SLICE}


@pytest.mark.parametrize("which", [1, 6, 10], ids=lambda i: SPECS[i].name)
def test_planted_faults_are_named(which: int) -> None:
    count, first, among = judge([conv_pair(SPECS[which])])
    assert count >= 30
    assert among >= 0.95 * count
    assert first >= 0.8 * count


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_planted_faults_are_named_in_every_convolution(dtype) -> None:
    pairs = [conv_pair(spec) for spec in conv_specs(dtype, seed=1)]
    count, first, among = judge(pairs)
    assert count >= 600
    assert among >= 0.97 * count
    assert first >= 0.9 * count


# --- one by one: the sentence, the certainty


LINE = ConvSpec(
    (1, 12, 1),
    np.array([2, 3, 5, 7], np.float32).reshape(4, 1, 1),
    (1,),
    ((0, 2),),
    (1,),
)
LINE_PAIR = conv_pair(LINE)
LINE_MATRIX = LINE_PAIR.expected()


def line(spec: ConvSpec) -> Diagnosis:
    return diagnosed(LINE_PAIR, LINE_MATRIX, matrix(spec.adjoint(), LINE_PAIR.codomain))


def test_flip_is_certain() -> None:
    found = line(LINE.replace(kernel=LINE.kernel[::-1].copy()))
    assert str(found) == "cause: mirrored (the entries are in reverse order along axis 1)"
    assert found.certain


def test_exchanged_padding() -> None:
    found = line(LINE.replace(padding=((2, 0),)))
    assert found.cause is Cause.PADDING_SIDE
    assert "are taken (0, 2) as (2, 0): shifted by -2 along axis 1" in found.text
    assert Cause.SHIFT in fits(found)
    assert not found.certain


def test_wrong_tap_is_certain() -> None:
    kernel = LINE.kernel.copy()
    kernel[2] = 6
    found = line(LINE.replace(kernel=kernel))
    assert (found.cause, found.certain) == (Cause.WRONG_TAP, True)
    assert "input - output = 2 along axis 1" in found.text


def test_a_factor_two_may_be_two_devices() -> None:
    found = diagnosed(LINE_PAIR, LINE_MATRIX, 2 * LINE_MATRIX)
    assert (found.cause, found.certain) == (Cause.SCALE, False)
    assert fits(found) == {Cause.SCALE, Cause.DEVICES}


def test_a_factor_that_is_no_count_is_certain() -> None:
    found = diagnosed(LINE_PAIR, LINE_MATRIX, 0.3 * LINE_MATRIX)
    assert (found.cause, found.certain) == (Cause.SCALE, True)
    assert "3/10 times" in found.text


def test_right_entries_have_no_cause() -> None:
    found = diagnosed(LINE_PAIR, LINE_MATRIX, LINE_MATRIX)
    assert (found.cause, found.certain) == (None, False)
    assert "agree" in found.text


def test_noise_within_tolerance_is_none() -> None:
    rng = np.random.default_rng(0)
    noise = 1e-3 * rng.uniform(-1, 1, LINE_MATRIX.shape)
    flipped = matrix(LINE.replace(kernel=LINE.kernel[::-1].copy()).adjoint(), LINE_PAIR.codomain)
    assert diagnosed(LINE_PAIR, LINE_MATRIX, LINE_MATRIX + noise, tolerance=1e-2).cause is None
    found = diagnosed(LINE_PAIR, LINE_MATRIX, flipped + noise, tolerance=1e-2)
    assert found.cause is Cause.KERNEL_FLIP


def test_one_column_of_a_large_operator() -> None:
    """A window gives a name, never certainty."""
    spec = ConvSpec(
        (1, 40, 50, 2),
        SPECS[6].kernel,
        (2, 1),
        ((1, 0), (0, 1)),
        (1, 1),
    )
    pair = conv_pair(spec)
    wrong = spec.replace(kernel=np.flip(spec.kernel, (0, 1)).copy()).adjoint()
    index = 3 * (10 * 50 + 25)
    u = jnp.zeros(pair.codomain.shape).ravel().at[index].set(1).reshape(pair.codomain.shape)
    shape = (40 * 50 * 2, int(np.prod(pair.codomain.shape)))

    def column(at) -> Entries:
        v = np.asarray(at(u)).ravel()
        (rows,) = np.nonzero(v)
        return Entries(rows, np.full_like(rows, index), v[rows], shape)

    found = diagnose(
        column(pair.At), column(wrong), pair.domain, pair.codomain, cols=np.array([index])
    )
    assert found.cause is Cause.KERNEL_FLIP
    assert not found.certain


# --- other maps


def test_circulant_by_fft_without_the_conjugate() -> None:
    n = 16
    kernel = np.random.default_rng(0).integers(1, 9, n)
    spectrum = np.fft.fft(kernel)

    def circulant(factor: np.ndarray) -> np.ndarray:
        return np.rint(np.fft.ifft(factor[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0).real)

    v = jax.ShapeDtypeStruct((n,), np.float32)
    pair = Pair("circulant", lambda x: x, lambda x: x, v, v)
    found = diagnosed(pair, circulant(spectrum.conj()), circulant(spectrum))
    assert Cause.KERNEL_FLIP in fits(found)
    assert not found.certain  # it is A itself, too


def random_matrix(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-9, 10, shape) + 1j * rng.integers(1, 10, shape)


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        (Cause.CONJUGATE, np.conj),
        (Cause.LOST_DTYPE, lambda m: m.real + 0j),
        (Cause.SIGN, np.negative),
        (Cause.FORWARD, np.transpose),
        (Cause.ZERO, np.zeros_like),
        (Cause.INVERSE, lambda m: np.linalg.pinv(m.conj().T)),
        (Cause.PERMUTED, lambda m: m[[3, 0, 1, 5, 4, 2]]),
        (Cause.IDENTITY, lambda m: np.eye(len(m)) + 0j),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else "",
)
def test_dense_complex(cause: Cause, change) -> None:
    expected = random_matrix((6, 6))
    v = jax.ShapeDtypeStruct((6,), np.complex64)
    pair = Pair("dense", lambda x: x, lambda x: x, v, v)
    found = diagnosed(pair, expected, change(expected))
    assert (found.cause, found.certain) == (cause, True)


def test_an_inverse_from_one_side_alone() -> None:
    """Every second cell, for the adjoint of linear interpolation: no pseudo-inverse."""
    expected = np.array([[1, 0.5, 0, 0, 0], [0, 0.5, 1, 0.5, 0], [0, 0, 0, 0.5, 1]])
    got = np.eye(5)[::2]
    v, u = (jax.ShapeDtypeStruct((n,), np.float32) for n in (3, 5))
    pair = Pair("resampling", lambda x: x, lambda x: x, v, u)
    assert Cause.INVERSE in fits(diagnosed(pair, expected, got))


TREE = {
    "a": jax.ShapeDtypeStruct((2, 3), np.float32),
    "b": jax.ShapeDtypeStruct((2, 3), np.float32),
    "c": jax.ShapeDtypeStruct((4,), np.float32),
}


@pytest.mark.parametrize("order", ["zero", "exchanged"])
def test_leaves(order: str) -> None:
    expected = random_matrix((16, 5)).real
    got = expected.copy()
    if order == "zero":
        got[6:12] = 0
    else:
        got[:6], got[6:12] = expected[6:12], expected[:6]
    u = jax.ShapeDtypeStruct((5,), np.float32)
    pair = Pair("tree", lambda x: x, lambda x: x, TREE, u)
    found = diagnosed(pair, expected, got)
    assert found.cause is Cause.MISSING_LEAF
    assert "leaf 1" in found.text or "leaves 0 and 1" in found.text


def test_a_fault_of_one_leaf_is_found_in_it() -> None:
    expected = random_matrix((16, 5)).real
    got = expected.copy()
    got[12:] = expected[[13, 12, 15, 14]]
    u = jax.ShapeDtypeStruct((5,), np.float32)
    found = diagnosed(Pair("tree", lambda x: x, lambda x: x, TREE, u), expected, got)
    assert found.cause is Cause.PERMUTED


# --- damage without a pattern


@given(
    which=st.integers(0, len(SPECS) - 1),
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    kind=st.sampled_from(["lost", "added", "changed"]),
)
def test_random_damage_has_no_certain_cause(which: int, seed: int, count: int, kind: str) -> None:
    """But for what is plainly so: one entry is missing, wrong, twice."""
    rng = np.random.default_rng(seed)
    size = [(6, 6), (2, 3, 4), (12,), (1, 9, 1)][which % 4]
    cells = int(np.prod(size))
    expected = rng.integers(-4, 5, (cells, cells)) * (rng.random((cells, cells)) < 0.3)
    expected = expected.astype(float)
    got = expected.copy()
    places = rng.integers(0, cells, (2, count))
    if kind == "lost":
        got[tuple(places)] = 0
    elif kind == "changed":
        got[tuple(places)] = rng.integers(-4, 5, count)
    else:
        got[tuple(places)] += rng.integers(1, 4, count)
    v = jax.ShapeDtypeStruct(size, np.float32)
    found = diagnosed(Pair("random", lambda x: x, lambda x: x, v, v), expected, got)
    assert not found.certain or found.cause in FACTS, str(found)
    assert not found.certain or int((expected != got).sum()) == 1


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 6))
def test_random_damage_to_a_convolution_has_no_certain_cause(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    got = LINE_MATRIX.copy()
    rows, cols = np.nonzero(got)
    hit = rng.choice(len(rows), count, replace=False)
    got[rows[hit], cols[hit]] = rng.integers(-3, 4, count)
    found = diagnosed(LINE_PAIR, LINE_MATRIX, got)
    assert not found.certain or found.cause in FACTS, str(found)


# --- bad input


def test_shapes_must_fit() -> None:
    v = jax.ShapeDtypeStruct((3,), np.float32)
    with pytest.raises(ValueError) as refused:
        diagnose(entries(np.eye(3)), entries(np.eye(4)), v, v)
    assert str(refused.value) == (
        "diagnose: got must have a row per cell of domain and a column per cell of codomain; "
        "got got.shape=(4, 4), cells=(3, 3). Pass entries of shape (3, 3)."
    )
