"""jaxdeconv: strided convolution as a linear map, and its transposes, right by proof.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

The map of the package; data flows downwards and a module imports only from above itself:

    errors          one form for every error message
    verify/         evidence on any pair of linear maps; knows nothing of convolutions
    integers        what users write for sizes -> tuples of integers
    paddings        what users write for padding -> (low, high) pairs
    geometry        ConvGeometry: the integers of one convolution
    layout          dimension_numbers <-> the canonical, channels-last layout
    operands        which arrays and dtypes are taken, and where sums are formed
    boundary        padding modes (circular, reflect, ...) as linear maps with their transposes
    reference/      the definition and its independent re-derivations: slow, obvious
    algorithms/     fast ways to compute a leg, one file each
    costmodel       predicted seconds of an algorithm (costs/: measured)
    tuned           what autotune measured, kept from one process to the next
    planner         which algorithm for which leg, geometry, dtype and platform
    folding         axes along which the kernel lies in one place -> channels
    primitives      the legs as three bilinear primitives: differentiation, batching, lowering
    calls           from the user's layout and keywords to a leg, and back
    legs            the public functions: conv, conv_transpose, kernel_gradient
    plans           plan: what a public call would do, and why
    tuning          autotune: measure on the spot, and remember
    acceleration/   accelerate: any JAX function, its convolutions computed by the legs
    continuous/     the convolution of functions and its transpose, by quadrature
    interpolation/  upsampling as a transposed convolution with a fixed kernel
    operators/      ConvOperator: matrices, spectra, inverses     (views: scipy, lineax, pylops)
    compat/         the same call as in lax, torch, Keras, TensorFlow, ONNX, Flax, Haiku, Equinox
    nn/             layers for Flax NNX, Flax Linen, Equinox, Haiku    (each needs its framework)
    plot/           pictures of maps, kernels, matrices, arithmetic    (needs matplotlib)
    cli/            `python -m jaxdeconv`: every way on a photograph; explain; verify
                                                                       (needs matplotlib, rich)

The rooms from `continuous` down, and `reference`, are imported when they are first asked for.
"""

import importlib
from types import ModuleType

from jaxdeconv import verify as verify
from jaxdeconv.acceleration import accelerate as accelerate
from jaxdeconv.geometry import ConvGeometry as ConvGeometry
from jaxdeconv.geometry import possible_input_sizes as possible_input_sizes
from jaxdeconv.legs import conv as conv
from jaxdeconv.legs import conv_transpose as conv_transpose
from jaxdeconv.legs import kernel_gradient as kernel_gradient
from jaxdeconv.operators import ConvOperator as ConvOperator
from jaxdeconv.plans import plan as plan
from jaxdeconv.tuning import autotune as autotune

__all__ = [
    "ConvGeometry",
    "ConvOperator",
    "accelerate",
    "autotune",
    "conv",
    "conv_transpose",
    "kernel_gradient",
    "plan",
    "possible_input_sizes",
    "verify",
]

_ROOMS = ("compat", "continuous", "interpolation", "nn", "operators", "plot", "reference")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
