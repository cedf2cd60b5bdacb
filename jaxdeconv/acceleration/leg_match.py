"""A convolution of `jax.lax` as one of our legs, and how to apply the leg to its operands."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.acceleration.axes import LHS, OUT, RHS, Axis
from jaxdeconv.acceleration.convolution import SHARED, Convolution, Labels, arrange, same_order
from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEG_WITH_RESULT, LEGS
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.arguments.layout import flip_kernel
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.primitives import LegParams, bind, simplified

__all__ = ["EmptySum", "LegMatch", "NoMatch"]


@dataclasses.dataclass(frozen=True)
class NoMatch:
    """For a convolution that no leg computes; it stays as it is.

    Attributes:
        reason: why.
    """

    reason: str


@dataclasses.dataclass(frozen=True)
class EmptySum:
    """For a convolution whose sums have no terms: a size is 0, or everything is cropped."""

    convolution: Convolution

    def apply(self, lhs: Array, rhs: Array) -> Array:  # noqa: ARG002
        """The result of the convolution."""
        return jnp.zeros(self.convolution.shapes[OUT], self.convolution.dtypes[OUT])


@dataclasses.dataclass(frozen=True)
class LegMatch:
    """A convolution as a leg.

    Attributes:
        convolution: the convolution.
        roles: of the left operand, the right operand and the result: a permutation of 'vwu'.
        axes: the spatial dimensions, simplified.
        geometry: of the leg.
    """

    convolution: Convolution
    roles: str
    axes: tuple[Axis, ...]
    geometry: ConvGeometry

    @property
    def leg(self) -> str:
        """'conv', 'conv_transpose' or 'kernel_gradient'."""
        return LEG_WITH_RESULT[self.roles[OUT]].name

    def problem(self, leg: str) -> Problem:
        """The problem of a leg with these roles; that of `self.leg` is the convolution."""
        lengths, (left, right, result) = self.convolution.lengths, self.convolution.dtypes
        dtype = np.promote_types(left, right)
        batch = lengths[self._shared("vu")]
        return Problem(
            leg,
            self.geometry,
            batch if isinstance(batch, int) else None,
            lengths["g"] * lengths[self._shared("vw")],
            lengths["g"] * lengths[self._shared("wu")],
            dtype,
            accumulator_dtype(np.promote_types(dtype, result)),
            self.convolution["precision"],
            result_dtype=np.dtype(result),
        )

    @property
    def leg_problem(self) -> Problem:
        """What the plan of the leg that is the convolution is asked for."""
        return simplified(self.problem(self.leg))

    @property
    def moved_bytes(self) -> int:
        """Bytes of the arrays that must be converted to another layout."""
        convolution, total = self.convolution, 0
        for array, dtype in enumerate(convolution.dtypes):
            lengths = self._lengths(array)
            if not same_order(convolution.labels(array), self._canonical(array), lengths):
                shape = (n for n in convolution.shapes[array] if isinstance(n, int))
                total += math.prod(shape) * dtype.itemsize
        return total

    def apply(self, lhs: Array, rhs: Array) -> Array:
        """The result of the convolution, computed by the leg."""
        arrays = {
            self.roles[LHS]: self._to_canonical(lhs, LHS),
            self.roles[RHS]: self._to_canonical(rhs, RHS),
        }
        x, y = (arrays[role] for role in LEGS[self.leg].operands)
        dtype, precision = self.convolution.dtypes[OUT], self.convolution["precision"]
        params = LegParams(self.geometry, dtype, precision)
        return self._from_canonical(bind(self.leg, x, y, params))

    def _to_canonical(self, x: Array, array: int) -> Array:
        """An operand as the leg takes it: cut, perhaps dilated or flipped, channels last."""
        places, given = self.convolution.specs[array][2:], self.convolution.backwards[array]
        begin, step, dilation = [0] * x.ndim, [1] * x.ndim, [(0, 0, 0)] * x.ndim
        end = list(x.shape)
        for dim, (place, axis) in enumerate(zip(places, self.axes, strict=True)):
            first, step[place] = axis.cuts[array]
            spread = axis.spread if array == LHS else 1
            last = first + step[place] * ((axis.sizes[array] - 1) // spread)
            if dim in given:
                first, last = x.shape[place] - 1 - last, x.shape[place] - 1 - first
            begin[place], end[place] = first, last + 1
            dilation[place] = (0, 0, spread - 1)
        if (*begin, *end) != (*[0] * x.ndim, *x.shape) or max(step) > 1:
            x = lax.slice(x, begin, end, step)
        x = self._flip(_pad(x, dilation), array)
        return arrange(
            x, self.convolution.labels(array), self._canonical(array), self._lengths(array)
        )

    def _from_canonical(self, x: Array) -> Array:
        """The inverse of `_to_canonical`, for the result; entries that were cut away are zero."""
        labels = self.convolution.labels(OUT)
        x = self._flip(arrange(x, self._canonical(OUT), labels, self._lengths(OUT)), OUT)
        config = [(0, 0, 0)] * x.ndim
        places, given = self.convolution.specs[OUT][2:], self.convolution.backwards[OUT]
        for dim, (place, axis) in enumerate(zip(places, self.axes, strict=True)):
            first, step = axis.cuts[OUT]
            last = first + step * (x.shape[place] - 1)
            ends = first, self.convolution.shapes[OUT][place] - last - 1
            config[place] = (*(ends[::-1] if dim in given else ends), step - 1)
        return _pad(x, config)

    def _flip(self, x: Array, array: int) -> Array:
        """Reverse spatial axes if either the signs require it or the convolution, but not both."""
        # In a*i + low = d*t + s*y the index of the left operand is alone on its side, as that of v
        # is in a leg. If v is one of the other two, reversing the remaining one brings its index to
        # the side of i.
        turned = {LHS: None, OUT: RHS, RHS: OUT}[self.roles.index("v")]
        given, places = self.convolution.backwards[array], self.convolution.specs[array][2:]
        long = [
            place
            for dim, place in enumerate(places)
            if x.shape[place] > 1 and (array == turned) != (dim in given)
        ]
        if not long:
            return x
        return flip_kernel(x, long) if self.roles[array] == "w" else lax.rev(x, long)

    def _shared(self, roles: str) -> str:
        """The letter that the arrays of two roles share."""
        first, second = (SHARED[self.roles.index(role)] for role in roles)
        return next(letter for letter in first if letter in second)

    def _canonical(self, array: int) -> list[Labels]:
        """The labels of the axes in the canonical layout."""
        spatial: list[Labels] = [(dim,) for dim in range(len(self.axes))]
        batch, in_channels, out_channels = (self._shared(roles) for roles in ("vu", "vw", "wu"))
        by_role: dict[str, list[Labels]] = {
            "v": [(batch,), *spatial, ("g", in_channels)],
            "w": [*spatial, (in_channels,), ("g", out_channels)],
            "u": [(batch,), *spatial, ("g", out_channels)],
        }
        return by_role[self.roles[array]]

    def _lengths(self, array: int) -> dict[str | int, Any]:
        spatial = {dim: axis.sizes[array] for dim, axis in enumerate(self.axes)}
        return self.convolution.lengths | spatial


def _pad(x: Array, config: Sequence[tuple[int, int, int]]) -> Array:
    return lax.pad(x, jnp.zeros((), x.dtype), config) if any(map(any, config)) else x
