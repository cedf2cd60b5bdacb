"""What it means that a function computes a leg; these checks are themselves tested on faults."""

from typing import Any

import numpy as np

from jaxdeconv.algorithms.contract import check_equal as check_equal
from jaxdeconv.reference import coordinates
from tests.support.cases import Case


def exact_inner_product(x: Any, y: Any) -> int:
    """<x, y> of integer-valued arrays in Python's integers: no rounding, no overflow."""
    x, y = (np.asarray(a).astype(np.float64).ravel() for a in (x, y))
    assert (x == np.rint(x)).all()
    assert (y == np.rint(y)).all()
    return sum(int(a) * int(b) for a, b in zip(x, y, strict=True))


def check_transpose(transpose: Any, case: Case) -> None:
    """K^T by `transpose` equals that of the matrix, and <u, K v> == <K^T u, v>, exactly."""
    v, w, u = case.data()
    got = np.asarray(transpose(u, w, case.geometry))
    matrix = coordinates.matrix(w, case.geometry)
    expected = u.reshape(case.batch, matrix.shape[0]) @ matrix
    check_equal(got, expected.reshape(v.shape))
    kv = v.reshape(case.batch, matrix.shape[1]) @ matrix.T
    assert exact_inner_product(u, kv) == exact_inner_product(got, v)


def check_conv(conv: Any, case: Case) -> None:
    """K by `conv` equals that of the matrix."""
    v, w, u = case.data()
    matrix = coordinates.matrix(w, case.geometry)
    expected = v.reshape(case.batch, matrix.shape[1]) @ matrix.T
    check_equal(conv(v, w, case.geometry), expected.reshape(u.shape))
