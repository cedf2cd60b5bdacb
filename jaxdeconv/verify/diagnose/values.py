"""Faults that change values and move nothing: factors, conjugates, roundings; single entries."""

from collections.abc import Iterator
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from jaxdeconv.verify.diagnose.causes import Cause, Guess
from jaxdeconv.verify.diagnose.leaf_pair import LeafPair, is_count, simplest
from jaxdeconv.verify.diagnose.sparse import Sparse

__all__ = ["conjugates", "constants", "factors", "inverse", "roundings", "single_entry"]

_DTYPES = (jnp.float32, jnp.bfloat16, jnp.float16, np.int32, np.int16, np.int8)
_NEAR = 1e-3  # of the largest entry: the error of a solver in single precision
_PARTS = ("rows", "cols", "values")
_MOST_CELLS = 2**18  # of a matrix whose pseudo-inverse is computed


def constants(block: LeafPair) -> Iterator[Guess]:
    """At = 0 and At = I."""
    shape = block.expected.shape
    nothing = np.zeros(0, np.int64)
    yield Guess(
        Cause.ZERO,
        f"all {len(block.expected)} entries are zero",
        Sparse(nothing, nothing, np.zeros(0), shape),
    )
    if shape[0] == shape[1] and block.visible.everything:
        diagonal = np.arange(shape[0])
        identity = Sparse(diagonal, diagonal, np.ones(shape[0]), shape)
        yield Guess(Cause.IDENTITY, "it returns its argument", identity)


def single_entry(block: LeafPair) -> Iterator[Guess]:
    """One entry differs: missing, doubled or wrong."""
    wrong = block.wrong
    if len(wrong) != 1:
        return
    expected, got = block.expected.at(wrong)[0], block.got.at(wrong)[0]
    both = [block.expected, wrong]
    rows, cols, values = (np.concatenate([getattr(x, part) for x in both]) for part in _PARTS)
    changed = Sparse.collect(rows, cols, values, block.expected.shape)
    place = f"[{wrong.rows[0]}, {wrong.cols[0]}] (expected {expected:g}, got {got:g})"
    if got == 0:
        yield Guess(Cause.MISSING_ENTRY, f"only entry {place} is missing", changed, block.slack)
    elif got == 2 * expected:
        yield Guess(Cause.DUPLICATED, f"only entry {place} is counted twice", changed, block.slack)
    else:
        yield Guess(Cause.WRONG_ENTRY, f"only entry {place} is wrong", changed, block.slack)


def factors(block: LeafPair) -> Iterator[Guess]:
    """One factor on all entries, or one over the number of terms of each row or column."""
    entries = block.expected
    if not len(entries):
        return
    slack = block.slack
    largest = entries.where(np.arange(len(entries)) == np.argmax(np.abs(entries.values)))
    factor = simplest(block.got.at(largest)[0] / largest.values[0])
    if factor == 0:
        return
    shown = _show(factor)
    cause = Cause.SIGN if factor == -1 else Cause.SCALE
    scaled = entries.with_values(entries.values * factor)
    yield Guess(cause, f"every entry is {shown} times what it should be", scaled, slack)
    if is_count(factor):
        text = f"every entry is {shown} times what it should be, as if parts were summed wrongly"
        yield Guess(Cause.DEVICES, text, scaled, slack)
    for name, index in (("row", entries.rows), ("column", entries.cols)):
        _, place, terms = np.unique(index, return_inverse=True, return_counts=True)
        mean = entries.with_values(entries.values / terms[place])
        text = f"every {name} is divided by the number of its entries: a mean instead of a sum"
        yield Guess(Cause.SCALE, text, mean, slack)


def conjugates(block: LeafPair) -> Iterator[Guess]:
    """conj(A^H) for A^H."""
    values = block.expected.values
    if np.iscomplexobj(values):
        conjugated = block.expected.with_values(values.conj())
        text = "every entry is the conjugate of what it should be: transpose against adjoint"
        yield Guess(Cause.CONJUGATE, text, conjugated)


def roundings(block: LeafPair) -> Iterator[Guess]:
    """Entries gone through a smaller dtype, or without their imaginary parts."""
    values = block.expected.values
    if np.iscomplexobj(values):
        real = block.expected.with_values(values.real)
        yield Guess(Cause.LOST_DTYPE, "the imaginary parts of the entries are lost", real)
        return
    for dtype in _DTYPES:
        whole = (("to the nearest ", np.rint),) if np.dtype(dtype).kind == "i" else ()
        for how, cast in (("to ", np.asarray), *whole):
            with np.errstate(invalid="ignore", over="ignore"):
                rounded = cast(values).astype(dtype).astype(np.float64)
            text = f"the entries are rounded {how}{np.dtype(dtype)}"
            if np.isfinite(rounded).all():
                yield Guess(Cause.LOST_DTYPE, text, block.expected.with_values(rounded))


def inverse(block: LeafPair) -> Iterator[Guess]:
    """An inverse of A, which is the expected matrix transposed, and conjugated for the adjoint.

    The pseudo-inverse gives A back. Other inverses from one side do not: they are never certain.
    """
    shape = block.expected.shape
    if not block.visible.everything or shape[0] * shape[1] > _MOST_CELLS:
        return
    dense = block.expected.dense()
    got = block.got.dense()
    forward = dense.conj().T if block.conjugate else dense.T
    found = np.linalg.pinv(forward, rcond=1e-6)
    near = _NEAR * np.abs(found).max(initial=0)
    if np.abs(found - dense).max(initial=0) <= 10 * near:
        return  # A is an isometry: its inverse is right
    if np.abs(got - found).max(initial=0) <= near:
        repairs = _is_near(np.linalg.pinv(got, rcond=1e-6), forward)
        text = "it is the pseudo-inverse of the forward map"
        yield Guess(Cause.INVERSE, text, block.got, repairs=repairs)
    elif _is_near(_product(got, forward), np.eye(shape[0])):
        text = "it undoes the forward map: At A v = v"
        yield Guess(Cause.INVERSE, text, block.got, repairs=False)
    elif _is_near(_product(forward, got), np.eye(shape[1])):
        text = "the forward map undoes it: A At u = u"
        yield Guess(Cause.INVERSE, text, block.got, repairs=False)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return left @ right


def _is_near(matrix: np.ndarray, other: np.ndarray) -> bool:
    off, largest = (np.abs(part).max(initial=0) for part in (matrix - other, other))
    return bool(off <= _NEAR * largest)


def _show(factor: complex) -> str:
    """As a fraction where it is a simple one."""
    if np.imag(factor):
        return f"({factor:.6g})"
    value = float(np.real(factor))
    simple = Fraction(value).limit_denominator(99) if np.isfinite(value) else Fraction(0)
    return str(simple) if simple and abs(simple - value) < 1e-6 * abs(value) else f"{value:.7g}"
