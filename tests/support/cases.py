"""Named geometries, one for each thing that can go wrong, with channels and a batch."""

import dataclasses
from typing import Any

import numpy as np

from jaxdeconv import ConvGeometry


@dataclasses.dataclass(frozen=True)
class Case:
    """A geometry with the numbers of channels per group and the batch size."""

    name: str
    geometry: ConvGeometry
    in_channels: int = 2
    out_channels: int = 3
    batch: int = 2

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Canonical shapes of v, w and u."""
        geometry = self.geometry
        v = (self.batch, *geometry.input_size, geometry.groups * self.in_channels)
        w = (*geometry.kernel_size, self.in_channels, geometry.groups * self.out_channels)
        u = (self.batch, *geometry.output_size, geometry.groups * self.out_channels)
        return v, w, u

    @property
    def keywords(self) -> dict[str, Any]:
        """The geometry as keywords of the public functions."""
        geometry = dataclasses.asdict(self.geometry)
        return {key: geometry[key] for key in ("stride", "padding", "dilation", "groups")}

    def data(self, dtype: Any = np.float32, seed: int = 0) -> tuple[np.ndarray, ...]:
        """v, w and u: small integers of any sign, asymmetric, so that every sum is exact."""
        return tuple(integers(shape, dtype, seed + i) for i, shape in enumerate(self.shapes))


def integers(shape: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Integer-valued data in -4..4; complex types get an imaginary part as well."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-4, 5, shape)
    if np.issubdtype(dtype, np.complexfloating):
        return (values + 1j * rng.integers(-4, 5, shape)).astype(dtype)
    if np.issubdtype(dtype, np.unsignedinteger):
        values = values + 4
    return values.astype(dtype)


CASES = (
    Case("plain", ConvGeometry(5, 3)),
    Case("image_3x3_with_kernel_2x2", ConvGeometry((3, 3), 2), 1, 1, 1),
    Case("image_4x4_with_kernel_3x3", ConvGeometry((4, 4), 3), 1, 1, 1),
    Case("pointwise", ConvGeometry((3, 2), 1)),
    Case("stride", ConvGeometry((7, 6), (3, 2), stride=(2, 3), padding=1)),
    Case("stride_does_not_divide", ConvGeometry(9, 4, stride=3)),
    Case("kernel_smaller_than_stride", ConvGeometry((8, 7), (2, 1), stride=(3, 4))),
    Case("dilation", ConvGeometry((9, 8), (3, 2), dilation=(2, 5))),
    Case("dilation_and_stride", ConvGeometry(13, 3, stride=2, dilation=3, padding=2)),
    Case("stride_and_dilation_share_a_factor", ConvGeometry(15, 3, stride=4, dilation=6)),
    Case("asymmetric_padding", ConvGeometry((6, 5), 3, stride=2, padding=((0, 2), (3, 1)))),
    Case("negative_padding", ConvGeometry((8, 7), 2, padding=((-2, 1), (1, -3)))),
    Case("crop_and_grow", ConvGeometry(9, 2, stride=2, padding=((-7, 5),))),
    Case("crop_everything", ConvGeometry(9, 2, stride=2, padding=((-9, 5),))),
    Case("padding_larger_than_kernel", ConvGeometry(3, 2, stride=2, padding=4)),
    Case("same_even_kernel", ConvGeometry((5, 6), 4, stride=2, padding="SAME")),
    Case("same_lower", ConvGeometry((5, 6), (4, 3), stride=2, padding="SAME_LOWER")),
    Case("causal", ConvGeometry(7, 3, stride=2, padding="CAUSAL", dilation=2)),
    Case("groups", ConvGeometry((5, 4), (2, 3), stride=2, padding=1, groups=2)),
    Case("groups_of_one_input", ConvGeometry(6, 3, groups=3), 1, 2),
    Case("depthwise", ConvGeometry((5, 5), 3, stride=2, groups=4), 1, 1),
    Case("groups_dilated", ConvGeometry(11, 3, stride=2, dilation=2, padding=3, groups=2)),
    Case("three_dimensions", ConvGeometry((4, 3, 5), (2, 3, 2), stride=(2, 1, 3), padding=1)),
    Case("four_dimensions", ConvGeometry((3, 2, 4, 3), 2, stride=(1, 1, 2, 1), padding=1), 2, 2),
    Case("no_dimensions", ConvGeometry((), (), groups=2)),
    Case("size_one_axes", ConvGeometry((1, 6, 1), (1, 3, 1), stride=2)),
    Case("empty_batch", ConvGeometry((5, 4), 3, stride=2, padding=1), batch=0),
    Case("empty_v", ConvGeometry((0, 4), 3, stride=2, padding=2)),
    Case("empty_u", ConvGeometry((2, 4), 3)),
    Case("one_channel", ConvGeometry((6, 5), (3, 4), stride=2, padding=2), 1, 1),
)
"""Every implementation of a leg must pass on all of these."""
