"""A name or an .npy file -> the kernel w, `[kh, kw, in/groups, out]`.

Every named kernel starts from a spatial profile, which all channels share:

| name | profile along one axis | floating | integer dtypes |
|---|---|---|---|
| blur | binomial coefficients | sum 1 | as they are: 1 3 3 1 |
| bilinear | the tent of linear interpolation | peak 1 | times twice its half width: 1 3 3 1 |
| gabor | a wave along the diagonal under a Gaussian | largest 1 | times 4, rounded |
| random | none: independent entries | normal, variance 1/(taps*in/groups) | +-1 to +-3 |

A floating kernel that mixes channels (in/groups > 1) is divided by in/groups: it averages them. In
complex dtypes gabor is the complex wave and random has an imaginary part too. In unsigned dtypes
negative integers are taken modulo 2^bits, like all of the arithmetic; integers too large for the
dtype are refused.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jaxdeconv.arguments.integers import as_integers
from jaxdeconv.cli.dtypes import cast, is_integer, kind, normal, small_integers
from jaxdeconv.cli.values import Integers
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

_LONGEST = 1024  # side of a kernel given by name
_SHAPES = "Save an array of shape (kh, kw), for every channel, or (kh, kw, in/groups, out)"


def _blur(height: int, width: int, dtype: np.dtype) -> NDArray:
    """In Python's integers: NumPy's overflow from 33 taps on."""
    rows, columns = ([math.comb(k - 1, i) for i in range(k)] for k in (height, width))
    if is_integer(dtype):
        return np.outer(np.array(rows, object), np.array(columns, object))
    return np.outer([b / 2 ** (height - 1) for b in rows], [b / 2 ** (width - 1) for b in columns])


def _bilinear(height: int, width: int, dtype: np.dtype) -> NDArray:
    tents = []
    for k in (height, width):
        half = (k + 1) // 2
        tent = 2 * half - abs(2 * np.arange(k) - (k - 1))  # twice the half width at the peak
        tents.append(tent if is_integer(dtype) else tent / (2 * half))
    return np.outer(*tents)


def _gabor(height: int, width: int, dtype: np.dtype) -> NDArray:
    """Neither even nor odd, so that a kernel that was not flipped is noticed."""
    y, x = (np.arange(k) - (k - 1) / 2 for k in (height, width))
    radius = max(height, width) / 2
    envelope = np.exp(-(np.square(y)[:, None] + np.square(x)) / radius**2)
    wave = envelope * np.exp(1j * (math.pi * (y[:, None] + x) / radius + math.pi / 4))
    wave = wave if kind(dtype) == "c" else wave.real
    wave = wave / abs(wave).max()
    return np.rint(4 * wave).astype(int) if is_integer(dtype) else wave


_PROFILES: dict[str, Callable[[int, int, np.dtype], NDArray]] = {
    "blur": _blur,
    "bilinear": _bilinear,
    "gabor": _gabor,
}

NAMES = (*_PROFILES, "random")
"""The kernels that have a name."""


def build(
    name: str,
    size: Integers | None,
    channels: int,
    groups: int | None,
    dtype: np.dtype,
    rng: np.random.Generator,
) -> tuple[NDArray, int]:
    """The kernel and the groups that it works with.

    Args:
        name: one of `NAMES`, or the path of an .npy file.
        size: spatial size of a named kernel; None: 4.
        channels: of v.
        groups: None: one per channel, or as many as the in/groups of the file implies.
        dtype: of the result.
        rng: for 'random'.

    Raises:
        ValueError: unknown name, unreadable file, or a shape that does not fit the channels.
        TypeError: the file's numbers do not fit the dtype.
    """
    if name in NAMES:
        wanted = 4 if size is None else size
        height, width = as_integers("kernel_size", wanted, 2, minimum=1, maximum=_LONGEST)
        groups = channels if groups is None else groups
        shape = (height, width, _inputs(channels, groups), channels)
        return _named(name, shape, dtype, rng), groups
    if size is not None:
        raise ArgumentValueError(
            "kernel_size is only for a kernel that is given by name",
            f"Leave it out, or pass one of {', '.join(NAMES)} as kernel.",
            kernel_size=size,
            kernel=name,
        )
    return _fit(_read(name, dtype), name, channels, groups)


def _named(
    name: str, shape: tuple[int, int, int, int], dtype: np.dtype, rng: np.random.Generator
) -> NDArray:
    height, width, in_channels, _ = shape
    if name == "random":
        return _random(shape, dtype, rng)
    profile = _PROFILES[name](height, width, dtype)
    if is_integer(dtype) and profile.max() > np.iinfo(dtype).max:
        raise ArgumentValueError(
            f"kernel_size must be small enough for the numbers of {name} to fit {dtype}",
            "Pass a smaller one, or a wider or floating dtype.",
            kernel_size=(height, width),
            largest=int(profile.max()),
        )
    profile = profile if is_integer(dtype) else profile / in_channels
    return cast(np.broadcast_to(profile[..., None, None], shape), dtype)


def _random(shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> NDArray:
    if is_integer(dtype):
        return small_integers(shape, dtype, 3, rng)
    scale = 1 / math.sqrt(math.prod(shape[:-1]))
    return cast(scale * normal(shape, dtype, rng), dtype)


def _read(path: str, dtype: np.dtype) -> NDArray:
    try:
        with open(path, "rb") as file:
            w = np.load(file, allow_pickle=False)
        if not isinstance(w, np.ndarray):
            raise ValueError("it holds several arrays")
    except Exception as error:  # a broken file raises many kinds
        raise ArgumentValueError(
            f"kernel must be one of {', '.join(NAMES)}, or a readable .npy file ({error})",
            f"{_SHAPES}, with numpy.save.",
            kernel=path,
        ) from None
    if w.dtype.kind not in "biufc" or not _fits(w, dtype):
        raise ArgumentTypeError(
            f"the numbers in the kernel file must be finite and fit dtype {dtype}",
            "Pass another dtype, or convert the file.",
            kernel=path,
            file_dtype=str(w.dtype),
        )
    return cast(w, dtype)


def _fits(w: NDArray, dtype: np.dtype) -> bool:
    """Whether `dtype` can hold the numbers of `w`, up to rounding of fractions."""
    if not np.isfinite(w).all() or (w.dtype.kind == "c" and kind(dtype) != "c"):
        return False
    if not is_integer(dtype):
        return bool(np.isfinite(cast(w, dtype).astype(np.complex128)).all())
    info = np.iinfo(dtype)
    return bool(((w == np.rint(w)) & (w >= info.min) & (w <= info.max)).all())


def _fit(w: NDArray, path: str, channels: int, groups: int | None) -> tuple[NDArray, int]:
    """A file's kernel for `channels` channels, and the groups."""
    if w.ndim == 2 and w.size:
        groups = channels if groups is None else groups
        return np.broadcast_to(
            w[..., None, None], (*w.shape, _inputs(channels, groups), channels)
        ), groups
    if w.ndim == 4 and w.size:
        blocks = channels // w.shape[2] if groups is None else groups
        if w.shape[2] * blocks == channels and w.shape[3] % blocks == 0:
            return w, blocks
    raise ArgumentValueError(
        "a kernel file must have a shape that fits the photograph",
        f"{_SHAPES}, where in = {channels} is the number of channels of the photograph and groups "
        "divides in and out.",
        kernel=path,
        shape=w.shape,
        **({} if groups is None else {"groups": groups}),
    )


def _inputs(channels: int, groups: int) -> int:
    if groups < 1 or channels % groups:
        raise ArgumentValueError(
            "groups must divide the number of channels of the photograph",
            "Pass 1 to mix all channels, or leave it out for one group per channel.",
            groups=groups,
            channels=channels,
        )
    return channels // groups
