import collections

import pytest

from benchmarks.cases import CASES, BenchCase
from jaxdeconv import ConvGeometry

NETWORKS = (
    "DCGAN",
    "pix2pix",
    "U-Net",
    "V-Net",
    "FCN-8s",
    "FCN-32s",
    "StyleGAN",
    "SegNet",
    "HiFi-GAN",
    "ISTFT",
    "MAE",
    "depthwise",
    "grouped",
    "dilated",
)
ISSUES = (
    "jax#23783",
    "jax#31662",
    "jax#13800",
    "jax#23713",
    "jax#26266",
    "equinox#1259",
    "jax#17464",
    "pytorch#120982",
)


def find(name: str) -> BenchCase:
    (case,) = (case for case in CASES if case.name == name)
    return case


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    assert any(case.name.startswith(name) for case in CASES)


@pytest.mark.parametrize("issue", ISSUES)
def test_issues(issue: str) -> None:
    assert any(issue in case.source for case in CASES)


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_mostly_transposed() -> None:
    legs = collections.Counter(case.leg for case in CASES)
    assert legs["conv_transpose"] > 2 * legs["conv"] >= 10


def test_the_words_of_a_transposed_convolution() -> None:
    """DCGAN 8, 128->64, 32x32, k4 s2 p1, the first row of reference/performance.md."""
    case = find("DCGAN")
    assert case.x_shape == case.u_shape == (8, 32, 32, 128)
    assert case.y_shape == case.v_shape == (8, 64, 64, 64)
    assert case.w_shape == (4, 4, 64, 128)
    assert case.flops == 2 * 8 * 32**2 * 16 * 128 * 64


def test_groups() -> None:
    case = find("grouped up")
    assert (case.x_shape[-1], case.y_shape[-1], case.w_shape) == (64, 64, (4, 4, 16, 64))
    assert case.flops == 2 * 4 * 64**2 * 16 * 64 * 16


def test_a_plain_convolution() -> None:
    case = find("ResNet 3x3 s2")
    assert case.x_shape == case.v_shape == (2, 56, 56, 64)
    assert case.y_shape == case.u_shape == (2, 28, 28, 128)


def test_output_padding() -> None:
    assert find("3-D 64->1").y_shape == (1, 32, 64, 64, 1)


def test_data() -> None:
    case = BenchCase("tiny", "", ConvGeometry(5, 3), 2, 3)
    data = case.data()
    assert data.x.shape == case.x_shape
    assert data.w.shape == case.w_shape
    assert data.cotangent.shape == case.y_shape
    assert {a.dtype.name for a in (data.x, data.w, data.cotangent)} == {"float32"}
    assert (case.data(1).x != data.x).all()
