"""Regret of the plan's choices, measured on one real case with a fake plan."""

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
from benchmarks.regret import STOCK, Record, time_leg
from benchmarks.timing import Stopwatch
from jaxdeconv import ConvGeometry
from jaxdeconv.reference import coordinates
from tests.support.cases import integers

TINY = BenchCase("tiny", "", ConvGeometry((5, 4), 3, 2, 1, 1, 2), 2, 3, 2)
FAST = Stopwatch(sample=1e-6, settle=0.0)


@dataclasses.dataclass(frozen=True)
class Candidate:
    algorithm: str
    supported: bool
    seconds: float
    on_request: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    algorithm: str
    candidates: tuple[Candidate, ...]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A plan with 'auto', 'derived' and one unsupported algorithm."""
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
    """Ours and stock are equal, and for `conv` also equal to the matrix of coordinates."""
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
