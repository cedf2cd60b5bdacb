"""Padding modes as linear maps with their transposes.

Padding P copies cells of v to a longer axis, so along one axis it is the 0-1 matrix

    (P v)[i] = v[source(i - low)]       (0 where 'zeros' has no source),

and its transpose *adds* every copy back to the cell that it came from:

    (P^T u)[x] = sum of u[i] over all i with source(i - low) = x.

For a reflected border that means folding it back onto the interior, never cropping it. With C the
convolution without padding, K = C P, so K^T = P^T C^T and the kernel gradient is G(u, P v).
Negative padding crops in every mode; its transpose puts zeros there.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import Pairs
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry

__all__ = ["MODES", "fold", "pad", "source_index", "split"]


def _circular(i: np.ndarray, n: int) -> np.ndarray:
    return i % n


def _replicate(i: np.ndarray, n: int) -> np.ndarray:
    return np.clip(i, 0, n - 1)


def _reflect(i: np.ndarray, n: int) -> np.ndarray:
    """Mirror at the centre of the border cells, which are not repeated: period 2n - 2."""
    i = i % max(1, 2 * n - 2)
    return np.minimum(i, 2 * n - 2 - i) if n > 1 else i


def _symmetric(i: np.ndarray, n: int) -> np.ndarray:
    """Mirror at the edge of the border cells, which are repeated: period 2n."""
    i = i % (2 * n)
    return np.minimum(i, 2 * n - 1 - i)


_SOURCES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "circular": _circular,
    "reflect": _reflect,
    "replicate": _replicate,
    "symmetric": _symmetric,
}

MODES = ("zeros", *_SOURCES)
"""The padding modes, under PyTorch's names; 'symmetric' is NumPy's."""


def source_index(size: int, low: int, high: int, mode: str) -> np.ndarray:
    """Where each cell of a padded axis comes from: an index into v, or -1 for a zero.

    The whole map in one array of `size + low + high` integers; padding may exceed `size` (the
    pattern goes on, as in `numpy.pad`).

    Example:
        >>> source_index(3, 2, 1, "reflect").tolist()
        [2, 1, 0, 1, 2, 1]
    """
    check_mode(mode)
    position = np.arange(-low, size + high)
    inside = (position >= 0) & (position < size)
    if mode == "zeros" or inside.all():
        return np.where(inside, position, -1)
    _check_copies(size, len(position), mode)
    return _SOURCES[mode](position, size)


def pad(v: Array, padding: Pairs, mode: str) -> Array:
    """P v: extend (or crop) the spatial axes of v.

    Args:
        v: `[batch, *spatial, channels]`, any dtype.
        padding: (low, high) per spatial axis; negative entries crop.
        mode: one of `MODES`.

    Returns:
        `[batch, *(spatial + low + high), channels]`.

    Raises:
        ValueError: unknown mode, or an empty axis where cells would have to be copied.
    """
    for axis, (low, high) in enumerate(padding, start=1):
        if mode == "zeros":
            v = resize(v, axis, low, high)
        elif low or high:
            source = source_index(v.shape[axis], low, high, mode)
            low_border, high_border = _borders(source, low, high)
            center = resize(v, axis, min(low, 0), min(high, 0))
            parts = (jnp.take(v, low_border, axis), center, jnp.take(v, high_border, axis))
            v = jnp.concatenate(parts, axis)
    return v


def fold(u: Array, input_size: tuple[int, ...], padding: Pairs, mode: str) -> Array:
    """P^T u: add every padded cell back to the cell that it was copied from.

    Args:
        u: `[batch, *padded, channels]`, any dtype; sums are formed in it.
        input_size: spatial size of the result; `padded` is that of `pad`'s result for it.
        padding: the padding of the *forward* map, as for `pad`.
        mode: one of `MODES`.

    Returns:
        `[batch, *input_size, channels]`.

    Raises:
        ValueError: as `pad`.
    """
    for axis, (size, (low, high)) in enumerate(zip(input_size, padding, strict=True), start=1):
        padded = u.shape[axis]
        v = resize(u, axis, -low, size + low - padded)
        if mode != "zeros" and (low or high):
            low_border, high_border = _borders(source_index(size, low, high, mode), low, high)
            for begin, border in ((0, low_border), (padded - len(high_border), high_border)):
                for run in runs(border):
                    cells = lax.slice_in_dim(u, begin + run.start, begin + run.stop, axis=axis)
                    # not `.at[].add`: XLA (jaxlib 0.10) divides such a scatter wrongly among
                    # devices
                    first, last = int(border[run].min()), int(border[run].max())
                    v += resize(ascending(cells, border[run], axis), axis, first, size - 1 - last)
        u = v
    return u


def runs(border: np.ndarray) -> list[slice]:
    """Where the sources go up one by one, down one by one, or stand still."""
    runs, first = [], 0
    for i in range(1, len(border) + 1):
        steady = i - first < 2 or np.ptp(np.diff(border[first : i + 1])) == 0
        if i == len(border) or abs(int(border[i]) - int(border[i - 1])) > 1 or not steady:
            runs.append(slice(first, i))
            first = i
    return runs


def ascending(cells: Array, sources: np.ndarray, axis: int) -> Array:
    """The cells of one run, so that their sources go up one by one; summed if those stand still."""
    if sources[0] == sources[-1]:
        return cells.sum(axis, keepdims=True, dtype=cells.dtype)
    return lax.rev(cells, (axis,)) if sources[0] > sources[-1] else cells


def split(geometry: ConvGeometry, mode: str) -> tuple[Pairs, ConvGeometry]:
    """K = C P: the padding that P must do, and the geometry of C.

    Under 'zeros' P does nothing, because a convolution pads with zeros itself.

    Raises:
        ValueError: an empty axis where cells would have to be copied.
    """
    if mode == "zeros":
        return ((0, 0),) * geometry.ndim, geometry
    for n, (low, high) in zip(geometry.input_size, geometry.padding, strict=True):
        _check_copies(n, low + high, mode)
    none = ((0, 0),) * geometry.ndim
    return geometry.padding, geometry.replace(input_size=geometry.padded_size, padding=none)


def check_mode(mode: str) -> None:
    """Refuse an unknown padding mode."""
    check_choice("padding_mode", mode, MODES)


def _check_copies(size: int, padding: int, mode: str) -> None:
    """Refuse to fill cells with copies of those of an empty axis."""
    if size == 0 < padding:
        raise ArgumentValueError(
            "padding_mode must be 'zeros' where v is empty: there is nothing to copy",
            "Pass padding_mode='zeros'.",
            padding_mode=mode,
        )


def _borders(source: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Sources of the added cells on both sides; the cells between come straight from v."""
    return source[: max(low, 0)], source[len(source) - max(high, 0) :]


def resize(x: Array, axis: int, low: int, high: int) -> Array:
    """Zeros added (or cells cropped, where negative) at both ends of one axis."""
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (low, high, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), config)
