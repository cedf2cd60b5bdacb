"""An excerpt as one convolution: inserted zeros are dilation, entries left out are stride.

A convolution joins the indices of its three arrays by a*i + low = d*t + s*y (see `axes`). If only
the entries first + step*k of each array matter (those that are not zero, those that are used), the
same equation holds between the three k, with factors a, d and s times the steps and another
padding: a smaller convolution. Equations that cannot be merged in this way are computed as the
program has them.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from jax import Array

from jaxdeconv.acceleration.after import Result
from jaxdeconv.acceleration.axes import LHS, RHS
from jaxdeconv.acceleration.before import Change, Operand
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.excerpt import Excerpt, Step
from jaxdeconv.acceleration.spans import Taken

__all__ = ["Merged", "merge"]


@dataclasses.dataclass(frozen=True)
class Merged:
    """A convolution, and what is left to do before and after it.

    Attributes:
        convolution: of the cores of the operands, for the entries of the result that are used.
        before: computes the cores from the excerpt's arrays.
        after: computes the excerpt's result from the convolution's.
    """

    convolution: Convolution
    before: tuple[Change, Change]
    after: Change

    def operands(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The operands of the convolution."""
        return self.before[LHS](x), self.before[RHS](y)


@functools.lru_cache(maxsize=4096)
def merge(excerpt: Excerpt) -> Merged:
    """One convolution in place of an excerpt."""
    known = {which: Operand.plain(shape) for which, shape in enumerate(excerpt.shapes)}
    for at, step in enumerate(excerpt.steps[: excerpt.place]):
        (source,) = step.arrays
        known[at + 2] = known[source].then(step)
    stock = excerpt.steps[excerpt.place]
    numbers = stock["dimension_numbers"]
    lhs, rhs = (
        known[source].filled(spec[:2])  # only spatial zeros can become dilation
        for source, spec in zip(stock.arrays, (numbers.lhs_spec, numbers.rhs_spec), strict=True)
    )
    result = Result.plain(stock.shape, numbers.out_spec[2:])
    for step in excerpt.steps[excerpt.place + 1 :]:
        result = result.then(step)
    convolution = _convolution(excerpt, stock, lhs, rhs, result.spatial)
    return Merged(convolution, (lhs.core, rhs.core), result.whole())


def _convolution(
    excerpt: Excerpt, stock: Step, lhs: Operand, rhs: Operand, taken: Mapping[int, Taken]
) -> Convolution:
    """The smaller convolution."""
    numbers, shape = stock["dimension_numbers"], list(stock.shape)
    changed: dict[str, list[Any]] = {name: [] for name in _SPATIAL}
    backwards: tuple[list[int], ...] = ([], [], [])
    places = zip(numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], strict=True)
    for dim, (i, t, y) in enumerate(places):
        given = [stock[name][dim] for name in _SPATIAL]
        values, flipped = _dimension(given, lhs.spans[i], rhs.spans[t], taken[dim])
        for name, value in zip(_SPATIAL, values, strict=True):
            changed[name].append(value)
        for array, flip in zip(backwards, flipped, strict=True):
            array.extend([dim] * flip)
        shape[y] = taken[dim].count
    dtypes = [_dtype(excerpt, source) for source in stock.arrays]
    params = dict(stock.params) | {name: tuple(values) for name, values in changed.items()}
    return Convolution(
        (lhs.shape, rhs.shape, tuple(shape)),
        (*dtypes, stock.dtype),
        tuple(sorted(params.items())),
        backwards=tuple(map(tuple, backwards)),
    )


_SPATIAL = ("lhs_dilation", "rhs_dilation", "window_strides", "padding")


def _dimension(given: list[Any], v: Any, w: Any, u: Taken) -> tuple[list[Any], list[bool]]:
    """The parameters along one dimension, and which of the three arrays are taken backwards."""
    a, d, s, (low, _) = given
    if v.is_whole and w.is_whole and u == Taken(0, 1, u.count):
        return given, [False] * 3
    # A result that is read backwards is computed forwards, and reversed afterwards.
    reverse = u.step < 0
    first, step = (u.first + u.step * (u.count - 1), -u.step) if reverse else (u.first, u.step)
    # Substitute i = v.first + v.step*k, and so on, in a*i + low = d*t + s*y; gather what does not
    # depend on a k in `low`. `high` is what makes the convolution give u.count entries.
    low += a * v.first - d * w.first - s * first
    a, d, s = a * v.step, d * w.step, s * step
    high = d * (w.count - 1) + s * (u.count - 1) - a * (v.count - 1) - low
    return [a, d, s, (low, high)], [v.backwards, w.backwards, reverse]


def _dtype(excerpt: Excerpt, source: int) -> np.dtype:
    return excerpt.dtypes[source] if source < 2 else excerpt.steps[source - 2].dtype
