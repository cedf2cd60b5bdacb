"""The benchmark cases have the shapes that their networks give them."""

from benchmarks.cases import CASES, BenchCase
from jaxdeconv import ConvGeometry


def find(name: str) -> BenchCase:
    (case,) = (case for case in CASES if case.name == name)
    return case


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_shapes_of_a_transposed_convolution() -> None:
    """DCGAN: batch 8, channels 128 -> 64, size 32x32, kernel 4, stride 2, padding 1."""
    case = find("DCGAN")
    assert case.x_shape == case.u_shape == (8, 32, 32, 128)
    assert case.y_shape == case.v_shape == (8, 64, 64, 64)
    assert case.w_shape == (4, 4, 64, 128)
    assert case.flops == 2 * 8 * 32**2 * 16 * 128 * 64


def test_data() -> None:
    case = BenchCase("tiny", "", ConvGeometry(5, 3), 2, 3)
    data = case.data()
    assert data.x.shape == case.x_shape
    assert data.w.shape == case.w_shape
    assert data.cotangent.shape == case.y_shape
    assert {a.dtype.name for a in (data.x, data.w, data.cotangent)} == {"float32"}
    assert (case.data(1).x != data.x).all()
