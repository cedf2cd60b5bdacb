"""`jaxdeconv compiled module:function` and `jaxdeconv compilers install`: see `compilers`."""

import argparse
import json
import re
import sys
from typing import Any

import jax

from jaxdeconv import compilers
from jaxdeconv.cli.named import named, reporting, required
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
        with reporting("function", options.function):
            found.append(compilers.explain(step, *args, target=name, progress=_progress))
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
    found = named("function", text, "training:step")
    if callable(found) and shapes:
        return found, tuple(_array(one) for one in shapes)
    if callable(found):
        if needed := required(found):
            raise ArgumentTypeError(
                f"the shapes of {', '.join(needed)} must be given",
                "Write them behind it, as 'float32[8,64,64,3]'; or name a tuple (step, *args), or "
                "a function without arguments that returns one.",
                function=text,
            )
        with reporting("function", text):
            found = found()
    if isinstance(found, tuple) and found and callable(found[0]):
        return found[0], found[1:]
    raise ArgumentTypeError(
        "function must be a function with shapes behind it, a tuple (step, *args), or a function "
        "without arguments that returns such a tuple",
        "Write for example case = (train_step, state, batch).",
        function=text,
    )


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
