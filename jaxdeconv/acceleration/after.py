"""The result of a convolution after the steps that follow: which of its entries are used."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jax import Array, lax
from jax.extend.core import primitives as p

from jaxdeconv.acceleration.before import Change, applied, chain, pad, reshape_order
from jaxdeconv.acceleration.excerpt import Step
from jaxdeconv.acceleration.moves import grouped, regular
from jaxdeconv.acceleration.spans import Taken

__all__ = ["Result"]


@dataclasses.dataclass(frozen=True)
class Result:
    """An array made of some entries of a convolution's result, perhaps between zeros.

    Attributes:
        change: computes the array, without the zeros, from the entries of the result that are
            used in the end. Later steps may reduce these, so along spatial axes it must work for
            any number of entries.
        axes: the convolution's spatial dimension along each axis; None where there is none.
        spans: of the axes; whole where there is no such dimension.
        fixed: spans of spatial dimensions that are no longer an axis of the array.
    """

    change: Change
    axes: tuple[int | None, ...]
    spans: tuple[Taken, ...]
    fixed: tuple[tuple[int, Taken], ...] = ()

    @classmethod
    def plain(cls, shape: Sequence[Any], places: Sequence[int]) -> "Result":
        """The result itself, with its spatial dimensions at these axes."""
        axes = tuple(places.index(axis) if axis in places else None for axis in range(len(shape)))
        return cls(lambda y: y, axes, tuple(Taken(0, 1, size) for size in shape))

    @property
    def spatial(self) -> dict[int, Taken]:
        """What is used along the convolution's spatial dimensions."""
        present = zip(self.axes, self.spans, strict=True)
        return {dim: span for dim, span in present if dim is not None} | dict(self.fixed)

    def whole(self) -> Change:
        """From the entries that are used to the array."""
        return self._filled(range(len(self.axes))).change

    def then(self, step: Step) -> "Result":
        """The array after a step. A step without a rule is computed on the whole array."""
        rule = _RULES.get(step.primitive)
        found = rule(self, step) if rule else None
        if found is not None:
            return found
        whole = self._filled(range(len(self.axes)))
        spans = tuple(Taken(0, 1, size) for size in step.shape)
        change = chain(whole.change, applied(step))
        return Result(change, (None,) * len(spans), spans, whole.fixed)

    def _filled(self, axes: Sequence[int]) -> "Result":
        """The same array with the zeros along some axes written out: no longer spatial axes."""
        some = [axis for axis in axes if self.axes[axis] is not None]
        dims, spans, fixed = list(self.axes), list(self.spans), list(self.fixed)
        config = [(0, 0, 0)] * len(dims)
        for axis in some:
            span, dim = spans[axis], dims[axis]
            if dim is not None:
                fixed.append((dim, span))
            config[axis] = (span.low, span.high, 0)
            dims[axis], spans[axis] = None, Taken(0, 1, span.size)
        change = chain(self.change, lambda y: pad(y, config))
        return Result(change, tuple(dims), tuple(spans), tuple(fixed))

    def _moved(self, found: Sequence[Taken | None], rest: Change) -> "Result":
        """New spans along the spatial axes; `rest` changes the others."""
        spans = tuple(one for one in found if one is not None)
        return Result(chain(self.change, rest), self.axes, spans, self.fixed)

    def _slice(self, step: Step) -> "Result | None":
        strides = step["strides"] or [1] * len(self.axes)
        bounds = zip(step["start_indices"], step["limit_indices"], strides, strict=True)
        return self._sliced([tuple(map(int, bound)) for bound in bounds])

    def _sliced(self, bounds: Sequence[tuple[int, ...]]) -> "Result | None":
        spans: list[Taken] = []
        here = [slice(None)] * len(self.axes)
        for axis, (start, limit, stride) in enumerate(bounds):
            size = len(range(start, limit, stride))
            cut: Taken | None = Taken(0, 1, size)
            if self.axes[axis] is None:
                here[axis] = slice(start, limit, stride)
            else:
                cut = self.spans[axis].sliced(start, stride, size)
            if cut is None:
                return None
            spans.append(cut)
        return self._moved(spans, lambda y: _sliced(y, here))

    def _pad(self, step: Step) -> "Result | None":
        configs = [(int(low), int(high), int(by)) for low, high, by in step["padding_config"]]
        spread = [
            axis for axis, config in enumerate(configs) if config[2] and self.spans[axis].size > 1
        ]
        if any(self.axes[axis] is not None for axis in spread):
            return self._filled(spread)._pad(step)
        spans: list[Taken] = []
        for axis, (low, *_) in enumerate(configs):
            span, size = self.spans[axis], step.shape[axis]
            cut = Taken(0, 1, size) if self.axes[axis] is None else span.sliced(-low, 1, size)
            if cut is None:
                return None
            if self.axes[axis] is not None:
                configs[axis] = (0, 0, 0)
            spans.append(cut)
        return self._moved(spans, lambda y: pad(y, configs))

    def _rev(self, step: Step) -> "Result":
        spans, rest = list(self.spans), []
        for axis in step["dimensions"]:
            if self.axes[axis] is None:
                rest.append(axis)
            else:
                spans[axis] = spans[axis].reversed()
        return self._moved(spans, lambda y: lax.rev(y, rest) if rest else y)

    def _transpose(self, step: Step) -> "Result":
        return self._transposed(step["permutation"])

    def _transposed(self, order: Sequence[int]) -> "Result":
        return Result(
            chain(self.change, lambda y: lax.transpose(y, order)),
            tuple(self.axes[axis] for axis in order),
            tuple(self.spans[axis] for axis in order),
            self.fixed,
        )

    def _convert(self, step: Step) -> "Result":
        return self._moved(self.spans, lambda y: y.astype(step.dtype))

    def _reshape(self, step: Step) -> "Result":
        """Axes that are neither split nor merged keep their spans; the others are written out."""
        order = reshape_order(step)
        return (self._transposed(order) if order else self)._merged(step)

    def _merged(self, step: Step) -> "Result":
        groups = list(grouped([span.size for span in self.spans], step.shape))
        mixed = [axis for old, new in groups for axis in old if (len(old), len(new)) != (1, 1)]
        alone = self._filled(mixed)
        axes: list[int | None] = [None] * len(step.shape)
        spans = [Taken(0, 1, size) for size in step.shape]
        kept = {new[0]: old[0] for old, new in groups if (len(old), len(new)) == (1, 1)}
        for to, axis in kept.items():
            axes[to], spans[to] = alone.axes[axis], alone.spans[axis]
        change = chain(alone.change, lambda y: _shaped(y, step.shape, kept))
        return Result(change, tuple(axes), tuple(spans), alone.fixed)

    def _gather(self, step: Step) -> "Result | None":
        numbers, indices = step["dimension_numbers"], step.sources[1]
        if numbers.operand_batching_dims:
            return None
        found = regular(
            indices,  # type: ignore[arg-type]
            numbers.start_index_map,
            numbers.collapsed_slice_dims,
            numbers.offset_dims,
            [span.size for span in self.spans],
            step.shape,
        )
        if found is None:
            return None
        bounds = [
            (one.first, one.first + one.step * (one.count - 1) + 1, one.step) for one in found
        ]
        cut = self._sliced(bounds)
        if cut is None:
            return None
        cut = cut._filled([axis for axis, one in enumerate(found) if one.axis is None])
        by_axis = {one.axis: axis for axis, one in enumerate(found) if one.axis is not None}
        order = [by_axis[axis] for axis in sorted(by_axis)]
        order += [axis for axis in range(len(found)) if axis not in order]
        axes: list[int | None] = [None] * len(step.shape)
        spans = [Taken(0, 1, size) for size in step.shape]
        for to, axis in by_axis.items():
            axes[to], spans[to] = cut.axes[axis], cut.spans[axis]
        kept = {to: order.index(axis) for to, axis in by_axis.items()}
        change = chain(cut.change, lambda y: _shaped(lax.transpose(y, order), step.shape, kept))
        return Result(change, tuple(axes), tuple(spans), cut.fixed)


def _sliced(y: Array, along: Sequence[slice]) -> Array:
    if all(one == slice(None) for one in along):
        return y
    bounds = [one.indices(size) for one, size in zip(along, y.shape, strict=True)]
    begin, end, step = zip(*bounds, strict=True)
    return lax.slice(y, begin, end, step)


def _shaped(y: Array, shape: Sequence[int], kept: Mapping[int, int]) -> Array:
    """A reshape to these sizes, except along axes that are kept."""
    sizes = (y.shape[kept[axis]] if axis in kept else size for axis, size in enumerate(shape))
    return lax.reshape(y, tuple(sizes))


_RULES: dict[Any, Callable[[Result, Step], Result | None]] = {
    p.pad_p: Result._pad,
    p.slice_p: Result._slice,
    p.rev_p: Result._rev,
    p.transpose_p: Result._transpose,
    p.convert_element_type_p: Result._convert,
    p.reshape_p: Result._reshape,
    p.squeeze_p: Result._reshape,
    p.gather_p: Result._gather,
}
