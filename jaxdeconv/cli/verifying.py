"""`jaxdeconv verify module:pair`: verify two functions of the user's own."""

import argparse
import contextlib
import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from jaxdeconv import verify
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

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
    keywords = _keywords(_named(options.pair))
    chosen = {name: getattr(options, name) for name in ("key", "transpose", "budget")}
    keywords |= {name: value for name, value in chosen.items() if value is not None}
    with _reporting(options.pair):
        report = verify.adjoint(**keywords)
    sys.stdout.write((report.to_json() if options.json else str(report)) + "\n")
    return 0 if report.ok else 1


def _named(pair: str) -> Any:
    """The object that 'module:name' names."""
    module, _, name = pair.partition(":")
    if not (module and name):
        raise ArgumentValueError(
            "pair must be module:name", "Write for example operators:radon.", pair=pair
        )
    sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        found: Any = _imported(module)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ArgumentValueError(str(error), _NAME_IT, pair=pair) from error
    except ImportError as error:  # a module that imports lazily
        raise _raised(pair, error) from error
    if not callable(found):
        return found
    needed = _needed(found)
    if needed:
        raise ArgumentTypeError(
            f"{name} must be a pair, or a function without arguments that returns one, but it "
            f"takes {', '.join(needed)}",
            "Write for example pair = (forward, adjoint, jax.ShapeDtypeStruct((5,), 'float32')).",
            pair=pair,
        )
    with _reporting(pair):
        return found()


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # raised by an import in the module
            raise _raised(module, error) from error
        raise ArgumentValueError(str(error), _NAME_IT, module=module) from error
    except (Exception, SystemExit) as error:
        raise _raised(module, error) from error


_NAME_IT = "Run where the module can be imported, and name something in it."


def _needed(function: Any) -> list[str]:
    """The arguments that `function` requires."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C have no signature
        return []
    named = (one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    return [one.name for one in named if one.default is one.empty]


@contextlib.contextmanager
def _reporting(pair: str) -> Iterator[None]:
    """Report what the user's own functions raise in a sentence, with the line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        refused = isinstance(error, ArgumentTypeError | ArgumentValueError)
        if refused and not _their_frames(error):
            raise  # the error is about the pair itself
        raise _raised(pair, error) from error


def _their_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of the traceback that are in the user's own code."""
    found = traceback.extract_tb(error.__traceback__)
    return [frame for frame in found if _is_theirs(frame.filename)]


def _raised(pair: str, error: BaseException) -> ArgumentValueError:
    frames = _their_frames(error)
    place = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""
    if isinstance(error, SyntaxError):
        place = f"{os.path.basename(error.filename or '')}, line {error.lineno}"
    text = str(error).partition("\n")[0].rstrip(".")
    return ArgumentValueError(
        f"it raised {type(error).__name__}{f': {text}' if text else ''}",
        f"See {place}." if place else "Call it in Python to see where.",
        pair=pair,
    )


def _is_theirs(filename: str) -> bool:
    """Whether a file belongs neither to this package, nor to an installed one, nor to Python."""
    path = os.path.abspath(filename)
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = {ours, *(place for name, place in sysconfig.get_paths().items() if "lib" in name)}
    return os.path.exists(path) and not any(path.startswith(place + os.sep) for place in places)


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
