"""Random problems: geometries of every kind, and layers like those of networks.

Each function gives the forward legs of endlessly many problems in float32; the same seed gives the
same ones.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.steps import FEW_GROUPS
from jaxdeconv.geometry import ConvGeometry

__all__ = ["depthwise", "geometries", "layers"]

_Draw: TypeAlias = Callable[[np.random.Generator], Problem]

_BANDS = ((1e5, 1e6), (1e6, 1e7), (1e7, 2e8))  # of useful operations of a random geometry
_LAYER_BANDS = ((1e6, 1e7), (1e7, 1e8), (1e8, 5e8))
_MOST_CELLS = 2**22  # of any one array: 16 MiB


def geometries(seed: int) -> Iterator[Problem]:
    """Random geometries, for which nothing was tuned.

    Problems of 1 to 3 dimensions, a third each of 0.1 to 1, 1 to 10 and 10 to 200 useful MFLOP;
    about one in four is a plain convolution, one in three grouped or depthwise. Batch, sizes,
    channels, kernel, stride, dilation and padding are all random.
    """
    return _in_bands(_geometry, _BANDS, seed)


def layers(seed: int) -> Iterator[Problem]:
    """Layers of networks for images and for sound.

    Problems of 1 and 2 dimensions, a third each of 1 to 10, 10 to 100 and 100 to 500 useful MFLOP:
    usual kernels and strides, sizes and channels that are powers of two; about one in two is a
    plain convolution, one in five depthwise.
    """
    return _in_bands(_layer, _LAYER_BANDS, seed)


def depthwise(seed: int) -> Iterator[Problem]:
    """Those of the random geometries that have many groups."""
    return (one for one in geometries(seed) if one.geometry.groups > FEW_GROUPS)


def _in_bands(draw: _Draw, bands: Sequence[tuple[float, float]], seed: int) -> Iterator[Problem]:
    for index in itertools.count():
        least, most = bands[index % len(bands)]
        seeds = ([seed, index, attempt] for attempt in itertools.count())
        drawn = (draw(np.random.default_rng(one)) for one in seeds)
        yield next(one for one in drawn if least <= 2 * one.products < most and _is_small(one))


def _is_small(problem: Problem) -> bool:
    return max(math.prod(problem.shape(role)) for role in "uvw") <= _MOST_CELLS


def _geometry(rng: np.random.Generator) -> Problem:
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
    leg = "conv" if rng.random() < 0.25 else "conv_transpose"
    return _problem(leg, geometry, batch, in_channels, out_channels)


def _one_or_each(rng: np.random.Generator, ndim: int, choices: Sequence[int]) -> tuple[int, ...]:
    """One number for all dimensions or, one time in four, one for each."""
    drawn = rng.choice(choices, ndim)
    return tuple(int(n) for n in (drawn if rng.random() < 0.25 else drawn[:1].repeat(ndim)))


_LAYERS = ((1, 1, 0), (2, 2, 0), (3, 1, 1), (3, 1, 1), (3, 2, 1), (4, 2, 1), (4, 2, 1), (5, 1, 2))
"""Kernel, stride and padding."""


def _layer(rng: np.random.Generator) -> Problem:
    kernel, stride, padding = rng.choice(_LAYERS).tolist()
    ndim = int(rng.choice([1, 2, 2, 2]))
    side = int(2 ** rng.integers(3, 8)) if ndim == 2 else int(2 ** rng.integers(6, 13))
    channels = (1, 3, 16, 32, 64, 64, 128, 128, 256, 512)
    in_channels, out_channels, groups = int(rng.choice(channels)), int(rng.choice(channels)), 1
    if rng.random() < 0.2:  # depthwise
        in_channels, out_channels, groups = 1, 1, max(8, in_channels)
    geometry = ConvGeometry((side,) * ndim, kernel, stride, padding, 1, groups)
    leg = "conv" if rng.random() < 0.5 else "conv_transpose"
    return _problem(leg, geometry, int(2 ** rng.integers(0, 5)), in_channels, out_channels)


def _problem(
    leg: str, geometry: ConvGeometry, batch: int, in_channels: int, out_channels: int
) -> Problem:
    """The channels are those of one group."""
    float32, groups = np.dtype(np.float32), geometry.groups
    channels = (groups * in_channels, groups * out_channels)
    return Problem(leg, geometry, batch, *channels, float32, float32)
