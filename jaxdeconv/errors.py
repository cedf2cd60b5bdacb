"""One form for every error message: the rule, what was got, what to pass instead.

    <function>: <rule in argument names>; got <name>=<value>. <what to pass instead>

The layer that finds the fault knows the rule; only the outermost public function knows the name
that the user called. So the finder raises without a name and `reporting` adds it on the way out.

`reporting` also answers a keyword that the function does not have. Other libraries call the same
things by other names, so the answer says which name is meant here.
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["ArgumentTypeError", "ArgumentValueError", "check_keywords", "reporting"]

_LONGEST = 116  # characters of a value that is shown

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
        text = " ".join(repr(value).split())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
    return f"{dtype}[{','.join(map(str, shape))}]"


def reporting(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Put `function`'s name in front of the argument errors that pass through it.

    The outermost public function wins: it is the one that the user called. A keyword that
    `function` does not have is such an error too.
    """
    name = function.__qualname__.removesuffix(".__init__")
    keywords = _keywords_of(function)

    @functools.wraps(function)
    def reported(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            if keywords is not None and not kwargs.keys() <= keywords.keys():
                raise _unknown_keyword([*keywords], kwargs)
            return function(*args, **kwargs)
        except _ArgumentError as error:
            error.caller = name
            error.__notes__ = []  # where JAX remarks on the frames that it hid
            raise

    return reported


def check_keywords(function: Callable, given: Mapping[str, Any]) -> None:
    """Refuse a keyword that `function` does not have, as `reporting` does."""
    keywords = _keywords_of(function)
    if keywords is not None and not given.keys() <= keywords.keys():
        raise _unknown_keyword([*keywords], given)


_OURS = {
    "strides": "stride",
    "window_strides": "stride",
    "kernel_dilation": "dilation",
    "rhs_dilation": "dilation",
    "filter_dilation": "dilation",
    "dilations": "dilation",
    "dilation_rate": "dilation",
    "atrous_rate": "dilation",
    "rate": "dilation",
    "feature_group_count": "groups",
    "group": "groups",
    "num_groups": "groups",
    "kernel_shape": "kernel_size",
    "filter_size": "kernel_size",
    "filter_shape": "kernel_size",
    "pads": "padding",
    "pad": "padding",
    "mode": "padding_mode",
    "data_format": "dimension_numbers",
    "dtype": "preferred_element_type",
}
"""What other libraries call our keywords."""

_REMEDIES = {
    "output_shape": (
        ("input_size", "Use input_size=, the spatial sizes alone, without batch and channels."),
        ("kernel_size", "Use kernel_size=, the spatial sizes alone."),
        ("padding", "Leave it out: the size of the result follows from the other arguments."),
    ),
    "output_size": (
        ("input_size", "Use input_size=, the spatial size of v, which is the result."),
        ("padding", "Leave it out: the size of the result follows from the other arguments."),
    ),
    "lhs_dilation": (
        ("output_padding", "Use stride=, that of conv, whose transpose this is."),
        ("padding", "Call conv_transpose with stride=: that puts zeros between the cells."),
    ),
    "batch_group_count": (
        ("groups", "Call jaxdeconv.compat.lax.conv_general_dilated, which has it."),
    ),
    "transpose_kernel": (
        ("output_padding", "Leave it out: w is the kernel of conv, neither flipped nor swapped."),
    ),
}
"""What to do about keywords that are not one of ours by another name: (a keyword, the remedy for
functions that have it)."""


def _keywords_of(function: Callable) -> dict[str, None] | None:
    """What `function` takes by keyword, in order; None if it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {one.name: None for one in parameters if one.kind in named and one.name != "self"}


def _unknown_keyword(keywords: list[str], given: Mapping[str, Any]) -> ArgumentTypeError:
    """The error for the first of `given` that is not among `keywords`."""
    name = next(name for name in given if name not in keywords)
    near = difflib.get_close_matches(name, keywords, n=1)
    remedies = [text for ours, text in _REMEDIES.get(name, ()) if ours in keywords]
    if _OURS.get(name) in keywords:
        remedy = f"Use {_OURS[name]}=."
    elif remedies:
        remedy = remedies[0]
    elif near:
        remedy = f"Did you mean {near[0]}=?"
    else:
        remedy = f"It takes {', '.join(keywords)}."
    return ArgumentTypeError(f"there is no keyword {name}", remedy, **{name: given[name]})
