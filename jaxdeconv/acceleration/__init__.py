"""acceleration: a function transform; any JAX function, its convolutions computed by the fast legs.

Data flows downwards:

    axes         one spatial dimension: integers
    convolution  one `conv_general_dilated` without its arrays
    reading      a convolution read as a leg, and applied
    recognise    which reading
    staging      a Python call as a jaxpr, and back
    rewrite      a jaxpr with its convolutions replaced, at any depth
    graphs       modules of Flax NNX among the arguments
    transform    accelerate
    report       inspect: what was found, what became of it, and what it should gain
"""

from jaxdeconv.acceleration.report import inspect as inspect
from jaxdeconv.acceleration.transform import accelerate as accelerate

__all__ = ["accelerate", "inspect"]
