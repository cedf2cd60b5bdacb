"""The pytest plugin, in sessions of its own: right and wrong pairs, seeds, markers, workers."""

import os
import re
import tomllib
from pathlib import Path

import pytest

import jaxdeconv
import jaxdeconv.verify  # before a session in this process, which forgets what it imports

ROOT = Path(jaxdeconv.__file__).parents[1]
PLUGIN = ("-p", "jaxdeconv.pytest_plugin")

PAIRS = """
import jax, jax.numpy as jnp
import pytest

V = jax.ShapeDtypeStruct((5,), "float32")

def difference(v):
    return v[1:] - v[:-1]

def right(u):
    return jnp.pad(u, (1, 0)) - jnp.pad(u, (0, 1))

def wrong(u):
    return jnp.pad(u, (1, 0))
"""

WRONG = """
def test_wrong(assert_adjoint):
    assert_adjoint(difference, wrong, V)
"""


@pytest.fixture
def session(pytester: pytest.Pytester):
    """Run tests that are written below `PAIRS`, in this process."""

    def run(tests: str, *words: str) -> pytest.RunResult:
        pytester.makepyfile(test_pairs=PAIRS + tests)
        return pytester.runpytest_inprocess(*PLUGIN, "-p", "no:xdist", *words)

    return run


def key(result: pytest.RunResult) -> str:
    """The key that the report of the one failure names."""
    (found,) = set(re.findall(r"key=(\d+)", result.stdout.str()))
    return found


def test_a_right_pair(session) -> None:
    result = session("def test_right(assert_adjoint):\n    assert_adjoint(difference, right, V)")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*adjoint-seed*")


def test_a_wrong_pair(session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    result = session(WRONG, "-rf")
    result.assert_outcomes(failed=1)
    lines = result.stdout
    lines.fnmatch_lines(
        [
            ">*assert_adjoint(difference, wrong, V)",
            "E*AdjointMismatch: adjoint: FAIL at output * expected -1.0, got 0.0. Likely cause: *",
            "*- assert_adjoint -*",
            'the same probes again: pytest --adjoint-seed=* "test_pairs.py::test_wrong"',
            "FAILED test_pairs.py::test_wrong - jaxdeconv.verify.AdjointMismatch: adjoint: FAIL at "
            "output [[]0], input [[]0]: expected -1.0, got 0.0. L*",
        ]
    )
    lines.no_fnmatch_line("*raise_for_status*")  # the traceback ends at the test


def test_the_seed_that_is_printed_repeats_the_probes(session) -> None:
    first = session(WRONG)
    (seed,) = re.findall(r"--adjoint-seed=(\d+) ", first.stdout.str())
    assert key(session(WRONG, f"--adjoint-seed={seed}")) == key(first)
    assert key(session(WRONG, f"--adjoint-seed={int(seed) + 1}")) != key(first)
    alone = "def test_before(assert_adjoint):\n    assert_adjoint(jnp.flip, jnp.flip, V)\n" + WRONG
    assert key(session(alone, f"--adjoint-seed={seed}")) == key(first)


def test_every_session_has_a_seed_of_its_own(session) -> None:
    assert key(session(WRONG)) != key(session(WRONG))


def test_every_call_has_a_key_of_its_own(session) -> None:
    tests = """
def test_keys(assert_adjoint, monkeypatch):
    from jaxdeconv import verify
    keys = []
    for _ in range(2):
        with pytest.raises(verify.AdjointMismatch) as caught:
            assert_adjoint(difference, wrong, V)
        keys.append(caught.value.report.seed)
    with pytest.raises(verify.AdjointMismatch, match="key=3;"):
        assert_adjoint(difference, wrong, V, key=3)
    assert keys[0] != keys[1]
"""
    session(tests).assert_outcomes(passed=1)


def test_the_seed_of_a_configuration_file(session, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nadjoint_seed = 12")
    first = session(WRONG)
    assert "--adjoint-seed=12 " in first.stdout.str()
    assert (
        key(first)
        == key(session(WRONG, "--adjoint-seed=12"))
        != key(session(WRONG, "--adjoint-seed=0"))
    )


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "²"])
def test_what_is_no_seed(seed: str, session, pytester: pytest.Pytester) -> None:
    message = f"*a seed is a whole number from 0 on, not {seed!r}"
    result = session(WRONG, f"--adjoint-seed={seed}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--adjoint-seed: {message}"])
    pytester.makeini(f"[pytest]\nadjoint_seed = {seed}")
    result = session(WRONG)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*adjoint_seed: {message}"])


def test_a_marker_sets_defaults(session) -> None:
    tests = """
@pytest.mark.adjoint(seed=7, budget=0)
class TestMarked:
    def test_defaults(self, assert_adjoint):
        assert_adjoint(difference, wrong, V)

    @pytest.mark.adjoint(seed=8)
    def test_the_closest_counts(self, assert_adjoint):
        assert_adjoint(difference, wrong, V)

    def test_a_keyword_of_the_call_counts_more(self, assert_adjoint):
        assert_adjoint(difference, wrong, V, budget=50)

    @pytest.mark.adjoint(transpose=True)
    def test_transpose(self, assert_adjoint):
        assert_adjoint(lambda v: 1j * v, lambda u: 1j * u, jax.ShapeDtypeStruct((3,), "complex64"))
"""
    result = session(tests)
    result.assert_outcomes(passed=1, failed=3)
    texts = result.stdout.str().split("AdjointMismatch: ")[1:4]
    assert ["key=7;" in text for text in texts] == [True, False, True]
    assert "key=8;" in texts[1]
    assert ["entries differ." in text for text in texts] == [False, False, True]
    result.stdout.no_fnmatch_line("*--adjoint-seed=*")  # these seeds stand in the tests


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("bugdet=3", "has no option 'bugdet'; it takes seed, transpose, pattern, budget*"),
        ("key=3", "has no option 'key'; it takes seed, *"),
        ("3", "takes keywords alone, not 3; they are seed, *"),
    ],
)
def test_wrong_options_of_a_marker(marker: str, message: str, session) -> None:
    result = session(f"@pytest.mark.adjoint({marker}){WRONG}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", f"the marker adjoint {message}"])


def test_a_wrong_keyword_of_the_call(session) -> None:
    tests = "def test_it(assert_adjoint):\n    assert_adjoint(difference, right, V, bugdet=3)"
    session(tests).stdout.fnmatch_lines(["E*assert_adjoint: there is no keyword bugdet*"])


def test_marker_and_option_are_documented(pytester: pytest.Pytester) -> None:
    for words, line in (
        ("--markers", "@pytest.mark.adjoint(seed=None, budget=None, ...): *"),
        ("--help", "*--adjoint-seed=N*"),
        ("--fixtures", "assert_adjoint -- *"),
    ):
        result = pytester.runpytest_inprocess(*PLUGIN, words)
        result.stdout.fnmatch_lines([line])


@pytest.fixture
def process(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """The same in a process of its own, which finds the package wherever it stands."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return lambda *words: pytester.runpytest_subprocess(*PLUGIN, *words)


def test_jax_is_not_imported_where_nothing_asks_for_it(pytester, process) -> None:
    pytester.makepyfile("import sys\n\ndef test_it():\n    assert 'jax' not in sys.modules")
    process().assert_outcomes(passed=1)


def test_the_entry_point_of_an_installed_package(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyproject.toml has it: loaded once, also if `-p` names it too; or switched off."""
    (entry_points,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "entry-points"
    ].values()
    info = pytester.mkdir("site") / "jaxdeconv-3.2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jaxdeconv\nVersion: 3.2.1\n")
    lines = (f"{name} = {module}" for name, module in entry_points.items())
    (info / "entry_points.txt").write_text("\n".join(("[pytest11]", *lines)))
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}{os.pathsep}{ROOT}")
    pytester.makepyfile("def test_it(assert_adjoint):\n    pass")
    for words in ((), PLUGIN):
        pytester.runpytest_subprocess(*words).assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("-p", "no:jaxdeconv.pytest_plugin")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*fixture 'assert_adjoint' not found"])


def test_workers_have_the_seed_of_the_session(pytester: pytest.Pytester, process) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(test_pairs=PAIRS + WRONG + WRONG.replace("test_wrong", "test_too"))
    result = process("-n", "2")
    result.assert_outcomes(failed=2)
    seeds = re.findall(r"--adjoint-seed=(\d+) ", result.stdout.str())
    assert len(seeds) == 2
    assert len(set(seeds)) == 1
    keys = {*re.findall(r"key=(\d+)", result.stdout.str())}
    again = process("-n", "0", f"--adjoint-seed={seeds[0]}")
    assert {*re.findall(r"key=(\d+)", again.stdout.str())} == keys
