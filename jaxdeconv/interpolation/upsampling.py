"""Upsampling with a border, and its transpose.

Near the border the profile reaches beyond the array. With K^T the transposed convolution:

- 'zeros': v = K^T u. Missing cells count as zeros, and the result darkens towards the border.
- 'renormalise': v = K^T u / K^T 1. Each output is divided by the sum of the weights inside the
  array. This is `jax.image.resize`, including the border.
- a padding mode of `jaxdeconv.boundary`: v = K^T P u, where P extends u by that mode. 'replicate'
  is `torch.nn.functional.interpolate`.

For linear interpolation 'renormalise' and 'replicate' are the same: one of the two cells in the
support is missing, and either way the other one takes its weight.
"""

import functools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from jaxdeconv import boundary
from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, Pairs, as_integer, is_sequence
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.interpolation.kernels import (
    Alignment,
    as_factors,
    check_alignment,
    check_dtype,
    geometry,
    kernel,
    taps,
)
from jaxdeconv.interpolation.profiles import Method
from jaxdeconv.legs import conv, conv_transpose

__all__ = ["BORDERS", "upsample", "upsample_transpose"]

BORDERS = ("renormalise", *boundary.MODES)
"""What can replace the cells beyond the border."""


@reporting
def upsample(
    u: ArrayLike,
    factor: IntOrInts,
    method: Method = "linear",
    *,
    border: str = "renormalise",
    align: Alignment = "areas",
) -> Array:
    """Interpolate: a transposed convolution with a fixed kernel, linear in u.

    Args:
        u: `[*batch, *size, channels]`, real or complex floating.
        factor: how many times finer the result is, one per spatial dimension. An int means every
            spatial dimension of a signal `[length, channels]` or of a batch of images `[batch,
            height, width, channels]`; for other numbers of axes it would be ambiguous, so pass a
            tuple.
        method: 'nearest', 'linear', 'cubic', 'lanczos3', 'lanczos5', or a `Profile`.
        border: what replaces the cells beyond the border: 'renormalise' (nothing: the weights of
            the others are scaled to sum to 1), 'zeros' (the plain transposed convolution),
            'replicate', 'reflect', 'symmetric' or 'circular'.
        align: 'areas' or 'centres': which of the cells coincide on both grids.

    Returns:
        `[*batch, *fine, channels]`, with fine = `factor * size` for aligned areas and
        `(size - 1) * factor + 1` for aligned centres.

    Raises:
        ValueError: a factor out of range, an int for an array with 3 or more than 4 axes, too few
            axes, or an unknown name.
        TypeError: not an array of a floating dtype, or a factor that is not a static integer.

    Cost: prod(kernel_size) / prod(factor) multiply-adds per output, 4 for bilinear interpolation.

    Example:
        >>> u = jnp.array([[0.0], [4.0], [8.0]])
        >>> upsample(u, 2).ravel().tolist()
        [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]
        >>> upsample(u, 2, align="centres").ravel().tolist()
        [0.0, 2.0, 4.0, 6.0, 8.0]
        >>> upsample(jnp.ones((1, 6, 7, 3)), 2).shape, upsample(jnp.ones((6, 7, 3)), (2, 2)).shape
        ((1, 12, 14, 3), (12, 14, 3))
    """
    factors = _factors(factor, "u", u)
    cells, batch = _as_signal("u", u, len(factors))
    _, *size, channels = cells.shape
    map_ = _Upsampling.of(tuple(size), factors, method, border, align, channels)
    extended = boundary.pad(cells, map_.reach, map_.mode)
    v = map_.scale(cells.dtype) * map_.transposed_conv(extended)
    return v.reshape(*batch, *v.shape[1:])


@reporting
def upsample_transpose(
    v: ArrayLike,
    factor: IntOrInts,
    method: Method = "linear",
    *,
    border: str = "renormalise",
    align: Alignment = "areas",
) -> Array:
    """The transpose of `upsample`: a strided convolution with the same kernel.

    The only linear map with `<v, upsample(u)> = <upsample_transpose(v), u>`, without conjugation.
    It shrinks v; divided by prod(factor) it is a smoothed downsampling.

    Args:
        v: `[*batch, *fine, channels]`, as `upsample` returns.
        factor: of `upsample`, as all that follow.
        method: see `upsample`.
        border: see `upsample`.
        align: see `upsample`.

    Returns:
        `[*batch, *size, channels]`.

    Raises:
        ValueError: as `upsample`, or a size that it never returns.
        TypeError: as `upsample`.

    Cost: that of `upsample`.

    Example:
        >>> v = jnp.array([[0.0], [1.0], [3.0], [5.0], [7.0], [8.0]])
        >>> upsample_transpose(v, 2).ravel().tolist()
        [1.5, 8.0, 14.5]
    """
    factors = _factors(factor, "v", v)
    cells, batch = _as_signal("v", v, len(factors))
    _, *fine, channels = cells.shape
    size = _coarse_size(tuple(fine), factors, align)
    map_ = _Upsampling.of(size, factors, method, border, align, channels)
    extended = map_.conv(map_.scale(cells.dtype) * cells)
    u = boundary.fold(extended, size, map_.reach, map_.mode)
    return u.reshape(*batch, *u.shape[1:])


class _Upsampling(NamedTuple):
    """The map of one call: v = scale * K^T P u."""

    geometry: ConvGeometry  # of K, whose output is the extended u
    reach: Pairs  # how many cells P adds to u on either side
    mode: str  # of P
    method: Method
    align: Alignment
    renormalise: bool

    @classmethod
    def of(
        cls,
        size: tuple[int, ...],
        factors: tuple[int, ...],
        method: Method,
        border: str,
        align: Alignment,
        channels: int,
    ) -> "_Upsampling":
        """The map for a call's arguments."""
        check_choice("border", border, BORDERS)
        plain = geometry(size, factors, method, align=align, channels=channels)
        # The profile reaches `low` fine cells beyond the border, so P adds ceil(low / factor)
        # coarse cells; on the fine grid the padding of K grows by that many strides.
        lows = [low for low, _ in plain.padding]
        mode = border if border in boundary.MODES else "zeros"
        reach = [(mode != "zeros") * -(-low // f) for low, f in zip(lows, factors, strict=True)]
        padding = [low + r * f for low, r, f in zip(lows, reach, factors, strict=True)]
        extended = ConvGeometry(
            plain.input_size, plain.kernel_size, factors, padding, groups=channels
        )
        pairs = tuple((r, r) for r in reach)
        return cls(extended, pairs, mode, method, align, border == "renormalise")

    def transposed_conv(self, u: Array) -> Array:
        """K^T u."""
        return conv_transpose(
            u, self._kernel(u.dtype), input_size=self.geometry.input_size, **self._keywords()
        )

    def conv(self, v: Array) -> Array:
        """K v."""
        return conv(v, self._kernel(v.dtype), **self._keywords())

    def scale(self, dtype: np.dtype) -> Array:
        """1 / K^T 1 for 'renormalise', `[*fine, 1]`; otherwise 1, with the same axes."""
        if not self.renormalise:
            return jnp.ones((1,) * (self.geometry.ndim + 2), dtype)
        along = [
            1 / _sums(taps(f, self.method, k), n, f, low)
            for n, k, f, (low, _) in zip(
                self.geometry.input_size,
                self.geometry.kernel_size,
                self.geometry.stride,
                self.geometry.padding,
                strict=True,
            )
        ]
        product = functools.reduce(np.multiply.outer, along, np.ones(()))
        return jnp.asarray(product[None, ..., None], dtype)

    def _kernel(self, dtype: np.dtype) -> Array:
        return kernel(
            self.geometry.stride,
            self.method,
            align=self.align,
            channels=self.geometry.groups,
            dtype=dtype,
        )

    def _keywords(self) -> dict[str, Any]:
        return {
            "stride": self.geometry.stride,
            "padding": self.geometry.padding,
            "groups": self.geometry.groups,
        }


def _sums(weights: NDArray[np.float64], fine: int, factor: int, low: int) -> NDArray[np.float64]:
    """K^T 1 along one axis: for each of `fine` outputs the sum of the weights inside the array."""
    cells = -(-fine // factor)
    ones = np.zeros(cells * factor + 1)  # one more: NumPy refuses to convolve an empty signal
    ones[: cells * factor : factor] = 1.0
    return np.convolve(ones, weights)[low : low + fine]


def _coarse_size(
    fine: tuple[int, ...], factors: tuple[int, ...], align: Alignment
) -> tuple[int, ...]:
    """The size of u that is upsampled to `fine` cells."""
    spare = 0 if check_alignment(align) == "areas" else 1
    if any(n < spare or (n - spare) % f for n, f in zip(fine, factors, strict=True)):
        raise ArgumentValueError(
            "v must have a size that upsample returns: "
            + ("factor * size" if spare == 0 else "(size - 1) * factor + 1"),
            "Crop or pad v to such a size.",
            size=fine,
            factor=factors,
            align=align,
        )
    return tuple((n - spare) // f + spare for n, f in zip(fine, factors, strict=True))


READINGS = {
    3: "({0}, {0}) for an image (height, width, channels), ({0},) for a batch of signals",
    5: "({0}, {0}, {0}) for a batch of volumes, ({0}, {0}) for images with two batch axes",
}
"""For arrays with this number of axes, the factors for each possible meaning of the axes."""


def _factors(factor: IntOrInts, name: str, x: Any) -> tuple[int, ...]:
    """One factor per spatial dimension; an int means all, if the axes say how many there are."""
    if is_sequence(factor):
        return as_factors(factor)
    number, ndim = as_integer("factor", factor, minimum=1), getattr(x, "ndim", 2)
    if ndim == 3 or ndim > 4:
        which = READINGS.get(ndim, "one for each").format(number)
        raise ArgumentValueError(
            f"factor must have one entry per spatial dimension if {name} has {ndim} axes",
            f"Pass {which}.",
            factor=factor,
            **{name: x},
        )
    return (number,) * (2 if ndim == 4 else 1)


def _as_signal(name: str, value: Any, ndim: int) -> tuple[Array, tuple[int, ...]]:
    """`[batch, *spatial, channels]`, and the shape of the batch axes that it merges."""
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise ArgumentTypeError(
            f"{name} must be an array", f"Pass jax.numpy.asarray({name}).", **{name: value}
        )
    check_dtype(value.dtype)
    x = jnp.asarray(value)
    if x.ndim <= ndim:
        raise ArgumentValueError(
            f"{name} must have {ndim} spatial axes, one per entry of factor, and one of channels",
            "Pass channels last; add them with x[..., None].",
            **{name: x},
        )
    batch = x.shape[: x.ndim - ndim - 1]
    return x.reshape(math.prod(batch), *x.shape[len(batch) :]), batch
