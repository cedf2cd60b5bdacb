"""Against `keras.ops` on Keras' JAX backend: values and gradients, every argument drawn at random.

Stride and dilation may both be above 1: Keras' layers refuse that, its operations do not.
"""

import functools
from typing import Any

import keras
import numpy as np
import pytest

from jaxdeconv.compat import keras as ours
from tests.compat.support import check_same, check_same_gradients, integers, ints, seeds


def draw(seed: int, transposed: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The arguments, and inputs and kernel."""
    rng = np.random.default_rng([13, seed])
    ndim, groups = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel, stride = ints(rng, 1, 4, ndim), ints(rng, 1, 3, ndim)
    size = ints(rng, 7, 8 if ndim < 3 else 7, ndim)
    in_channels, out_channels = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    dilation = ints(rng, 1, 2, ndim)
    first = bool(seed // 2 % 2)
    arguments: dict[str, Any] = {
        "strides": stride if seed % 3 else stride[0],
        "padding": ("valid", "same")[seed % 2],
        "data_format": "channels_first" if first else (None, "channels_last")[seed % 2],
        "dilation_rate": dilation if seed % 5 else dilation[0],
    }
    if transposed:
        extra = None if seed % 4 < 2 else ints(rng, 0, 2, ndim)
        arguments["output_padding"] = extra if seed % 8 < 6 else 1
        channels, kernel_channels = in_channels, (out_channels, in_channels)
    else:
        channels, kernel_channels = in_channels * groups, (in_channels, out_channels * groups)
        if min(size) < 7:
            arguments["padding"] = "same"
    shape = (2, channels, *size) if first else (2, *size, channels)
    return arguments, [integers(*shape), integers(*kernel, *kernel_channels)]


@pytest.mark.parametrize("seed", seeds(12))
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_values(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "conv_transpose")
    theirs = functools.partial(getattr(keras.ops, name), **arguments)
    check_same(functools.partial(getattr(ours, name), **arguments), theirs, *arrays)


@pytest.mark.parametrize("seed", [12, 15])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_gradients(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "conv_transpose")
    theirs = functools.partial(getattr(keras.ops, name), **arguments)
    check_same_gradients(functools.partial(getattr(ours, name), **arguments), theirs, *arrays)


def test_every_small_geometry_in_one_dimension() -> None:
    """Keras' own padding, for every kernel size, stride and output_padding."""
    from_padding = (
        keras.src.backend.common.backend_utils.compute_conv_transpose_padding_args_for_jax
    )
    for padding in ("valid", "same"):
        for k in range(1, 8):
            for s in range(1, 6):
                for extra in (None, *range(s)):
                    ((left, right),) = from_padding((1, 5, 1), (k, 1, 1), s, padding, extra, 1)
                    along = ours._same if padding == "same" else ours._valid
                    offset, size = along(5, k, s, extra)
                    assert (k - 1 - offset, size - 4 * s - 1 + k - 1 - left) == (left, right)
