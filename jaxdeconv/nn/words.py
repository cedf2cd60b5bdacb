"""Errors in the words of a framework: its names for the arguments, and its absence."""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["check_known", "missing_framework", "speaking"]

Method = TypeVar("Method", bound=Callable[..., Any])

SYNONYMS = (
    {"groups", "group", "feature_group_count", "num_groups"},
    {"stride", "strides", "window_strides"},
    {"dilation", "dilations", "kernel_dilation", "rhs_dilation", "rate", "dilation_rate"},
    {"kernel_size", "kernel_shape"},
    {"padding", "pad", "pads"},
    {"use_bias", "with_bias", "bias"},
    {"in_features", "in_channels", "input_channels"},
    {"out_features", "out_channels", "output_channels", "features", "filters"},
    {"input_size", "output_shape", "output_size"},
    {"kernel_init", "w_init", "weight_init", "kernel_initializer"},
    {"bias_init", "b_init", "bias_initializer"},
    {"param_dtype", "dtype"},
    {"rngs", "key"},
)
"""What the frameworks, and `jax.lax`, call the same thing."""

LEFT_OUT = {
    "input_dilation": "A convolution that dilates its input is a transposed one: ConvTranspose.",
    "lhs_dilation": "A convolution that dilates its input is a transposed one: ConvTranspose.",
    "transpose_kernel": "Leave it out: the kernel is that of the forward map, as if it were True.",
    "conv_general_dilated": "Leave it out: the legs take its place.",
}
"""What some layers elsewhere have, and these have not."""


def speaking(**words: str) -> Callable[[Method], Method]:
    """Decorator of a layer's method: its argument errors speak the framework's words.

    The rooms below know the arguments under their names in `jaxdeconv.conv`; the user wrote the
    framework's, and called a layer.

    Args:
        words: the framework's word for each of ours that differs, e.g. `stride="strides"`.

    Example:
        >>> from jaxdeconv.nn.convolution import resolve
        >>> class Layer:
        ...     @speaking(stride="strides")
        ...     def __init__(self, strides):
        ...         resolve(3, stride=strides)
        >>> Layer(strides=0)
        Traceback (most recent call last):
        jaxdeconv.errors.ArgumentValueError: Layer: strides must be at least 1; got strides=0. \
Pass 1 or more.
    """
    ours = re.compile(rf"\b({'|'.join(words)})\b") if words else re.compile("(?!)")

    def translate(text: str) -> str:
        return ours.sub(lambda match: words[match[0]], text)

    def decorate(method: Method) -> Method:
        known = _keywords(method)

        @functools.wraps(method)
        def speaking_method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if known is not None:
                check_known(kwargs, known, type(self))
            try:
                return method(self, *args, **kwargs)
            except (ArgumentValueError, ArgumentTypeError) as error:
                if error.caller != type(self).__name__:  # else it speaks them already
                    error.caller = type(self).__name__
                    error.rule, error.remedy = translate(error.rule), translate(error.remedy)
                    error.got = {translate(name): value for name, value in error.got.items()}
                raise

        return speaking_method  # type: ignore[return-value]

    return decorate


def check_known(given: Mapping[str, Any], known: Iterable[str], layer: type) -> None:
    """Refuse a keyword that a layer does not have, with the one that was meant.

    Args:
        given: keywords.
        known: the names that are fine.
        layer: whose keywords they are; the error is reported in its name.

    Raises:
        TypeError: one that is not known.
    """
    for name, value in given.items():
        if name not in known:
            every = [*dict.fromkeys([*known, *_all_keywords(layer)])]
            error = ArgumentTypeError(
                f"{name} is not an argument of this layer", _meant(name, every), **{name: value}
            )
            error.caller = layer.__name__
            raise error


def _meant(name: str, every: list[str]) -> str:
    """What to pass instead of a keyword that is not known."""
    if name in LEFT_OUT:
        return LEFT_OUT[name]
    same: set[str] = set().union(*(words for words in SYNONYMS if name in words))
    found = [word for word in every if word in same] or difflib.get_close_matches(name, every, 1)
    if found:
        return f"Pass {found[0]}."
    return f"The arguments are {', '.join(every)}."


def _all_keywords(layer: type) -> list[str]:
    """Those of all the initialisers that a layer's arguments go through."""
    found: list[str] = []
    for kind in layer.__mro__:
        method: Any = vars(kind).get("__init__")
        method = getattr(method, "func", method)  # of a partial method
        if getattr(inspect.unwrap(method) if method else None, "__module__", "").startswith(
            "jaxdeconv."
        ):
            found += _parameters(method)
    return found


def _keywords(method: Any) -> list[str] | None:
    """The keywords of an initialiser that takes no others; None for any other method."""
    kinds = [p.kind for p in inspect.signature(method).parameters.values()]
    if method.__name__ != "__init__" or inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    return _parameters(method)


def _parameters(method: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(method).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.name != "self"]


def missing_framework(module: str, package: str) -> ImportError:
    """The error of a layer module whose framework is not installed."""
    return ImportError(f"{module}: needs {package}. Install it: pip install {package}")
