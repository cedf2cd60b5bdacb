"""The command line as a user meets it: table, JSON, picture, exit status, messages."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxdeconv import ConvGeometry, reference
from jaxdeconv.cli import main
from tests.support.planted import not_flipped, shifted

WAYS = [*reference.TRANSPOSES, "conv_transpose, public"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def small(picture: Path, *words: str) -> list[str]:
    return ["--size", "8,7", "--kernel-size", "2", "--output", str(picture), *words]


def test_table(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    assert main(small(picture)) == 0
    out, err = capsys.readouterr()
    rows = {line.rsplit("  yes  ")[0].split("  ")[0]: line for line in out.splitlines()}
    assert all("  yes  " in rows[name] for name in WAYS)
    assert "All 8 ways agree" in out
    assert "K v  4x4x3" in out
    assert max(map(len, out.replace(str(picture), "").splitlines())) <= 82
    assert "…" not in out
    assert err == ""
    cells = np.asarray(Image.open(picture).convert("RGB"))
    assert cells.shape == (900, 1400, 3)
    assert len(np.unique(cells.reshape(-1, 3), axis=0)) > 100


def test_json(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    assert main(small(picture, "--json", "--dtype", "complex64", "--padding", "1,0,-1,3")) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["ok"] is True
    assert record["dtype"] == "complex64"
    assert record["geometry"]["padding"] == [[1, 0], [-1, 3]]
    assert record["picture"] == str(picture)
    assert [way["way"] for way in record["ways"]] == WAYS
    for way in record["ways"]:
        assert way["ok"] is way["exact"] is True
        assert way["probes"]["integers"]["gap"] == 0
        assert way["probes"]["integers"]["u_Kv"] == way["probes"]["integers"]["KTu_v"]
        assert 0 <= way["probes"]["random"]["gap_share_of_bound"] <= 1


def test_integers_say_what_is_not_defined(
    capsys: pytest.CaptureFixture[str], picture: Path
) -> None:
    assert main(small(picture, "--dtype", "int8")) == 0
    out = capsys.readouterr().out
    assert "vjp: not defined for integers" in out
    assert "modulo 2^8" in out
    assert "All 7 ways agree" in out
    assert main(small(picture, "--dtype", "int8", "--json")) == 0
    ways = {way["way"]: way for way in json.loads(capsys.readouterr().out)["ways"]}
    assert ways["vjp"] == {"way": "vjp", "ok": True, "skipped": "not defined for integers"}


@pytest.mark.parametrize("fault", [not_flipped, shifted])
def test_planted_fault_is_named(fault, capsys, picture, monkeypatch) -> None:
    wrong = fault(reference.TRANSPOSES["laying down"])
    monkeypatch.setitem(reference.TRANSPOSES, "laying down", wrong)
    assert main(small(picture)) == 1
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("laying down"))
    assert " NO " in row
    assert out.splitlines()[-2].endswith("identity: laying down")
    assert main(small(picture, "--json")) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["ok"] is False
    assert [way["way"] for way in record["ways"] if not way["ok"]] == ["laying down"]


def test_images(capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path) -> None:
    file = tmp_path / "grey.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(file)
    words = ["--image", str(file), "--size", "10", "--output", str(picture)]
    assert main(words) == 0
    assert "v    6x10x1" in capsys.readouterr().out


WRONG = [
    (["--stride", "0"], "stride must be at least 1; got stride=0"),
    (["--stride", "two"], "argument --stride: must be an integer, or integers with commas"),
    (["--stride", "1,2,3"], "stride must have one entry per spatial dimension (2)"),
    (["--padding", "FULL"], "got padding='FULL'. Pass one of 'SAME'"),
    (["--padding", "1,2,3"], "padding must have one entry per spatial dimension (2)"),
    (["--padding", "-9"], "padding must not crop more than there is"),
    (["--padding", "0", "--dilation", "9"], "dilated kernel must not be longer"),
    (["--padding-mode", "mirror"], "argument --padding-mode: invalid choice: 'mirror'"),
    (["--groups", "2"], "groups must divide the number of channels of the photograph; got"),
    (["--kernel", "sharpen"], "kernel_size belongs to a kernel that is given by name"),
    (["--kernel-size", "0"], "kernel_size must be at least 1"),
    (["--size", "0"], "size must be at least 1"),
    (["--dtype", "float8"], "argument --dtype: invalid choice: 'float8'"),
    (["--seed", "-1"], "argument --seed: must be an integer, 0 or more; got '-1'"),
    (["--image", "no.png"], "the image must be a picture that Pillow can read"),
    (["--output", "no/where.png"], "output must be a file in an existing directory"),
    (["expalin"], "unrecognized arguments: expalin"),
    (["explain"], "the following arguments are required: --input, --kernel"),
    (["explain", "--input", "2", "--kernel", "3"], "dilated kernel must not be longer"),
    (["explain", "--input", "2,2,2", "--kernel", "1"], "one or two spatial dimensions"),
    (["explain", "--input", "0", "--kernel", "1"], "input must be at least 1; got input=0"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_arguments(words, message, capsys, picture) -> None:
    arguments = words if words[0] in ("explain", "expalin") else small(picture, *words)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith(("jaxdeconv: error: ", "jaxdeconv explain: error: "))
    assert message in last
    assert "Traceback" not in err


def test_missing_package() -> None:
    """In a process of its own, where nothing is imported yet."""
    packages = ["rich", "PIL", "matplotlib"]
    program = (
        "import sys\n"
        "from jaxdeconv.cli import main\n"
        f"for package in {packages}:\n"
        "    sys.modules[package] = None\n"
        "    try:\n"
        "        main([])\n"
        "    except SystemExit as end:\n"
        "        print(end.code)\n"
        "    del sys.modules[package]\n"
        "main(['explain', '--input', '5', '--kernel', '3'])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stderr.splitlines() == [
        f"jaxdeconv: error: the package {package} is missing. "
        'Install it with: pip install "jaxdeconv[cli]"'
        for package in packages
    ]
    assert result.stdout.splitlines()[:4] == [*"222", str(ConvGeometry(5, 3))]


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    out = capsys.readouterr().out
    for option in ("image", "kernel", "stride", "padding", "dilation", "groups", "dtype", "json"):
        assert f"--{option}" in out
    assert "explain --help" in out


@pytest.mark.slow
def test_default_job_as_a_module(tmp_path: Path) -> None:
    """No argument at all, in a process of its own, as the README has it."""
    result = subprocess.run(
        [sys.executable, "-m", "jaxdeconv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "All 8 ways agree" in result.stdout
    assert result.stderr == ""
    assert (tmp_path / "jaxdeconv.png").stat().st_size > 50_000
