"""The plan's choices judged: on canned records, and on one real leg with a plan that is planted."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdeconv
from benchmarks import regret
from benchmarks.cases import BenchCase
from benchmarks.legs import LegCall, leg_calls
from benchmarks.regret import STOCK, Record, summarise, time_leg, worst
from benchmarks.timing import Stopwatch
from jaxdeconv import ConvGeometry
from jaxdeconv.reference import coordinates
from tests.support.cases import integers

TINY = BenchCase("tiny", "", ConvGeometry((5, 4), 3, 2, 1, 1, 2), 2, 3, 2)
FAST = Stopwatch(sample=1e-6, settle=0.0)


def record(seconds: float, stock: float, **own: float) -> Record:
    predicted = dict.fromkeys(("a", *own), 1e-6)
    ratios = {"a": 1.0, STOCK: stock, **own}
    return Record("case", "conv", "geometry", 7, "a", predicted, seconds, ratios)


@pytest.mark.parametrize(
    ("seconds", "stock", "slower"),
    [
        (1e-3, 2.0, False),
        (1e-3, 0.9, False),  # within the margin
        (1e-3, 0.8, True),
        (50e-6, 0.7, False),  # 15 microseconds
        (50e-6, 0.5, True),
    ],
)
def test_slower_than_stock(seconds: float, stock: float, slower: bool) -> None:
    assert record(seconds, stock).slower_than_stock == slower


def test_regret() -> None:
    good, bad = record(1e-3, 4.0, b=2.0), record(1e-3, 4.0, b=0.5, c=0.8)
    assert (good.best, good.regret, good.loss) == ("a", 1, 1)
    assert (bad.best, bad.regret, bad.loss) == ("b", 2, 2)
    assert record(1e-3, 0.25, b=0.5).loss == 4


def test_summary() -> None:
    records = [record(1e-3, 4.0, b=0.5), record(1e-3, 0.25, b=0.9), record(1e-3, 1.0)]
    assert summarise(records)[0] == (
        "conv: slower than stock in 1 of 3; within 1.25 of our best in 2 of 3; "
        "1.30 times our best and 1.00 times stock in the geometric mean"
    )
    assert summarise(records)[1].startswith("all legs: slower than stock in 1 of 3")
    assert len(summarise(records)) == 2


def test_worst() -> None:
    lines = worst([record(1e-3, 4.0), record(1e-3, 4.0, b=0.5), record(1e-3, 0.25)], 2)
    assert [line.split()[0] for line in lines] == ["4.00x", "2.00x"]
    assert "a took 1000 us (expected 1 us), b 500 us (expected 1 us), stock 4000 us" in lines[1]


@dataclasses.dataclass(frozen=True)
class Candidate:
    algorithm: str
    supported: bool
    seconds: float


@dataclasses.dataclass(frozen=True)
class Plan:
    algorithm: str
    candidates: tuple[Candidate, ...]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A plan that knows 'auto', 'derived' and one that does not support anything."""
    asked: list[tuple[Any, ...]] = []

    def plan(leg: str, x: Any, y: Any, **keywords: Any) -> Plan:
        asked.append((leg, x.shape, y.shape, keywords))
        candidates = (
            Candidate("auto", True, 1e-6),
            Candidate("derived", True, 2e-6),
            Candidate("unheard of", False, 0.0),
        )
        return Plan("auto", candidates)

    monkeypatch.setattr(jaxdeconv, "plan", plan, raising=False)
    return asked


@pytest.mark.parametrize("call", leg_calls(TINY), ids=lambda call: call.leg)
def test_a_leg(call: LegCall, planted: list[tuple[Any, ...]]) -> None:
    measured = time_leg(call, 2, FAST)
    assert set(measured.ratios) == {"auto", "derived", STOCK}
    assert measured.ratios["auto"] == 1
    assert measured.seconds > 0
    assert measured.predicted == {"auto": 1e-6, "derived": 2e-6}
    ((leg, *shapes, keywords),) = planted
    assert (leg, tuple(shapes), keywords) == (call.leg, call.shapes, call.keywords)


@pytest.mark.parametrize("call", leg_calls(TINY), ids=lambda call: call.leg)
def test_stock_is_the_same_map(call: LegCall) -> None:
    """Ours and stock, exactly; and both against the matrix of coordinates for `conv`."""
    x, y = (jnp.asarray(integers(shape, np.float32, i)) for i, shape in enumerate(call.shapes))
    ours, stock = call.ours("auto")(x, y), call.stock()(x, y)
    assert (ours == stock).all()
    if call.leg == "conv":
        matrix = coordinates.matrix(np.asarray(y), TINY.geometry)
        assert (np.asarray(stock).ravel() == (x.reshape(2, -1) @ matrix.T).ravel()).all()


@pytest.mark.usefixtures("planted")
def test_a_wrong_algorithm_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    call = leg_calls(TINY)[0]
    right = LegCall.ours

    def ours(self: LegCall, algorithm: str) -> Any:
        factor = 1.01 if algorithm == "derived" else 1.0
        return lambda x, y: factor * right(self, algorithm)(x, y)

    monkeypatch.setattr(LegCall, "ours", ours)
    with pytest.raises(
        ArithmeticError, match=r"derived and stock JAX disagree by 1\.0e-02 in conv of tiny"
    ):
        time_leg(call, 1, FAST)


@pytest.mark.usefixtures("planted")
def test_the_whole_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regret, "random_cases", lambda count, _: (TINY,) * count)
    monkeypatch.setattr(regret, "prepare_process", lambda: None)
    monkeypatch.setattr(regret, "Stopwatch", lambda: FAST)
    monkeypatch.setattr(jax, "clear_caches", lambda: None)
    path = tmp_path / "regret.json"
    argv = ["--random", "1", "--rounds", "1", "--legs", "conv", "--json", str(path)]
    assert regret.main(argv) == 0
    document = json.loads(path.read_text())
    assert Record(**document["records"][0]).leg == "conv"
    assert document["summary"][0].startswith("conv: slower than stock in")
    assert "all legs: slower" in capsys.readouterr().out
