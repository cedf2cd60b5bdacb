"""Reports: verdicts from evidence, JSON, the mismatch that holds one. Texts: test_wording.py."""

import json

import pytest

from jaxdeconv.verify import AdjointMismatch, Evidence, Report
from jaxdeconv.verify.report import Status

SAME = Evidence("repeatable: A", "input", "pass", "two calls agree", forward=4, seconds=0.5)
EXACT = Evidence("exact", "structure", "pass", "all inner products equal", 4.7e-10, 0.0, 8, 8, 0.25)
ENTRIES = Evidence("every entry", "structure", "inconclusive", "no sparse pattern found")
PRECISE = Evidence("precision", "precision", "pass", "measured / allowed = 0.1", backward=2)


def report(*evidence: Evidence, question: str = "adjoint") -> Report:
    return Report(question, evidence, 17)


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        ((SAME, EXACT, ENTRIES, PRECISE), "pass"),  # one proof of the structure is enough
        ((SAME, EXACT), "pass"),
        ((SAME, ENTRIES, PRECISE), "inconclusive"),
        ((SAME, PRECISE), "inconclusive"),  # nothing speaks of the structure
        ((), "inconclusive"),
        ((SAME, EXACT, Evidence("precision", "precision", "fail", "")), "fail"),
        ((SAME, EXACT, Evidence("every entry", "structure", "fail", "")), "fail"),
        ((EXACT, Evidence("linear: A", "linearity", "inconclusive", "")), "inconclusive"),
        ((EXACT, Evidence("finite", "input", "fail", "")), "fail"),
    ],
)
def test_status(evidence: tuple[Evidence, ...], status: Status) -> None:
    found = report(*evidence)
    assert found.status == status
    assert found.ok == (status == "pass")
    assert str(found).startswith(f"adjoint: {status.upper()}. ")
    assert found.details().startswith(f"adjoint: {status.upper()}. ")


def test_linearity_needs_its_own_evidence() -> None:
    assert report(SAME, question="linear").status == "inconclusive"
    line = Evidence("linear: A", "linearity", "pass", "")
    assert report(SAME, line, question="linear").ok


def test_verdicts_and_lookup() -> None:
    found = report(SAME, EXACT, ENTRIES)
    assert found.verdict("structure") == "pass"
    assert found.of("exact") is EXACT
    for lookup in (found.verdict, found.of):
        with pytest.raises(KeyError, match="precision"):
            lookup("precision")


def test_a_notebook_shows_the_short_text() -> None:
    found = report(SAME, EXACT)
    assert repr(found) == str(found)
    assert "\n" not in str(found)


def test_details() -> None:
    found = Report("adjoint", (SAME, EXACT, PRECISE), 17, explanation="cause: shifted (by one)")
    assert found.details().splitlines() == [
        "adjoint: PASS. 12 A + 10 At, 0.75 s, key=17",
        "  input pass, structure pass, precision pass",
        "  cause: shifted (by one)",
        "  evidence       about      status  P(wrong passes)  smallest seen  A  At  s",
        "  repeatable: A  input      pass    -                -              4  0   0.5",
        "      two calls agree",
        "  exact          structure  pass    4.7e-10          0              8  8   0.25",
        "      all inner products equal",
        "  precision      precision  pass    -                -              0  2   0",
        "      measured / allowed = 0.1",
    ]


def test_details_of_a_limit_above_all_entries() -> None:
    blind = Evidence("rounding", "structure", "inconclusive", "t", detection_limit=600.0)
    assert report(blind).details().splitlines()[3].split()[3:5] == ["-", "nothing"]


def test_json() -> None:
    whole = Evidence("every entry", "structure", "fail", "", entries=(5, 4), wrong=3)
    found = Report("adjoint", (SAME, EXACT, whole), 2**63, place="output [0]", size=0.25)
    content = json.loads(found.to_json())
    assert content["seed"] == str(2**63)  # a number would lose bits in JavaScript
    assert (content["ok"], content["status"], content["place"]) == (False, "fail", "output [0]")
    assert content["verdicts"] == {"input": "pass", "structure": "fail"}
    assert (content["forward"], content["backward"], content["size"]) == (12, 8, 0.25)
    assert content["evidence"][1]["false_acceptance"] == 4.7e-10
    assert (content["evidence"][2]["entries"], content["evidence"][2]["wrong"]) == ([5, 4], 3)


@pytest.mark.parametrize("size", [None, float("inf"), float("nan")])
def test_json_of_an_unknown_size(size: float | None) -> None:
    assert json.loads(Report("adjoint", (EXACT,), 1, size=size).to_json())["size"] is None


def test_mismatch_holds_its_report() -> None:
    error = AdjointMismatch(report(SAME, ENTRIES))
    assert isinstance(error, AssertionError)
    assert str(error) == str(error.report)
