"""What the numbers of the main job are in each dtype.

| kind | photograph | sums |
|---|---|---|
| floating | 0 to 1 | in float32 for the half types, else in the dtype |
| complex | 0 to 1, its mirror image as imaginary part | in the dtype |
| 8-bit integer | 0 to 7 | modulo 2^8 |
| other integer | 0 to 255 | modulo 2^bits |
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray


def kind(dtype: np.dtype) -> str:
    """'i', 'u', 'f' or 'c', as `dtype.kind`, but 'f' for bfloat16 too."""
    return "f" if jnp.issubdtype(dtype, jnp.floating) else dtype.kind


def is_integer(dtype: np.dtype) -> bool:
    """Whether arithmetic is modulo 2^bits."""
    return kind(dtype) in "iu"


def cast(x: Any, dtype: np.dtype) -> NDArray:
    """`x` in `dtype`: fractions rounded to nearest, integers modulo 2^bits, too large infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(x).astype(dtype)


def photograph(cells: NDArray, dtype: np.dtype) -> NDArray:
    """`[height, width, channels]` in [0, 1] -> v, `[1, height, width, channels]` in `dtype`."""
    if is_integer(dtype):
        cells = np.rint(cells * (7 if dtype.itemsize == 1 else 255))
    if kind(dtype) == "c":
        cells = cells + 1j * cells[:, ::-1]
    return cast(cells[None], dtype)


def normal(shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> NDArray:
    """Normal entries, with imaginary parts if `dtype` is complex; not rounded to `dtype` yet."""
    real = rng.normal(size=shape)
    return real + 1j * rng.normal(size=shape) if kind(dtype) == "c" else real


def small_integers(
    shape: tuple[int, ...], dtype: np.dtype, largest: int, rng: np.random.Generator
) -> NDArray:
    """Non-zero integers up to `largest`, of either sign; both parts of complex ones.

    Non-zero, so that no entry hides a fault at its place.
    """

    def part() -> NDArray:
        return rng.integers(1, largest, shape, endpoint=True) * rng.choice([-1, 1], shape)

    return cast(part() + 1j * part() if kind(dtype) == "c" else part(), dtype)
