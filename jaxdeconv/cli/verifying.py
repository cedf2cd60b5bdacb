"""`jaxdeconv verify module:pair`: evidence on a user's own pair of operators."""

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any

import jax

from jaxdeconv import verify
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["run"]

_NAMES = tuple(inspect.signature(verify.adjoint).parameters)


def run(options: argparse.Namespace) -> int:
    """Verify the pair that is named, print the report.

    Args:
        options: what `arguments.verify_parser` parsed.

    Returns:
        The exit status: 0 if the report passes, 1 if it fails or is inconclusive.

    Raises:
        ValueError: there is no such module or name, or `verify.adjoint` refuses the pair.
        TypeError: the name holds no pair.
    """
    if options.x64:
        jax.config.update("jax_enable_x64", True)
    keywords = _keywords(_named(options.pair))
    chosen = {name: getattr(options, name) for name in ("key", "transpose", "budget")}
    keywords |= {name: value for name, value in chosen.items() if value is not None}
    report = verify.adjoint(**keywords)
    sys.stdout.write((report.to_json() if options.json else str(report)) + "\n")
    return 0 if report.ok else 1


def _named(pair: str) -> Any:
    """What stands under 'module:name'."""
    module, _, name = pair.partition(":")
    if not (module and name):
        raise ArgumentValueError(
            "pair must be module:name", "Write for example operators:radon.", pair=pair
        )
    sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ModuleNotFoundError, AttributeError) as error:
        remedy = "Run where the module can be imported, and name something that it holds."
        raise ArgumentValueError(str(error), remedy, pair=pair) from error
    return found() if callable(found) else found


def _keywords(pair: Any) -> dict[str, Any]:
    """The arguments of `verify.adjoint`, from a mapping of them or from A, At, domain in turn."""
    if isinstance(pair, Mapping) and {"A", "At", "domain"} <= set(pair) <= set(_NAMES):
        return dict(pair)
    if isinstance(pair, tuple | list) and len(pair) in (3, 4):
        return dict(zip(_NAMES, pair, strict=False))
    raise ArgumentTypeError(
        "pair must hold (A, At, domain), (A, At, domain, codomain), or the arguments of "
        "jaxdeconv.verify.adjoint by name, or be a function without arguments that returns them",
        "Write for example pair = (jnp.flip, jnp.flip, jax.ShapeDtypeStruct((5,), 'float32')).",
        pair=pair,
    )
