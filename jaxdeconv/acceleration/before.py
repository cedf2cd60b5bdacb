"""An operand of a convolution as a smaller array between zeros."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from jax import Array, lax
from jax.extend.core import primitives as p

from jaxdeconv.acceleration.excerpt import Step
from jaxdeconv.acceleration.moves import grouped, regular
from jaxdeconv.acceleration.spans import Placed

__all__ = ["Change", "Operand", "applied", "chain", "pad", "reshape_order"]

Change: TypeAlias = Callable[[Array], Array]


@dataclasses.dataclass(frozen=True)
class Operand:
    """An array made of a smaller one, its core, with zeros around and between its entries.

    Attributes:
        core: computes the core from one of the excerpt's arrays.
        spans: where the core's entries are along each axis.
    """

    core: Change
    spans: tuple[Placed, ...]

    @classmethod
    def plain(cls, shape: Sequence[Any]) -> "Operand":
        """One of the excerpt's arrays."""
        return cls(lambda x: x, tuple(map(Placed.whole, shape)))

    @property
    def shape(self) -> tuple[Any, ...]:
        """Of the core."""
        return tuple(span.count for span in self.spans)

    def then(self, step: Step) -> "Operand":
        """The array after a step; if the step has no rule, the zeros are written out."""
        rule = _RULES.get(step.primitive)
        found = rule(self, step) if rule else None
        if found is not None:
            return found
        whole = self.filled(range(len(self.spans)))
        return Operand(chain(whole.core, applied(step)), tuple(map(Placed.whole, step.shape)))

    def filled(self, axes: Sequence[int]) -> "Operand":
        """The same array, the zeros along some axes written into the core."""
        some = [axis for axis in axes if not self.spans[axis].is_whole]
        if not some:
            return self
        spans, config, back = list(self.spans), [(0, 0, 0)] * len(self.spans), []
        for axis in some:
            config[axis] = spans[axis].padding
            back.extend([axis] * spans[axis].backwards)
            spans[axis] = Placed.whole(spans[axis].size)
        return Operand(
            chain(self.core, lambda x: pad(lax.rev(x, back) if back else x, config)), tuple(spans)
        )

    def _moved(self, found: Sequence[tuple[Placed, slice] | None]) -> "Operand | None":
        """With a new span along every axis, and the core cut to the entries that are left."""
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        slices = [entries for _, entries in known]
        begin, end, step = ([getattr(one, name) for one in slices] for name in _SLICE)
        spans = tuple(span for span, _ in known)
        if self.shape == tuple(span.count for span in spans):
            return Operand(self.core, spans)
        return Operand(chain(self.core, lambda x: lax.slice(x, begin, end, step)), spans)

    def _pad(self, step: Step) -> "Operand | None":
        pads = zip(self.spans, step["padding_config"], strict=True)
        return self._moved([span.padded(*map(int, config)) for span, config in pads])

    def _slice(self, step: Step) -> "Operand | None":
        strides = step["strides"] or [1] * len(self.spans)
        bounds = zip(step["start_indices"], step["limit_indices"], strides, strict=True)
        pairs = zip(self.spans, bounds, strict=True)
        return self._moved([span.sliced(*map(int, bound)) for span, bound in pairs])

    def _rev(self, step: Step) -> "Operand":
        spans = list(self.spans)
        for axis in step["dimensions"]:
            spans[axis] = spans[axis].reversed()
        return Operand(self.core, tuple(spans))

    def _transpose(self, step: Step) -> "Operand":
        return self._transposed(step["permutation"])

    def _transposed(self, order: Sequence[int]) -> "Operand":
        spans = tuple(self.spans[axis] for axis in order)
        return Operand(chain(self.core, lambda x: lax.transpose(x, order)), spans)

    def _convert(self, step: Step) -> "Operand":
        return Operand(chain(self.core, lambda x: x.astype(step.dtype)), self.spans)

    def _reshape(self, step: Step) -> "Operand | None":
        """Zeros are kept along axes that are neither split nor merged.

        They are also kept where axes merge of which one at most has more than one entry: (n, m)
        with one of the m not zero becomes n*m with a step of m.
        """
        order = reshape_order(step)
        if order:
            return self._transposed(order)._merged(step)
        return self._merged(step)

    def _merged(self, step: Step) -> "Operand | None":
        spans: list[Placed] = []
        for old, new in grouped([span.size for span in self.spans], step.shape):
            before = [self.spans[axis] for axis in old]
            if all(span.is_whole for span in before):
                spans += [Placed.whole(step.shape[axis]) for axis in new]
                continue
            merged = _together(before)
            if merged is None or len(new) != 1:
                return None
            spans.append(merged)
        shape = [span.count for span in spans]
        return Operand(chain(self.core, lambda x: lax.reshape(x, shape)), tuple(spans))

    def _broadcast(self, step: Step) -> "Operand":
        spans, dimensions = [*map(Placed.whole, step.shape)], step["broadcast_dimensions"]
        for axis, to in enumerate(dimensions):
            if self.spans[axis].size == step.shape[to]:
                spans[to] = self.spans[axis]
        shape = [span.count for span in spans]
        return Operand(
            chain(self.core, lambda x: lax.broadcast_in_dim(x, shape, dimensions)), tuple(spans)
        )

    def _scatter(self, step: Step) -> "Operand | None":
        numbers, updates = step["dimension_numbers"], [span.size for span in self.spans]
        if numbers.operand_batching_dims:
            return None
        indices: Any = step.sources[1]
        found = regular(
            indices,
            numbers.scatter_dims_to_operand_dims,
            numbers.inserted_window_dims,
            numbers.update_window_dims,
            step.shape,
            updates,
        )
        if found is None:
            return None
        core = self.filled(range(len(self.spans))).core
        order = [int(one.axis) for one in found if one.axis is not None]
        order += [axis for axis in range(len(updates)) if axis not in order]
        shape = [one.count for one in found]
        return Operand(
            chain(core, lambda x: lax.reshape(lax.transpose(x, order), shape)),
            tuple(
                Placed(size, one.first, one.step, one.count)
                for size, one in zip(step.shape, found, strict=True)
            ),
        )


_SLICE = ("start", "stop", "step")

_RULES: dict[Any, Callable[[Operand, Step], Operand | None]] = {
    p.pad_p: Operand._pad,
    p.slice_p: Operand._slice,
    p.rev_p: Operand._rev,
    p.transpose_p: Operand._transpose,
    p.convert_element_type_p: Operand._convert,
    p.reshape_p: Operand._reshape,
    p.squeeze_p: Operand._reshape,
    p.broadcast_in_dim_p: Operand._broadcast,
    p.scatter_p: Operand._scatter,
}


def _together(spans: Sequence[Placed]) -> Placed | None:
    """The merged axis, if all axes but one have one entry."""
    whole = math.prod(span.size for span in spans)
    first, weight, long = 0, whole, Placed(whole, 0, 1, 1)
    for span in spans:
        weight //= span.size
        first += weight * span.first
        if span.count > 1:
            if long.count > 1:
                return None
            long = dataclasses.replace(span, size=whole, step=weight * span.step)
    return dataclasses.replace(long, first=first)


def reshape_order(step: Step) -> Sequence[int] | None:
    """The order of the axes before a reshape; None if it does not change."""
    return step["dimensions"] if step.primitive is p.reshape_p else None


def chain(first: Change, second: Change) -> Change:
    """One after the other."""
    return lambda x: second(first(x))


def applied(step: Step) -> Change:
    """A step as the program does it."""
    return lambda x: step(*(x if isinstance(one, int) else one.array() for one in step.sources))


def pad(x: Array, config: Sequence[tuple[int, int, int]]) -> Array:
    """`lax.pad` with zeros, where there is something to do."""
    return lax.pad(x, lax.full((), 0, x.dtype), config) if any(map(any, config)) else x
