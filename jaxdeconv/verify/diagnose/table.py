"""The hypotheses, each with how much of the matrix it must see."""

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
"""What is asked of the matrix as a whole, likeliest first; any window will do."""

IN_COLUMNS: tuple[Hypothesis, ...] = (
    losses.slabs,
    losses.kept_box,
    losses.boxes,
    losses.halos,
    moves.column_flips,
    moves.permutations,
    moves.shifts,
    moves.swaps,
)
"""What whole columns suffice for."""

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
"""What is asked of one leaf of the domain against one of the codomain, likeliest first."""
