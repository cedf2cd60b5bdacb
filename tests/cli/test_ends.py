"""How a run of the command ends: interrupted, unread, unwritable. In a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxdeconv import cli
from jaxdeconv.cli import main

ROOT = Path(cli.__file__).parents[2]
SMALL = ("--size", "8,7", "--kernel-size", "2")


HEARING = (
    "import os, signal, sys;"
    "signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""A command that hears interrupts, also where shells run these tests in the background."""


def start(
    *words: str, path: Path | str = "", before: tuple[str, ...] = (), **options
) -> subprocess.Popen:
    """The command, `path` first on Python's; `before` stands before it on the command line."""
    places = os.pathsep.join(str(place) for place in (path, ROOT) if place)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    environment = os.environ | {"PYTHONPATH": places}
    command = [sys.executable, "-m", "jaxdeconv", *words]
    whole = [*before, sys.executable, "-c", HEARING, *command]
    return subprocess.Popen(whole, text=True, env=environment, **pipes)


def interrupt_after(process: subprocess.Popen, word: str) -> tuple[int, str, str]:
    """Ctrl-C as soon as `word` stands on stderr; exit status, stdout, the rest of stderr."""
    for line in process.stderr:
        if word in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


SPEAKS = "import sys, time\nsys.stderr.write('ready\\n')\nsys.stderr.flush()\ntime.sleep(600)\n"


def test_interrupted_while_jax_is_imported(tmp_path: Path) -> None:
    """From the first line on: here a `jax` that takes its time."""
    (tmp_path / "jax.py").write_text(SPEAKS)
    for words in ([], ["explain", "--input", "5", "--kernel", "3"], ["verify", "a:b"]):
        process = start(*words, path=tmp_path, cwd=tmp_path)
        assert interrupt_after(process, "ready") == (130, "", "interrupted\n")


@pytest.mark.parametrize("stage", ["1/10", "5/10", "10/10"])
def test_the_main_job_interrupted(stage: str, tmp_path: Path) -> None:
    process = start("--size", "30", cwd=tmp_path)
    status, out, err = interrupt_after(process, stage)
    assert (status, out) == (130, "")
    *stages, last = err.splitlines()
    assert last == "interrupted"
    assert all("/10 " in line for line in stages)
    assert not [*tmp_path.iterdir()]


def test_verify_interrupted(tmp_path: Path) -> None:
    """In the user's module, in what makes the pair, and in A itself, inside of a callback."""
    (tmp_path / "slow.py").write_text(SPEAKS)
    assert interrupt_after(start("verify", "slow:pair", cwd=tmp_path), "ready") == (
        130,
        "",
        "interrupted\n",
    )
    body = "".join(f"    {line}\n" for line in SPEAKS.splitlines())
    struct = "jax.ShapeDtypeStruct((5,), 'float32')"
    (tmp_path / "slow.py").write_text(
        f"import jax\ndef wait(v):\n{body}"
        f"def A(v):\n    return jax.pure_callback(wait, {struct}, v)\n"
        f"pair = (A, A, {struct})\ndef made():\n{body}"
    )
    for name in ("made", "pair"):
        status, out, err = interrupt_after(start("verify", f"slow:{name}", cwd=tmp_path), "ready")
        assert (status, out) == (130, "")
        assert err.splitlines()[-1] == "interrupted"


def test_an_interrupt_that_became_another_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on its way through C++: Ctrl-C was pressed, and a RuntimeError arrives."""

    def run(argv: object) -> int:
        del argv
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            raise RuntimeError("INTERNAL: callback failed") from None
        return 0

    monkeypatch.setattr(cli, "_run", run)
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main() == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # while Python shuts down
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_of_a_caller_in_python(monkeypatch, capsys) -> None:
    def run(argv: object) -> int:
        del argv
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", run)
    before = signal.getsignal(signal.SIGINT)
    assert main(["explain"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_where_interrupts_are_ignored_they_stay_so(monkeypatch) -> None:
    """As of a command that a shell runs in the background."""
    monkeypatch.setattr(cli, "_run", lambda _: signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert main() is True
    finally:
        signal.signal(signal.SIGINT, before)


EXPLAIN = ("explain", "--input", "9", "--kernel", "3")


@pytest.mark.parametrize("words", [EXPLAIN, SMALL, (*SMALL, "--json"), ("--help",), ("--version",)])
def test_a_reader_that_has_gone(words: tuple[str, ...], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start(*words, cwd=tmp_path, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=300)
    swallowed = words[0] in ("--help", "--version")  # by argparse, where it writes unbuffered
    assert process.returncode in ((0, 141) if swallowed else (141,))
    assert all("/10 " in line for line in err.splitlines()), err


@pytest.fixture
def full() -> Iterator[int]:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    file = os.open("/dev/full", os.O_WRONLY)
    yield file
    os.close(file)


@pytest.mark.parametrize("words", [EXPLAIN, SMALL])
def test_standard_output_is_full(words: tuple[str, ...], full: int, tmp_path: Path) -> None:
    process = start(*words, cwd=tmp_path, stdout=full)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    last = "jaxdeconv: error: standard output: No space left on device"
    assert [line for line in err.splitlines() if "/10 " not in line] == [last]


def test_standard_output_is_closed(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m jaxdeconv {' '.join(EXPLAIN)} >&-"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_picture_does_not_fit_on_the_disc(tmp_path: Path) -> None:
    """The table is printed all the same."""
    limited = ("sh", "-c", 'ulimit -f 8; exec "$@"', "sh")
    process = start(*SMALL, cwd=tmp_path, before=limited)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "All 8 implementations agree" in out
    assert "Picture:" not in out
    assert err.splitlines()[-1] == "jaxdeconv: error: cannot write jaxdeconv.png: File too large"
    assert "Traceback" not in err
