"""`jaxdeconv verify`: on pairs that a module holds, right and wrong, and on what is no pair."""

import json
import sys
from pathlib import Path

import pytest

from jaxdeconv.cli import main

OPERATORS = """
import jax, jax.numpy as jnp
import jaxdeconv

V = jax.ShapeDtypeStruct((5,), "float32")
Z = jax.ShapeDtypeStruct((3,), "complex64")

def difference(v):
    return v[1:] - v[:-1]

def right(u):
    return jnp.pad(u, (1, 0)) - jnp.pad(u, (0, 1))

pair = (difference, right, V)
with_codomain = [difference, right, V, jax.ShapeDtypeStruct((4,), "float32")]
wrong = {"A": difference, "At": lambda u: jnp.pad(u, (1, 0)), "domain": V, "key": 3}
complex_pair = (lambda z: 1j * z, lambda z: 1j * z, Z)

def made():
    return pair

class Of:
    a_class = pair

number = 5
misnamed = {"A": difference, "At": right, "domian": V}
unfitting = (difference, lambda u: u, V)

def raises():
    raise RuntimeError("no such\\nfile")

def leaves():
    raise SystemExit(0)

def calls_us(v):
    return jaxdeconv.conv(v, v, stride=0)

refused = (calls_us, right, V)

class Needs:
    def __init__(self, n):
        self.n = n

class Plain:
    pass

def __getattr__(name):
    if name == "lazy":
        raise ImportError("no lazy today")
    raise AttributeError(f"module has no attribute {name!r}")
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "operators_of_mine.py").write_text(OPERATORS)
    (tmp_path / "broken_module.py").write_text("x = 1\ndef (\n")
    (tmp_path / "imports_nothing.py").write_text("import not_there\n")
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def verified(words: str) -> int:
    first, *rest = words.split()
    return main(["verify", f"operators_of_mine:{first}", *rest])


@pytest.mark.parametrize("name", ["pair", "with_codomain", "made", "Of.a_class"])
def test_a_right_pair(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(f"{name} --key 1") == 0
    assert capsys.readouterr().out.startswith("adjoint: PASS")


def test_a_wrong_pair(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified("wrong") == 1
    out = capsys.readouterr().out
    place = "output [0], input [0]: expected -1.0, got 0.0"
    assert out.startswith(f"adjoint: FAIL at {place}. ")
    assert "key=3" in out
    assert "P(wrong passes)" not in out
    assert verified("wrong --details") == 1
    table = capsys.readouterr().out
    assert table.startswith("adjoint: FAIL. ")
    assert place in table
    assert "P(wrong passes)" in table


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified("wrong --json --key 7") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["status"], report["seed"]) == (False, "fail", "7")
    assert report["place"].startswith("output [0]")


def test_what_is_no_member_of_the_domain_is_no_adjoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified("unfitting") == 1
    assert "which is no member of the domain" in capsys.readouterr().out


def test_transpose_is_without_conjugation(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified("complex_pair --key 1") == 1
    assert "conjug" in capsys.readouterr().out
    assert verified("complex_pair --key 1 --transpose") == 0


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("operators_of_mine", "pair must be module:name; got pair='operators_of_mine'"),
        ("no_such_module:pair", "No module named 'no_such_module'"),
        ("operators_of_mine:pear", "has no attribute 'pear'"),
        ("operators_of_mine:number", "pair must be (A, At, domain)"),
        ("operators_of_mine:misnamed", "pair must be (A, At, domain)"),
        ("operators_of_mine:difference", "difference must be a pair, or a function without arg"),
        ("operators_of_mine:difference", "but it takes v; got pair="),
        ("json:loads", "but it takes s; got pair='json:loads'. Write for example pair = (forward"),
        ("operators_of_mine:Needs", "but it takes n; got"),
        ("operators_of_mine:Plain", "pair must be (A, At, domain)"),
        ("json:decoder", "pair must be (A, At, domain)"),
        ("operators_of_mine:raises", "it raised RuntimeError: no such; got pair='operators_of_mi"),
        ("operators_of_mine:raises", "See operators_of_mine.py, line 30."),
        ("operators_of_mine:leaves", "it raised SystemExit: 0; got"),
        ("operators_of_mine:refused", "it raised ArgumentValueError: adjoint: w must have"),
        ("operators_of_mine:refused", "See operators_of_mine.py, line 36."),
        ("operators_of_mine:lazy", "it raised ImportError: no lazy today; got"),
        ("builtins:min", "it raised TypeError: min expected at least 1 argument"),
        ("broken_module:pair", "it raised SyntaxError: "),
        ("broken_module:pair", "See broken_module.py, line 2."),
        ("imports_nothing:pair", "it raised ModuleNotFoundError: No module named 'not_there'; go"),
        ("leaving_module:pair", "it raised SystemExit: 0; got"),
        (".relative:pair", "it raised TypeError: "),
    ],
)
def test_what_is_no_pair(pair: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["verify", pair])
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.startswith("jaxdeconv verify: error: ")
