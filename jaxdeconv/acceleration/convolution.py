"""One `conv_general_dilated` without its arrays, and the meaning of each axis of its arrays."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from jax import Array, lax

from jaxdeconv.acceleration.axes import LHS, OUT, RHS, Axis

__all__ = ["SHARED", "Convolution", "Labels", "arrange", "same_order"]

Labels: TypeAlias = tuple[str | int, ...]
"""What one axis of an array stands for: letters of `SHARED`, 'g' (the groups) or the number of a
spatial dimension; several where they are merged, slowest first."""

SHARED = ("nc", "co", "no")
"""The letters of the left operand, the right operand and the result; all three share the groups."""


@dataclasses.dataclass(frozen=True)
class Convolution:
    """Everything that a convolution depends on except its arrays' values; hashable.

    Attributes:
        shapes: of the left operand, the right operand and the result.
        dtypes: of the same.
        params: of the primitive, by name.
        backwards: spatial dimensions along which each of the three arrays is reversed: an operand
            before the convolution, the result after it.
    """

    shapes: tuple[tuple[Any, ...], ...]
    dtypes: tuple[np.dtype, ...]
    params: tuple[tuple[str, Any], ...]
    backwards: tuple[tuple[int, ...], ...] = ((), (), ())

    @classmethod
    def of(cls, avals: Sequence[Any], params: Mapping[str, Any]) -> Self:
        """From the abstract values of the two operands and the result."""
        return cls(
            tuple(tuple(aval.shape) for aval in avals),
            tuple(aval.dtype for aval in avals),
            tuple(sorted(params.items())),
        )

    def __getitem__(self, name: str) -> Any:
        return dict(self.params)[name]

    @property
    def groups(self) -> int:
        """Whichever of the two counts is not 1."""
        return int(max(self["feature_group_count"], self["batch_group_count"]))

    @property
    def specs(self) -> tuple[tuple[int, ...], ...]:
        """(batch, features, *spatial), (out, in, *spatial), (batch, features, *spatial)."""
        numbers = self["dimension_numbers"]
        return numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The spatial dimensions."""
        places = zip(*(spec[2:] for spec in self.specs), strict=True)
        names = ("lhs_dilation", "rhs_dilation", "window_strides", "padding")
        return tuple(
            Axis(
                (self.shapes[LHS][i], self.shapes[RHS][t], self.shapes[OUT][y]),
                (a, d, s),
                low,
            )
            for (i, t, y), a, d, s, (low, _) in zip(
                places, *(self[name] for name in names), strict=True
            )
        )

    @property
    def lengths(self) -> dict[str | int, Any]:
        """The length that each letter stands for; n, c and o are those of one group."""
        (batch, *_), (out_channels, in_channels, *_), _ = self.specs
        return {
            "g": self.groups,
            "n": self.shapes[LHS][batch] // self["batch_group_count"],
            "c": self.shapes[RHS][in_channels],
            "o": self.shapes[RHS][out_channels] // self.groups,
        }

    def __str__(self) -> str:
        lhs, rhs, out = (f"[{','.join(map(str, shape))}]" for shape in self.shapes)
        words = [f"{self.dtypes[LHS]}{lhs} * {rhs} -> {out}"]
        for name in ("window_strides", "lhs_dilation", "rhs_dilation"):
            if any(step > 1 for step in self[name]):
                words.append(f"{name}={tuple(self[name])}")
        for name in ("feature_group_count", "batch_group_count"):
            if self[name] > 1:
                words.append(f"{name}={self[name]}")
        return ", ".join(words)

    def labels(self, array: int) -> list[Labels]:
        """The labels of one of the three arrays' axes, in order."""
        batch, features = _LABELS[array]
        if array == LHS and self["batch_group_count"] > 1:
            batch, features = ("g", "n"), ("c",)
        spec = self.specs[array]
        spatial: list[Labels] = [(dim,) for dim in range(len(spec) - 2)]
        by_entry: list[Labels] = [batch, features, *spatial]
        return [by_entry[spec.index(axis)] for axis in range(len(spec))]


_LABELS: tuple[tuple[Labels, Labels], ...] = (
    (("n",), ("g", "c")),
    (("g", "o"), ("c",)),
    (("n",), ("g", "o")),
)
"""Of the first two entries of each array's spec."""


def arrange(
    x: Array, source: Sequence[Labels], target: Sequence[Labels], lengths: Mapping[str | int, Any]
) -> Array:
    """Split, transpose and merge axes, from one arrangement of labels to another.

    Args:
        x: an array whose axes have the labels `source`.
        source: labels of every axis.
        target: the same labels, as wanted.
        lengths: of the labels.
    """
    source, target = (_without_single_group(axes, lengths) for axes in (source, target))
    flat = [label for labels in source for label in labels]
    order = [flat.index(label) for labels in target for label in labels]
    if len(flat) > len(source):
        x = lax.reshape(x, [lengths[label] for label in flat])
    x = lax.transpose(x, order)
    if len(flat) > len(target):
        x = lax.reshape(x, [math.prod(lengths[label] for label in labels) for labels in target])
    return x


def same_order(
    source: Sequence[Labels], target: Sequence[Labels], lengths: Mapping[str | int, Any]
) -> bool:
    """Whether `arrange` leaves every number where it is in memory."""
    first, second = (
        [label for labels in axes for label in labels if lengths[label] != 1]
        for axes in (source, target)
    )
    return first == second


def _without_single_group(
    axes: Sequence[Labels], lengths: Mapping[str | int, Any]
) -> Sequence[Labels]:
    if lengths["g"] > 1:
        return axes
    return [tuple(label for label in labels if label != "g") for labels in axes]
