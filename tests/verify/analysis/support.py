"""The analysis of a function, from the function."""

from collections.abc import Callable
from typing import Any

from jaxdeconv.verify.analysis import Linearity, Magnitude, analyse, trace

__all__ = ["classify", "magnitude"]


def classify(fun: Callable[[Any], Any], domain: Any) -> Linearity:
    return analyse(trace(fun, domain)).linearity


def magnitude(fun: Callable[[Any], Any], domain: Any, platform: str | None = None) -> Magnitude:
    return analyse(trace(fun, domain), platform=platform).magnitude
