"""Reports: verdicts from evidence, the printed table, JSON."""

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
    assert report(*evidence).status == status
    assert report(*evidence).ok == (status == "pass")


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


def test_print() -> None:
    found = Report("adjoint", (SAME, EXACT, PRECISE), 17, explanation="SHIFT: by one")
    assert str(found).splitlines() == [
        "adjoint: PASS   12 A + 10 At in 0.75 s, key=17",
        "  input pass, structure pass, precision pass",
        "  evidence       about      status  P(wrong passes)  smallest seen  A  At  s",
        "  repeatable: A  input      pass    -                -              4  0   0.5",
        "      two calls agree",
        "  exact          structure  pass    4.7e-10          0              8  8   0.25",
        "      all inner products equal",
        "  precision      precision  pass    -                -              0  2   0",
        "      measured / allowed = 0.1",
        "diagnosis: SHIFT: by one",
    ]


def test_json() -> None:
    content = json.loads(Report("adjoint", (SAME, EXACT), 2**63, place="output [0]").to_json())
    assert content["seed"] == str(2**63)  # a number would lose bits in JavaScript
    assert (content["ok"], content["status"], content["place"]) == (True, "pass", "output [0]")
    assert content["verdicts"] == {"input": "pass", "structure": "pass"}
    assert (content["forward"], content["backward"]) == (12, 8)
    assert content["evidence"][1]["false_acceptance"] == 4.7e-10


def test_mismatch_holds_its_report() -> None:
    error = AdjointMismatch(report(SAME, ENTRIES))
    assert isinstance(error, AssertionError)
    assert str(error) == str(error.report)
