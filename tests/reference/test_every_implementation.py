"""The contract of every implementation in `reference`: all cases, exactly, against the matrix."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings

from jaxdeconv import ConvGeometry, reference
from jaxdeconv.reference import coordinates
from tests.support.cases import CASES, Case, integers
from tests.support.checks import check_conv, check_equal, check_transpose
from tests.support.planted import FAULTS
from tests.support.strategies import geometries

NUMPY = {"coordinates", "loops"}
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def compiled(implementations: dict, name: str):
    function = implementations[name]
    return function if name in NUMPY else jax.jit(function, static_argnums=2)


@pytest.mark.parametrize("name", reference.TRANSPOSES)
@each_case
def test_transpose(name: str, case: Case) -> None:
    check_transpose(compiled(reference.TRANSPOSES, name), case)


@pytest.mark.parametrize("name", reference.CONVS)
@each_case
def test_conv(name: str, case: Case) -> None:
    check_conv(compiled(reference.CONVS, name), case)


@each_case
def test_kernel_gradient(case: Case) -> None:
    v, w, u = case.data()
    got = reference.derived.kernel_gradient(u, v, case.geometry)
    expected = coordinates.kernel_gradient(u, v, case.geometry)
    check_equal(got, expected)
    kv = coordinates.conv(v, w, case.geometry)
    assert np.vdot(w.astype(int), expected.astype(int)) == np.vdot(u.astype(int), kv.astype(int))


@pytest.mark.parametrize("name", [name for name in reference.TRANSPOSES if name != "vjp"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.complex64])
def test_transpose_dtypes(name: str, dtype: type) -> None:
    """Integers modulo 2^bits, complex numbers without conjugation."""
    case = next(case for case in CASES if case.name == "groups")
    _, w, u = (9 * x for x in case.data(dtype))
    got = reference.TRANSPOSES[name](jax.numpy.asarray(u), jax.numpy.asarray(w), case.geometry)
    wide = np.int64 if np.issubdtype(dtype, np.integer) else np.complex128
    expected = coordinates.transpose(u.astype(wide), w.astype(wide), case.geometry)
    check_equal(got, expected.astype(dtype))


@given(geometry=geometries(max_ndim=3, max_groups=2))
@settings(max_examples=150)
def test_coordinates_and_loops_agree_everywhere(geometry: ConvGeometry) -> None:
    """Both are plain NumPy, so many geometries can be drawn."""
    case = Case("drawn", geometry)
    v, w, u = case.data(np.int64)
    matrix = coordinates.matrix(w, geometry)
    check_equal(reference.loops.conv(v, w, geometry), coordinates.conv(v, w, geometry))
    check_equal(reference.loops.transpose(u, w, geometry), coordinates.transpose(u, w, geometry))
    check_equal(coordinates.conv(v, w, geometry)[0].ravel(), matrix @ v[0].ravel())


@pytest.mark.slow
@given(geometry=geometries(max_ndim=2, max_groups=2))
@settings(max_examples=15)
def test_all_agree_on_drawn_geometries(geometry: ConvGeometry) -> None:
    for name in reference.TRANSPOSES:
        check_transpose(compiled(reference.TRANSPOSES, name), Case("drawn", geometry))
    for name in reference.CONVS:
        check_conv(compiled(reference.CONVS, name), Case("drawn", geometry))


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught(fault) -> None:
    """The check above rejects every wrong transpose, so passing it means something."""
    geometry = ConvGeometry((6, 5), (3, 2), stride=2, padding=((0, 2), (1, 0)), groups=2)
    case = Case("planted", geometry)
    check_transpose(reference.TRANSPOSES["loops"], case)
    with pytest.raises(AssertionError, match="entries differ"):
        check_transpose(fault(reference.TRANSPOSES["loops"]), case)


def test_matrix_of_a_2x2_filter_on_a_3x3_image() -> None:
    """Each row is the filter at its position in the flattened image."""
    w = np.array([[11, 12], [21, 22]]).reshape(2, 2, 1, 1)
    expected = [
        [11, 12, 0, 21, 22, 0, 0, 0, 0],
        [0, 11, 12, 0, 21, 22, 0, 0, 0],
        [0, 0, 0, 11, 12, 0, 21, 22, 0],
        [0, 0, 0, 0, 11, 12, 0, 21, 22],
    ]
    check_equal(coordinates.matrix(w, ConvGeometry((3, 3), 2)), np.array(expected))


def test_matrix_of_a_3x3_filter_on_a_4x4_image() -> None:
    w = (10 * np.arange(3)[:, None] + np.arange(3) + 1).reshape(3, 3, 1, 1)
    expected = np.zeros((4, 16), int)
    for row, start in enumerate([0, 1, 4, 5]):
        for tap_row in range(3):
            expected[row, start + 4 * tap_row : start + 4 * tap_row + 3] = w[tap_row, :, 0, 0]
    check_equal(coordinates.matrix(w, ConvGeometry((4, 4), 3)), expected)


def test_python_integers_do_not_overflow() -> None:
    w = np.array([10**30, 1, -(10**30)], dtype=object).reshape(3, 1, 1)
    v = np.array([10**30, 7, 10**30, 5], dtype=object).reshape(1, 4, 1)
    u = coordinates.conv(v, w, ConvGeometry(4, 3))
    assert u.ravel().tolist() == [7, 10**30 + 2 * 10**30]


def test_support_of_rows_and_columns() -> None:
    """Row y of K has the k cells from s*y - low on, column x at most ceil(k/s) positions."""
    geometry = ConvGeometry(12, 5, stride=2, padding=2)
    matrix = coordinates.matrix(np.ones((5, 1, 1), int), geometry)
    for y, row in enumerate(matrix):
        assert np.flatnonzero(row).tolist() == [
            x for x in range(2 * y - 2, 2 * y + 3) if 0 <= x < 12
        ]
    for x, column in enumerate(matrix.T):
        inside = [y for y in range(6) if 2 * y - 2 <= x <= 2 * y + 2]
        assert np.flatnonzero(column).tolist() == inside


def test_vjp_is_the_same_map_at_any_point() -> None:
    """K is linear, so the pull-back does not depend on the point."""
    case = next(case for case in CASES if case.name == "stride")
    v, w, u = case.data()
    _, pull_back = jax.vjp(lambda v: reference.forward.conv(v, w, case.geometry), 3 + v)
    check_equal(pull_back(u)[0], reference.derived.transpose_by_vjp(u, w, case.geometry))


def test_lax_and_taps_are_the_same_map() -> None:
    """`forward.conv` itself on floats, the sum of taps on integers: equal numbers."""
    case = next(case for case in CASES if case.name == "groups_dilated")
    v, w, _ = case.data()
    by_lax = reference.forward.conv(v, w, case.geometry)
    by_taps = reference.forward.conv(v.astype(np.int32), w.astype(np.int32), case.geometry)
    check_equal(by_lax, np.asarray(by_taps).astype(np.float32))


def test_integers_helper_is_asymmetric() -> None:
    x = integers((3, 3))
    assert (x != x[::-1]).any()
    assert (x != x.T).any()
