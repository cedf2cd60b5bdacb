"""The networks at sizes at which people train them: too slow to time on a CPU, not to compile."""

from benchmarks.accelerate.networks import Layer, Network, conv, up

__all__ = ["FULL_SIZE"]


def _norm() -> Layer:
    return Layer("norm", 8)


GENERATOR = Network(
    "DCGAN generator",
    (64, 4, 4, 512),
    (
        up(256, active=False),
        _norm(),
        up(128, active=False),
        _norm(),
        up(64, active=False),
        _norm(),
        up(3, active=False),
    ),
)
"""From 4x4 to 64x64 (Radford et al. 2016)."""

U_NET = Network(
    "U-Net",
    (32, 64, 64, 3),
    (
        conv(64),
        conv(64, kept=True),
        conv(128, stride=2),
        conv(128, kept=True),
        conv(256, stride=2),
        conv(256, kept=True),
        conv(512, stride=2),
        conv(512),
        up(256, kernel=2),
        conv(256, joins=True),
        conv(256),
        up(128, kernel=2),
        conv(128, joins=True),
        conv(128),
        up(64, kernel=2),
        conv(64, joins=True),
        conv(64),
        conv(1, kernel=1, active=False),
    ),
)
"""The channels of Ronneberger et al. (2015), down by strides."""

VOLUME = Network(
    "V-Net, 3-D",
    (2, 64, 64, 64, 1),
    (
        conv(16, 5, kept=True),
        conv(32, 2, 2),
        conv(32, 5, residual=True, kept=True),
        conv(64, 2, 2),
        conv(64, 5, residual=True),
        conv(64, 5, residual=True, kept=True),
        conv(128, 2, 2),
        conv(128, 5, residual=True),
        up(64, 2),
        conv(64, 5, joins=True),
        conv(64, 5, residual=True),
        up(32, 2),
        conv(32, 5, joins=True),
        up(16, 2),
        conv(16, 5, joins=True),
        conv(2, 1, active=False),
    ),
)
"""The kernels of Milletari et al. (2016): 5x5x5, and 2x2x2 down and up."""


def _stage(features: int, kernel: int, stride: int) -> tuple[Layer, ...]:
    """Upsampling, and residual convolutions of three dilations."""
    residual = (conv(features, 3, dilation=d, residual=True) for d in (1, 3, 5))
    return up(features, kernel, stride), *residual


VOCODER = Network(
    "vocoder",
    (16, 32, 80),
    (
        conv(512, 7),
        *_stage(256, 16, 8),
        *_stage(128, 16, 8),
        *_stage(64, 4, 2),
        *_stage(32, 4, 2),
        conv(1, 7, active=False),
    ),
)
"""8192 samples from 32 frames: the scales of HiFi-GAN V1 (Kong et al. 2020)."""


def _bottleneck(width: int, features: int, stride: int, **last: bool) -> tuple[Layer, ...]:
    return (
        conv(width, 1, active=False),
        _norm(),
        conv(width, 3, stride, groups=32, active=False),
        _norm(),
        conv(features, 1, **last),
    )


RESNEXT = Network(
    "ResNeXt blocks",
    (32, 56, 56, 64),
    (
        conv(256, 1, kept=True),
        *_bottleneck(128, 256, 1, adds=True),
        *_bottleneck(256, 512, 2, active=False),
    ),
)
"""Two bottlenecks of 32 groups, one with stride 2: 32x4d (Xie et al. 2017)."""


def _separable(in_channels: int, features: int, stride: int = 1) -> tuple[Layer, ...]:
    return (
        conv(in_channels, 3, stride, groups=in_channels, active=False),
        _norm(),
        conv(features, 1, active=False),
        _norm(),
    )


MOBILENET = Network(
    "MobileNet",
    (64, 128, 128, 3),
    (
        conv(32, 3, 2),
        *_separable(32, 64),
        *_separable(64, 128, 2),
        *_separable(128, 128),
        *_separable(128, 256, 2),
        *_separable(256, 256),
        *_separable(256, 512, 2),
        *_separable(512, 512),
        conv(1000, 1, active=False),
    ),
)
"""The first layers of Howard et al. (2017): depthwise 3x3, then 1x1; 1000 classes."""

FULL_SIZE = (GENERATOR, U_NET, VOLUME, VOCODER, RESNEXT, MOBILENET)
