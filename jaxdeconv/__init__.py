"""jaxdeconv: strided convolution as a linear map, and its transposes, right by proof.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

The map of the package; data flows downwards and a module imports only from above itself:

    errors       one form for every error message
    integers     what users write for sizes -> tuples of integers
    paddings     what users write for padding -> (low, high) pairs
    geometry     ConvGeometry: the integers of one convolution
    layout       dimension_numbers <-> the canonical, channels-last layout
    operands     which arrays and dtypes are taken, and where sums are formed
    boundary     padding modes (circular, reflect, ...) as linear maps with their transposes
    reference/   the definition and its independent re-derivations: slow, obvious
    algorithms/  fast ways to compute a leg, one file each
    costmodel    predicted seconds of an algorithm (costs/: measured)
    tuned        what autotune measured, kept from one process to the next
    planner      which algorithm for which leg, geometry, dtype and platform
    primitives   the legs as three bilinear primitives: differentiation, batching, lowering
    calls        from the user's layout and keywords to a leg, and back
    legs         the public functions: conv, conv_transpose, kernel_gradient
    plans        plan: what a public call would do, and why
    tuning       autotune: measure on the spot, and remember
    plot         pictures of maps, kernels and matrices                    (needs matplotlib)
    cli/         `python -m jaxdeconv`: every way on a photograph; explain (needs matplotlib, rich)
"""

from jaxdeconv.geometry import ConvGeometry as ConvGeometry
from jaxdeconv.geometry import possible_input_sizes as possible_input_sizes
from jaxdeconv.legs import conv as conv
from jaxdeconv.legs import conv_transpose as conv_transpose
from jaxdeconv.legs import kernel_gradient as kernel_gradient
from jaxdeconv.plans import plan as plan
from jaxdeconv.tuning import autotune as autotune

__all__ = [
    "ConvGeometry",
    "autotune",
    "conv",
    "conv_transpose",
    "kernel_gradient",
    "plan",
    "possible_input_sizes",
]
