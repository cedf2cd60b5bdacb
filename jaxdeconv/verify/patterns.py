"""Which entries of a matrix may be non-zero, and how few probes recover them all.

Two inputs that share no output can be probed together. Along one axis that is a colouring of the
inputs; a pattern that is a product over axes is coloured axis by axis, so the number of probes does
not grow with the axes' sizes where the pattern repeats.

References: Curtis, Powell & Reid 1974, doi:10.1093/imamat/13.1.117.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from jaxdeconv.errors import ArgumentValueError

__all__ = ["Colouring", "Factor", "Pattern", "blocks", "window"]


@dataclasses.dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of the inputs of a factor: no two of one colour feed the same output.

    Attributes:
        colours: `(inputs,)`.
        sources: `(number of colours, outputs)`: the input of that colour which feeds the output,
            or -1.
    """

    colours: np.ndarray
    sources: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Factor:
    """Along one axis: outputs[k] may depend on inputs[k], and on nothing that is not listed.

    Attributes:
        inputs: `(pairs,)` positions on the axis of the domain.
        outputs: `(pairs,)` positions on the axis of the codomain.
        sizes: of the axis in the domain and in the codomain.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    sizes: tuple[int, int]

    def __post_init__(self) -> None:
        n, m = self.sizes
        pairs = np.asarray(self.inputs, np.int64), np.asarray(self.outputs, np.int64)
        for name, cells, size in zip(("inputs", "outputs"), pairs, self.sizes, strict=True):
            if cells.size and not 0 <= cells.min() <= cells.max() < size:
                raise ArgumentValueError(
                    f"Factor: {name} must be positions on an axis of their size",
                    "Pass positions from 0 on, and sizes=(inputs, outputs).",
                    **{name: cells, "sizes": self.sizes},
                )
        inputs, outputs = np.unravel_index(np.unique(pairs[0] * m + pairs[1]), (n, m))
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "outputs", outputs)

    @property
    def transpose(self) -> "Factor":
        """Of the transposed matrix."""
        return Factor(self.outputs, self.inputs, self.sizes[::-1])

    @functools.cached_property
    def colouring(self) -> Colouring:
        """As few colours as are found; no fewer than a row has entries."""
        colours = _colours(self)
        sources = np.full((int(colours.max(initial=0)) + 1, self.sizes[1]), -1)
        sources[colours[self.inputs], self.outputs] = self.inputs
        return Colouring(colours, sources)


def window(
    inputs: int, outputs: int, taps: int, *, stride: int = 1, dilation: int = 1, low: int = 0
) -> Factor:
    """Output o sees the inputs `stride*o + dilation*t - low`, t < taps, that exist.

    Args:
        inputs: size of the axis in the domain.
        outputs: size of the axis in the codomain.
        taps: how many inputs an output sees.
        stride: from output to output.
        dilation: from tap to tap.
        low: how far before the first input the first output begins.

    Example:
        >>> seen = window(4, 2, 3, stride=2, low=1)
        >>> list(zip(seen.outputs.tolist(), seen.inputs.tolist()))
        [(0, 0), (0, 1), (1, 1), (1, 2), (1, 3)]
    """
    output = np.repeat(np.arange(outputs), taps)
    tap = np.tile(np.arange(taps), outputs)
    cell = stride * output + dilation * tap - low
    inside = (cell >= 0) & (cell < inputs)
    return Factor(cell[inside], output[inside], (inputs, outputs))


def blocks(inputs: int, outputs: int, count: int = 1) -> Factor:
    """`count` dense blocks on the diagonal: groups of channels; 1 for a full matrix.

    Args:
        inputs: size of the axis in the domain, a multiple of `count`.
        outputs: size of the axis in the codomain, a multiple of `count`.
        count: number of blocks; `count=inputs=outputs` for an axis that is only passed on.

    Example:
        >>> blocks(2, 2, 2).inputs.tolist(), blocks(2, 2).inputs.tolist()
        ([0, 1], [0, 0, 1, 1])

    Raises:
        ValueError: sizes that are not multiples of `count`.
    """
    if count < 1 or inputs % count or outputs % count:
        raise ArgumentValueError(
            "blocks: inputs and outputs must be multiples of count",
            "Pass the number of equal blocks.",
            inputs=inputs,
            outputs=outputs,
            count=count,
        )
    wide, tall = inputs // count, outputs // count
    output = np.repeat(np.arange(outputs), wide)
    return Factor(
        output // max(1, tall) * wide + np.tile(np.arange(wide), outputs),
        output,
        (
            inputs,
            outputs,
        ),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Pattern:
    """A superset of the non-zero entries: the product of one factor per axis.

    The flattened domain is counted as an array with the factors' input sizes, the codomain as one
    with their output sizes; a single factor over all cells can describe any pattern.

    Attributes:
        factors: one per axis, in order.
    """

    factors: tuple[Factor, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """Cells of domain and codomain."""
        pairs = [factor.sizes for factor in self.factors]
        return math.prod(n for n, _ in pairs), math.prod(m for _, m in pairs)

    @property
    def transpose(self) -> "Pattern":
        """Of the transposed matrix."""
        return Pattern(tuple(factor.transpose for factor in self.factors))

    @property
    def count(self) -> int:
        """Probes that recover every entry."""
        return math.prod(len(factor.colouring.sources) for factor in self.factors)

    def probes(self, start: int, stop: int) -> np.ndarray:
        """Probes number `start` to `stop`: `(stop - start, cells of the domain)` of 0 and 1."""
        return np.stack([self._indicator(colour) for colour in self._colours(start, stop)])

    def spread(self, block: np.ndarray, probe: int) -> np.ndarray:
        """What each output would see of `block` if it saw one probe's inputs alone.

        Args:
            block: `(vectors, cells of the domain)`.
            probe: its number.

        Returns:
            `(vectors, cells of the codomain)`: the input of that probe which feeds the output, or
            zero where none does.
        """
        (colour,) = self._colours(probe, probe + 1)
        result = block.reshape(len(block), *(factor.sizes[0] for factor in self.factors))
        for axis, (factor, own) in enumerate(zip(self.factors, colour, strict=True), start=1):
            source = factor.colouring.sources[own]
            result = np.take(result, source, axis)  # -1 takes any cell, which is set to zero next
            if (source < 0).any():
                result[(slice(None),) * axis + (source < 0,)] = 0
        return result.reshape(len(block), -1)

    def sources(self, probe: int) -> np.ndarray:
        """`(cells of the codomain,)`: the input of a probe that feeds each output, or -1."""
        (colour,) = self._colours(probe, probe + 1)
        return self._source(colour)

    def number(self, cells: np.ndarray) -> np.ndarray:
        """Which probe holds the given cells of the domain."""
        index = np.unravel_index(cells, [factor.sizes[0] for factor in self.factors])
        number = np.zeros_like(cells)
        for factor, position in zip(self.factors, index, strict=True):
            colouring = factor.colouring
            number = number * len(colouring.sources) + colouring.colours[position]
        return number

    def _colours(self, start: int, stop: int) -> Iterator[tuple[int, ...]]:
        counts = [range(len(factor.colouring.sources)) for factor in self.factors]
        return itertools.islice(itertools.product(*counts), start, stop)

    def _indicator(self, colour: tuple[int, ...]) -> np.ndarray:
        result = np.ones(())
        for factor, own in zip(self.factors, colour, strict=True):
            result = np.multiply.outer(result, factor.colouring.colours == own)
        return result.ravel()

    def _source(self, colour: tuple[int, ...]) -> np.ndarray:
        result, valid = np.zeros((), np.int64), np.ones((), bool)
        for factor, own in zip(self.factors, colour, strict=True):
            source = factor.colouring.sources[own]
            result = np.add.outer(result * factor.sizes[0], source)
            valid = np.logical_and.outer(valid, source >= 0)
        return np.where(valid, result, -1).ravel()


def _colours(factor: Factor) -> np.ndarray:
    """Periodic colours where the pattern repeats; cells that clash are recoloured one by one."""
    cells = np.arange(factor.sizes[0])
    rows = np.bincount(factor.outputs, minlength=1)
    least = max(1, int(rows.max(initial=0)))
    if least == len(cells):
        return cells
    best, clashes = cells * 0, None
    for count in range(least, least + 3):
        for gap in _gaps(factor):
            colours = cells // gap % count
            clashing = _clashing(factor, colours)
            if not clashing.size:
                return colours
            if clashes is None or clashing.size < clashes.size:
                best, clashes = colours, clashing
    return best if clashes is None else _repaired(factor, best, clashes)


def _gaps(factor: Factor) -> list[int]:
    """Spacings that occur between the inputs of one output; 1 among them."""
    order = np.lexsort((factor.inputs, factor.outputs))
    inputs, outputs = factor.inputs[order], factor.outputs[order]
    gaps = np.diff(inputs)[np.diff(outputs) == 0]
    values, counts = np.unique(gaps, return_counts=True)
    frequent = values[np.argsort(-counts)][:8]
    return list(dict.fromkeys([1, *map(int, frequent[frequent > 0])]))


def _clashing(factor: Factor, colours: np.ndarray) -> np.ndarray:
    """Inputs that share an output with an earlier one of their colour."""
    keys = factor.outputs * (int(colours.max(initial=0)) + 1) + colours[factor.inputs]
    _, first = np.unique(keys, return_index=True)
    later = np.ones(len(keys), bool)
    later[first] = False
    return np.unique(factor.inputs[later])


def _repaired(factor: Factor, colours: np.ndarray, clashes: np.ndarray) -> np.ndarray:
    """Give each clashing input the first colour that no input beside it has."""
    colours = colours.copy()
    colours[clashes] = -1
    by_input, by_output = np.argsort(factor.inputs), np.argsort(factor.outputs)
    ins, outs = factor.inputs[by_input], factor.outputs[by_output]
    for cell in clashes:
        own = factor.outputs[by_input[slice(*np.searchsorted(ins, (cell, cell + 1)))]]
        beside = [
            factor.inputs[by_output[slice(*np.searchsorted(outs, (row, row + 1)))]] for row in own
        ]
        taken = set(colours[np.concatenate(beside)].tolist())
        colours[cell] = next(colour for colour in itertools.count() if colour not in taken)
    return colours
