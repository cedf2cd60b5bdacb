"""Inner products compared by what rounding explains, on all cells and on parts of them."""

import numpy as np
import pytest
import scipy.fft

from jaxdeconv import verify

SINGLE = np.float32
COMPLEX = np.zeros(2048, np.complex64)


def transform(v: np.ndarray) -> np.ndarray:
    return scipy.fft.fft(v, norm="ortho")


def inverse(u: np.ndarray) -> np.ndarray:
    return scipy.fft.ifft(u, norm="ortho")


def test_sums_over_parts_decide_what_sums_over_all_do_not() -> None:
    report = verify.adjoint(transform, inverse, COMPLEX, key=0)
    assert report.of("rounding").detection_limit < 1e-3
    assert report.ok
    without = verify.adjoint(transform, inverse, COMPLEX, key=0, budget=0)
    assert without.status == "inconclusive"
    assert without.forward < 150 < report.forward


@pytest.mark.parametrize("fault", ["a factor", "a cell", "rolled"])
def test_faults_of_a_transform_that_cannot_be_read(fault: str) -> None:
    def wrong(u: np.ndarray) -> np.ndarray:
        x = inverse(u)
        if fault == "a factor":
            return x * SINGLE(1.001)
        x = x.copy() if fault == "a cell" else np.roll(x, 1)
        x[-1] *= 0 if fault == "a cell" else 1
        return x

    report = verify.adjoint(transform, wrong, COMPLEX, key=0)
    assert report.status == "fail"
    assert report.place


def test_the_limit_of_what_cannot_be_read() -> None:
    """An entry that is off by more than the limit is never passed."""
    w = np.random.default_rng(0).standard_normal((200, 150)).astype(SINGLE)
    options = {"key": 0, "budget": 0}
    domain = np.zeros(150, SINGLE)
    right = verify.adjoint(lambda v: w @ v, lambda u: w.T @ u, domain, **options)
    wrong = w.copy()
    wrong[17, 33] += 2 * right.of("rounding").detection_limit * np.abs(w).max()
    assert not verify.adjoint(lambda v: w @ v, lambda u: wrong.T @ u, domain, **options).ok
