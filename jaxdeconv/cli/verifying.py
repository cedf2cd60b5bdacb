"""`jaxdeconv verify module:pair`: verify two functions of the user's own."""

import argparse
import inspect
import sys
from collections.abc import Mapping
from typing import Any

import jax

from jaxdeconv import verify
from jaxdeconv.cli.named import named, reporting, required
from jaxdeconv.errors import ArgumentTypeError

__all__ = ["run"]

_NAMES = tuple(inspect.signature(verify.adjoint).parameters)


def run(options: argparse.Namespace) -> int:
    """Verify the pair that the options name, and print the report.

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
    keywords = _keywords(_pair(options.pair))
    chosen = {name: getattr(options, name) for name in ("key", "transpose", "budget")}
    keywords |= {name: value for name, value in chosen.items() if value is not None}
    with reporting("pair", options.pair):
        report = verify.adjoint(**keywords)
    text = report.details() if options.details else str(report)
    sys.stdout.write((report.to_json() if options.json else text) + "\n")
    return 0 if report.ok else 1


def _pair(text: str) -> Any:
    """What 'module:name' names, or what it returns if it is a function."""
    found = named("pair", text, "operators:radon")
    if not callable(found):
        return found
    if needed := required(found):
        raise ArgumentTypeError(
            f"{text.partition(':')[2]} must be a pair, or a function without arguments that "
            f"returns one, but it takes {', '.join(needed)}",
            "Write for example pair = (forward, adjoint, jax.ShapeDtypeStruct((5,), 'float32')).",
            pair=text,
        )
    with reporting("pair", text):
        return found()


def _keywords(pair: Any) -> dict[str, Any]:
    """The arguments of `verify.adjoint`, from a mapping, or from A, At, domain in this order."""
    if isinstance(pair, Mapping) and {"A", "At", "domain"} <= set(pair) <= set(_NAMES):
        return dict(pair)
    if isinstance(pair, tuple | list) and len(pair) in (3, 4):
        return dict(zip(_NAMES, pair, strict=False))
    raise ArgumentTypeError(
        "pair must be (A, At, domain), (A, At, domain, codomain), the arguments of "
        "jaxdeconv.verify.adjoint by name, or a function without arguments that returns one of "
        "these",
        "Write for example pair = (jnp.flip, jnp.flip, jax.ShapeDtypeStruct((5,), 'float32')).",
        pair=pair,
    )
