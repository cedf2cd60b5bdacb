"""Right implementations agree whatever the options; wrong ones never do."""

import jax
import numpy as np
import pytest

from jaxdeconv import reference
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.boundary import MODES
from jaxdeconv.cli import agreement, kernels, report
from jaxdeconv.cli.job import PUBLIC
from tests.cli.helpers import examine, small_job
from tests.support.planted import FAULTS

slow = pytest.mark.slow
SOME = ("dilated input", "loops", PUBLIC)
"""Compiled by JAX, written in NumPy, and what everybody calls; the rest under -m slow."""

OPTIONS = [
    *(f"--kernel {name}" for name in kernels.NAMES),
    "--kernel random --groups 1 --padding-mode reflect --padding 2,1,0,3",
    *(
        pytest.param(f"--padding-mode {name} --padding 2,1,0,3 --groups 1", marks=slow)
        for name in MODES
    ),
    "--padding -1,0",
    *(pytest.param(f"--padding {name}", marks=slow) for name in ("CAUSAL", "VALID", "-1,2,3,-2")),
    "--stride 4,3 --kernel-size 2,1",
    "--stride 100000",
    "--dilation 2,3 --stride 1,2",
    "--size 1 --kernel-size 1",
    "--kernel-size 9 --stride 1 --dtype bfloat16",
]
QUICK = ("bfloat16", "float64", "complex64", "int8")
DTYPES = [
    dtype if dtype in QUICK else pytest.param(dtype, marks=slow)
    for dtype in (*FLOATING, *COMPLEX, *INTEGER)
]


def assert_right(outcome: agreement.Outcome) -> None:
    assert outcome.ok
    assert not [*report.faults(outcome)]
    assert outcome.report is not None
    for name in ("exact", "every entry"):
        assert outcome.report.of(name).status == "pass"


@pytest.mark.parametrize("options", OPTIONS)
def test_options(options: str) -> None:
    for outcome in examine(small_job("--kernel-size", "2", *options.split()), *SOME).values():
        assert_right(outcome)


@slow
@pytest.mark.parametrize("mode", MODES)
def test_every_implementation(mode: str) -> None:
    outcomes = examine(small_job("--padding-mode", mode, "--padding", "2,1,0,3"))
    assert list(outcomes) == [*reference.TRANSPOSES, PUBLIC]
    for outcome in outcomes.values():
        assert_right(outcome)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str) -> None:
    with jax.enable_x64(("64" in dtype and dtype != "complex64") or dtype == "complex128"):
        job = small_job("--dtype", dtype, "--kernel-size", "2", "--groups", "1")
        outcomes = examine(job, *SOME, "vjp")
    assert job.v.dtype == job.w.dtype == dtype
    if dtype in INTEGER:
        vjp = outcomes.pop("vjp")
        assert vjp.ok
        assert vjp.skipped == "not defined for integers"
    for outcome in outcomes.values():
        assert_right(outcome)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults_are_found_exactly_and_on_the_photograph(fault, monkeypatch) -> None:
    wrong = fault(reference.TRANSPOSES["loops"])
    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    words = ["--padding", "1,1,0,1", "--kernel", "random", "--seed", "3"]
    loops = examine(small_job(*words), "loops")["loops"]
    assert loops.share > 1
    assert loops.report.of("every entry").status == "fail"
    assert not loops.ok
    on_photograph, place = report.faults(loops)
    assert on_photograph.startswith("differs from the definition by ")
    assert ": expected " in place or "At" in place


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_an_error_just_above_rounding_is_found(dtype: str, monkeypatch) -> None:
    right = reference.TRANSPOSES["coordinates"]
    wrong = lambda u, w, geometry: right(u, w, geometry) * (1 + 3e-4)  # noqa: E731
    monkeypatch.setitem(reference.TRANSPOSES, "coordinates", wrong)
    found = examine(small_job("--dtype", dtype), "coordinates")["coordinates"]
    assert not found.close
    assert not found.verified


def test_a_fault_that_only_the_photograph_meets(monkeypatch) -> None:
    """Right for kernels of whole numbers."""
    right = reference.TRANSPOSES["loops"]
    wrong = lambda u, w, geometry: right(u, np.rint(w), geometry)  # noqa: E731
    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    found = examine(small_job(), "loops")["loops"]
    assert found.verified
    assert not found.close
    assert not found.ok


@pytest.mark.parametrize(
    ("nonsense", "fault"),
    [
        (lambda v: np.full_like(v, np.nan), "At gives nan at"),
        (lambda v: v[..., :1], "which is no member of the domain"),
    ],
    ids=["nan", "shape"],
)
def test_nonsense_is_a_disagreement(nonsense, fault: str, monkeypatch) -> None:
    right = reference.TRANSPOSES["loops"]
    wrong = lambda u, w, geometry: nonsense(right(u, w, geometry))  # noqa: E731
    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    loops = examine(small_job("--padding-mode", "zeros"), "loops")["loops"]
    assert not loops.close
    assert not loops.verified
    assert fault in [*report.faults(loops)][1]


def test_a_definition_that_is_no_transpose_is_found(monkeypatch) -> None:
    """All are wrong alike, and only K itself can tell."""
    for name in reference.TRANSPOSES:
        right = reference.TRANSPOSES["loops"]
        twice = lambda u, w, geometry: 2 * right(u, w, geometry)  # noqa: B023, E731
        monkeypatch.setitem(reference.TRANSPOSES, name, twice)
    outcomes = examine(small_job(), "vjp", PUBLIC)
    assert outcomes["vjp"].deviation == 0
    assert outcomes["vjp"].report.cause == "scale factor"
    assert outcomes[PUBLIC].verified
    assert not outcomes[PUBLIC].close  # to this definition


@pytest.mark.parametrize("mode", MODES)
def test_the_rounding_bound_has_the_size_of_rounding(mode: str) -> None:
    """Against sums in float64: never exceeded, and not far above what happens."""
    words = ["--kernel", "random", "--padding", "2,3,0,-1", "--padding-mode", mode]
    job = small_job(*words)
    examination = agreement.Examination(job)
    with jax.enable_x64(True):
        wide = small_job(*words, "--dtype", "float64")
        exact = next(iter(wide.transposes().values()))(
            job.u.astype("float64"), job.w.astype("float64")
        )
    off = abs(np.asarray(exact) - examination._right)
    assert (2 * off <= examination._allowed).all()
    assert off.max() > examination._allowed.max() / 200


def test_overflow_is_refused() -> None:
    job = small_job("--dtype", "float16")
    job.w[:] = 60000
    with pytest.raises(ValueError, match=r"small enough for the sums not to overflow.*float16"):
        agreement.Examination(job)
