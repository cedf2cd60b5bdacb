"""The profile h of an interpolation: the weight of an input cell as a function of its distance."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting

__all__ = ["PROFILES", "Method", "Profile", "as_profile", "keys", "lanczos"]


@dataclasses.dataclass(frozen=True)
class Profile:
    """An even function h that is zero outside (-width/2, width/2).

    Args:
        name: for messages and pictures.
        width: of the support, in input cells; an integer.
        weight: computes h for distances from 0 to less than width/2, in input cells.
    """

    name: str
    width: int
    weight: Callable[[NDArray[np.float64]], NDArray[np.float64]] = dataclasses.field(repr=False)

    def __call__(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values h(distance), for distances of either sign."""
        inside = abs(distance) < self.width / 2
        return np.where(inside, self.weight(np.where(inside, abs(distance), 0.0)), 0.0)


Method: TypeAlias = str | Profile


@reporting
def keys(a: float = -0.5) -> Profile:
    """Keys' cubic convolution, which is continuously differentiable.

    Args:
        a: slope of h at distance 1. With -0.5 it reproduces quadratics (third order), as in
            `jax.image.resize`; `torch.nn.functional.interpolate` uses -0.75.

    Returns:
        A profile 4 cells wide.

    Raises:
        ValueError: a is not finite.
        TypeError: a is not a number.

    Example:
        >>> keys()(np.array([0.0, 0.5, 1.5])).tolist()
        [1.0, 0.5625, -0.0625]

    References: Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """
    if not isinstance(a, int | float):
        raise ArgumentTypeError("a must be a number", "Pass a float, such as -0.5.", a=a)
    if not math.isfinite(a):
        raise ArgumentValueError("a must be finite", "Pass -0.5 or -0.75.", a=a)

    def weight(x: NDArray[np.float64]) -> NDArray[np.float64]:
        near = ((a + 2) * x - (a + 3)) * x**2 + 1
        far = a * (((x - 5) * x + 8) * x - 4)
        return np.where(x < 1, near, far)

    return Profile(f"cubic (a={a:g})", 4, weight)


@reporting
def lanczos(lobes: int = 3) -> Profile:
    """The sinc function, windowed by its own main lobe stretched to `lobes` cells.

    Args:
        lobes: at least 1; the profile is twice that many cells wide.

    Returns:
        A profile. Its own weights do not sum to 1; those of `taps` do.

    Raises:
        ValueError: lobes is less than 1.
        TypeError: lobes is not an integer.

    Example:
        >>> lanczos()(np.array([0.0, 0.5, 1.5])).round(4).tolist()
        [1.0, 0.6079, -0.1351]

    References: Duchon 1979, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2.
    """
    half = as_integer("lobes", lobes, minimum=1)
    return Profile(f"lanczos{half}", 2 * half, lambda x: np.sinc(x) * np.sinc(x / half))


PROFILES = {
    "nearest": Profile("nearest", 1, np.ones_like),
    "linear": Profile("linear", 2, lambda x: 1 - x),
    "cubic": keys(),
    "lanczos3": lanczos(3),
    "lanczos5": lanczos(5),
}
"""Profiles by name, the same names as in `jax.image.resize`."""


def as_profile(method: Any) -> Profile:
    """A profile as it is, or the one with that name."""
    if isinstance(method, Profile):
        return method
    if not isinstance(method, str):
        raise ArgumentTypeError(
            "method must be a name or a Profile",
            f"Pass one of {', '.join(map(repr, PROFILES))}, keys(a) or lanczos(lobes).",
            method=method,
        )
    if method not in PROFILES:
        raise ArgumentValueError(
            "method must be a known name",
            f"Pass one of {', '.join(map(repr, PROFILES))}, or a Profile.",
            method=method,
        )
    return PROFILES[method]
