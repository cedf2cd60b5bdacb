"""oneDNN reads and writes its operands, its result and its working memory alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from jaxdeconv.algorithms.dnnl import library
from tests.algorithms.dnnl.guarded import Guarded

installed = pytest.mark.skipif(bool(library.missing()), reason=library.missing())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@installed
def test_random_problems(request: pytest.FixtureRequest) -> None:
    """In a process of its own, which ends if anything is read or written beyond its end."""
    count = request.config.getoption("--geometries")
    ran = run("-m", "tests.algorithms.dnnl.guarded", "0", str(count))
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= count


@pytest.mark.parametrize(("at", "ends"), [(15, False), (16, True)])
def test_a_guard_is_a_guard(at: int, ends: bool) -> None:
    program = (
        "import ctypes\nfrom tests.algorithms.dnnl.guarded import Guarded\n"
        "memory = Guarded(64, 4)\n"
        f"ctypes.c_float.from_address(memory.address + 4 * {at}).value = 1.0"
    )
    assert (run("-c", program).returncode != 0) == ends


def test_what_is_written_before_is_found() -> None:
    memory = Guarded(64, 4)
    memory._bytes[memory._before - 1] = 0
    with pytest.raises(AssertionError):
        memory.read((16,))
