"""The types of the keywords that `conv`, `conv_transpose` and `kernel_gradient` take."""

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict

from jax.lax import PrecisionLike
from jax.typing import DTypeLike

from jaxdeconv.algorithms import AlgorithmName
from jaxdeconv.arguments.integers import IntOrInts, PaddingLike
from jaxdeconv.arguments.layout import DimensionNumbers

__all__ = ["ConvKeywords", "LegKeywords", "PaddingMode", "SpatialAxes"]

PaddingMode: TypeAlias = Literal["zeros", "circular", "reflect", "replicate", "symmetric"]


SpatialAxes: TypeAlias = Sequence[str | tuple[str, ...] | None] | None


class ConvKeywords(TypedDict, total=False):
    """The keywords that `conv`, `conv_transpose` and `kernel_gradient` share: see `conv`."""

    stride: IntOrInts
    padding: PaddingLike
    dilation: IntOrInts
    groups: int
    dimension_numbers: DimensionNumbers
    padding_mode: PaddingMode
    precision: PrecisionLike
    preferred_element_type: DTypeLike | None
    algorithm: AlgorithmName
    spatial_axes: SpatialAxes
    input_size: IntOrInts | None


class LegKeywords(ConvKeywords, total=False):
    """All of them: with those that one of the three has alone."""

    output_padding: IntOrInts | None
    kernel_size: IntOrInts
