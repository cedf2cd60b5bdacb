"""A profile sampled at the cells of the finer grid: taps, kernels and geometries.

Two alignments of a grid f times finer with a grid of n cells:

- 'areas': f fine cells fill every coarse cell, f*n in all. The kernel size is odd or even as f is.
- 'centres': one fine cell on every coarse one and f - 1 between two, (n-1)*f + 1 in all. The
  kernel size is odd, and every f-th cell of the result is a cell of the input.

Other libraries call them `align_corners=False` and `align_corners=True`.
"""

import functools
from typing import Any, Literal, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from numpy.typing import NDArray

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.arguments.integers import IntOrInts, as_integer, as_integers, count_entries
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.interpolation.profiles import Method, Profile, as_profile

__all__ = [
    "ALIGNMENTS",
    "Alignment",
    "as_factors",
    "check_alignment",
    "check_dtype",
    "geometry",
    "kernel",
    "taps",
]

Alignment: TypeAlias = Literal["areas", "centres"]
ALIGNMENTS = ("areas", "centres")


@reporting
def taps(factor: int, method: Method = "linear", size: int | None = None) -> NDArray[np.float64]:
    """The kernel of interpolation along one axis.

    Args:
        factor: how many times finer the output is, at least 1.
        method: 'nearest', 'linear', 'cubic', 'lanczos3', 'lanczos5', or a `Profile`.
        size: number of taps; the profile is centred in them. None: the fewest that hold the
            profile when areas are aligned: `width*factor`, or one less if that and the factor
            differ in parity. For linear interpolation that is `2*factor - factor % 2`.

    Returns:
        `[size]`, symmetric. The taps of each phase (every factor-th) sum to 1, so a constant stays
        the same.

    Raises:
        ValueError: factor or size is less than 1, size is too small for the profile, or the taps
            of a phase sum to 0.
        TypeError: factor or size is not an integer, or method is of another kind.

    Example:
        >>> taps(2).tolist()
        [0.25, 0.75, 0.75, 0.25]
        >>> (128 * taps(2, "cubic")).tolist()
        [-3.0, -9.0, 29.0, 111.0, 111.0, 29.0, -9.0, -3.0]
    """
    f, profile = as_integer("factor", factor, minimum=1), as_profile(method)
    least = _size(f, profile, "areas")
    count = least if size is None else as_integer("size", size, minimum=1)
    if (count - f) % 2:
        least = _size(f, profile, "centres")
    if count < least:
        raise ArgumentValueError(
            "size must be enough for the profile",
            f"Pass {least} or more.",
            size=size,
            factor=factor,
        )
    sampled = profile((np.arange(count) - (count - 1) / 2) / f)
    sums = np.array([sampled[phase::f].sum() for phase in range(f)])
    if not np.all(np.isfinite(sums) & (abs(sums) > 1e-9)):
        raise ArgumentValueError(
            "method must give every output cell the weight of at least one input cell",
            "Pass a wider profile, or another factor or alignment.",
            method=profile.name,
            factor=f,
            size=count,
        )
    return sampled / sums[np.arange(count) % f]


@reporting
def kernel(
    factor: IntOrInts,
    method: Method = "linear",
    *,
    align: Alignment = "areas",
    channels: int = 1,
    dtype: DTypeLike = jnp.float32,
) -> Array:
    """The kernel of interpolation, for `conv_transpose` with the geometry of `geometry`.

    Args:
        factor: one per spatial dimension, `(2, 2)` for images; an int means one spatial dimension.
        method: see `taps`.
        align: 'areas' or 'centres': which of the cells coincide on both grids.
        channels: at least 1; they are interpolated separately, so also pass them as `groups`.
        dtype: real or complex floating.

    Returns:
        `[*kernel_size, 1, channels]`: the outer product of the taps of all axes.

    Raises:
        ValueError: as `taps`, or an unknown alignment.
        TypeError: as `taps`, or an integer dtype.

    Example:
        >>> import jaxdeconv
        >>> u = jnp.array([[0.0], [4.0], [8.0]])
        >>> v = jaxdeconv.conv_transpose(u, kernel(2), stride=2, padding=1)
        >>> v.ravel().tolist()
        [0.0, 1.0, 3.0, 5.0, 7.0, 6.0]

    References: Long, Shelhamer & Darrell 2015, arXiv:1411.4038, section 3.3.
    """
    factors, profile = as_factors(factor), as_profile(method)
    count = as_integer("channels", channels, minimum=1)
    check_dtype(jnp.dtype(dtype))
    along = [taps(f, profile, _size(f, profile, align)) for f in factors]
    product = functools.reduce(np.multiply.outer, along, np.ones(()))
    return jnp.asarray(np.repeat(product[..., None, None], count, axis=-1), dtype)


@reporting
def geometry(
    size: IntOrInts,
    factor: IntOrInts,
    method: Method = "linear",
    *,
    align: Alignment = "areas",
    channels: int = 1,
) -> ConvGeometry:
    """The geometry whose transpose upsamples, as in fully convolutional networks.

    Args:
        size: of the array to upsample, one entry per spatial dimension; an int means one.
        factor: one per spatial dimension, or an int for all.
        method: see `taps`.
        align: 'areas' or 'centres': which of the cells coincide on both grids.
        channels: their number, which is that of the groups.

    Returns:
        Stride `factor`. With aligned areas and linear interpolation: kernel size
        `2*factor - factor % 2`, padding `factor // 2`, that is `ceil((factor - 1) / 2)`, and input
        size (of the result, v) `factor * size`.

    Raises:
        ValueError: a size or factor out of range, or an unknown alignment.
        TypeError: an argument that must be an integer is not, or method is of another kind.

    Example:
        >>> print(geometry((10, 10), 2))
        input 20x20 -> output 10x10: kernel 4x4, stride 2x2, padding [(1, 1), (1, 1)], dilation \
1x1, groups 1

    References: Long, Shelhamer & Darrell 2015, arXiv:1411.4038, section 3.3.
    """
    ndim, profile = count_entries(size), as_profile(method)
    factors = as_integers("factor", factor, ndim, minimum=1)
    # with no cells, (n-1)*f + 1 would be negative
    least = 0 if check_alignment(align) == "areas" else 1
    sizes = as_integers("size", size, ndim, minimum=least)
    kernel_size = [_size(f, profile, align) for f in factors]
    covered = factors if align == "areas" else (1,) * ndim  # fine cells of the last coarse one
    fine = [(n - 1) * f + c for n, f, c in zip(sizes, factors, covered, strict=True)]
    padding = [(k - c) // 2 for k, c in zip(kernel_size, covered, strict=True)]
    groups = as_integer("channels", channels, minimum=1)
    return ConvGeometry(fine, kernel_size, factors, padding, groups=groups)


def as_factors(factor: Any) -> tuple[int, ...]:
    """One factor per spatial dimension; an int means one dimension."""
    return as_integers("factor", factor, count_entries(factor), minimum=1)


def check_alignment(align: str) -> str:
    """`align`, if it is valid."""
    return check_choice("align", align, ALIGNMENTS)


def check_dtype(dtype: np.dtype) -> None:
    """Refuse integers: the taps are fractions."""
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise ArgumentTypeError(
            "the dtype must be real or complex floating, as the weights are fractions",
            "Convert with .astype(jax.numpy.float32)" + _back_to_integers(dtype),
            dtype=str(dtype),
        )


def _back_to_integers(dtype: np.dtype) -> str:
    """How to convert the result back to integers, which includes rounding and clipping."""
    if not jnp.issubdtype(dtype, jnp.integer):
        return "."
    limits = jnp.iinfo(dtype)
    return (
        f", and the result back with jax.numpy.clip(jax.numpy.round(x), {limits.min}, {limits.max})"
        f".astype({str(dtype)!r})."
    )


def _size(factor: int, profile: Profile, align: str) -> int:
    """The fewest taps that hold the profile: the fine cells strictly inside its support."""
    most = profile.width * factor
    parity = factor % 2 if check_alignment(align) == "areas" else 1
    return most - (most - parity) % 2
