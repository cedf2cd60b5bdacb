"""What is measured is kept, and later processes plan by it; nothing else is ever written."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxdeconv import cli
from jaxdeconv.algorithms import Algorithm, Problem
from jaxdeconv.cli import main
from jaxdeconv.planning import calibration, costmodel, tuning_cache
from tests.cli.test_ends import interrupt_after, start

SHORT = ("calibrate", "--minutes", "0.0001")
ROOT = Path(cli.__file__).parents[2]
OFFSETS = (
    "from jaxdeconv.planning import costmodel\n"
    "used, shipped = costmodel.table(), costmodel.shipped(costmodel.nearest())\n"
    "print(all(cost.offset != shipped[leg][name].offset"
    " for leg, by_name in used.items() for name, cost in by_name.items()))"
)
"""Whether a new process plans by other costs than the shipped ones."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache directory of a user who has calibrated nothing yet."""
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JAXDECONV_COSTS")
    tuning_cache.forget()
    yield tmp_path / "cache"
    tuning_cache.forget()


@pytest.fixture
def tripled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything takes three times as long as the shipped costs say, at once."""
    shipped = costmodel.shipped(costmodel.nearest())

    def measure(algorithm: Algorithm, problem: Problem) -> float:
        known = calibration.predicted(shipped, problem, [algorithm.name])
        return 3 * known.get(algorithm.name, 1.0)

    monkeypatch.setattr("jaxdeconv.cli.calibrate.measure", measure)


def plans_by_a_calibration() -> bool:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OFFSETS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_in_processes_of_their_own(cache: Path) -> None:
    """Measured in one, followed in the next, forgotten in another."""
    assert not plans_by_a_calibration()
    process = start(*SHORT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "times of 3 problems measured" in out
    (file,) = cache.iterdir()
    assert f"Kept in {file}. Plans follow it from now on" in out
    assert [line.split()[1:3] for line in err.splitlines()] == [
        ["s", "conv,"],
        ["s", "conv_transpose,"],
        ["s", "kernel_gradient,"],
    ]
    assert plans_by_a_calibration()
    process = start("calibrate", "--forget")
    assert process.communicate(timeout=300) == (f"Removed {file}\n", "")
    assert not [*cache.iterdir()]
    assert not plans_by_a_calibration()


@pytest.mark.usefixtures("tripled")
def test_the_table(capsys: pytest.CaptureFixture) -> None:
    """A machine that is slower throughout: predictions improve, plans stay."""
    assert main(SHORT) == 0
    _, heading, error, loss, plans, _ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["before", "after"]
    assert error.split()[-2:] == ["3.00", "1.00"]
    assert loss.split()[-2:] == ["1.00", "1.00"]
    assert plans.startswith("The plan changes in 0 of 3 problems.")
    shipped = costmodel.shipped(costmodel.nearest())
    for leg, by_name in costmodel.table().items():
        for name, cost in by_name.items():
            assert cost.offset == pytest.approx(shipped[leg][name].offset + math.log(3), abs=0.02)


@pytest.mark.usefixtures("tripled")
def test_a_file_of_its_own(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "costs.json"
    assert main([*SHORT, "--output", str(file)]) == 0
    assert f"Plans follow it where JAXDECONV_COSTS={file} is set." in capsys.readouterr().out
    assert not [*cache.parent.glob("cache/*")]
    assert not plans_by_a_calibration()
    monkeypatch.setenv("JAXDECONV_COSTS", str(file))
    assert plans_by_a_calibration()
    assert main(SHORT) == 0
    assert "once the environment variable JAXDECONV_COSTS is unset" in capsys.readouterr().out


def test_what_other_versions_measured_is_removed_too(
    cache: Path, capsys: pytest.CaptureFixture
) -> None:
    here = costmodel.path()
    other = here.with_name(f"{here.stem[:-12]}0123456789ab.json")
    another_cpu = here.with_name("calibration-0123456789ab-0123456789ab.json")
    for file in (here, other, another_cpu):
        tuning_cache.write(file, "{}")
    assert main(["calibrate", "--forget"]) == 0
    assert capsys.readouterr().out.count("Removed") == 2
    assert [*cache.iterdir()] == [another_cpu]
    assert main(["calibrate", "--forget"]) == 0
    assert capsys.readouterr().out == "Nothing was kept for this CPU.\n"


def test_interrupted(cache: Path) -> None:
    """Nothing is written: neither the file nor a part of it."""
    process = start("calibrate")
    status, out, err = interrupt_after(process, " s conv_transpose,")
    assert (status, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert not [*cache.iterdir()]


@pytest.mark.usefixtures("tripled")
def test_interrupted_while_it_is_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", press)
    assert main(SHORT) == 130
    assert not [*cache.iterdir()]


def test_a_directory_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Said before anything is measured."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path / "file"))
    assert main(["calibrate"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"jaxdeconv: error: {tmp_path / 'file'}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", "0"], "argument --minutes: must be a number above 0, and at most 600; got"),
        (["--minutes", "nan"], "argument --minutes: must be a number above 0, and at most 600; go"),
        (["--minutes", "long"], "argument --minutes: must be a number above 0, and at most 600;"),
        (["--output", "nowhere/costs.json"], "output must be a file in an existing directory; got"),
        (["--output", "x", "--forget"], "argument --forget: not allowed with argument --output"),
        (["now"], "unrecognized arguments: now"),
    ],
)
def test_wrong_arguments(words: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", *words])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(f"jaxdeconv calibrate: error: {message}")
