"""Random probes, and the chance that a wrong pair survives them.

Let D = A - At^T be not zero, and let the cells of u and v be independent and uniform on a set of q
numbers. A linear form that is not zero vanishes with probability at most 1/q (Schwartz, Zippel), so
a block U of a probes and a block V of b probes give `U^T D V = 0` with probability at most
q^-a + q^-b. The set leaves out zero, so that every probe sees a single wrong entry.

Modulo 2^bits: divide D by the highest power of two in it; what remains has an odd entry and must
vanish modulo 2, over a field of two elements, so a and b uniform probes leave 2^-a + 2^-b at most.
"""

import secrets
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentTypeError
from jaxdeconv.verify.spaces import Space

__all__ = ["Probes", "seed_of", "survival"]


def seed_of(key: Any) -> int:
    """The integer that stands for a key: an int, a JAX PRNG key, or None for a fresh one.

    Raises:
        TypeError: anything else.
    """
    if key is None:
        return secrets.randbits(64)
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and key >= 0:
        return int(key)
    if isinstance(key, jax.Array):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            key = jax.random.key_data(key)
        words = np.asarray(key).ravel()
        if words.dtype == np.uint32:
            return sum(int(word) << (32 * place) for place, word in enumerate(words[::-1]))
    raise ArgumentTypeError(
        "key must be a seed or a PRNG key",
        "Pass a non-negative int, a key of jax.random, or None for a fresh one.",
        key=key,
    )


def survival(q: int, forward: int, backward: int) -> float:
    """The bound q^-a + q^-b on the chance that a wrong pair survives a block."""
    return min(1.0, float(q) ** -forward + float(q) ** -backward)


HALF = 11
"""The most bits of a significand that counts as half precision."""


class Probes:
    """A stream of random blocks.

    Attributes:
        seed: repeats it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = np.random.default_rng(seed)

    def integers(self, space: Space, count: int, largest: int) -> np.ndarray:
        """Non-zero integers up to `largest`, of both signs, in both parts of complex cells.

        Returns:
            `(count, space.size)` in the wide dtype.
        """
        if space.kind == "complex":
            shape = (count, space.size)
            return self._signed(shape, largest) + 1j * self._signed(shape, largest)
        return self._signed((count, space.size), largest).astype(space.wide)

    def residues(self, space: Space, count: int) -> np.ndarray:
        """Uniform modulo 2^bits, for each leaf of integers with its own number of bits."""
        parts = []
        for leaf in space.leaves:
            info = jnp.iinfo(leaf.dtype)
            word = np.int64 if info.min < 0 else np.uint64
            shape = (count, leaf.size)
            parts.append(self._random.integers(info.min, info.max, shape, word, endpoint=True))
        return np.concatenate([part.astype(np.int64) for part in parts], axis=1)

    def modest(self, space: Space, count: int) -> np.ndarray:
        """Integers small enough that 3x is exact in half precision; residues for integer dtypes."""
        if space.kind == "integer":
            return self.residues(space, count)
        return self.integers(space, count, 1 if space.bits <= HALF else 4)

    def shuffled(self, space: Space, block: np.ndarray) -> np.ndarray:
        """The same numbers in each leaf, elsewhere: for functions that remember a sum or a norm."""
        ends = np.cumsum(space.words)[:-1]
        leaves = np.split(block, ends, axis=1)
        return np.concatenate([self._random.permuted(leaf, axis=1) for leaf in leaves], axis=1)

    def fractions(self, space: Space, count: int) -> np.ndarray:
        """Dyadic fractions with exact sums and small multiples; residues for integer dtypes."""
        if space.kind == "integer":
            return self.residues(space, count)
        steps = 8 if space.bits <= HALF else 2**8
        return self.integers(space, count, 2 * steps) / steps

    def normal(self, space: Space, count: int) -> np.ndarray:
        """Gaussian, rounded to what the leaves can hold; small where these are halves."""
        block = self._random.standard_normal((count, space.size))
        if space.kind == "complex":
            block = block + 1j * self._random.standard_normal((count, space.size))
        return space.block(space.members(block / 8 if space.bits <= HALF else block))

    def _signed(self, shape: tuple[int, ...], largest: int) -> np.ndarray:
        word = np.int8 if largest < 128 else np.int64
        magnitude = self._random.integers(1, largest, shape, word, endpoint=True)
        sign = self._random.integers(0, 2, shape, np.int8) * np.int8(2) - np.int8(1)
        return (magnitude * sign.astype(word)).astype(np.float64)
