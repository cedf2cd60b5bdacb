import dataclasses
import math

import numpy as np
import pytest

from jaxdeconv.cli import bounds
from tests.cli.helpers import small_job


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate", "symmetric"])
def test_magnitude_is_the_transpose_of_absolute_values(mode) -> None:
    """By K itself: the bound without its gamma is |K|^T |u|."""
    job = small_job("--kernel", "gabor", "--padding", "2,3,0,-1", "--padding-mode", mode)
    u = job.conv(job.v, job.w)
    allowed = bounds.rounding(job, job.v, u, job.w)
    magnitude = np.asarray(job.conv_transpose(abs(u), abs(job.w)))
    n = bounds.Sums.of(job).roundings + 1
    gamma = n * 2.0**-23 / (1 - n * 2.0**-23)
    np.testing.assert_allclose(allowed.deviation, 2 * gamma * magnitude, rtol=1e-5, atol=1e-30)


def test_terms_are_counted() -> None:
    job = small_job("--groups", "1", "--padding", "4,0,0,0", "--padding-mode", "replicate")
    sums = bounds.Sums.of(job)
    assert (sums.conv, sums.transpose, sums.copies) == (18, 18, (5, 1))
    assert sums.roundings == 18 + 4


@pytest.mark.parametrize(("dtype", "bits", "factor"), [("float32", 24, 1), ("complex64", 24, 4)])
def test_largest_exact_integer(dtype, bits, factor) -> None:
    job = small_job("--dtype", dtype)
    assert bounds.largest_exact_integer(job) == 7
    taps = 2 ** (bits - 4) // factor
    wide = dataclasses.replace(job, w=np.zeros((taps, 1, 1, 3), dtype))
    assert bounds.largest_exact_integer(wide) == math.isqrt((2**bits - 1) // (taps * factor)) == 3
    wider = dataclasses.replace(job, w=np.zeros((2**bits, 1, 1, 3), dtype))
    with pytest.raises(ValueError, match="the kernel must be small enough"):
        bounds.largest_exact_integer(wider)


def test_overflow_is_refused() -> None:
    job = small_job("--dtype", "float16")
    big = np.full(job.output_shape, 1e38, np.float32)
    with pytest.raises(ValueError, match=r"small enough for the sums not to overflow.*float16"):
        bounds.rounding(job, job.v, big, np.full(job.w.shape, 100, np.float32))
