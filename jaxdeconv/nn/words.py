"""Errors in the words of a framework: its names for the arguments, and its absence."""

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["missing_framework", "speaking"]

Method = TypeVar("Method", bound=Callable[..., Any])


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
        @functools.wraps(method)
        def speaking_method(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return method(self, *args, **kwargs)
            except (ArgumentValueError, ArgumentTypeError) as error:
                error.caller = type(self).__name__
                error.rule, error.remedy = translate(error.rule), translate(error.remedy)
                error.got = {translate(name): value for name, value in error.got.items()}
                raise

        return speaking_method  # type: ignore[return-value]

    return decorate


def missing_framework(module: str, package: str) -> ImportError:
    """The error of a layer module whose framework is not installed."""
    return ImportError(f"{module}: needs {package}. Install it: pip install {package}")
