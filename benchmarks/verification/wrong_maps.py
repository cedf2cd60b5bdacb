"""Makers of faults of any map between arrays or pytrees: done to At's argument or its result."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.verification.pair import Map, Pair, cells, matrix

Fault = Callable[[Pair], Map | None]

_MOST_INVERTED = 2**8  # cells of either side


def _axis(pair: Pair, which: int, side: Any) -> int | None:
    """The first (0) or last (-1) axis to shift or cut: a spatial one, if there are channels."""
    axes = pair.conv.spatial if pair.conv else tuple(range(len(side.shape)))
    return axes[which] if axes and side.shape[axes[which]] > 1 else None


def result(change: Callable[[Array, int], Array], which: int = 0) -> Fault:
    """change(At u, axis)."""

    def make(pair: Pair) -> Map | None:
        if not pair.arrays:
            return None
        axis = _axis(pair, which, pair.domain)
        return None if axis is None else lambda u: change(pair.At(u), axis)

    return make


def argument(change: Callable[[Array, int], Array], which: int = 0) -> Fault:
    """At(change(u, axis))."""

    def make(pair: Pair) -> Map | None:
        if not pair.arrays:
            return None
        axis = _axis(pair, which, pair.codomain)
        return None if axis is None else lambda u: pair.At(change(u, axis))

    return make


def everywhere(change: Callable[[Array], Array]) -> Fault:
    """Change of each leaf of At u."""
    return lambda pair: lambda u: jax.tree.map(change, pair.At(u))


def shift(x: Array, axis: int, by: int) -> Array:
    """Moved along an axis, zeros coming in."""
    n = x.shape[axis]
    index = jnp.arange(n).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    inside = (index >= by) & (index < n + by)
    return jnp.where(inside, jnp.roll(x, by, axis), jnp.zeros((), x.dtype))


def keep(x: Array, axis: int, low: int, high: int) -> Array:
    """Zero outside of [low, high) along an axis; a negative end counts from the end."""
    n = x.shape[axis]
    mask = np.zeros(n, bool)
    mask[low : high if high else n] = True
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    return jnp.where(mask.reshape(shape), x, jnp.zeros((), x.dtype))


def diagonal(pair: Pair) -> Map | None:
    """Shifted by one along both of two axes."""
    if not pair.arrays or not pair.conv or len(pair.conv.spatial) < 2:
        return None
    a, b = pair.conv.spatial[:2]
    return lambda u: shift(shift(pair.At(u), a, 1), b, 1)


def frame(pair: Pair) -> Map | None:
    """The outermost cells of all spatial axes are zero."""
    if not pair.arrays or not pair.conv:
        return None

    def wrong(u: Array) -> Array:
        return functools.reduce(lambda v, axis: keep(v, axis, 1, -1), pair.conv.spatial, pair.At(u))

    return wrong


def corner(pair: Pair) -> Map | None:
    """The first cell of all spatial axes is zero."""
    if not pair.arrays or not pair.domain.shape:
        return None
    first = (0,) * len(pair.domain.shape)
    corner = first if not pair.conv else (slice(None), *first[1:-1], slice(None))
    return lambda u: pair.At(u).at[corner].set(0)


def _half_doubled(x: Array, axis: int) -> Array:
    return x + keep(x, axis, 0, x.shape[axis] // 2)


def overlap_doubled(x: Array, axis: int) -> Array:
    """The cells on either side of the middle, twice."""
    middle = x.shape[axis] // 2
    return x + keep(x, axis, middle - 1, middle + 1)


def row_doubled(x: Array, axis: int) -> Array:
    """The second slice, twice."""
    return x + keep(x, axis, 1, 2)


def _halves(pair: Pair) -> tuple[int, int, int] | None:
    """The axis to share between two devices, and the size of a share on either side."""
    if not pair.arrays:
        return None
    axis = _axis(pair, 0, pair.domain)
    if axis is None or axis >= len(pair.codomain.shape):
        return None
    n, m = pair.domain.shape[axis], pair.codomain.shape[axis]
    return None if n % 2 or m % 2 or not m else (axis, n // 2, m // 2)


def halo_cropped(pair: Pair) -> Map | None:
    """Two devices, each keeping only what falls into its own half."""
    shares = _halves(pair)
    if shares is None:
        return None
    axis, n, m = shares

    def wrong(u: Array) -> Array:
        first, second = pair.At(keep(u, axis, 0, m)), pair.At(keep(u, axis, m, 2 * m))
        return keep(first, axis, 0, n) + keep(second, axis, n, 2 * n)

    return wrong


def one_share(side: str, doubled: bool = False) -> Fault:
    """Only the first half of the result, or of the argument, takes part; or it does so twice."""

    def make(pair: Pair) -> Map | None:
        shares = _halves(pair)
        if shares is None:
            return None
        axis, n, m = shares
        if doubled:
            return lambda u: _half_doubled(pair.At(u), axis)
        if side == "result":
            return lambda u: keep(pair.At(u), axis, 0, n)
        return lambda u: pair.At(keep(u, axis, 0, m))

    return make


def rounded(dtype: Any, source: Any) -> Fault:
    """The result goes through a smaller dtype."""

    def make(pair: Pair) -> Map | None:
        if {leaf.dtype for leaf in jax.tree.leaves(pair.domain)} != {jnp.dtype(source)}:
            return None
        return everywhere(lambda v: v.astype(dtype).astype(v.dtype))(pair)

    return make


def complex_only(change: Callable[[Map], Map]) -> Fault:
    """A fault of complex maps."""

    def make(pair: Pair) -> Map | None:
        leaves = jax.tree.leaves(pair.domain)
        if not all(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in leaves):
            return None
        return change(pair.At)

    return make


def axes_swapped(side: str) -> Fault:
    """Two axes of equal size exchanged."""

    def make(pair: Pair) -> Map | None:
        array = pair.domain if side == "result" else pair.codomain
        if not pair.arrays or not pair.conv or len(pair.conv.spatial) < 2:
            return None
        a, b = pair.conv.spatial[:2]
        if array.shape[a] != array.shape[b]:
            return None
        if side == "result":
            return lambda u: jnp.swapaxes(pair.At(u), a, b)
        return lambda u: pair.At(jnp.swapaxes(u, a, b))

    return make


def entry(weight: float, extra: float) -> Fault:
    """One entry (the first of the middle column's largest): times weight, plus extra."""

    def make(pair: Pair) -> Map | None:
        if not pair.arrays or not cells(pair.domain) or not cells(pair.codomain):
            return None
        y = cells(pair.codomain) // 2
        unit = jnp.zeros(pair.codomain.shape, pair.codomain.dtype).ravel().at[y].set(1)
        column = np.asarray(pair.At(unit.reshape(pair.codomain.shape))).ravel()
        x = int(np.argmax(np.abs(column)))
        change = jnp.asarray(column[x] * (weight - 1) + extra).astype(pair.domain.dtype)

        def wrong(u: Array) -> Array:
            v = pair.At(u)
            moved = (change * u.ravel()[y].astype(change.dtype)).astype(v.dtype)
            return v.ravel().at[x].add(moved).reshape(v.shape)

        return wrong

    return make


def inverse(pair: Pair) -> Map | None:
    """The pseudo-inverse of A, as a matrix."""
    sizes = cells(pair.domain), cells(pair.codomain)
    if not pair.arrays or not 0 < max(sizes) <= _MOST_INVERTED:
        return None
    if not jnp.issubdtype(pair.domain.dtype, jnp.inexact):
        return None
    found = np.linalg.pinv(matrix(pair.A, pair.domain), rcond=1e-6).astype(pair.domain.dtype)
    return lambda u: jnp.matmul(found, u.ravel(), precision="highest").reshape(pair.domain.shape)


def _same_spaces(pair: Pair) -> bool:
    return jax.tree.structure(pair.domain) == jax.tree.structure(pair.codomain) and all(
        (a.shape, a.dtype) == (b.shape, b.dtype)
        for a, b in zip(jax.tree.leaves(pair.domain), jax.tree.leaves(pair.codomain), strict=True)
    )


def identity(pair: Pair) -> Map | None:
    """At u = u."""
    return (lambda u: u) if _same_spaces(pair) else None


def forward(pair: Pair) -> Map | None:
    """At = A."""
    return pair.A if _same_spaces(pair) else None


def leaf_zero(pair: Pair) -> Map | None:
    """The last leaf of the result is zero."""
    if len(jax.tree.leaves(pair.domain)) < 2:
        return None

    def wrong(u: Any) -> Any:
        leaves, tree = jax.tree.flatten(pair.At(u))
        return tree.unflatten([*leaves[:-1], jnp.zeros_like(leaves[-1])])

    return wrong


def leaves_exchanged(pair: Pair) -> Map | None:
    """The first and the last leaf of the result are exchanged."""
    shapes = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(pair.domain)]
    if len(shapes) < 2 or shapes[0] != shapes[-1]:
        return None

    def wrong(u: Any) -> Any:
        leaves, tree = jax.tree.flatten(pair.At(u))
        return tree.unflatten([leaves[-1], *leaves[1:-1], leaves[0]])

    return wrong


def conjugated(at: Map) -> Map:
    """Conj At conj."""
    return lambda u: jax.tree.map(jnp.conj, at(jax.tree.map(jnp.conj, u)))


def real_part(at: Map) -> Map:
    """Without imaginary parts."""
    return lambda u: jax.tree.map(lambda v: jnp.real(v).astype(v.dtype), at(u))


def half(v: Array) -> Array:
    """Half the result; whole numbers rounded down."""
    return v // 2 if jnp.issubdtype(v.dtype, jnp.integer) else v * jnp.asarray(0.5, v.dtype)
