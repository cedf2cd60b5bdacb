"""Errors of the layers, which use the framework's argument names."""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["check_keywords", "missing_framework", "rename_arguments"]

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
"""Names of one argument in the frameworks and in `jax.lax`."""

LEFT_OUT = {
    "input_dilation": "A convolution that dilates its input is a transposed one: ConvTranspose.",
    "lhs_dilation": "A convolution that dilates its input is a transposed one: ConvTranspose.",
    "transpose_kernel": "Leave it out: the kernel is that of the forward convolution.",
    "conv_general_dilated": "Leave it out: jaxdeconv computes the convolution.",
}
"""What to do about arguments of other layers that the layers here do not have."""


def rename_arguments(**names: str) -> Callable[[Method], Method]:
    """Decorator of a layer's method: its argument errors use the framework's argument names.

    The functions that check the arguments know them by their names in `jaxdeconv.conv`; the user
    wrote the framework's names, and called a layer.

    Args:
        names: the framework's name for each argument that has another one here, e.g.
            `stride="strides"`.

    Example:
        >>> from jaxdeconv.nn.convolution import resolve
        >>> class Layer:
        ...     @rename_arguments(stride="strides")
        ...     def __init__(self, strides):
        ...         resolve(3, stride=strides)
        >>> Layer(strides=0)
        Traceback (most recent call last):
        jaxdeconv.errors.ArgumentValueError: Layer: strides must be at least 1; got strides=0. \
Pass 1 or more.
    """
    ours = re.compile(rf"\b({'|'.join(names)})\b") if names else re.compile("(?!)")

    def rename(text: str) -> str:
        return ours.sub(lambda match: names[match[0]], text)

    def decorate(method: Method) -> Method:
        known = _keywords(method)

        @functools.wraps(method)
        def renaming(self: Any, *args: Any, **kwargs: Any) -> Any:
            if known is not None:
                check_keywords(kwargs, known, type(self))
            try:
                return method(self, *args, **kwargs)
            except (ArgumentValueError, ArgumentTypeError) as error:
                if error.caller != type(self).__name__:  # else an inner method has renamed
                    error.caller = type(self).__name__
                    error.rule, error.remedy = rename(error.rule), rename(error.remedy)
                    error.got = {rename(name): value for name, value in error.got.items()}
                raise

        return renaming  # type: ignore[return-value]

    return decorate


def check_keywords(given: Mapping[str, Any], known: Iterable[str], layer: type) -> None:
    """Refuse a keyword that a layer does not have, and name the one that was probably meant.

    Args:
        given: keywords.
        known: the names of the layer's arguments.
        layer: whose keywords they are; the error starts with its name.

    Raises:
        TypeError: a keyword is not known.
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
    same: set[str] = set().union(*(names for names in SYNONYMS if name in names))
    found = [one for one in every if one in same] or difflib.get_close_matches(name, every, 1)
    if found:
        return f"Pass {found[0]}."
    return f"The arguments are {', '.join(every)}."


def _all_keywords(layer: type) -> list[str]:
    """The keywords of all initialisers to which a layer passes its arguments."""
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
    """The keywords of an initialiser without `**keywords`; None for any other method."""
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
