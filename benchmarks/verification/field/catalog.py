"""All operators, library by library."""

import importlib
from collections.abc import Iterator

from benchmarks.verification.field.operator import Operator

__all__ = ["LIBRARIES", "missing", "operators"]

LIBRARIES = {
    "pylops": "pylops_operators",
    "SciPy": "scipy_operators",
    "lineax": "lineax_operators",
    "JAX": "jax_operators",
    "imaging": "imaging_operators",
    "torch": "torch_operators",
    "scico": "scico_operators",
}
"""name -> module of this package."""


def operators(*libraries: str) -> Iterator[Operator]:
    """Those of the libraries that are installed, all by default."""
    for name in libraries or tuple(LIBRARIES):
        try:
            module = importlib.import_module(f"{__package__}.{LIBRARIES[name]}")
            yield from module.operators()
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("benchmarks"):
                raise


def missing(*libraries: str) -> list[str]:
    """Those that are not installed."""
    return [name for name in libraries or LIBRARIES if next(operators(name), None) is None]
