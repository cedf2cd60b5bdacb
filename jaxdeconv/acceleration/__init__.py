"""acceleration: a function transform; any JAX function, its convolutions computed by the fast legs.

Data flows downwards:

    platforms    the names of platforms
    axes         one spatial dimension: integers
    convolution  one `conv_general_dilated` without its arrays
    leg_match    a convolution as a leg, and how to apply it
    match        which leg computes a convolution
    stock        what XLA's own convolution should take
    excerpt      a convolution, with the equations around it that only move numbers
    spans, moves, before, after
                 what those equations do to the axes: integers
    merge        an excerpt as one convolution
    constants    weights that are known while a program is lowered
    accelerated  an excerpt as a primitive, whose lowering chooses
    staging      a Python call as a jaxpr, and back
    cuts         cuts excerpts out of a jaxpr
    rewrite      a jaxpr with its convolutions replaced, at any depth
    rules        derivatives and batching of the primitive
    nnx_modules  modules of Flax NNX among the arguments
    accelerate   the public function
    report       inspect: what was found, what became of it, and the predicted gain
"""

from jaxdeconv.acceleration.accelerate import accelerate as accelerate
from jaxdeconv.acceleration.report import inspect as inspect

__all__ = ["accelerate", "inspect"]
