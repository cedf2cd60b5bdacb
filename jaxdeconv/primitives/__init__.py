"""The three convolutions as bilinear primitives of JAX.

The map, from the bottom up:

    thinning        cells that no tap reads, left out
    folding         axes along which the kernel lies in one place -> channels
    simplify        both
    primitive       the primitives: operands, parameters, the type of the result
    lowering        the choice of the algorithm; among how many devices the leg is divided
    batching        `vmap`: the new axis becomes images, channels or groups
    differentiation the derivatives of each leg are the other two
"""

from jaxdeconv.primitives import batching as batching
from jaxdeconv.primitives import differentiation as differentiation
from jaxdeconv.primitives.lowering import (
    is_left_to_xla,
    is_one_program,
    lower_for_known_devices,
    lower_plain,
    on_one_device,
    with_plain_types,
)
from jaxdeconv.primitives.primitive import (
    PRIMITIVES,
    LegParams,
    bind,
    problem_of,
    varying_alike,
)
from jaxdeconv.primitives.simplify import simplified

__all__ = [
    "PRIMITIVES",
    "LegParams",
    "bind",
    "is_left_to_xla",
    "is_one_program",
    "lower_for_known_devices",
    "lower_plain",
    "on_one_device",
    "problem_of",
    "simplified",
    "varying_alike",
    "with_plain_types",
]
