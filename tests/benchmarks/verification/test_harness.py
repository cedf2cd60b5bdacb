"""The judge of the judges: who accepts everything catches nothing, who refuses everything errs."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.verification.__main__ import main
from benchmarks.verification.checkers import Checker, Subject, Verdict, ours
from benchmarks.verification.convolutions import ConvSpec, conv_pair
from benchmarks.verification.harness import judge, run
from benchmarks.verification.mutants import MUTANTS
from benchmarks.verification.records import Record
from benchmarks.verification.results import Results
from benchmarks.verification.rivals import RIVALS
from benchmarks.verification.trials import Plan, Trial, correct_trials, mutant_trials
from jaxdeconv.verify.diagnose import Cause

SPEC = ConvSpec((1, 6, 1), np.float32([2, 3, 5]).reshape(3, 1, 1), (1,), ((1, 1),), (1,))
RIGHT = conv_pair(SPEC)
UNFLIPPED = dataclasses.replace(RIGHT, At=SPEC.replace(kernel=SPEC.kernel[::-1].copy()).adjoint())
TRIALS = [Trial(RIGHT, 0), Trial(UNFLIPPED, 1, "not flipped", Cause.KERNEL_FLIP)]


def always(status: str) -> Checker:
    return Checker(status, lambda _: Verdict(status, 0, 0), lambda _: True, "")


def small(size: int) -> Checker:
    return Checker("small", lambda s: s.said(True), lambda pair: pair.domain.size < size, "")


def test_planted_checkers() -> None:
    checkers = [always("pass"), always("fail"), always("inconclusive")]
    results = Results({}, [c.name for c in checkers], run(TRIALS, checkers))
    table = results.summary()
    assert (table["pass"]["caught"], table["pass"]["refused"]) == ((0, 1), (0, 1))
    assert (table["fail"]["caught"], table["fail"]["refused"]) == ((1, 1), (1, 1))
    assert (table["inconclusive"]["caught"], table["inconclusive"]["refused"]) == ((0, 1), (0, 1))
    assert table["inconclusive"]["wrong pairs undecided"] == 1
    assert table["pass"]["faults let through"] == ["not flipped"]
    assert results.failed()


def test_pairs_that_a_checker_does_not_take_do_not_count() -> None:
    results = Results({}, ["small"], run(TRIALS, [small(6)]))
    assert results.summary()["small"]["caught"] == (0, 0)
    assert [record.verdicts for record in results.records] == [{}, {}]


def test_ours_is_right_and_names_the_cause() -> None:
    results = Results({}, [ours.name], [judge(trial, [ours]) for trial in TRIALS])
    assert not results.failed()
    assert results.diagnoses()["named"] == 1
    verdict = results.records[1].verdicts[ours.name]
    assert verdict.forward > 0
    assert verdict.backward > 0
    assert verdict.seconds > 0


@pytest.mark.parametrize(
    ("cause", "certain", "others", "kind"),
    [
        (Cause.KERNEL_FLIP, True, (), "named"),
        (Cause.SHIFT, False, (Cause.KERNEL_FLIP,), "named among others"),
        ("", False, (), "unknown"),
        (Cause.SHIFT, False, (), "another suspected"),
        (Cause.SHIFT, True, (), "another for certain"),
    ],
)
def test_diagnoses_are_sorted(cause, certain, others, kind) -> None:
    verdict = Verdict("fail", 1, 1, 0.1, str(cause), certain, tuple(map(str, others)))
    record = Record("x", "flip", Cause.KERNEL_FLIP, "small", 6, "float32", 0, {"ours": verdict})
    results = Results({}, ["ours"], [record])
    assert [kind for kind, count in results.diagnoses().items() if count] == [kind]
    assert results.failed() == (kind == "another for certain")


# --- rivals


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.usefixtures("x64")
def test_rivals_accept_what_is_right_and_refuse_half(
    rival: Checker, dtype, request: pytest.FixtureRequest
) -> None:
    """In 64 bits, where their tolerances do no harm."""
    if rival.name.startswith("torch"):
        request.getfixturevalue("torch")
    kernel = (np.arange(1, 5) * (1 if dtype is np.float64 else 1 + 2j)).astype(dtype)
    pair = conv_pair(SPEC.replace(kernel=kernel.reshape(4, 1, 1), padding=((2, 1),)))
    half = dataclasses.replace(pair, At=lambda u: pair.At(u) / 2)
    assert rival.takes(pair)
    accepted, refused = (rival.check(Subject(p, 3)) for p in (pair, half))
    assert (accepted.status, refused.status) == ("pass", "fail")
    assert accepted.forward >= 1
    assert accepted.backward >= 1


def test_applications_are_counted() -> None:
    (dottest,) = (rival for rival in RIVALS if rival.name == "pylops dottest")
    subject = Subject(RIGHT, 0)
    subject.warm()
    verdict = dottest.check(subject.fresh())
    assert (verdict.forward, verdict.backward) == (1, 1)
    assert (subject.forward, subject.backward) == (0, 0)


# --- trials


def test_trials_are_seeded_and_wrong() -> None:
    plan = Plan(small=2, middle_every=0, large_every=0, seed=4)
    first, again = (list(mutant_trials(MUTANTS[:2], plan)) for _ in range(2))
    names = [[(t.pair.name, t.fault, t.seed) for t in trials] for trials in (first, again)]
    assert names[0] == names[1]
    assert len(first) == 4
    assert all(t.pair.At is not RIGHT.At and t.fault for t in first)


def test_large_trials() -> None:
    plan = Plan(small=0, middle_every=1, large_every=1)
    sizes = [(t.size, int(np.prod(t.pair.domain.shape))) for t in mutant_trials(MUTANTS[:1], plan)]
    assert [name for name, _ in sizes] == ["10^4", "10^6"]
    assert sizes[0][1] >= 10**4
    assert sizes[1][1] >= 10**6


def test_correct_trials_have_no_fault() -> None:
    assert {trial.fault for trial in correct_trials(0, 3)} == {""}
    assert [trial.seed for trial in correct_trials(0, 3)] == [0, 1, 2]


# --- files


def test_json_and_shares(tmp_path) -> None:
    records = run(TRIALS, [always("fail")])
    Results({"cpu": "x"}, ["fail"], records).write_json(tmp_path / "a.json")
    read = Results.read_json(tmp_path / "a.json")
    merged = Results.merged([read, read])
    assert [record.name for record in merged.records] == 2 * [RIGHT.name, RIGHT.name]
    assert merged.summary()["fail"]["refused"] == (2, 2)
    assert json.loads((tmp_path / "a.json").read_text())["summary"]["fail"]["caught"] == [1, 1]


def test_table_goes_between_its_marks(tmp_path) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- verification -->\nold\n<!-- end of verification -->\nafter\n")
    assert Results.place.fits(path)
    Results.place.insert("new\n", path)
    assert path.read_text() == (
        "before\n<!-- verification -->\nnew\n<!-- end of verification -->\nafter\n"
    )
    path.write_text("no place")
    assert not Results.place.fits(path)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_command(tmp_path, monkeypatch, capsys) -> None:
    """Two faults and two pairs, through to the picture."""
    monkeypatch.setattr("benchmarks.verification.__main__.MUTANTS", MUTANTS[15:17])
    monkeypatch.setattr("benchmarks.verification.__main__._QUICK_PAIRS", 2)
    json_path, picture = tmp_path / "r.json", tmp_path / "r.png"
    code = main(["--quick", "--json", str(json_path), "--plot", str(picture)])
    assert code == 0
    assert picture.stat().st_size > 10_000
    assert "| jaxdeconv.verify | 100 % of 2 |" in capsys.readouterr().out
    assert main(["--replay", str(json_path)]) == 0
    assert len(Results.read_json(json_path).records) == 4
