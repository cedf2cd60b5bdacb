"""Volumes like those of a scanner: bright ellipsoids, to be found among vessels, and noise.

A function of the seed and the place alone. Every device makes its own block, and what it makes does
not depend on how the volume is divided.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Sharding

__all__ = ["NOISE", "scan", "sharded"]

ELLIPSOIDS, VESSELS = 10, 8
NOISE = 0.4
"""Standard deviation; ellipsoids and vessels are 1 brighter than what is around them."""


def scan(
    sizes: Sequence[int], block: tuple[slice, ...] | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A block of a volume, and its labels.

    Args:
        sizes: of the whole volume, x, y and z; its longest side has length 1.
        block: a slice of each of these; None: all of the volume.
        seed: which volume.

    Returns:
        Both float32 and of the block's shape; labels are 1 in ellipsoids, and 0 elsewhere.
    """
    block = block or (slice(None),) * 3
    rows = [np.arange(n)[one] for n, one in zip(sizes, block, strict=True)]
    cells = np.meshgrid(*rows, indexing="ij", sparse=True)
    places = np.stack(np.broadcast_arrays(*((cell + 0.5) / max(sizes) for cell in cells)), -1)
    ends = np.array(sizes) / max(sizes)
    rng = np.random.default_rng(seed)
    labels = np.zeros(places.shape[:-1], bool)
    for _ in range(ELLIPSOIDS):
        centre, radii = rng.uniform(0.15, 0.85, 3) * ends, rng.uniform(0.06, 0.14, 3)
        labels |= (((places - centre) / radii) ** 2).sum(-1) < 1
    vessels = np.zeros_like(labels)
    for _ in range(VESSELS):
        start, way, radius = (
            rng.uniform(size=3) * ends,
            rng.normal(size=3),
            rng.uniform(0.012, 0.025),
        )
        from_start = places - start
        along = from_start @ (way / np.linalg.norm(way))
        vessels |= (from_start**2).sum(-1) - along**2 < radius**2
    index = (cells[0] * sizes[1] + cells[1]) * sizes[2] + cells[2]
    volume = (labels | vessels) + NOISE * _noise(index.astype(np.uint64), seed)
    return volume.astype(np.float32), labels.astype(np.float32)


def _noise(index: np.ndarray, seed: int) -> np.ndarray:
    """Numbers of mean 0 and standard deviation 1, each of its cell's number alone.

    Uniform ones, by the finaliser of MurmurHash3.
    """
    x = index + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x ^= x >> np.uint64(33)
        x = x * np.uint64(factor)
    x ^= x >> np.uint64(33)
    return (x / 2**64 - 0.5) * 12**0.5


def sharded(sizes: Sequence[int], sharding: Sharding, seed: int = 0) -> tuple[jax.Array, jax.Array]:
    """The volume and its labels, `(1, x, y, z, 1)`, each device with its own block.

    Args:
        sizes: of the whole volume.
        sharding: how it is divided.
        seed: which volume.
    """
    shape = (1, *sizes, 1)
    blocks = [
        jax.device_put(scan(sizes, index[1:4], seed), device)
        for device, index in sharding.addressable_devices_indices_map(shape).items()
    ]
    volume, labels = (
        jax.make_array_from_single_device_arrays(
            shape, sharding, [one[None, ..., None] for one in arrays]
        )
        for arrays in zip(*blocks, strict=True)
    )
    return volume, labels
