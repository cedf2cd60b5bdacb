"""The faults that hide are faults; the witnesses see nothing in pairs that are right."""

import itertools

import jax
import numpy as np
import pytest

from benchmarks.verification import apart
from benchmarks.verification.hidden import HIDDEN, Hidden, hidden_trials
from benchmarks.verification.pair import Pair, cells, matrix
from benchmarks.verification.trials import Plan
from benchmarks.verification.ways import WAYS, called, struct
from benchmarks.verification.witness import WITNESSES

NUMPY = struct(5, np.float32)


def test_fifty_unique_faults_or_more() -> None:
    names = [fault.name for fault in HIDDEN]
    assert len(set(names)) == len(names) >= 50
    assert len(names) * Plan().hidden >= 150
    assert {fault.shows for fault in HIDDEN} == set(WITNESSES)


@pytest.mark.parametrize("fault", HIDDEN, ids=lambda fault: fault.name)
@pytest.mark.usefixtures("x64")
def test_can_be_drawn_and_is_wrong(fault: Hidden) -> None:
    (pair,) = itertools.islice(fault.pairs(1, largest=60), 1)
    assert WITNESSES[fault.shows](pair)
    assert cells(pair.domain) >= 2


@pytest.mark.parametrize("way", WAYS)
def test_witnesses_see_nothing_in_what_is_right(way: str) -> None:
    pair = called(way, lambda v: 3 * v[::-1], lambda u: 3 * u[::-1], NUMPY)
    assert {name for name, shows in WITNESSES.items() if shows(pair)} == set()


@pytest.mark.parametrize("way", WAYS)
def test_one_map_in_three_ways(way: str) -> None:
    """By hand: two weights, exchanged."""
    right = apart.Weights(np.float32([2, 5]), np.array([1, 0]))
    pair = right.pair(way)
    assert pair.numpy == (way == "NumPy")
    assert matrix(pair.A, pair.domain, pair.numpy).tolist() == [[0, 5], [2, 0]]
    assert matrix(pair.At, pair.codomain, pair.numpy).tolist() == [[0, 2], [5, 0]]


def test_units_by_hand() -> None:
    units = apart.Units((np.float32(100), np.float32(0.5)), (np.array([0, 1]), np.array([1, 0])))
    pair = units.pair("NumPy")
    assert matrix(pair.A, pair.domain, True).tolist() == [[100, 0, 0, 0.5], [0, 100, 0.5, 0]]
    assert np.array_equal(matrix(pair.At, pair.codomain, True), pair.expected())


@pytest.mark.parametrize(
    ("shows", "A"),
    [
        ("sums", lambda v: np.where(v > 1e5, 0, v).astype(v.dtype)),
        ("argument", lambda v: np.multiply(v, 2, out=v)),
        ("entries", lambda v: v * np.float32([1, 1, 1, 1, 1.01])),
    ],
)
def test_witnesses_by_hand(shows: str, A) -> None:
    assert WITNESSES[shows](Pair("", A, lambda u: u, NUMPY, NUMPY, numpy=True))


def test_trials_are_seeded() -> None:
    plan = Plan(hidden=2)
    fault = next(fault for fault in HIDDEN if fault.name == "fixed point, zero")
    first, again = (list(hidden_trials([fault], plan)) for _ in range(2))
    assert [t.pair.name for t in first] == [t.pair.name for t in again]
    assert len(first) == 2
    assert all(trial.hidden and trial.fault == fault.name for trial in first)
    assert {str(leaf.dtype) for t in first for leaf in jax.tree.leaves(t.pair.domain)} == {"int8"}
