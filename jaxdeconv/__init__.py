"""jaxdeconv: strided convolution as a linear map, and its transposes, exact and checked.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

The map of the package; data flows downwards and a module imports only from above itself:

    errors          one form for every error message
    arguments/      what users write -> checked values: sizes, padding, dtypes, dimension numbers
    geometry        ConvGeometry: the integers of one convolution
    boundary        padding modes (circular, reflect, ...) as linear maps with their transposes
    reference/      the definition and its independent re-derivations: slow, obvious
    algorithms/     fast ways to compute each convolution, one file each, and their contract
    planning/       which algorithm for which problem: predicted and measured times; autotuning
    sharding/       a leg divided among devices: halos, layouts; `sharding.explain`
    primitives/     the three convolutions in JAX: differentiation, batching, lowering
    legs/           the public functions: conv, conv_transpose, kernel_gradient; plan; autotune
    acceleration/   accelerate: any JAX function, its convolutions computed by ours
    continuous/     the convolution of functions and its transpose, by quadrature
    interpolation/  upsampling as a transposed convolution with a fixed kernel
    operators/      ConvOperator: matrices, spectra, inverses     (views: scipy, lineax, pylops)
    compat/         the same call as in lax, torch, Keras, TensorFlow, ONNX
    nn/             layers for Flax NNX, Flax Linen, Equinox, Haiku    (each needs its framework)
    compilers/      what XLA makes of any function for a GPU or a TPU that is not here
    plot/           pictures of maps, kernels, matrices, arithmetic    (needs matplotlib)
    verify/         evidence on any pair of linear maps; knows nothing of convolutions
    pytest_plugin   the fixture `assert_adjoint`                (loaded by pytest)
    cli/            `python -m jaxdeconv`                       (needs matplotlib, rich)

The words, one for a thing:

    v, u, w         input, output and kernel of the forward convolution K: always the same w
    leg             one of the three: conv (K, the forward convolution; cuDNN: fprop),
                    conv_transpose (its transpose; dgrad), kernel_gradient (wgrad)
    geometry        sizes, stride, padding, dilation and groups of the forward convolution
    canonical       the layout inside: channels last, one batch axis
    input_size      the spatial size of v, which fixes the transpose where stride > 1
    padding mode    what the padding holds: zeros, circular, reflect, replicate, symmetric
    tap             one entry of the kernel's spatial axes
    phase           the places that are equal modulo the stride
    problem         a leg with all that is known before there are numbers: shapes, dtypes, platform
    algorithm       one way to compute a leg
    plan            the choice of the algorithm, with its reasons
    to tune         to measure the algorithms of a leg, and to plan by that from then on
    derived         computed by JAX's own differentiation of the definition

Every name here is imported when it is first asked for: `import jaxdeconv` alone is quick.
"""

import importlib
from importlib import util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxdeconv import acceleration as acceleration
    from jaxdeconv import algorithms as algorithms
    from jaxdeconv import compat as compat
    from jaxdeconv import compilers as compilers
    from jaxdeconv import continuous as continuous
    from jaxdeconv import interpolation as interpolation
    from jaxdeconv import nn as nn
    from jaxdeconv import operators as operators
    from jaxdeconv import plot as plot
    from jaxdeconv import reference as reference
    from jaxdeconv import sharding as sharding
    from jaxdeconv import verify as verify
    from jaxdeconv.acceleration import accelerate as accelerate
    from jaxdeconv.geometry import ConvGeometry as ConvGeometry
    from jaxdeconv.geometry import possible_input_sizes as possible_input_sizes
    from jaxdeconv.legs import conv as conv
    from jaxdeconv.legs import conv_transpose as conv_transpose
    from jaxdeconv.legs import kernel_gradient as kernel_gradient
    from jaxdeconv.legs.autotune import autotune as autotune
    from jaxdeconv.legs.plan import plan as plan
    from jaxdeconv.operators import ConvOperator as ConvOperator
    from jaxdeconv.planning.autotuning import autotuning as autotuning
    from jaxdeconv.planning.registry import register_algorithm as register_algorithm
    from jaxdeconv.planning.registry import unregister_algorithm as unregister_algorithm

    __version__: str

__all__ = [
    "ConvGeometry",
    "ConvOperator",
    "accelerate",
    "autotune",
    "autotuning",
    "conv",
    "conv_transpose",
    "kernel_gradient",
    "plan",
    "possible_input_sizes",
    "register_algorithm",
    "unregister_algorithm",
    "verify",
]

_HOMES = {
    "ConvGeometry": "geometry",
    "ConvOperator": "operators",
    "accelerate": "acceleration",
    "autotune": "legs.autotune",
    "autotuning": "planning.autotuning",
    "conv": "legs",
    "conv_transpose": "legs",
    "kernel_gradient": "legs",
    "plan": "legs.plan",
    "possible_input_sizes": "geometry",
    "register_algorithm": "planning.registry",
    "unregister_algorithm": "planning.registry",
}
"""The modules that define the public names."""

_MODULES = (
    "algorithms",
    "compat",
    "compilers",
    "continuous",
    "interpolation",
    "nn",
    "operators",
    "plot",
    "reference",
    "sharding",
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
