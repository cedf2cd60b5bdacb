"""What is timed: layers of real networks, and shapes from the cited issues.

A case is written as in its network: a transposed convolution maps `u` with C channels to `v` with
O channels, a plain convolution maps `v` to `u`. The attributes use the package's convention:
`in_channels` and `out_channels` are channels per group of the *forward* map K: v -> u, so C -> O of
a transposed convolution is out_channels -> in_channels.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import Problem

__all__ = ["CASES", "BenchCase", "Data", "Leg", "Shape", "transposed"]

Leg: TypeAlias = Literal["conv", "conv_transpose"]
Shape: TypeAlias = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Data:
    """Float32 arrays in the canonical layout: the leg's input, the kernel, the cotangent."""

    x: np.ndarray
    w: np.ndarray
    cotangent: np.ndarray


@dataclasses.dataclass(frozen=True)
class BenchCase:
    """One convolution or transposed convolution to time.

    Attributes:
        name: short and unique; `--cases` matches it.
        source: network, paper or issue that the shape is from.
        geometry: of the forward map.
        in_channels: channels of v per group.
        out_channels: channels of u per group.
        batch: number of images.
        leg: which of the two maps is the forward pass.
    """

    name: str
    source: str
    geometry: ConvGeometry
    in_channels: int
    out_channels: int
    batch: int = 1
    leg: Leg = "conv_transpose"

    @property
    def v_shape(self) -> Shape:
        """(batch, *input_size, in)."""
        return (self.batch, *self.geometry.input_size, self.geometry.groups * self.in_channels)

    @property
    def u_shape(self) -> Shape:
        """(batch, *output_size, out)."""
        return (self.batch, *self.geometry.output_size, self.geometry.groups * self.out_channels)

    @property
    def w_shape(self) -> Shape:
        """(*kernel_size, in/groups, out)."""
        return (
            *self.geometry.kernel_size,
            self.in_channels,
            self.geometry.groups * self.out_channels,
        )

    @property
    def x_shape(self) -> Shape:
        """Shape of the forward pass's input."""
        return self.v_shape if self.leg == "conv" else self.u_shape

    @property
    def y_shape(self) -> Shape:
        """Shape of the forward pass's result and of its cotangent."""
        return self.u_shape if self.leg == "conv" else self.v_shape

    @property
    def keywords(self) -> dict[str, Any]:
        """The geometry as keywords of `jaxdeconv.conv` and `jaxdeconv.kernel_gradient`."""
        return self.geometry.keywords

    @property
    def flops(self) -> int:
        """Useful floating-point operations of one leg: a multiply-add counts as two.

        The same for all three legs, so a training step has three times as many. Products with
        padding count, products with the zeros of a dilation do not.
        """
        positions = self.batch * math.prod(self.geometry.output_size)
        return 2 * positions * math.prod(self.w_shape)

    def problem(self, leg: str) -> Problem:
        """One of the case's three legs as the planner sees it, in float32."""
        float32, groups = np.dtype(np.float32), self.geometry.groups
        in_channels, out_channels = groups * self.in_channels, groups * self.out_channels
        return Problem(leg, self.geometry, self.batch, in_channels, out_channels, float32, float32)

    def data(self, seed: int = 0) -> Data:
        """Gaussian float32 data."""
        rng = np.random.default_rng([2026, seed])
        shapes = (self.x_shape, self.w_shape, self.y_shape)
        return Data(*(rng.standard_normal(shape, np.float32) for shape in shapes))


def transposed(
    name: str,
    source: str,
    channels: tuple[int, int],
    size: Sequence[int],
    kernel: int,
    stride: int,
    padding: int = 0,
    *,
    extra: int = 0,
    dilation: int = 1,
    groups: int = 1,
    batch: int = 1,
) -> BenchCase:
    """A transposed convolution with torch's arguments: channels (C, O), size of u."""
    geometry = ConvGeometry.from_output_size(
        tuple(size), kernel, stride, padding, dilation, groups, output_padding=extra
    )
    out_channels, in_channels = (c // groups for c in channels)
    return BenchCase(name, source, geometry, in_channels, out_channels, batch)


def _down(
    name: str,
    source: str,
    channels: tuple[int, int],
    size: Sequence[int],
    kernel: int,
    stride: int,
    padding: int = 0,
    *,
    dilation: int = 1,
    groups: int = 1,
    batch: int = 1,
) -> BenchCase:
    """A plain convolution: channels (C, O), size of v."""
    geometry = ConvGeometry(tuple(size), kernel, stride, padding, dilation, groups)
    in_channels, out_channels = (c // groups for c in channels)
    return BenchCase(name, source, geometry, in_channels, out_channels, batch, "conv")


# Channels are C -> O of the layer; the size is that of its input.
CASES: tuple[BenchCase, ...] = (
    # Upsampling layers of all kinds.
    transposed("DCGAN", "arXiv:1511.06434, k4 s2", (128, 64), (32, 32), 4, 2, 1, batch=8),
    transposed("U-Net", "arXiv:1505.04597, k2 s2", (256, 128), (32, 32), 2, 2, batch=4),
    transposed(
        "CycleGAN k3", "arXiv:1703.10593, k3 s2", (64, 64), (64, 64), 3, 2, 1, extra=1, batch=4
    ),
    transposed(
        "DCGAN k5", "arXiv:1511.06434, k5 s2", (256, 128), (16, 16), 5, 2, 2, extra=1, batch=8
    ),
    transposed("FCN-32s", "arXiv:1411.4038, k64 s32", (21, 21), (16, 16), 64, 32, 16),
    transposed(
        "depthwise up", "learned upsampling", (64, 64), (64, 64), 4, 2, 1, groups=64, batch=4
    ),
    transposed("grouped up", "4 groups", (64, 64), (64, 64), 4, 2, 1, groups=4, batch=4),
    transposed("3-D 64->1", "jax#31662, quarter size", (64, 1), (16, 32, 32), 3, 2, 1, extra=1),
    transposed("V-Net", "arXiv:1606.04797, k2 s2", (32, 16), (16, 32, 32), 2, 2),
    transposed(
        "HiFi-GAN k16", "arXiv:2010.05646, 1-D as in jax#23783", (256, 128), (800,), 16, 8, 4
    ),
    transposed("ISTFT 513", "1024 samples, hop 256", (513, 1), (256,), 1024, 256),
    transposed("stride 1", "gradient of a 3x3 layer", (64, 64), (64, 64), 3, 1, 1, batch=4),
    # More of the same networks, and others.
    transposed("DCGAN first", "arXiv:1511.06434, z -> 4x4", (100, 512), (1, 1), 4, 1, batch=32),
    transposed("pix2pix", "arXiv:1611.07004, after a skip", (512, 128), (16, 16), 4, 2, 1),
    transposed("pix2pix last", "arXiv:1611.07004, to RGB", (128, 3), (64, 64), 4, 2, 1),
    transposed("FCN-8s", "arXiv:1411.4038, k16 s8", (21, 21), (32, 32), 16, 8, 4),
    transposed("FCN-8s 2x", "arXiv:1411.4038, k4 s2", (21, 21), (32, 32), 4, 2, 1, batch=4),
    transposed("StyleGAN2", "arXiv:1912.04958, up-convolution", (256, 128), (16, 16), 3, 2),
    transposed("SegNet", "arXiv:1511.00561, 7x7 decoder", (64, 64), (32, 32), 7, 1, 3),
    transposed("HiFi-GAN k4", "arXiv:2010.05646, last k4 s2", (64, 32), (6400,), 4, 2, 1),
    transposed("ISTFT 1026", "pytorch#120982", (1026, 1), (224,), 1024, 256),
    transposed("MAE", "arXiv:2111.06377, un-patching", (512, 3), (14, 14), 16, 16, batch=4),
    transposed(
        "dilated up", "stride 1, dilation 2", (64, 64), (32, 32), 3, 1, 2, dilation=2, batch=2
    ),
    transposed(
        "dilated s2", "stride 2, dilation 3", (32, 32), (32, 32), 3, 2, 3, dilation=3, batch=2
    ),
    transposed("k32 s16", "jax#17464", (128, 32), (8, 8), 32, 16, 8),
    transposed("equinox 3-D", "equinox#1259, smaller", (16, 8), (8, 16, 16), 3, 2, 1, extra=1),
    # Plain convolutions.
    _down("ResNet 3x3", "arXiv:1512.03385", (64, 64), (56, 56), 3, 1, 1, batch=2),
    _down("ResNet 3x3 s2", "arXiv:1512.03385", (64, 128), (56, 56), 3, 2, 1, batch=2),
    _down("ViT patches", "arXiv:2010.11929, k16 s16", (3, 384), (224, 224), 16, 16),
    _down("depthwise 3x3", "jax#23713", (256, 256), (124, 124), 3, 1, 1, groups=256),
    _down(
        "depthwise 1-D",
        "jax#13800, smaller batch",
        (512, 512),
        (1024,),
        5,
        1,
        2,
        groups=512,
        batch=2,
    ),
    _down(
        "depthwise d8",
        "jax#26266, smaller batch",
        (64, 64),
        (1024,),
        7,
        1,
        24,
        dilation=8,
        groups=64,
        batch=8,
    ),
    _down("ResNeXt", "arXiv:1611.05431, 32 groups", (128, 128), (28, 28), 3, 1, 1, groups=32),
)
