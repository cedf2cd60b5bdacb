"""Random cases: geometries of every kind, and layers like those of networks."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from benchmarks.cases import BenchCase, Leg, Shape
from jaxdeconv import ConvGeometry

__all__ = ["layer_cases", "random_cases"]

Draw: TypeAlias = Callable[[np.random.Generator, str], BenchCase]

_BANDS = ((1e5, 1e6), (1e6, 1e7), (1e7, 2e8))  # of useful operations of a random case
_LAYER_BANDS = ((1e6, 1e7), (1e7, 1e8), (1e8, 5e8))
_MOST_CELLS = 2**22  # of any one array: 16 MiB


def random_cases(count: int, seed: int = 0) -> tuple[BenchCase, ...]:
    """Draw random geometries, for which nothing was tuned.

    Args:
        count: how many.
        seed: the same seed gives the same cases; a longer list starts with the shorter one.

    Returns:
        Cases of 1 to 3 dimensions, a third each of 0.1 to 1, 1 to 10 and 10 to 200 useful MFLOP;
        about one in four is a plain convolution, one in three grouped or depthwise. Batch, sizes,
        channels, kernel, stride, dilation and padding are all random.
    """
    return tuple(_draw_in_band(_random, _BANDS, "random", seed, index) for index in range(count))


def layer_cases(count: int, seed: int = 0) -> tuple[BenchCase, ...]:
    """Draw layers of networks for images and for sound.

    Args:
        count: how many.
        seed: the same seed gives the same cases; a longer list starts with the shorter one.

    Returns:
        Cases of 1 and 2 dimensions, a third each of 1 to 10, 10 to 100 and 100 to 500 useful MFLOP:
        usual kernels and strides, sizes and channels that are powers of two; about one in two is a
        plain convolution, one in five depthwise.
    """
    return tuple(_draw_in_band(_layer, _LAYER_BANDS, "layer", seed, i) for i in range(count))


def _draw_in_band(
    draw: Draw, bands: Sequence[tuple[float, float]], name: str, seed: int, index: int
) -> BenchCase:
    least, most = bands[index % len(bands)]
    for attempt in itertools.count():
        case = draw(np.random.default_rng([seed, index, attempt]), f"{name} {seed}.{index}")
        cells = max(math.prod(shape) for shape in (case.u_shape, case.v_shape, case.w_shape))
        if least <= case.flops < most and cells <= _MOST_CELLS:
            break
    return case


def _random(rng: np.random.Generator, name: str) -> BenchCase:
    ndim = int(rng.choice([1, 2, 2, 2, 3]))
    kernel = _one_or_each(rng, ndim, range(1, {1: 13, 2: 8, 3: 5}[ndim]))
    stride = _one_or_each(rng, ndim, (1, 2, 2, 2, 3, 4))
    dilation = (int(rng.choice([1, 1, 1, 1, 2, 3])),) * ndim
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = [tuple(int(p) for p in rng.integers(0, k // 2 + 1, 2)) for k in span]
    if rng.random() < 0.7:  # most layers pad both sides alike
        padding = [(low, low) for low, _ in padding]
    reach = {1: 2000, 2: 80, 3: 24}[ndim]
    outputs = [int(np.exp(rng.uniform(np.log(4), np.log(max(8, reach // s))))) for s in stride]
    extra = [int(rng.integers(0, s)) for s in stride]
    size = [
        (o - 1) * s + k - sum(pair) + a
        for o, s, k, pair, a in zip(outputs, stride, span, padding, extra, strict=True)
    ]
    in_channels, out_channels = (int(2 ** rng.uniform(0, 8)) for _ in range(2))
    groups = int(rng.choice([1, 1, 1, 1, 1, 1, 2, 4, 32]))
    if groups == 32:  # depthwise
        in_channels, out_channels, groups = 1, 1, int(2 ** rng.uniform(3, 8))
    elif groups > 1:
        in_channels, out_channels = -(-in_channels // groups), -(-out_channels // groups)
    geometry = ConvGeometry(tuple(size), kernel, stride, tuple(padding), dilation, groups)
    batch = int(rng.choice([1, 1, 2, 4, 8]))
    leg: Leg = "conv" if rng.random() < 0.25 else "conv_transpose"
    return BenchCase(name, "random", geometry, in_channels, out_channels, batch, leg)


def _one_or_each(rng: np.random.Generator, ndim: int, choices: Sequence[int]) -> Shape:
    """One number for all dimensions or, one time in four, one for each."""
    drawn = rng.choice(choices, ndim)
    return tuple(int(n) for n in (drawn if rng.random() < 0.25 else drawn[:1].repeat(ndim)))


_LAYERS = ((1, 1, 0), (2, 2, 0), (3, 1, 1), (3, 1, 1), (3, 2, 1), (4, 2, 1), (4, 2, 1), (5, 1, 2))
"""Kernel, stride and padding."""


def _layer(rng: np.random.Generator, name: str) -> BenchCase:
    kernel, stride, padding = rng.choice(_LAYERS).tolist()
    ndim = int(rng.choice([1, 2, 2, 2]))
    side = int(2 ** rng.integers(3, 8)) if ndim == 2 else int(2 ** rng.integers(6, 13))
    channels = (1, 3, 16, 32, 64, 64, 128, 128, 256, 512)
    in_channels, out_channels, groups = int(rng.choice(channels)), int(rng.choice(channels)), 1
    if rng.random() < 0.2:  # depthwise
        in_channels, out_channels, groups = 1, 1, max(8, in_channels)
    geometry = ConvGeometry((side,) * ndim, kernel, stride, padding, 1, groups)
    leg: Leg = "conv" if rng.random() < 0.5 else "conv_transpose"
    return BenchCase(
        name, "drawn", geometry, in_channels, out_channels, int(2 ** rng.integers(0, 5)), leg
    )
