"""Convolutions of networks that people train, and random ones."""

import math

import numpy as np

from benchmarks.cases import BenchCase, Shape
from jaxdeconv import ConvGeometry

__all__ = ["NAMED", "random_cases"]


def _case(
    name: str, v: Shape, kernel: int | tuple[int, ...], out: int, **window: object
) -> BenchCase:
    """A forward convolution of v, `[batch, *input_size, in]`, to `out` channels."""
    geometry = ConvGeometry(v[1:-1], kernel, **window)  # type: ignore[arg-type]
    groups = geometry.groups
    return BenchCase(name, "", geometry, v[-1] // groups, out // groups, v[0], "conv")


NAMED = (
    _case("U-Net k2 s2", (8, 128, 128, 64), 2, 128, stride=2),
    _case("DCGAN k4 s2", (64, 32, 32, 128), 4, 256, stride=2, padding=1),
    _case("CycleGAN k3 s2", (8, 128, 128, 64), 3, 128, stride=2, padding=1),
    _case("k5 s2 SAME", (64, 32, 32, 64), 5, 128, stride=2, padding="SAME"),
    _case("StyleGAN k3 s2", (8, 129, 129, 128), 3, 256, stride=2),
    _case("FCN k64 s32", (4, 512, 512, 21), 64, 21, stride=32, padding=16),
    _case("depthwise k4 s2", (16, 64, 64, 64), 4, 64, stride=2, padding=1, groups=64),
    _case("4 groups k4 s2", (16, 64, 64, 128), 4, 256, stride=2, padding=1, groups=4),
    _case("32 groups k4 s2", (16, 64, 64, 256), 4, 256, stride=2, padding=1, groups=32),
    _case("dilation 2", (8, 64, 64, 128), 3, 128, padding=2, dilation=2),
    _case("dilation 2 s2", (8, 64, 64, 128), 3, 128, stride=2, padding=2, dilation=2),
    _case("vocoder k16 s8", (16, 4096, 256), 16, 512, stride=8, padding=4),
    _case("ISTFT k1024 s256", (8, 256 * 399 + 1024, 1), 1024, 513, stride=256),
    _case("V-Net 3-D k2 s2", (2, 64, 64, 64, 32), 2, 64, stride=2),
    _case("3-D k3 s2, 1 channel", (2, 48, 48, 48, 1), 3, 64, stride=2, padding="SAME"),
    _case("k3 s1", (32, 56, 56, 64), 3, 64, padding=1),
    _case("depthwise k3", (32, 56, 56, 256), 3, 256, padding=1, groups=256),
    _case("ResNeXt 32 groups", (32, 28, 28, 256), 3, 256, padding=1, groups=32),
    _case("ViT k16 s16", (64, 224, 224, 3), 16, 768, stride=16),
    _case("k(4,3) s(2,1)", (16, 64, 64, 64), (4, 3), 128, stride=(2, 1), padding=1),
    _case("1 channel k4 s2", (64, 64, 64, 1), 4, 64, stride=2, padding=1),
    _case("3 channels k4 s2", (64, 64, 64, 3), 4, 64, stride=2, padding=1),
    _case("k1 s2", (32, 56, 56, 256), 1, 512, stride=2),
    _case("ResNet k3 s2", (32, 56, 56, 128), 3, 128, stride=2, padding=1),
)
"""24 convolutions: generators, segmentation, audio, volumes, groups, patches."""

_MOST_FLOPS = 3e10
_MOST_BYTES = 2**28


def random_cases(seed: int, count: int) -> tuple[BenchCase, ...]:
    """Random convolutions of sizes that networks have.

    Args:
        seed: of the random numbers.
        count: how many.
    """
    rng = np.random.default_rng(seed)
    found: list[BenchCase] = []
    while len(found) < count:
        case = _random(rng, f"random {seed}.{len(found)}")
        if min(case.geometry.output_size) < 2:
            continue
        sizes = (math.prod(shape) for shape in (case.v_shape, case.u_shape, case.w_shape))
        if case.flops < _MOST_FLOPS and 4 * max(sizes) < _MOST_BYTES:
            found.append(case)
    return tuple(found)


def _random(rng: np.random.Generator, name: str) -> BenchCase:
    def draw(choices: tuple[int, ...]) -> int:
        return int(rng.choice(choices))

    ndim = draw((1, 2, 2, 2, 2, 3))
    kernel = tuple(draw((1, 2, 3, 3, 4, 4, 5, 7, 8)) for _ in range(ndim))
    stride = tuple(draw((1, 1, 2, 2, 2, 3, 4)) for _ in range(ndim))
    if draw((0, 1, 1)):
        kernel, stride = kernel[:1] * ndim, stride[:1] * ndim
    dilation = draw((1, 1, 1, 1, 2))
    groups, per_group = draw((1, 1, 1, 1, 2, 4, 8, 32)), draw((8, 16, 32, 64, 128))
    channels = (per_group * groups, draw((1, 1, 2)) * per_group * groups)
    if draw((0, 0, 0, 0, 1)):
        groups, channels = channels[0], (channels[0], channels[0])
    elif groups == 1 and draw((0, 0, 0, 1)):
        channels = (draw((1, 3)), channels[1])
    size = {1: (256, 1000, 2048, 4096), 2: (14, 28, 32, 56, 64, 128), 3: (12, 16, 32, 48)}[ndim]
    v = (draw((2, 4, 8, 16, 32)), *(draw(size) for _ in range(ndim)), channels[0])
    padding = ("SAME", "VALID", 1)[draw((0, 0, 1, 2))]
    window = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _case(name, v, kernel, channels[1], **window)
