"""Wrong contestants are not timed; JSON, README and picture; one whole run of a small case."""

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import jaxdeconv
from benchmarks import machine, plot, run
from benchmarks.cases import BenchCase, Data
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.measure import CaseResult, PassResult, measure
from benchmarks.programs import Answers, Prepare, Program
from benchmarks.report import PLACE, Report, ratio
from benchmarks.timing import Stopwatch
from jaxdeconv import ConvGeometry

MACHINE = {
    "cpu": "Abacus",
    "cores": 2,
    "load": 0.5,
    "versions": {"jax": "1.2"},
    "commit": "abc",
    "date": "2026-01-02T03:04:05+00:00",
}
TINY = BenchCase("tiny", "", ConvGeometry((4, 4), 2, 2), 2, 3)
FAST = Stopwatch(sample=1e-6, settle=0.0)


def canned(name: str, stock: float) -> CaseResult:
    forward = PassResult(
        seconds={"ours": 2e-3, "stock": 2e-3 * stock},
        ratios={"torch contiguous": 4.0, "torch channels last": 2.0, "stock": stock},
        first_call={"ours": 0.2, "stock": 0.1},
        temp_bytes={"ours": 2**20, "stock": 2**21},
        peak_fraction=0.5,
    )
    step = dataclasses.replace(forward, seconds={"ours": 0.5e-3}, ratios={"stock": 8.0})
    shapes = {"x": [1], "w": [1], "y": [1]}
    passes = {"forward": forward, "step": step}
    chosen = {"conv_transpose": "phases"}
    return CaseResult(name, "", "conv_transpose", "g", shapes, 7, chosen, {}, {}, {}, passes)


@pytest.fixture
def report() -> Report:
    results = [canned("one", 30.0), canned("two 2x", 120.0)]
    return Report(MACHINE, {"rounds": 7}, 4e11, ("torch", "stock"), results)


def text(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(report.table())
    return captured.get()


def test_insert(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("a\n<!-- benchmark table -->\nold\n<!-- end of benchmark table -->\nb\n")
    assert PLACE.fits(path)
    PLACE.insert(report.markdown(), path)
    PLACE.insert(report.markdown(), path)
    before, table, after = path.read_text().partition(report.markdown())
    assert table
    assert before == "a\n<!-- benchmark table -->\n"
    assert after == "<!-- end of benchmark table -->\nb\n"


def test_no_place(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    assert PLACE.fits(path)
    path.write_text("precious")
    with pytest.raises(SystemExit):
        run.main(["--markdown", str(path)])
    assert path.read_text() == "precious"


def test_json_and_back(report: Report, tmp_path: Path) -> None:
    report.write_json(tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["summary"]["torch"]["forward"]["worst_case"] == "one"
    again = Report.read_json(tmp_path / "report.json")
    assert text(again) == text(report)
    assert again.results == report.results


def test_plot(report: Report, tmp_path: Path) -> None:
    plot.write(report, tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_machine_is_json() -> None:
    described = machine.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["versions"]["jax"] in machine.one_line(described)


def spoil(name: str) -> Prepare:
    """A contestant with one wrong entry in its kernel gradient."""

    def prepare(case: BenchCase, data: Data) -> Program:
        program = CONTESTANTS[name](case, data)

        def answers() -> Answers:
            right = program.answers()
            wrong = right.dw.copy()
            wrong.flat[3] += 0.01
            return dataclasses.replace(right, dw=wrong)

        return dataclasses.replace(program, answers=answers)

    return prepare


@pytest.mark.usefixtures("torch")
def test_a_wrong_rival_is_not_timed() -> None:
    contestants = {**CONTESTANTS, "stock": spoil("stock")}
    names = ("stock", "torch contiguous")
    result = measure(TINY, names, 1, 1e9, first_call=False, stopwatch=FAST, contestants=contestants)
    assert "stock: relative error" in result.wrong["stock"]
    assert set(result.passes["forward"].ratios) == {"torch contiguous"}
    assert not result.passes["step"].first_call
    assert set(result.passes["step"].temp_bytes) == {OURS}
    report = Report(MACHINE, {}, 1e9, ("torch", "stock"), [result])
    assert report.any_wrong()
    assert report.last_lines()[-1].startswith("WRONG, not timed: tiny: stock: relative error")


@pytest.mark.usefixtures("torch")
def test_our_wrong_answer_is_not_timed() -> None:
    contestants = {**CONTESTANTS, OURS: spoil(OURS)}
    result = measure(TINY, ("stock",), 1, 1e9, stopwatch=FAST, contestants=contestants)
    assert set(result.wrong) == {OURS}
    assert not result.passes
    report = Report(MACHINE, {}, 1e9, ("stock",), [result])
    row = next(line for line in text(report).splitlines() if "tiny" in line)
    assert set(row.split()[3:]) == {"-"}
    assert math.isnan(ratio(result, "forward", "stock"))


@pytest.mark.usefixtures("torch")
def test_measure_alone() -> None:
    result = measure(TINY, (), 2, 1e9, first_call=True, stopwatch=FAST)
    forward, step = (result.passes[name] for name in ("forward", "step"))
    assert set(forward.seconds) == set(step.seconds) == {OURS}
    assert forward.peak_fraction == pytest.approx(TINY.flops / 1e9 / forward.seconds[OURS])
    assert step.peak_fraction == pytest.approx(3 * TINY.flops / 1e9 / step.seconds[OURS])
    assert forward.first_call[OURS] > 0


@pytest.mark.usefixtures("torch")
def test_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(leg: str, *shapes: Any, **keywords: Any) -> SimpleNamespace:
        assert len(shapes) == 2
        assert keywords["stride"] == (2, 2)
        return SimpleNamespace(algorithm=f"algorithm of {leg}")

    monkeypatch.setattr(jaxdeconv, "plan", plan, raising=False)
    result = measure(TINY, (), 1, 1e9, first_call=False, stopwatch=FAST)
    legs = ("conv", "conv_transpose", "kernel_gradient")
    assert result.algorithms == {leg: f"algorithm of {leg}" for leg in legs}


@pytest.mark.usefixtures("torch")
def test_the_whole_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "CASES", (TINY, dataclasses.replace(TINY, name="other")))
    monkeypatch.setattr(run, "prepare_process", lambda: None)
    monkeypatch.setattr(run, "gemm_peak", lambda: 1e9)
    files = {name: tmp_path / f"report.{name}" for name in ("json", "markdown", "plot.png")}
    argv = ["--cases", "ti*", "--rounds", "1", "--rivals", "torch", "--no-first-call"]
    for name, path in files.items():
        argv += [f"--{name.removesuffix('.png')}", str(path)]
    assert run.main(argv) == 0
    assert all(path.stat().st_size for path in files.values())
    shown = capsys.readouterr()
    assert "torch / ours, step: geometric mean" in shown.out
    assert "[1/1] tiny: input 4x4" in shown.err
    assert run.main(["--replay", str(files["json"])]) == 0
    assert capsys.readouterr().out == shown.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--cases", "nothing"], "--cases nothing: no such case"),
        (["--rivals", "abacus"], "'abacus' is not one of torch, stock, flax, equinox"),
    ],
)
def test_bad_arguments(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(argv)
    assert message in capsys.readouterr().err


def test_quick_is_a_selection() -> None:
    options = run._parser().parse_args(["--quick", "--random", "2"])
    cases = run._select(options)
    assert 2 < len(cases) < 20
    assert max(case.flops for case in cases[:-2]) <= 5.5e7
