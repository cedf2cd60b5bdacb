"""`jaxdeconv compiled module:function` and `jaxdeconv compilers install`: see `compilers`."""

import argparse
import importlib
import inspect
import json
import os
import re
import sys
from typing import Any

import jax

from jaxdeconv import compilers
from jaxdeconv.compilers import installing, targets
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Explain the function that is named, or install compilers; exit status 0.

    Args:
        options: what `arguments.compiled_parser` or `arguments.compilers_parser` parsed.

    Raises:
        ValueError: a name, a target or a shape is not known, or a compiler is not there.
        TypeError: the name holds nothing that can be compiled.
    """
    if "action" in options:
        return _install(options.targets)
    step, args = _case(options.function, options.shapes)
    names = options.target.split(",")
    for name in names:  # before anything takes long
        installing.installed(targets.find(name))
    found = []
    for name in names:
        try:
            found.append(compilers.explain(step, *args, target=name, progress=_progress))
        except (ArgumentTypeError, ArgumentValueError):
            raise
        except Exception as error:
            raise _raised(options.function, error) from error
    if options.json:
        records = [json.loads(one.to_json()) for one in found]
        sys.stdout.write(json.dumps(records, indent=1) + "\n")
    else:
        sys.stdout.write("\n\n".join(map(str, found)) + "\n")
    return 0


def _install(names: list[str]) -> int:
    for name in names:
        target = targets.find(name)
        path = installing.folder(target.platform)
        if path.exists():
            sys.stdout.write(f"{name}: installed already, in {path}\n")
            continue
        wheels = " ".join(installing.wheels(target))
        sys.stdout.write(f"{name}: {wheels}, {installing.sizes(target)}, into {path}\n")
        sys.stdout.flush()
        installing.install(target)
        sys.stdout.write(f"{name}: installed; delete that folder to remove it\n")
    return 0


def _progress(line: str) -> None:
    sys.stderr.write(f"{line} ...\n")


def _case(text: str, shapes: list[str]) -> tuple[Any, tuple[Any, ...]]:
    """The function to compile, and its arguments."""
    found = _named(text)
    if callable(found) and shapes:
        return found, tuple(_array(one) for one in shapes)
    if callable(found):
        needed = [one.name for one in _parameters(found) if one.default is one.empty]
        if needed:
            raise ArgumentTypeError(
                f"the shapes of {', '.join(needed)} must be given",
                "Write them behind it, as 'float32[8,64,64,3]'; or name a tuple (step, *args), or "
                "a function without arguments that returns one.",
                function=text,
            )
        try:
            found = found()
        except Exception as error:
            raise _raised(text, error) from error
    if isinstance(found, tuple) and found and callable(found[0]):
        return found[0], found[1:]
    raise ArgumentTypeError(
        "function must be a function with shapes behind it, a tuple (step, *args), or a function "
        "without arguments that returns such a tuple",
        "Write for example case = (train_step, state, batch).",
        function=text,
    )


def _named(text: str) -> Any:
    """What stands under 'module:name'."""
    module, _, name = text.partition(":")
    if not (module and name):
        raise ArgumentValueError(
            "function must be module:name", "Write for example training:step.", function=text
        )
    sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (AttributeError, ImportError) as error:
        raise ArgumentValueError(
            str(error),
            "Run where the module can be imported, and name something that it holds.",
            function=text,
        ) from error
    except (Exception, SystemExit) as error:
        raise _raised(text, error) from error
    return found


def _parameters(function: Any) -> list[inspect.Parameter]:
    """What `function` can be given by name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # not told, by functions that are written in C
        return []
    return [one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


def _array(text: str) -> jax.ShapeDtypeStruct:
    """'float32[8,64]' -> its type."""
    form = re.fullmatch(r"(\w+)\[((?:\d+(?:,\d+)*)?)\]", text)
    try:
        if form:
            sizes = tuple(int(n) for n in form[2].split(",") if n)
            return jax.ShapeDtypeStruct(sizes, jax.numpy.dtype(form[1]))
    except TypeError:  # no such dtype
        pass
    raise ArgumentValueError(
        "shapes must be a dtype with sizes in brackets each",
        "Write for example 'float32[8,64,64,3]' 'bfloat16[4,4,3,64]', and 'int32[]' for a number.",
        shapes=text,
    )


def _raised(text: str, error: BaseException) -> ArgumentValueError:
    """What the user's own function raises, in a sentence."""
    line = str(error).partition("\n")[0].rstrip(".")
    return ArgumentValueError(
        f"it raised {type(error).__name__}{f': {line}' if line else ''}",
        "Call it in Python to see where.",
        function=text,
    )
