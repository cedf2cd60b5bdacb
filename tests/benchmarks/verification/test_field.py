"""Operators in use: their wrong adjoints, limits and tables."""

import dataclasses
import time
import warnings
from collections.abc import Iterator

import jax
import numpy as np
import pytest

from benchmarks.verification.checkers import Verdict
from benchmarks.verification.field import catalog, fourier_operators, trial
from benchmarks.verification.field.fourier_table import FourierResults
from benchmarks.verification.field.operator import RIGHT, Operator, pairs
from benchmarks.verification.field.table import FieldResults
from benchmarks.verification.field.trial import CHECKERS
from benchmarks.verification.records import Record

WEIGHTS = np.float32([2, 3, 5])
NUMPY = Operator(
    "weights", "by hand", lambda v: WEIGHTS * v, lambda u: WEIGHTS * u, np.zeros(3, "f")
)


@pytest.fixture(autouse=True)
def _as_users_have_it() -> Iterator[None]:
    """Their code promotes dtypes and ranks, and libraries warn."""
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def applied(operator: Operator) -> dict[str, list]:
    u = np.float32([1, 1, 1])
    return {name: np.asarray(pair.At(u)).tolist() for name, pair in pairs(operator)}


def test_wrong_adjoints_by_hand() -> None:
    assert applied(NUMPY) == {
        RIGHT: [2, 3, 5],
        "last cell lost": [2, 3, 0],
        "times 1.001": (WEIGHTS * np.float32(1.001)).tolist(),
        "rolled by one": [5, 2, 3],
    }


def test_the_same_in_jax() -> None:
    assert applied(dataclasses.replace(NUMPY, domain=jax.ShapeDtypeStruct((3,), "float32"))) == (
        applied(NUMPY)
    )


def test_what_changes_nothing_is_left_out() -> None:
    one = dataclasses.replace(NUMPY, A=lambda v: v[:2], At=lambda u: np.append(u, np.float32(0)))
    assert [name for name, _ in pairs(one)] == [RIGHT, "times 1.001", "rolled by one"]
    zero = dataclasses.replace(NUMPY, A=np.zeros_like, At=np.zeros_like)
    assert [name for name, _ in pairs(zero)] == [RIGHT]


@pytest.mark.parametrize(
    ("factor", "moved"), [(1 + 2j, "conjugate missing"), (2 + 0j, "rolled by one")]
)
def test_complex_cells(factor: complex, moved: str) -> None:
    w = np.complex64(factor) * WEIGHTS
    operator = Operator(
        "complex", "by hand", lambda v: w * v, lambda u: w.conj() * u, np.zeros(3, np.complex64)
    )
    assert [name for name, _ in pairs(operator)] == [
        RIGHT,
        "last cell lost",
        "times 1.001",
        moved,
    ]


def test_judged_beside_dottest() -> None:
    found = list(trial.run([NUMPY]))
    assert [record.fault for record in found] == [
        "",
        "last cell lost",
        "times 1.001",
        "rolled by one",
    ]
    for name in CHECKERS:
        statuses = [record.verdicts[name].status for record in found]
        assert statuses == ["pass", "fail", "fail", "fail"]
    assert {record.size for record in found} == {"by hand"}


def test_stopped_at_the_limit() -> None:
    calls = []

    def slow(v: np.ndarray) -> np.ndarray:
        calls.append(None)
        time.sleep(0.01 if len(calls) < 4 else 0.3)
        return v

    operator = dataclasses.replace(NUMPY, A=slow, At=lambda u: u, seconds=0.2, wrongs={})
    (record,) = trial.run([operator])
    assert record.verdicts[CHECKERS[0]].status in ("late", "inconclusive")
    assert record.verdicts[CHECKERS[0]].seconds < 1.5


# --- catalogs


def test_catalogs_of_what_is_installed() -> None:
    found = list(catalog.operators("pylops", "SciPy", "lineax"))
    titles = [operator.title for operator in found]
    assert len(set(titles)) == len(titles) >= 200
    assert catalog.missing("SciPy") == []
    assert {operator.title for operator in found if operator.argued} == {
        "pylops: Conj complex64",
        "pylops: Conj complex128",
        "SciPy: 40 steps of CG float64",
    }


@pytest.mark.parametrize("library", ["JAX", "imaging"])
def test_functions_of_jax(library: str) -> None:
    for operator in list(catalog.operators(library))[:3]:
        assert next(name for name, _ in pairs(operator)) == RIGHT


def test_a_library_that_is_not_installed(monkeypatch) -> None:
    def absent(_: str) -> None:
        raise ModuleNotFoundError(name="scico")

    monkeypatch.setattr(catalog.importlib, "import_module", absent)
    assert catalog.missing("scico") == ["scico"]
    assert list(catalog.operators("scico")) == []


def test_fourier_operators_are_wrong_where_they_should_be() -> None:
    found = list(fourier_operators.operators((16, 64)))
    assert len(found) == 2 * len(fourier_operators.KINDS)
    for operator in found:
        assert [name for name, _ in pairs(operator)] == [
            RIGHT,
            "times 1.001",
            "one cell off by 1 %",
            "conjugate missing",
        ]


# --- tables


def record(fault: str, ours: str, dottest: str, name: str = "x: y", cells: int = 4) -> Record:
    verdicts = {
        CHECKERS[0]: Verdict(ours, 10, 12, 0.5),
        CHECKERS[1]: Verdict(dottest, 1, 1, 0.001),
    }
    return Record(name, fault, "", "x", cells, "float32", 0, verdicts)


def test_counts() -> None:
    records = [
        record("", "pass", "fail"),
        record("", "inconclusive", "pass", "x: z"),
        record("half", "fail", "pass"),
    ]
    results = FieldResults(
        {"cpu": "c", "cores": 1, "load": 0, "versions": {}, "commit": "", "date": ""}, records, {}
    )
    assert "| x | 2 | 1 / 1 / 0 | 1 / 0 / 0 | 10, 12 | 0.5 | 1 of 2 | 1 of 1 | 0.001 |" in (
        results.markdown()
    )
    assert results.unexpected() == {"x: z, right": "inconclusive"}


@pytest.mark.parametrize(
    ("records", "failed"),
    [
        ([record("", "pass", "pass")], False),
        ([record("", "inconclusive", "pass")], True),
        ([record("", "fail", "pass", "argued")], False),
        ([record("half", "inconclusive", "fail")], False),
        ([record("half", "pass", "fail")], True),
        ([record("half", "pass", "fail", "argued")], True),
        ([record("", "late", "pass")], True),
        ([record("", "raised", "pass")], True),
    ],
)
def test_what_is_a_failure(records, failed) -> None:
    assert FieldResults({}, records, {"argued": "why"}).failed() == failed


def test_json(tmp_path) -> None:
    results = FieldResults({"cpu": "c"}, [record("", "fail", "pass")], {"x: y": "why"}, ["scico"])
    results.write_json(tmp_path / "a.json")
    assert FieldResults.read_json(tmp_path / "a.json") == results
    assert FieldResults.merged([results, results]).records == 2 * results.records


def test_table_by_size() -> None:
    records = [
        record("", "pass", "pass", cells=1024),
        record("", "inconclusive", "pass", cells=100),
    ]
    machine = {"cpu": "c", "cores": 1, "load": 0, "versions": {}, "commit": "", "date": ""}
    markdown = FourierResults(machine, records, {}).markdown()
    assert "| operator | adjoint | 100 cells | 2^10 cells |" in markdown
    assert "| x | right | undecided 0.5 | pass 0.5 |" in markdown
