"""Random cases are reproducible, and as varied as their docstrings say."""

import math

import pytest

from benchmarks.draws import layer_cases, random_cases


@pytest.mark.parametrize("draw", [random_cases, layer_cases])
def test_cases_are_reproducible(draw) -> None:
    assert draw(3, 7) == draw(9, 7)[:3]
    assert draw(3, 7) != draw(3, 8)


def test_random_cases_cover_what_they_claim() -> None:
    drawn = random_cases(150, 3)
    assert all(1e5 <= case.flops < 2e8 for case in drawn)
    assert all(math.prod(case.y_shape) <= 2**22 for case in drawn)
    features = {
        "1-D": lambda case: case.geometry.ndim == 1,
        "3-D": lambda case: case.geometry.ndim == 3,
        "conv": lambda case: case.leg == "conv",
        "grouped": lambda case: case.geometry.groups > 1,
        "depthwise": lambda case: (
            case.geometry.groups > 1 and case.in_channels == case.out_channels == 1
        ),
        "dilated": lambda case: max(case.geometry.dilation) > 1,
        "stride 1": lambda case: max(case.geometry.stride) == 1,
        "asymmetric": lambda case: any(low != high for low, high in case.geometry.padding),
        "output_padding": lambda case: max(case.geometry.output_padding) > 0,
        "large": lambda case: case.flops > 3e7,
    }
    for name, holds in features.items():
        assert sum(map(holds, drawn)) >= 10, name


def test_layer_cases_cover_what_they_claim() -> None:
    drawn = layer_cases(150, 3)
    assert all(1e6 <= case.flops < 5e8 for case in drawn)
    assert all(math.log2(n).is_integer() for case in drawn for n in case.geometry.input_size)
    features = {
        "1-D": lambda case: case.geometry.ndim == 1,
        "conv": lambda case: case.leg == "conv",
        "up": lambda case: case.leg == "conv_transpose",
        "depthwise": lambda case: case.geometry.groups > 1,
        "pointwise": lambda case: max(case.geometry.kernel_size) == 1,
        "one channel": lambda case: (
            case.geometry.groups == 1 and 1 in (case.in_channels, case.out_channels)
        ),
        "large": lambda case: case.flops > 1e8,
    }
    for name, holds in features.items():
        assert sum(map(holds, drawn)) >= 10, name
