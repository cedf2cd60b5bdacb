"""K and K^T by textbook loops, NumPy.

    for i in range(output height):
      for j in range(output width):
        start_row, start_col = i * s, j * s
        output[i, j] = sum(W * A[start_row : start_row + f, start_col : start_col + f])

The same in any number of dimensions, with A the padded input and, for dilation d, every d-th cell
of the window. The transpose has the same loops, which add W * output[i, j] to the window instead.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxdeconv.geometry import ConvGeometry


def conv(v: ArrayLike, w: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """K v, one output position and group at a time.

    Args:
        v: `[batch, *input_size, in]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.
    """
    v, w = np.asarray(v), np.asarray(w)
    padded = np.zeros((v.shape[0], *geometry.padded_size, v.shape[-1]), w.dtype)
    inner, outer = _overlap(geometry)
    padded[outer] = v[inner]
    u = np.zeros((v.shape[0], *geometry.output_size, w.shape[-1]), w.dtype)
    taps = geometry.ndim + 1  # the kernel's axes in a window, and its input channels
    for position, window in _windows(geometry):
        for i, o in _groups(w, geometry.groups):
            patch = padded[_cells(window, i)]
            u[_cells(position, o)] = np.tensordot(patch, w[..., o], taps)
    return u


def transpose(u: ArrayLike, w: ArrayLike, geometry: ConvGeometry) -> NDArray:
    """K^T u: the same loops, where each position adds the kernel times u to its window.

    Args:
        u: `[batch, *output_size, out]`.
        w: `[*kernel_size, in/groups, out]`.
        geometry: of K.
    """
    u, w = np.asarray(u), np.asarray(w)
    in_channels = w.shape[-2] * geometry.groups
    canvas = np.zeros((u.shape[0], *geometry.padded_size, in_channels), w.dtype)
    for position, window in _windows(geometry):
        for i, o in _groups(w, geometry.groups):
            values = u[_cells(position, o)]
            canvas[_cells(window, i)] += np.tensordot(values, w[..., o], (1, -1))
    inner, outer = _overlap(geometry)
    v = np.zeros((u.shape[0], *geometry.input_size, in_channels), w.dtype)
    v[inner] = canvas[outer]
    return v


def _overlap(geometry: ConvGeometry) -> tuple[Any, Any]:
    """The cells that v and the padded input share, as indices of either."""
    inner, outer = [slice(None)], [slice(None)]  # the batch
    for n, (low, high) in zip(geometry.input_size, geometry.padding, strict=True):
        begin, end = max(0, -low), n + min(0, high)
        inner.append(slice(begin, end))
        outer.append(slice(begin + low, end + low))
    return tuple(inner), tuple(outer)


def _windows(geometry: ConvGeometry) -> Iterator[tuple[tuple[int, ...], list[slice]]]:
    for position in itertools.product(*map(range, geometry.output_size)):
        window = [
            slice(y * s, y * s + length, d)
            for y, s, length, d in zip(
                position,
                geometry.stride,
                geometry.dilated_kernel_size,
                geometry.dilation,
                strict=True,
            )
        ]
        yield position, window


def _cells(place: Any, channels: slice) -> Any:
    """Index of some channels at one position or window of a signal, for the whole batch."""
    return (slice(None), *place, channels)


def _groups(w: NDArray, groups: int) -> list[tuple[slice, slice]]:
    """(input channels, output channels) of every group."""
    i, o = w.shape[-2], w.shape[-1] // groups
    return [(slice(q * i, (q + 1) * i), slice(q * o, (q + 1) * o)) for q in range(groups)]
