"""jaxdeconv: strided convolution as a linear map, and its transposes, right by proof.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

The map of the package; data flows downwards and a module imports only from above itself:

    errors          one form for every error message
    choices         what users write for one of several names
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
    compat/         the same call as in lax, torch, Keras, TensorFlow, ONNX
    nn/             layers for Flax NNX, Flax Linen, Equinox, Haiku    (each needs its framework)
    plot/           pictures of maps, kernels, matrices, arithmetic    (needs matplotlib)
    verify/         evidence on any pair of linear maps; knows nothing of convolutions
    cli/            `python -m jaxdeconv`: every way on a photograph; explain; verify
                                                                       (needs matplotlib, rich)

Every name here is imported when it is first asked for: `import jaxdeconv` alone is quick.
"""

import importlib
from importlib import util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxdeconv import acceleration as acceleration
    from jaxdeconv import compat as compat
    from jaxdeconv import continuous as continuous
    from jaxdeconv import interpolation as interpolation
    from jaxdeconv import nn as nn
    from jaxdeconv import operators as operators
    from jaxdeconv import plot as plot
    from jaxdeconv import reference as reference
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

    __version__: str

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

_HOMES = {
    "ConvGeometry": "geometry",
    "ConvOperator": "operators",
    "accelerate": "acceleration",
    "autotune": "tuning",
    "conv": "legs",
    "conv_transpose": "legs",
    "kernel_gradient": "legs",
    "plan": "plans",
    "possible_input_sizes": "geometry",
}
"""The modules that define the public names."""

_MODULES = (
    "compat",
    "continuous",
    "interpolation",
    "nn",
    "operators",
    "plot",
    "reference",
    "verify",
)


def _version() -> str:
    """The version in pyproject.toml: beside a checkout, else as it was when this was installed."""
    import tomllib  # noqa: PLC0415  rarely asked for
    from importlib import metadata  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    try:
        text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text).get("project", {})
        if project.get("name") == __name__:
            return str(project["version"])
    except (OSError, ValueError, KeyError):  # no checkout, or the file of something else
        pass
    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"


if not TYPE_CHECKING:  # mypy would take every name for one of these

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            value = _version()
        elif name in _MODULES:
            value = importlib.import_module(f"{__name__}.{name}")
        elif name in _HOMES:
            value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        elif not name.startswith("_") and util.find_spec(f"{__name__}.{name}"):
            value = importlib.import_module(f"{__name__}.{name}")  # not shown, but there
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    dunders = (name for name in globals() if name.startswith("__") and name.endswith("__"))
    return sorted({*dunders, "__version__", *__all__, *_MODULES})
