"""The three convolutions as bilinear primitives of JAX: differentiation, batching, lowering.

The map, from the bottom up:

    folding         axes along which the kernel lies in one place -> channels
    primitive       the primitives and their rules
"""

from jaxdeconv.primitives.folding import Folding, folded
from jaxdeconv.primitives.primitive import PRIMITIVES, bind, problem_of, varying_alike

__all__ = ["PRIMITIVES", "Folding", "bind", "folded", "problem_of", "varying_alike"]
