"""No blind spot in scale: each leaf, and each group of cells of one scale, against each other.

A bound on the rounding of a whole inner product is as large as the largest entries make it, and
hides what is small beside them: the density beside the velocity, the bias beside the weights. So
cells are grouped by leaf, and by the size of their rows or columns; probes that live on one group
of inputs are tested with those that live on one group of outputs, under a bound of their own.
"""

import dataclasses
import math

import numpy as np

from jaxdeconv.verify.pair import Pair, Sample
from jaxdeconv.verify.place import deltas
from jaxdeconv.verify.precision import Measurement, measure
from jaxdeconv.verify.spaces import Space

__all__ = ["BlockMeasurement", "block_measurements"]

OCTAVES = 8
"""Cells whose rows differ by less than this power of two are of one scale."""

MOST = 8
"""The most groups of each side; the smallest scales are taken together."""


@dataclasses.dataclass(frozen=True)
class BlockMeasurement:
    """Of the entries between a group of inputs and a group of outputs.

    Attributes:
        found: of the defects.
        scale: a lower bound on the largest entry.
        where: a cell of the outputs and a cell of the inputs, in words.
    """

    found: Measurement
    scale: float
    where: str


def block_measurements(sample: Sample) -> list[BlockMeasurement]:
    """All groups against each other; nothing where there is one group of each side alone.

    Cost: as many applications as the sample took for each group, and one more for each block.
    """
    pair = sample.pair
    inputs = _groups(pair.forward.domain, sample.x)
    outputs = _groups(pair.forward.codomain, sample.y)
    if len(inputs) == len(outputs) == 1:
        return []
    v_parts = [np.where(group, sample.v, 0) for group in inputs]
    u_parts = [np.where(group, sample.u, 0) for group in outputs]
    ys = [pair.forward(part) for part in v_parts]
    xs = [pair.backward(part) for part in u_parts]
    found = []
    for group, v, y in zip(inputs, v_parts, ys, strict=True):
        for other, u, x in zip(outputs, u_parts, xs, strict=True):
            if y[:, other].any() or x[:, group].any():
                part = Sample(pair, u, v, y, x)
                found.append(_measured(pair, part, group, other))
    return found


def _measured(pair: Pair, part: Sample, group: np.ndarray, other: np.ndarray) -> BlockMeasurement:
    weights = np.where(group, np.abs(part.x).max(axis=0), -1)
    column = pair.forward(deltas(pair.forward, np.array([int(np.argmax(weights))])))[0]
    scale = float(np.abs(column[other]).max(initial=0))
    output, entry = int(np.flatnonzero(other)[0]), int(np.flatnonzero(group)[0])
    spaces = pair.forward.codomain, pair.forward.domain
    where = f"outputs like {spaces[0].where(output)}, inputs like {spaces[1].where(entry)}"
    return BlockMeasurement(measure(part), scale, where)


def _groups(space: Space, results: np.ndarray) -> list[np.ndarray]:
    """Masks of the cells, by leaf and by the size of what a map gives there."""
    sizes = np.abs(results).max(axis=0, initial=0)
    largest = float(sizes.max(initial=0)) or 1.0
    with np.errstate(divide="ignore"):
        octave = np.floor(np.log2(sizes / largest) / OCTAVES)
    octave = np.where(np.isfinite(octave), octave, -math.inf)
    leaf = np.repeat(np.arange(len(space.words)), space.words)
    keys = sorted({*zip(leaf.tolist(), octave.tolist(), strict=True)}, key=lambda key: -key[1])
    kept, rest = keys[: MOST - 1], keys[MOST - 1 :]
    masks = [(leaf == a) & (octave == b) for a, b in kept]
    if rest:
        masks.append(np.any([(leaf == a) & (octave == b) for a, b in rest], axis=0))
    return masks
