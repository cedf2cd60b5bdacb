"""Against Haiku's own modules: values and gradients, every argument drawn at random."""

import functools
from typing import Any

import haiku as hk
import numpy as np
import pytest

from jaxdeconv.compat import haiku
from tests.compat.support import check_same, check_same_gradients, integers, ints, seeds

FORMATS = ("channels_last", "NC...", "N...C", "channels_first")
CALLS = {"ConvND": haiku.conv, "ConvNDTranspose": haiku.conv_transpose}
SCOPES = {"ConvND": "conv_nd", "ConvNDTranspose": "conv_nd_transpose"}


def padding_of(seed: int, ndim: int, pairs: list[tuple[int, int]]) -> Any:
    """Every way in which Haiku's convolution takes its padding."""
    functions = (hk.pad.causal, hk.pad.same, hk.pad.full, hk.pad.reverse_causal)
    ways = ("SAME", "valid", "same_lower", pairs, pairs[0], functions[0], functions[:ndim])
    return ways[seed % len(ways)]


def draw(seed: int, transposed: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The arguments, and inputs, w and perhaps b."""
    rng = np.random.default_rng([17, seed])
    ndim, groups = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel, stride = ints(rng, 1, 3, ndim), ints(rng, 1, 3, ndim)
    size = ints(rng, 5, 7 if ndim < 3 else 5, ndim)
    ins, outs = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    pairs = list(zip(ints(rng, 0, 2, ndim), ints(rng, 0, 2, ndim), strict=True))
    arguments: dict[str, Any] = {"stride": stride, "data_format": FORMATS[seed % 4]}
    if transposed:
        channels, kernel_channels, features = ins, (outs, ins), outs
        arguments["padding"] = ("SAME", "VALID", [(2, 2)] * ndim)[seed % 3]
        if seed % 3 < 2 and seed % 4:
            arguments["output_shape"] = wanted(rng, seed % 3 == 0, size, kernel, stride)
    else:
        channels, kernel_channels, features = ins * groups, (ins, outs * groups), outs * groups
        arguments["padding"] = padding_of(seed, ndim, pairs)
        arguments |= {"rate": ints(rng, 1, 2, ndim), "feature_group_count": groups}
    if seed % 5 == 0:
        arguments["mask"] = integers(*kernel, *kernel_channels, seed=3)
    batch = (2,) if seed % 7 else ()
    first = FORMATS[seed % 4] in ("NC...", "channels_first")
    signal = (*batch, channels, *size) if first else (*batch, *size, channels)
    bias = (features, *(1,) * ndim) if first else (features,)
    shapes = [signal, (*kernel, *kernel_channels), *([bias] if seed % 2 else [])]
    return arguments, [integers(*shape) for shape in shapes]


def wanted(rng: Any, same: bool, size: Any, kernel: Any, stride: Any) -> tuple[int, ...]:
    """A size that the forward convolution maps to that of inputs."""
    dimensions = zip(size, kernel, stride, strict=True)
    return tuple(
        n * s - int(rng.integers(s)) if same else (n - 1) * s + k + int(rng.integers(s))
        for n, k, s in dimensions
    )


def real(name: str, arguments: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """The module as a function of its input and its parameters."""
    kernel = arrays[1].shape
    outs = kernel[-2] if name == "ConvNDTranspose" else kernel[-1]

    def module(inputs: Any) -> Any:
        settings = {"kernel_shape": kernel[:-2], "with_bias": len(arrays) == 3, **arguments}
        return getattr(hk, name)(len(kernel) - 2, outs, **settings)(inputs)

    def apply(inputs: Any, w: Any, *b: Any) -> Any:
        parameters = {SCOPES[name]: dict(zip(("w", "b"), (w, *b), strict=False))}
        return hk.transform(module).apply(parameters, None, inputs)

    return apply


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", seeds(14))
def test_values(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvNDTranspose")
    ours = functools.partial(CALLS[name], **arguments)
    check_same(ours, real(name, arguments, arrays), *arrays)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", [15, 25])
def test_gradients(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvNDTranspose")
    ours = functools.partial(CALLS[name], **arguments)
    check_same_gradients(ours, real(name, arguments, arrays), *arrays)
