"""One form for every error message: the rule, what was got, what to pass instead.

    <function>: <rule in argument names>; got <name>=<value>. <what to pass instead>

The layer that finds the fault knows the rule; only the outermost public function knows the name
that the user called. So the finder raises without a name and `reporting` adds it on the way out.
"""

import functools
import textwrap
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

__all__ = ["ArgumentTypeError", "ArgumentValueError", "reporting"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class _ArgumentError(Exception):
    """The common text of the two public errors."""

    def __init__(self, rule: str, remedy: str, **got: Any) -> None:
        super().__init__(rule, remedy, got)
        self.rule = rule
        self.remedy = remedy
        self.got = got
        self.caller = ""

    def __str__(self) -> str:
        prefix = f"{self.caller}: " if self.caller else ""
        values = ", ".join(f"{name}={_show(value)}" for name, value in self.got.items())
        return f"{prefix}{self.rule}; got {values}. {self.remedy}"


class ArgumentValueError(_ArgumentError, ValueError):
    """An argument of the right kind whose value breaks a rule."""


class ArgumentTypeError(_ArgumentError, TypeError):
    """An argument of the wrong kind."""


def _show(value: Any) -> str:
    """Arrays by dtype and shape (their entries may be traced, or many), all else by `repr`."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype is None or isinstance(value, type):
        return textwrap.shorten(repr(value), width=120, placeholder=" ...")
    return f"{dtype}[{','.join(map(str, shape))}]"


def reporting(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Put `function`'s name in front of the argument errors that pass through it.

    The outermost public function wins: it is the one that the user called.
    """
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def reported(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except _ArgumentError as error:
            error.caller = name
            error.__notes__ = []  # where JAX remarks on the frames that it hid
            raise

    return reported
