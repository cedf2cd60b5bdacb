"""Right ways agree whatever the options; wrong ones never do."""

import jax
import numpy as np
import pytest

from jaxdeconv import reference
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.boundary import MODES
from jaxdeconv.cli import kernels
from tests.cli.helpers import examine, small_job
from tests.support.planted import FAULTS

slow = pytest.mark.slow
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
    "--dilation 2,3 --stride 1,2",
    "--size 1 --kernel-size 1",
]
QUICK = ("bfloat16", "float64", "complex64", "int8")
DTYPES = [
    dtype if dtype in QUICK else pytest.param(dtype, marks=slow)
    for dtype in (*FLOATING, *COMPLEX, *INTEGER)
]


@pytest.mark.parametrize("options", OPTIONS)
def test_options(options) -> None:
    outcomes = examine(small_job("--kernel-size", "2", *options.split()))
    assert len(outcomes) == len(reference.TRANSPOSES) + 1
    assert all(outcome.ok and outcome.exact for outcome in outcomes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype) -> None:
    with jax.enable_x64(("64" in dtype and dtype != "complex64") or dtype == "complex128"):
        job = small_job("--dtype", dtype, "--kernel-size", "2", "--groups", "1")
        outcomes = examine(job)
    assert job.v.dtype == job.w.dtype == dtype
    assert [outcome.way for outcome in outcomes if outcome.skipped] == (
        ["vjp"] if dtype in INTEGER else []
    )
    assert all(outcome.ok for outcome in outcomes)
    asked = [outcome for outcome in outcomes if not outcome.skipped]
    assert all(outcome.exact for outcome in asked)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults_are_found_exactly_and_on_the_photograph(fault, monkeypatch) -> None:
    wrong = fault(reference.TRANSPOSES["loops"])
    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    words = ["--padding", "1,1,0,1", "--kernel", "random", "--seed", "3"]
    outcomes = {outcome.way: outcome for outcome in examine(small_job(*words))}
    loops = outcomes.pop("loops")
    assert all(outcome.ok for outcome in outcomes.values())
    assert not loops.exact
    assert not loops.ok
    assert all(agreement.deviation_share > 1 for agreement in loops.rounded)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_error_a_little_above_rounding_is_found(dtype, monkeypatch) -> None:
    right = reference.TRANSPOSES["coordinates"]
    wrong = lambda u, w, geometry: right(u, w, geometry) * (1 + 3e-4)  # noqa: E731
    monkeypatch.setitem(reference.TRANSPOSES, "coordinates", wrong)
    outcomes = {outcome.way: outcome for outcome in examine(small_job("--dtype", dtype))}
    assert not any(found.ok for found in outcomes["coordinates"].rounded)


@pytest.mark.parametrize("nonsense", [np.full((1, 7, 6, 3), np.nan), np.zeros((1, 2, 2, 3))])
def test_nonsense_is_a_disagreement(nonsense, monkeypatch) -> None:
    def wrong(*_: object) -> np.ndarray:
        return nonsense.astype(np.float32)

    monkeypatch.setitem(reference.TRANSPOSES, "loops", wrong)
    job = small_job()
    outcomes = {outcome.way: outcome for outcome in examine(job)}
    assert not outcomes["loops"].ok
    assert outcomes["probing"].ok


def test_specification_that_is_no_transpose_is_found_by_the_identity(monkeypatch) -> None:
    """All ways wrong alike: only <u, K v> can tell."""
    right = reference.TRANSPOSES["loops"]
    twice = lambda u, w, geometry: 2 * right(u, w, geometry)  # noqa: E731
    for name in reference.TRANSPOSES:
        monkeypatch.setitem(reference.TRANSPOSES, name, twice)
    *outcomes, public = examine(small_job())
    for outcome in outcomes:
        assert not outcome.ok
        assert all(found.deviation == 0 for found in outcome.agreements.values())
    assert not public.ok  # it differs from this specification
