"""What it means that a way computes a leg: used by the tests, and itself tested on faults."""

from typing import Any

import numpy as np

from jaxdeconv.algorithms.contract import check_equal as check_equal
from jaxdeconv.reference import coordinates
from tests.support.cases import Case


def exact_inner_product(x: Any, y: Any) -> int:
    """<x, y> of integer-valued arrays in Python's own integers: no rounding, no overflow."""
    x, y = (np.asarray(a).astype(np.float64).ravel() for a in (x, y))
    assert (x == np.rint(x)).all()
    assert (y == np.rint(y)).all()
    return sum(int(a) * int(b) for a, b in zip(x, y, strict=True))


def check_transpose(way: Any, case: Case) -> None:
    """`way` is K^T: equal to the matrix of coordinates, and <u, K v> == <K^T u, v>, exactly."""
    v, w, u = case.data()
    got = np.asarray(way(u, w, case.geometry))
    matrix = coordinates.matrix(w, case.geometry)
    expected = u.reshape(case.batch, matrix.shape[0]) @ matrix
    check_equal(got, expected.reshape(v.shape))
    kv = v.reshape(case.batch, matrix.shape[1]) @ matrix.T
    assert exact_inner_product(u, kv) == exact_inner_product(got, v)


def check_conv(way: Any, case: Case) -> None:
    """`way` is K: equal to the matrix of coordinates."""
    v, w, u = case.data()
    matrix = coordinates.matrix(w, case.geometry)
    expected = v.reshape(case.batch, matrix.shape[1]) @ matrix.T
    check_equal(way(v, w, case.geometry), expected.reshape(u.shape))
