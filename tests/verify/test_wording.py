"""The words of a report: one sentence for a pass, place and cause first for a failure."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify import Evidence, Report
from jaxdeconv.verify.wording import duration, upper

S = jax.ShapeDtypeStruct
READ = Evidence("linear: A", "linearity", "pass", "typed", forward=66, backward=66, seconds=0.4)
COST = "66 A + 66 At, 0.4 s, key=7"
END = f"  {COST}; report.details() shows more"


def structure(name: str, chance: float | None, limit: float | None, **more) -> Evidence:
    return Evidence(name, "structure", "pass", "closed by 1 x 8 x 8", chance, limit, **more)


def text(*evidence: Evidence, question: str = "adjoint", **found) -> str:
    return str(Report(question, (READ, *evidence), 7, **found))


# --- a pass


@pytest.mark.parametrize(
    ("proof", "sentence"),
    [
        (
            structure("every entry", 0.0, 0.0, entries=(50, 40)),
            "Every one of 50 x 40 entries is equal.",
        ),
        (structure("every entry", 0.0, 0.0), "Every entry is equal."),
        (
            structure("every entry", 2.91e-11, 0.0, entries=(50, 40)),
            "Every one of 50 x 40 entries is equal; a wrong pair passes with a chance below 3e-11.",
        ),
        (
            structure("every entry", 0.0, 3.2e-9, entries=(5, 4)),
            "Every one of 5 x 4 entries is equal up to rounding: a wrong entry above 4e-9 of the "
            "largest of its row and column would be seen.",
        ),
        (
            structure("exact", 2.91e-11, 0.0),
            "A wrong pair passes with a chance below 3e-11.",
        ),
        (
            structure("rounding", 2.91e-11, 3.2e-9),
            "A wrong entry above 4e-9 of the largest of its row and column passes with a chance "
            "below 3e-11; of smaller ones nothing is known.",
        ),
    ],
)
def test_a_pass_is_one_sentence(proof: Evidence, sentence: str) -> None:
    found = text(proof)
    assert found.replace("\n", " ") == f"adjoint: PASS. {sentence} {COST}"
    assert len(found.splitlines()) <= 3


def test_the_best_proof_is_told() -> None:
    loose = structure("rounding", 1e-12, 1e-3)
    assert "Every one of 5 x 4" in text(loose, structure("every entry", 0.0, 0.0, entries=(5, 4)))
    assert "a chance below 5e-10" in text(loose, structure("exact", 4.7e-10, 0.0))


def test_a_family() -> None:
    found = text(structure("exact", 4.7e-10, 0.0), question="adjoints")
    assert found.startswith("adjoints: PASS. A wrong family passes with a chance below 5e-10.")


def test_what_could_only_be_probed() -> None:
    lines = [
        Evidence(f"linear: {name}", "linearity", "pass", "", caveat=f"{name} cannot be read")
        for name in ("A", "At")
    ]
    exact = structure("exact", 4.7e-10, 0.0)
    assert "A and At cannot be read." in text(*lines, exact)
    assert " At cannot be read." in text(lines[1], exact)
    assert "A and At cannot be read." in Report("adjoint", (*lines, exact), 7).details()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.91e-11, "3e-11"), (3e-11, "3e-11"), (9.01e-5, "1e-4"), (0.0041, "0.005"), (0.95, "1")],
)
def test_bounds_are_never_rounded_down(value: float, shown: str) -> None:
    assert upper(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (1e-5, "0.01 s"), (0.414, "0.41 s"), (74.6, "75 s")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


# --- a failure

UNEQUAL = Evidence("exact", "structure", "fail", "1 x 8 x 8 probes")
PLACE = "output [0], input [0]: expected -1.0, got 0.0"


def test_a_failure_begins_with_place_cause_and_size() -> None:
    whole = Evidence("every entry", "structure", "fail", "", entries=(5, 4), wrong=4)
    cause = "likely cause: shifted (by one)\n  or mirrored (along axis 0)"
    place = Evidence("place", "structure", "fail", PLACE)
    found = text(UNEQUAL, whole, place, place=PLACE, explanation=cause, size=0.31)
    assert found.splitlines() == [
        f"adjoint: FAIL at {PLACE}. Likely cause: shifted (by one). |At - A^T| / |A| is about 0.3.",
        "  or mirrored (along axis 0)",
        "  <A v, u> and <v, At u> differ where nothing can round.",
        "  4 of 5 x 4 entries differ.",
        END,
    ]
    assert str(verify.AdjointMismatch(Report("adjoint", (UNEQUAL,), 7, PLACE))).startswith(
        f"adjoint: FAIL at {PLACE}."
    )


def test_a_failure_without_a_place() -> None:
    rough = Evidence("precision", "precision", "fail", "measured / allowed = 9")
    assert text(structure("exact", 1e-10, 0.0), rough).splitlines() == [
        "adjoint: FAIL. The results are less precise than the operations of A and of At explain.",
        END,
    ]


def test_what_is_not_linear_has_no_place_in_the_first_line() -> None:
    found = "At(0) = 0 does not hold at [0]: 1.0 is not 0.0"
    line = Evidence("linear: At", "linearity", "fail", found)
    assert text(line, UNEQUAL, place=PLACE).splitlines() == [
        f"adjoint: FAIL. At is not linear: {found}.",
        "  <A v, u> and <v, At u> differ where nothing can round.",
        f"  Wrong at {PLACE}.",
        END,
    ]


@pytest.mark.parametrize("code", ["jax.jit of it is another map", "<A v, u> differs"])
def test_code_has_no_capital_letter(code: str) -> None:
    assert f"FAIL. {code}.\n" in text(Evidence("repeatable: A", "input", "fail", code))


# --- undecided


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (0.21, "a wrong entry below 0.3 of the largest of its row and column would not be seen"),
        (600.0, "rounding hides every entry: this evidence decides nothing"),
        (math.inf, "rounding hides every entry: this evidence decides nothing"),
        (math.nan, "rounding hides every entry: this evidence decides nothing"),
        (None, "no pattern"),
    ],
)
def test_undecided(limit: float | None, reason: str) -> None:
    blind = Evidence("rounding", "structure", "inconclusive", "no pattern", detection_limit=limit)
    first, *rest = text(blind).splitlines()
    whether = "Not decided: whether At is the adjoint of A"
    assert first == f"adjoint: INCONCLUSIVE. {whether} ({reason})."
    assert "".join(rest[:-1]).split()[:3] == ["Double", "precision", "(jax_enable_x64),"]
    assert rest[-1] == END


def test_a_remedy_that_is_known() -> None:
    blind = Evidence(
        "rounding", "structure", "inconclusive", "", detection_limit=2.0, remedy="Give a pattern."
    )
    assert text(blind).splitlines()[1:] == ["  Give a pattern.", END]


def test_undecided_linearity() -> None:
    clip = Evidence("linear: A", "linearity", "inconclusive", "clamp at line 3")
    (first, *_) = text(clip, structure("exact", 1e-10, 0.0)).splitlines()
    assert first == (
        "adjoint: INCONCLUSIVE. Not decided: whether the functions are linear (clamp at line 3)."
    )


def test_no_evidence_at_all() -> None:
    (first, *_) = str(Report("linear", (), 7)).splitlines()
    assert first == "linear: INCONCLUSIVE. Not decided: whether the functions are linear."


# --- as the core makes them


def test_a_pass_of_every_entry() -> None:
    report = verify.adjoint(jnp.flip, jnp.flip, S((50,), np.float32), key=7)
    assert str(report).startswith("adjoint: PASS. Every one of 50 x 50 entries is equal. ")
    assert "key=7" in str(report)


def test_a_failure_of_a_difference() -> None:
    report = verify.adjoint(
        lambda v: v[1:] - v[:-1], lambda u: jnp.pad(u, (1, 0)), S((5,), np.float32), key=0
    )
    first, *rest = str(report).splitlines()
    assert first.startswith(f"adjoint: FAIL at {PLACE}. Likely cause: one diagonal wrong (only ")
    assert "  4 of 5 x 4 entries differ." in rest
    foreign = ("kernel", "tap", "padding", "channel", "device", "measured", "closed", "probe")
    assert not [word for word in foreign if word in str(report)]


def test_linearity_and_variants() -> None:
    v = S((3,), np.float32)
    assert str(verify.linearity(jnp.negative, v, key=0)).startswith("linear: PASS. A is linear. ")
    assert str(verify.variants(jnp.negative, v, key=0)).startswith("variants: PASS. All ")
    first = str(verify.linearity(lambda v: v + 1, v, key=0)).splitlines()[0]
    assert first.startswith("linear: FAIL. A is not linear: A(0) = 0 does not hold at [0]: ")
    assert "test_wording.py:" in first
