"""The command line as a user meets it: table, JSON, picture, exit status, messages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxdeconv
from jaxdeconv import ConvGeometry, reference
from jaxdeconv.cli import figure, main
from jaxdeconv.cli.job import PUBLIC
from tests.cli.helpers import small_job
from tests.support.planted import not_flipped, shifted

IMPLEMENTATIONS = [*reference.TRANSPOSES, PUBLIC]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def small(picture: Path, *words: str) -> list[str]:
    return ["--size", "8,7", "--kernel-size", "2", "--output", str(picture), *words]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two implementations and the public function, where it does not matter which."""
    names = ["linear_transpose", "loops"]
    monkeypatch.setattr(
        reference, "TRANSPOSES", {name: reference.TRANSPOSES[name] for name in names}
    )
    return [*names, PUBLIC]


def test_table(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    assert main(small(picture)) == 0
    out, err = capsys.readouterr()
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert all("  exact     equal  " in rows[name] for name in IMPLEMENTATIONS)
    assert "All 8 implementations agree" in out
    assert "K v  4x4x3" in out
    assert "padding top 0, bottom 0, left 0, right 1, zeros" in out
    assert max(map(len, out.replace(str(picture), "").splitlines())) <= 80
    assert "…" not in out
    stages = [f"transposed convolution by {name}" for name in IMPLEMENTATIONS]
    stages = ["forward convolution", *stages, "picture"]
    assert err.splitlines() == [f"{n}/10 {stage}" for n, stage in enumerate(stages, 1)]
    cells = np.asarray(Image.open(picture).convert("RGB"))
    assert cells.shape == (900, 1400, 3)
    assert len(np.unique(cells.reshape(-1, 3), axis=0)) > 100


def test_json(capsys: pytest.CaptureFixture[str], picture: Path, few: list[str]) -> None:
    assert main(small(picture, "--json", "--dtype", "complex64", "--padding", "1,0,-1,3")) == 0
    out, err = capsys.readouterr()
    assert err == ""
    record = json.loads(out)
    assert record["ok"] is True
    assert record["dtype"] == "complex64"
    assert record["geometry"]["padding"] == [[1, 0], [-1, 3]]
    assert record["picture"] == str(picture)
    assert [one["implementation"] for one in record["implementations"]] == few
    for one in record["implementations"]:
        assert one["ok"] is True
        assert one["faults"] == []
        assert 0 <= one["share_of_bound"] <= 1
        assert one["verification"]["status"] == "pass"
        evidence = {line["name"]: line for line in one["verification"]["evidence"]}
        assert evidence["exact"]["status"] == evidence["every entry"]["status"] == "pass"
        assert evidence["exact"]["false_acceptance"] < 1e-9


def test_integers_say_what_is_not_defined(
    capsys: pytest.CaptureFixture[str], picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["linear_transpose", "vjp"]
    monkeypatch.setattr(
        reference, "TRANSPOSES", {name: reference.TRANSPOSES[name] for name in names}
    )
    assert main(small(picture, "--dtype", "int8")) == 0
    out = capsys.readouterr().out
    assert "vjp: not defined for integers" in out
    assert "modulo 2^8" in out
    assert "of bound" not in out
    assert "All 2 implementations agree" in out
    assert main(small(picture, "--dtype", "int8", "--json")) == 0
    vjp = json.loads(capsys.readouterr().out)["implementations"][1]
    assert vjp == {"implementation": "vjp", "ok": True, "skipped": "not defined for integers"}


@pytest.mark.parametrize("fault", [not_flipped, shifted])
@pytest.mark.usefixtures("few")
def test_planted_fault_is_named(fault, capsys, picture, monkeypatch) -> None:
    wrong = fault(reference.TRANSPOSES["loops"])
    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    assert main(small(picture, "--kernel", "random")) == 1
    lines = capsys.readouterr().out.splitlines()
    row, on_photograph, place = (line for line in lines if line.startswith("loops"))
    assert "  NO        NO  " in row
    assert on_photograph.startswith("loops: differs from the definition by ")
    cause = {"not_flipped": "mirrored", "shifted": "shifted"}[fault.__name__]
    assert re.fullmatch(
        rf"loops: output .*, input .*: expected .*, got .*; (likely )?cause: {cause} \(.*\)", place
    )
    assert lines[-2] == "NOT the transpose of K: loops"
    assert main(small(picture, "--kernel", "random", "--json")) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["ok"] is False
    wrong = [one for one in record["implementations"] if not one["ok"]]
    assert [one["implementation"] for one in wrong] == ["loops"]
    assert [f"loops: {line}" for line in wrong[0]["faults"]] == [on_photograph, place]


@pytest.mark.usefixtures("few")
def test_images(capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path) -> None:
    file = tmp_path / "grey.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(file)
    words = ["--image", str(file), "--size", "10", "--output", str(picture)]
    assert main(words) == 0
    assert "v    6x10x1" in capsys.readouterr().out


WRONG = [
    (["--stride", "0"], "stride must be at least 1; got stride=0. Pass 1 or more."),
    (["--stride", "two"], "argument --stride: must be an integer, or integers with commas"),
    (["--stride", "1,2,3"], "stride must have one entry per spatial dimension (2)"),
    (["--padding", "FULL"], "got padding='FULL'. Pass one of 'SAME'"),
    (["--padding", "1,2,3"], "padding must have one entry per spatial dimension (2)"),
    (["--padding", "-9"], "padding must not crop more than there is"),
    (["--padding", "0", "--dilation", "9"], "dilated kernel must not be longer"),
    (["--padding-mode", "mirror"], "argument --padding-mode: invalid choice: 'mirror'"),
    (["--groups", "2"], "groups must divide the number of channels of the photograph; got"),
    (["--kernel", "sharpen"], "kernel_size is only for a kernel that is given by name"),
    (["--kernel-size", "0"], "kernel_size must be at least 1"),
    (["--size", "0"], "size must be at least 1"),
    (["--dtype", "float8"], "argument --dtype: invalid choice: 'float8'"),
    (["--seed", "-1"], "argument --seed: must be an integer, 0 or more; got '-1'"),
    (["--image", "no.png"], "the image must be a picture that Pillow can read"),
    (["--output", "no/where.png"], "output must be a file in an existing directory"),
    (["--size", "99999999999999999999999"], "size must be at most 9223372036854775807; got size=9"),
    (["--size", "5000"], "size must give at most 16777216 pixels"),
    (["--size", "9" * 5000], "argument --size: must have at most 100 digits"),
    (["--seed", "9" * 5000], "argument --seed: must have at most 100 digits"),
    (["--kernel-size", "1025"], "kernel_size must be at most 1024; got kernel_size=1025"),
    (
        ["--kernel-size", "8", "--dtype", "int8"],
        "kernel_size must be small enough for the numbers of blur to fit int8",
    ),
    (["--stride", "2000000000"], "stride must be at most 1073741824; got stride=2000000000"),
    (["--dilation", "2000000000"], "dilation must be at most 1073741824; got dilation=2000000000"),
    (["--padding", "2000000000"], "padding must be between -1073741824 and 1073741824"),
    (["--padding", "5000"], "the padded photograph must have at most 67108864 pixels"),
    (["--groups", "99999999999999999999999"], "groups must divide the number of channels"),
    (["--output", "x.xyz"], "output must end in the suffix of a picture format; got"),
    (["--output", "no_suffix"], "output must end in the suffix of a picture format"),
    (["--output", f"{'x' * 400}.png"], "output must be a file that can be written (File name too"),
    (
        ["expalin"],
        "unknown command 'expalin'. The commands: explain, verify, compiled, compilers, calibrate;",
    ),
    (["--json", "jsno"], "unknown command 'jsno'. The commands: explain, verify, compiled, "),
    (["explain", "--input", "5", "--kernel", "3", "x"], "unrecognized arguments: x"),
    (
        ["verify", "m:pair", "--budget", "-1"],
        "argument --budget: must be an integer, 0 or more; got",
    ),
    (
        ["verify", "m:pair", "--key", "-1"],
        "argument --key: must be an integer, 0 or more; got '-1'",
    ),
    (["explain"], "the following arguments are required: --input, --kernel"),
    (["explain", "--input", "2", "--kernel", "3"], "dilated kernel must not be longer"),
    (["explain", "--input", "2,2,2", "--kernel", "1"], "one or two spatial dimensions"),
    (["explain", "--input", "0", "--kernel", "1"], "input must be at least 1; got input=0"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_arguments(words, message, capsys, picture) -> None:
    alone = words[0] in ("explain", "verify", "expalin")
    arguments = words if alone else small(picture, *words)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    *usage, last = err.splitlines()
    assert re.match("jaxdeconv( explain| verify)?: error: ", last)
    assert message in last
    of_form = "required" in message or "unrecognized" in message
    assert bool(usage) is of_form  # how it is called is shown where it was called otherwise
    assert not usage or usage[0].startswith("usage: jaxdeconv")


@pytest.mark.parametrize("words", [["--version"], ["explain", "--version"]])
def test_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(words)
    assert capsys.readouterr().out == f"jaxdeconv {jaxdeconv.__version__}\n"


@pytest.mark.parametrize("word", ["", "explain", "verify"])
def test_help_as_a_word(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for words in (["help", word], [word, "--help"]):
        with pytest.raises(SystemExit, match="0"):
            main([one for one in words if one])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].startswith(f"usage: jaxdeconv {word}".rstrip())


HUGE = ("1073741824", "9223372036854775807", "99999999999999999999999")


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize("option", ["input", "kernel", "stride", "padding", "dilation"])
def test_explain_with_huge_numbers(option: str, huge: str, capsys) -> None:
    """Explained at once, or refused."""
    words = {"input": "9", "kernel": "3", "padding": "1073741824"} | {option: huge}
    try:
        status = main(["explain", *(f"--{name}={value}" for name, value in words.items())])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, len(err.splitlines())) in ((0, 0), (2, 1))
    assert bool(out) is (status == 0)


@pytest.mark.usefixtures("few")
def test_a_kernel_of_more_taps_than_integers_hold(capsys, picture: Path) -> None:
    """Whose binomials overflow 64 bits."""
    assert main([*small(picture), "--kernel-size", "40,2"]) == 0
    assert "All 3 implementations agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("suffix", "begin"),
    [("jpg", b"\xff\xd8"), ("PDF", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")],
)
def test_the_suffix_is_the_format(suffix, begin, tmp_path: Path) -> None:
    file = tmp_path / f"picture.{suffix}"
    figure.save(figure.check(str(file)), small_job())
    assert file.read_bytes().startswith(begin)


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch, capsys) -> None:
    """Refused before the work: a directory, a file, and what only the system knows."""
    monkeypatch.setattr("jaxdeconv.cli.main_job.from_options", None)
    places = ["/proc/x.png", "/sys/x.png"] if Path("/proc/self").exists() else []
    if os.geteuid() != 0:  # who may write anywhere
        (tmp_path / "file.png").touch(mode=0o444)
        (tmp_path / "closed").mkdir(mode=0o555)
        places += [str(tmp_path / "file.png"), str(tmp_path / "closed" / "x.png")]
    for place in places:
        with pytest.raises(SystemExit, match="2"):
            main(["--output", place])
        err = capsys.readouterr().err
        assert err.startswith("jaxdeconv: error: output must be a file that can be written (")

    def refuse(**options: object) -> None:
        del options
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(tmp_path / "x.png")])
    assert "can be written (Permission denied); got" in capsys.readouterr().err


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"before")
    for name in ("old.png", "new.png"):
        figure.check(str(tmp_path / name))
    assert [file.name for file in tmp_path.iterdir()] == ["old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"before"


def test_not_enough_memory(monkeypatch, capsys, picture: Path) -> None:
    for error in (MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory")):
        monkeypatch.setattr("jaxdeconv.cli.main_job.run", raising(error))
        with pytest.raises(SystemExit, match="2"):
            main(small(picture))
        wanted = "jaxdeconv: error: not enough memory. Pass smaller sizes.\n"
        assert capsys.readouterr().err == wanted


def raising(error: Exception):
    def run(options: object) -> int:
        del options
        raise error

    return run


@pytest.mark.every_variant
@pytest.mark.parametrize("package", ["rich", "PIL", "matplotlib"])
def test_missing_package(package: str) -> None:
    """In a process of its own, where nothing is imported yet."""
    program = (
        "import sys\n"
        "from jaxdeconv.cli import main\n"
        f"sys.modules[{package!r}] = None\n"
        "try:\n"
        "    main([])\n"
        "except SystemExit as end:\n"
        "    print(end.code)\n"
        f"del sys.modules[{package!r}]\n"
        "main(['explain', '--input', '5', '--kernel', '3'])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stderr.splitlines() == [
        f"jaxdeconv: error: the package {package} is missing. "
        'Install it with: pip install "jaxdeconv[cli]"'
    ]
    assert result.stdout.splitlines()[:2] == ["2", str(ConvGeometry(5, 3))]


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
    assert "All 8 implementations agree" in result.stdout
    assert all(re.match(r"\d+/10 ", line) for line in result.stderr.splitlines()), result.stderr
    assert (tmp_path / "jaxdeconv.png").stat().st_size > 50_000
