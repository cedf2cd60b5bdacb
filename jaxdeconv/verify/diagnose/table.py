"""The hypotheses, by how much of the matrix they must see."""

from collections.abc import Callable, Iterator

from jaxdeconv.verify.diagnose import kernels, losses, moves, values
from jaxdeconv.verify.diagnose.causes import Guess
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair

__all__ = ["ALL_VALUES", "IN_COLUMNS", "PER_BLOCK", "Hypothesis"]

Hypothesis = Callable[[LeafPair], Iterator[Guess]]

ALL_VALUES: tuple[Hypothesis, ...] = (
    values.constants,
    values.single_entry,
    values.factors,
    values.conjugates,
    values.roundings,
    values.inverse,
)
"""For the matrix as a whole, the likeliest first; any part of it will do."""

IN_COLUMNS: tuple[Hypothesis, ...] = (
    losses.slabs,
    losses.kept_box,
    losses.boxes,
    losses.halos,
    moves.circulant_flips,
    moves.column_flips,
    moves.permutations,
    moves.shifts,
    moves.swaps,
)
"""For whole columns."""

PER_BLOCK: tuple[Hypothesis, ...] = (
    kernels.borders,
    kernels.flips,
    kernels.paddings,
    moves.exchanges,
    moves.reversals,
    moves.phases,
    *IN_COLUMNS,
    kernels.wrong_tap,
    kernels.transposed_kernels,
    kernels.spacings,
)
"""For one leaf of the domain against one of the codomain, the likeliest first."""
