"""The range of the floats: probes whose results are far from overflow."""

import math

import numpy as np

from jaxdeconv.verify.arithmetic import largest_part
from jaxdeconv.verify.maps import Operator

__all__ = ["tamed"]


def tamed(operator: Operator, block: np.ndarray) -> np.ndarray:
    """A block times a power of two by which results are far from overflow: mostly one.

    Args:
        operator: what it will be applied to.
        block: `(vectors, cells of the domain)`.

    Returns:
        The block itself where the results are small enough, or of no power of two finite.

    Cost: one application; a few where results are large.
    """
    least, largest = operator.limits
    octaves = math.floor(np.log2(largest))
    tried = block
    while largest_part(tried) > least:
        peak = largest_part(operator.unchecked(tried[:1]))
        if np.isfinite(peak):
            excess = math.ceil(np.log2(max(peak, 1.0))) + 6 - octaves
            return tried * 2.0 ** -max(0, excess)
        tried = tried * 2.0 ** -(octaves // 4)
    return block
