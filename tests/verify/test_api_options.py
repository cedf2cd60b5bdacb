"""Seconds, tolerance and progress: what a verification may cost, and what it lets pass."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jaxdeconv import verify

RANDOM = np.random.default_rng(0)
W = RANDOM.standard_normal((30, 20))
DOMAIN = np.zeros(20)


def forward(v: np.ndarray) -> np.ndarray:
    return W @ v


def backward(u: np.ndarray) -> np.ndarray:
    return W.T @ u


def slow(function: Callable, seconds: float) -> Callable:
    def called(x: np.ndarray) -> np.ndarray:
        time.sleep(seconds)
        return function(x)

    return called


def test_few_seconds_leave_few_applications() -> None:
    report = verify.adjoint(
        slow(forward, 0.02), slow(backward, 0.02), DOMAIN, key=0, seconds=1, progress=False
    )
    assert report.ok
    assert report.forward <= 20
    assert report.backward <= 20
    assert 1e-5 < report.of("rounding").false_acceptance < 1e-3
    assert "passes with a chance below 5e-4" in " ".join(str(report).split())


@pytest.mark.parametrize("factor", [1.001, 0.0])
def test_few_applications_find_what_is_wrong_everywhere(factor: float) -> None:
    report = verify.adjoint(
        slow(forward, 0.01), lambda u: factor * (W.T @ u), DOMAIN, key=0, seconds=0
    )
    assert report.status == "fail"
    assert report.place


def test_few_applications_of_jax() -> None:
    report = verify.adjoint(lambda v: 2 * v[::-1], lambda u: 2 * u[::-1], DOMAIN, key=0, seconds=0)
    assert report.ok


def test_enough_seconds_change_nothing() -> None:
    usual = verify.adjoint(forward, backward, DOMAIN, key=0)
    timed = verify.adjoint(forward, backward, DOMAIN, key=0, seconds=3600)
    assert [line.text for line in timed.evidence] == [line.text for line in usual.evidence]


def near(u: np.ndarray) -> np.ndarray:
    return (W * (1 + 0.01 * np.sign(W - 0.1))).T @ u


@pytest.mark.parametrize("budget", [0, 2048])
@pytest.mark.parametrize(("tolerance", "status"), [(0.02, "pass"), (0.005, "fail")])
def test_an_adjoint_that_matches_in_part(budget: int, tolerance: float, status: str) -> None:
    report = verify.adjoint(forward, near, DOMAIN, key=0, tolerance=tolerance, budget=budget)
    assert report.status == status
    assert report.size == pytest.approx(0.01, rel=0.5 if not budget else 1e-6)


def test_a_tolerance_says_how_far_off_it_is() -> None:
    report = verify.adjoint(forward, near, DOMAIN, key=0, tolerance=0.02)
    assert "|At - A^T| / |A| is about 0.01, within the tolerance of 0.02" in " ".join(
        str(report).split()
    )


def test_a_tolerance_leaves_right_pairs_alone() -> None:
    usual = verify.adjoint(forward, backward, DOMAIN, key=0)
    report = verify.adjoint(forward, backward, DOMAIN, key=0, tolerance=0.1)
    assert [line.text for line in report.evidence] == [line.text for line in usual.evidence]


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    verify.adjoint(forward, backward, DOMAIN, key=0, progress=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(": ")[0] for line in printed.err.splitlines()][-3:] == [
        "rounding",
        "every entry",
        "precision",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": -1}, "adjoint: seconds must be at least 0 and finite; got seconds=-1."),
        ({"seconds": np.inf}, "adjoint: seconds must be at least 0 and finite; got seconds=inf."),
        ({"tolerance": -0.1}, "adjoint: tolerance must be at least 0 and finite; got tolerance"),
        ({"tolerance": np.nan}, "adjoint: tolerance must be at least 0 and finite; got tolerance"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        verify.adjoint(forward, backward, DOMAIN, **options)
    assert str(caught.value).startswith(message)
