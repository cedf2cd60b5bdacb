"""'module:name' on the command line -> the object of the user's that it names."""

import contextlib
import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["named", "reporting", "required"]


def named(argument: str, text: str, example: str) -> Any:
    """The object that 'module:name' names, imported from the current directory or as installed.

    Args:
        argument: of the command line, for errors.
        text: what it is given.
        example: what it may be given.

    Raises:
        ValueError: there is no such module or name, or importing it raises.
    """
    module, _, name = text.partition(":")
    if not (module and name):
        raise ArgumentValueError(
            f"{argument} must be module:name", f"Write for example {example}.", **{argument: text}
        )
    sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        found: Any = _imported(argument, text, module)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ArgumentValueError(str(error), _NAME_IT, **{argument: text}) from error
    except ImportError as error:  # a module that imports lazily
        raise _raised(argument, text, error) from error
    return found


def _imported(argument: str, text: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # raised by an import in the module
            raise _raised(argument, text, error) from error
        raise ArgumentValueError(str(error), _NAME_IT, **{argument: text}) from error
    except (Exception, SystemExit) as error:
        raise _raised(argument, text, error) from error


_NAME_IT = "Run where the module can be imported, and name something in it."


def required(function: Callable) -> list[str]:
    """The arguments that `function` requires."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C have no signature
        return []
    by_name = (one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    return [one.name for one in by_name if one.default is one.empty]


@contextlib.contextmanager
def reporting(argument: str, text: str) -> Iterator[None]:
    """Report what the user's own functions raise in a sentence, with the line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        refused = isinstance(error, ArgumentTypeError | ArgumentValueError)
        if refused and not _their_frames(error):
            raise  # the error is about the argument itself
        raise _raised(argument, text, error) from error


def _their_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of the traceback that are in the user's own code."""
    found = traceback.extract_tb(error.__traceback__)
    return [frame for frame in found if _is_theirs(frame.filename)]


def _raised(argument: str, text: str, error: BaseException) -> ArgumentValueError:
    frames = _their_frames(error)
    place = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""
    if isinstance(error, SyntaxError):
        place = f"{os.path.basename(error.filename or '')}, line {error.lineno}"
    line = str(error).partition("\n")[0].rstrip(".")
    return ArgumentValueError(
        f"it raised {type(error).__name__}{f': {line}' if line else ''}",
        f"See {place}." if place else "Call it in Python to see where.",
        **{argument: text},
    )


def _is_theirs(filename: str) -> bool:
    """Whether a file belongs neither to this package, nor to an installed one, nor to Python."""
    path = os.path.abspath(filename)
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = {ours, *(place for name, place in sysconfig.get_paths().items() if "lib" in name)}
    return os.path.exists(path) and not any(path.startswith(place + os.sep) for place in places)
