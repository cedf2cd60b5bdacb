"""Random problems for oneDNN."""

import numpy as np

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms.contract import Case


def draw(seed: int) -> Case:
    """Any stride, dilation, groups and padding, cropping too, with channels that oneDNN likes."""
    rng = np.random.default_rng([20232, seed])
    ndim = int(rng.integers(1, 4))
    kernel, stride = rng.integers(1, (8, 5, 4)[ndim - 1], ndim), rng.integers(1, 4, ndim)
    dilation = rng.integers(1, 3, ndim)
    reach = dilation * (kernel - 1) + 1
    padding = rng.integers(-2, 5, (ndim, 2))
    least = np.maximum(np.maximum(1, reach - padding.sum(1)), 1 - padding.clip(max=0).sum(1))
    size = least + rng.integers(0, (20, 8, 5)[ndim - 1], ndim)
    groups = int(rng.choice([1, 1, 1, 2, 16]))
    channels = [1] if groups == 16 else [1, 3, 8, 16, 32]
    within = [int(rng.choice(channels)) for _ in range(2)]
    sizes = (kernel, stride, dilation)
    kernel, stride, dilation = (tuple(map(int, x)) for x in sizes)
    geometry = ConvGeometry(
        tuple(map(int, size)), kernel, stride, padding.tolist(), dilation, groups
    )
    return Case(f"drawn_{seed}", geometry, *within, int(rng.integers(1, 4)))
