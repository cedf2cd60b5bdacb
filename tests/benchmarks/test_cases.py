import collections
import math

import pytest

from benchmarks.cases import CASES, BenchCase, random_cases
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


def test_random_cases_are_reproducible() -> None:
    assert random_cases(3, 7) == random_cases(9, 7)[:3]
    assert random_cases(3, 7) != random_cases(3, 8)


def test_random_cases_cover_what_they_claim() -> None:
    drawn = random_cases(150, 3)
    assert all(1e5 <= case.flops < 2e8 for case in drawn)
    assert all(math.prod(case.y_shape) <= 2**22 for case in drawn)
    features = {
        "1-D": lambda case: case.geometry.ndim == 1,
        "3-D": lambda case: case.geometry.ndim == 3,
        "conv": lambda case: case.leg == "conv",
        "grouped": lambda case: case.geometry.groups > 1,
        "depthwise": lambda case: case.geometry.groups > 1 and case.ins == case.outs == 1,
        "dilated": lambda case: max(case.geometry.dilation) > 1,
        "stride 1": lambda case: max(case.geometry.stride) == 1,
        "asymmetric": lambda case: any(low != high for low, high in case.geometry.padding),
        "output_padding": lambda case: max(case.geometry.output_padding) > 0,
        "large": lambda case: case.flops > 3e7,
    }
    for name, holds in features.items():
        assert sum(map(holds, drawn)) >= 10, name
