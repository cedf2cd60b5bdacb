"""The matrix of K entry by entry, from nothing but the index relation.

    C[y, x] = w[t]    where s*y + d*t - low = x    (the coordinate formula k(s*y - x))

K v is C v, K^T u is C^T u, and G is the sum of u[y] v[x] over the entries that hold w[t]. NumPy
and plain loops: it shares no code with the rest of the package, and works for any type of numbers,
including Python's integers (dtype object).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxdeconv.geometry import ConvGeometry


def index_relation(geometry: ConvGeometry) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All (y, t, x) with s*y + d*t - low = x and x inside v."""
    along = [
        _relation_along(n, k, s, low, high, d)
        for n, k, s, (low, high), d in zip(
            geometry.input_size,
            geometry.kernel_size,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    ]
    for triples in itertools.product(*along):
        y, t, x = zip(*triples, strict=True) if triples else ((), (), ())
        yield y, t, x


def _relation_along(
    n: int, k: int, s: int, low: int, high: int, d: int
) -> list[tuple[int, int, int]]:
    relation = []
    y = 0
    while s * y + d * (k - 1) < n + low + high:  # the last tap still lies in the padded input
        relation += [(y, t, s * y + d * t - low) for t in range(k) if 0 <= s * y + d * t - low < n]
        y += 1
    return relation


def matrix(w: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """C as a dense matrix, from flattened `[*input_size, in]` to flattened `[*output_size, out]`.

    Args:
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.

    Returns:
        `[prod(output_size) * out, prod(input_size) * in]`, in the dtype of `w`.

    Example:
        >>> matrix([[[1]], [[2]], [[3]]], ConvGeometry(5, 3, stride=2, padding=1))
        array([[2, 3, 0, 0, 0],
               [0, 1, 2, 3, 0],
               [0, 0, 0, 1, 2]])
    """
    w = np.asarray(w)
    blocks = _channel_blocks(w, geometry.groups)
    in_channels, out_channels = geometry.groups * w.shape[-2], w.shape[-1]
    c = np.zeros((*geometry.output_size, out_channels, *geometry.input_size, in_channels), w.dtype)
    for y, t, x in index_relation(geometry):
        for o, i in blocks:
            entry: Any = (*y, o, *x, i)
            c[entry] = w[_tap(t, o)].T
    rows = int(np.prod(geometry.output_size, dtype=int)) * out_channels
    columns = int(np.prod(geometry.input_size, dtype=int)) * in_channels
    return c.reshape(rows, columns)


def conv(v: ArrayLike, w: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """K v as C v, entry by entry.

    Args:
        v: `[batch, *input_size, in]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.
    """
    v, w = np.asarray(v), np.asarray(w)
    u = np.zeros((v.shape[0], *geometry.output_size, w.shape[-1]), w.dtype)
    for y, t, x in index_relation(geometry):
        for o, i in _channel_blocks(w, geometry.groups):
            u[_cells(y, o)] += v[_cells(x, i)] @ w[_tap(t, o)]
    return u


def transpose(u: ArrayLike, w: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """K^T u as C^T u, entry by entry.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.
    """
    u, w = np.asarray(u), np.asarray(w)
    in_channels = geometry.groups * w.shape[-2]
    v = np.zeros((u.shape[0], *geometry.input_size, in_channels), w.dtype)
    for y, t, x in index_relation(geometry):
        for o, i in _channel_blocks(w, geometry.groups):
            v[_cells(x, i)] += u[_cells(y, o)] @ w[_tap(t, o)].T
    return v


def kernel_gradient(u: ArrayLike, v: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """G(u, v), entry by entry.

    Args:
        u: `[batch, *output_size, out]`.
        v: `[batch, *input_size, in]`.
        geometry: of K.
    """
    u, v = np.asarray(u), np.asarray(v)
    w = np.zeros((*geometry.kernel_size, v.shape[-1] // geometry.groups, u.shape[-1]), u.dtype)
    for y, t, x in index_relation(geometry):
        for o, i in _channel_blocks(w, geometry.groups):
            w[_tap(t, o)] += v[_cells(x, i)].T @ u[_cells(y, o)]
    return w


def _cells(position: tuple[int, ...], channels: slice) -> Any:
    """Index of some channels at one position of a signal, for the whole batch."""
    return (slice(None), *position, channels)


def _tap(t: tuple[int, ...], out_channels: slice) -> Any:
    """Index of one tap of the kernel for some output channels: a matrix [in/groups, those]."""
    return (*t, slice(None), out_channels)


def _channel_blocks(w: NDArray, groups: int) -> list[tuple[slice, slice]]:
    """(output channels, input channels) of every group: contiguous blocks, matched in order."""
    i, o = w.shape[-2], w.shape[-1] // groups
    return [(slice(q * o, (q + 1) * o), slice(q * i, (q + 1) * i)) for q in range(groups)]
