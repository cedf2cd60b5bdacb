"""The command, from its options to its files, on this CPU."""

import json
from pathlib import Path

import pytest

from benchmarks.gpu import card, constants, report
from benchmarks.gpu.__main__ import Visit, _parser, main
from jaxdeconv.compilers import targets


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    """All sections run, nothing is wrong, constants are not kept; the file can be shown again."""
    monkeypatch.setenv("JAXDECONV_DEVICES", str(tmp_path / "devices"))
    readme = tmp_path / "README.md"
    given = ["--quick", "--minutes", "20", "--output", str(tmp_path), "--markdown", str(readme)]
    assert main(given) == 0
    printed = capsys.readouterr().out
    (file,) = tmp_path.glob("results_gpu_*.json")
    document = json.loads(file.read_text())
    assert document["budget"]["left_out"] == document["budget"]["failures"] == {}
    assert len(document["rivals"]) == len(document["algorithms"]) == 6
    assert {one["leg"] for one in document["correctness"]["table"]} == {
        *("conv", "conv_transpose", "kernel_gradient")
    }
    assert document["constants"].keys() == {
        *("launch_seconds", "bytes_per_second", "vector_flops_per_second", "flops_per_second")
    }
    assert not (tmp_path / "devices").exists()
    assert printed.strip() in readme.read_text()
    assert main(["--replay", str(file)]) == 0
    assert capsys.readouterr().out == printed


def test_constants_of_a_known_card_are_kept(tmp_path: Path, monkeypatch) -> None:
    """On a GPU that is none: the planner's constants for its name are what was measured."""
    monkeypatch.setenv("JAXDECONV_DEVICES", str(tmp_path))
    monkeypatch.setattr(card, "is_gpu", lambda: True)
    monkeypatch.setattr(card, "kind", lambda: "NVIDIA H100 80GB HBM3")
    few = [one for one in constants.probes(quick=True) if one.kind in ("launch", "bytes", "f32")]
    monkeypatch.setattr(constants, "probes", lambda _: few)
    visit = Visit(_parser().parse_args(["--output", str(tmp_path / "results")]))
    visit.rounds, visit.sample = 1, 1e-5
    visit._fit(until=1.0)
    found, fitted = targets.find("h100"), visit.found["constants"]
    assert found.basis.startswith("measured on NVIDIA H100 80GB HBM3, driver ")
    assert found.constants.bytes_per_second == fitted["bytes_per_second"]
    assert found.constants.flops_per_second["f32"] == fitted["flops_per_second"]["f32"]
    assert found.basis in visit.found["remembered"]
    assert visit.path.name == "results_gpu_h100_80gb_hbm3.json"


def test_without_a_gpu(capfd: pytest.CaptureFixture) -> None:
    assert main([]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "JAX finds no GPU here" in captured.err


def test_without_time(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main(["--quick", "--minutes", "-1", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    for section in ("correctness", "constants", "rivals", "algorithms"):
        assert f"NOT RUN, no time left: {section}: " in printed


def test_an_interrupt_keeps_what_was_found(tmp_path: Path, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Visit, "_fit", interrupt)
    monkeypatch.setattr("benchmarks.gpu.correctness.check", lambda _: [])
    with pytest.raises(KeyboardInterrupt):
        main(["--quick", "--output", str(tmp_path)])
    (file,) = tmp_path.glob("results_gpu_*.json")
    assert json.loads(file.read_text())["card"] == card.kind()


def test_a_place_for_the_tables(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no marks")
    with pytest.raises(SystemExit):
        main(["--quick", "--markdown", str(readme)])


def test_a_wrong_answer_is_shown_and_counts() -> None:
    record = {"leg": "conv", "algorithm": "a", "case": "c", "dtype": "float32"}
    fault = {**record, "status": "wrong", "message": "1 of 2 entries differ"}
    document = {
        "card": "a card",
        "driver": "1.2",
        "options": {"torch": False},
        "machine": {"cpu": "", "cores": 1, "load": 0, "versions": {}, "commit": "", "date": ""},
        "correctness": {
            "table": [{**record, "counts": {"float32": {"exact": 3, "wrong": 1}}}],
            "faults": [fault],
        },
        "constants": {"launch_seconds": 2e-6},
        "known": {"launch_seconds": 3e-6, "flops_per_second": {"f32": 1e14}},
        "remembered": "kept",
        "dispatch_seconds": 4e-6,
        "rivals": [],
        "algorithms": [
            {
                "case": "DCGAN",
                "leg": "conv_transpose",
                "mode": "bfloat16",
                "choice": "slow",
                "seconds": {"slow": 6e-5, "fast": 2e-5, "stock": 1e-5},
                "roofline": {"slow": 3e-5, "fast": 2e-5},
                "planned": {},
                "wrong": {},
                "refused": {},
            }
        ],
        "budget": {"spent": {"constants": 2.0}, "left_out": {}, "failures": {}},
    }
    text = report.markdown(document)
    assert "| K | a | 3, 1 **WRONG** | -" in text
    assert "wrong: conv by a of 'c' in float32: 1 of 2 entries differ" in text
    assert "| launch_seconds | 2e-06 | 3e-06 |" in text
    assert "| flops_per_second, f32 | - | 1e+14 |" in text
    assert "plan, Kᵀ, bfloat16: within 1.1 of our fastest algorithm in 0 of 1; 3.00 times" in text
    assert (
        "by the roofline of the compiled program, bfloat16: median 1.50, within 1.5 in 1 of 2"
        in text
    )
    assert "DCGAN Kᵀ, bfloat16: slow takes 60 us, fast 20 us" in text
    assert report.any_fault(document)
    document["correctness"]["faults"] = [{**fault, "status": "rounded"}]
    assert not report.any_fault(document)
