"""The judgement: every hypothesis predicts the entries of At; those that get all right are named.

A hypothesis that predicts every wrong entry is strong evidence, since all values must be equal. But
on a small operator two faults can look the same, and a single wrong entry fits many hypotheses. So
a cause is *certain* only if the whole matrix is known, undoing the fault gives the entries expected
back, no other cause reproduces the entries found, and several of them differ.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.verify.diagnose.causes import Cause, Diagnosis, Guess, Suspect
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair, Shape, Visible
from jaxdeconv.verify.diagnose.sparse import Sparse
from jaxdeconv.verify.diagnose.table import ALL_VALUES, IN_COLUMNS, PER_BLOCK, Hypothesis
from jaxdeconv.verify.matrices import Entries

__all__ = ["diagnose"]

_ENOUGH = 6  # wrong entries that rule out coincidence
_FACTS = (
    Cause.MISSING_ENTRY,
    Cause.DUPLICATED,
    Cause.WRONG_ENTRY,
)  # certain for any number of entries


@reporting
def diagnose(
    expected: Entries,
    got: Entries,
    domain: Any,
    codomain: Any,
    *,
    rows: np.ndarray | None = None,
    cols: np.ndarray | None = None,
    tolerance: float = 0.0,
    conjugate: bool = True,
) -> Diagnosis:
    """Name the fault that turns the expected entries of At into those found.

    Args:
        expected: entries of A^T, or A^H: what At should be.
        got: entries found by applying At.
        domain: what A takes: pytree of arrays or shapes with dtype; its cells are the rows.
        codomain: what A gives; its cells are the columns.
        rows: indices of the rows that are known completely, where not all entries are known.
        cols: the same for columns; with neither, everything is known.
        tolerance: differences of entries up to this are rounding noise.
        conjugate: whether A^H is expected, and not A^T.

    Returns:
        The cause that reproduces `got`; `certain` only if the whole matrix is known, nothing else
        on the list reproduces it, and enough entries differ. Cause None where nothing fits.

    Raises:
        ValueError: shapes of the matrices that do not fit each other, domain or codomain.

    Cost: about a hundred passes over the entries, each a sort at most; NumPy alone.

    Example:
        >>> import numpy as np
        >>> from jax import ShapeDtypeStruct
        >>> n = np.arange(8)
        >>> expected = Entries(n, n, 2 + n, (8, 8))
        >>> got = Entries(n, n, -2 - n, (8, 8))
        >>> v = ShapeDtypeStruct((8,), np.float32)
        >>> print(diagnose(expected, got, v, v))
        cause: wrong sign (every entry is -1 times what it should be)
    """
    leaves, coleaves = jax.tree.leaves(domain), jax.tree.leaves(codomain)
    shapes, coshapes = [_shape(leaf) for leaf in leaves], [_shape(leaf) for leaf in coleaves]
    _check(expected, got, (_cells(shapes), _cells(coshapes)))
    everything = rows is None and cols is None
    whole = LeafPair(
        _known(expected, rows, cols),
        _known(got, rows, cols),
        (expected.shape[0],),
        (expected.shape[1],),
        Visible(columns=everything or (rows is None and cols is not None), everything=everything),
        conjugate,
        tolerance,
        max((_rounding(leaf.dtype) for leaf in (*leaves, *coleaves)), default=0.0),
    )
    if not len(whole.wrong):
        return Diagnosis(None, False, f"all {len(whole.expected)} expected entries agree")
    return _judge(whole, shapes, coshapes)


def _judge(whole: LeafPair, shapes: list[Shape], coshapes: list[Shape]) -> Diagnosis:
    """Try all hypotheses; where none fits, try again far from the borders."""
    blocks = list(_blocks(whole, shapes, coshapes))
    suspects = _matching(whole, ALL_VALUES)
    suspects |= _leaves(whole, shapes)
    in_blocks = _in_every(blocks, _hypotheses(whole))
    suspects |= {cause: guess for cause, guess in in_blocks.items() if cause not in suspects}
    suffix = ""
    if not suspects and whole.visible.columns:
        suspects = _in_every([_interior(block) for block in blocks], IN_COLUMNS)
        suspects = suspects or _in_every([_borderless(block) for block in blocks], PER_BLOCK)
        suffix = " (far from the border; nothing fits everywhere)"
    if not suspects:
        return Diagnosis(None, False, _extent(whole))
    first, *others = suspects.values()
    enough = len(whole.wrong) >= _ENOUGH or first.cause in _FACTS
    certain = whole.visible.everything and first.repairs and not others and enough and not suffix
    extent = "" if certain else f"; {_extent(whole)}"
    alternatives = tuple(Suspect(other.cause, other.text) for other in others)
    return Diagnosis(first.cause, certain, first.text + suffix + extent, alternatives)


def _hypotheses(whole: LeafPair) -> tuple[Hypothesis, ...]:
    if whole.visible.everything:
        return PER_BLOCK
    return IN_COLUMNS if whole.visible.columns else ()


def _matching(block: LeafPair, hypotheses: Iterable[Hypothesis]) -> dict[Cause, Guess]:
    """The causes whose predictions are the entries found, each with its first guess."""
    found: dict[Cause, Guess] = {}
    for hypothesis in hypotheses:
        for guess in hypothesis(block):
            if guess.cause not in found and _reproduces(block, guess):
                found[guess.cause] = guess
    return found


def _reproduces(block: LeafPair, guess: Guess) -> bool:
    return guess.predicted.agrees(block.got, block.noise, guess.slack)


def _in_every(blocks: list[LeafPair], hypotheses: Iterable[Hypothesis]) -> dict[Cause, Guess]:
    """The causes that fit every pair of leaves in which entries differ."""
    differing = [block for block in blocks if len(block.wrong)]
    if not differing or not hypotheses:
        return {}
    first, *rest = (_matching(block, hypotheses) for block in differing)
    where = f", in {len(differing)} pairs of leaves" if rest else ""
    return {
        cause: dataclasses.replace(
            guess,
            text=guess.text + where,
            repairs=guess.repairs and all(other[cause].repairs for other in rest),
        )
        for cause, guess in first.items()
        if all(cause in other for other in rest)
    }


def _leaves(whole: LeafPair, shapes: list[Shape]) -> dict[Cause, Guess]:
    """One leaf of the result is zero, or two of one shape are exchanged."""
    if len(shapes) < 2:
        return {}
    ends = np.cumsum([0, *map(_size, shapes)])
    entries = whole.expected
    leaf = np.searchsorted(ends, entries.rows, side="right") - 1

    def guesses() -> Iterator[Guess]:
        for i, shape in enumerate(shapes):
            text = f"leaf {i} of the result is zero"
            yield Guess(Cause.MISSING_LEAF, text, entries.where(leaf != i))
            for j in range(i):
                if shapes[j] == shape:
                    offset = int(ends[i] - ends[j])
                    rows = entries.rows + offset * (leaf == j) - offset * (leaf == i)
                    swapped = Sparse.collect(rows, entries.cols, entries.values, entries.shape)
                    text = f"leaves {j} and {i} of the result are exchanged"
                    yield Guess(Cause.MISSING_LEAF, text, swapped)

    return _matching(whole, [lambda _: guesses()])


def _blocks(whole: LeafPair, shapes: list[Shape], coshapes: list[Shape]) -> Iterator[LeafPair]:
    """Each leaf of the domain against each of the codomain."""
    row_ends = np.cumsum([0, *map(_size, shapes)])
    col_ends = np.cumsum([0, *map(_size, coshapes)])
    for i, shape in enumerate(shapes):
        for j, coshape in enumerate(coshapes):
            part = _part(row_ends[i], row_ends[i + 1], col_ends[j], col_ends[j + 1])
            yield dataclasses.replace(
                whole,
                expected=part(whole.expected),
                got=part(whole.got),
                domain=shape,
                codomain=coshape,
            )


def _part(top: int, bottom: int, left: int, right: int) -> Callable[[Sparse], Sparse]:
    """Cut out a submatrix."""

    def cut(entries: Sparse) -> Sparse:
        inside = (entries.rows >= top) & (entries.rows < bottom)
        inside &= (entries.cols >= left) & (entries.cols < right)
        chosen = entries.where(inside)
        return Sparse(
            chosen.rows - top, chosen.cols - left, chosen.values, (bottom - top, right - left)
        )

    return cut


def _interior(block: LeafPair) -> LeafPair:
    """The columns in the middle with the most entries: those that no border cuts."""
    counts = np.bincount(block.expected.cols, minlength=block.expected.shape[1])
    full = np.flatnonzero((counts == counts.max(initial=0)) & (counts > 0))
    central = np.ones(len(full), bool)
    for index, n in zip(np.unravel_index(full, block.codomain), block.codomain, strict=True):
        central &= (n < 4) | ((index >= n // 4) & (index < n - n // 4))
    return block.columns(full[central])


def _borderless(block: LeafPair) -> LeafPair:
    """The kernels of both, as they would be under zero padding."""
    if block.stencil is None or block.found is None or block.stencil.exact:
        return block
    return dataclasses.replace(block, expected=block.stencil.render(), got=block.found.render())


def _known(entries: Entries, rows: np.ndarray | None, cols: np.ndarray | None) -> Sparse:
    """The entries within the rows and columns known, as floats."""
    values = np.asarray(entries.values)
    if values.dtype == object or not np.issubdtype(values.dtype, np.complexfloating):
        values = values.astype(np.float64)
    whole = Sparse.collect(
        np.asarray(entries.rows, np.int64),
        np.asarray(entries.cols, np.int64),
        values,
        entries.shape,
    )
    if rows is None and cols is None:
        return whole
    known = np.zeros(len(whole), bool)
    for chosen, index in ((rows, whole.rows), (cols, whole.cols)):
        if chosen is not None:
            known |= np.isin(index, chosen)
    return whole.where(known)


def _extent(whole: LeafPair) -> str:
    """How many entries differ, and where."""
    wrong = whole.wrong
    rows, cols = (len(np.unique(index)) for index in (wrong.rows, wrong.cols))
    seen = "" if whole.visible.everything else " of those looked at"
    differ = "entry differs" if len(wrong) == 1 else "entries differ"
    where = f"{_count(rows, 'row')} and {_count(cols, 'column')}{seen}"
    return f"{len(wrong)} {differ}, in {where}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _check(expected: Entries, got: Entries, cells: tuple[int, int]) -> None:
    for name, entries in (("expected", expected), ("got", got)):
        if tuple(entries.shape) != cells:
            raise ArgumentValueError(
                f"{name} must have a row per cell of domain and a column per cell of codomain",
                f"Pass entries of shape {cells}.",
                **{f"{name}.shape": tuple(entries.shape), "cells": cells},
            )


def _shape(leaf: Any) -> Shape:
    return tuple(leaf.shape) or (1,)


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _cells(shapes: list[Shape]) -> int:
    return sum(map(_size, shapes))


def _rounding(dtype: Any) -> float:
    """One rounding error, 0 for integers."""
    return float(jnp.finfo(dtype).eps) if jnp.issubdtype(dtype, jnp.inexact) else 0.0
