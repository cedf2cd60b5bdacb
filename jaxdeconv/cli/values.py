"""One word of the command line -> its value, for argparse: only the form is checked."""

import argparse
import contextlib
import re
from typing import TypeAlias

from jaxdeconv.arguments.integers import PaddingLike

__all__ = ["Integers", "as_pairs", "integers", "minutes", "natural", "padding"]

Integers: TypeAlias = int | tuple[int, ...]

_MOST_DIGITS, _MOST_MINUTES = 100, 600


def integers(text: str) -> Integers:
    """'3' -> 3 and '3,4' -> (3, 4)."""
    if not re.fullmatch(r"\s*[+-]?\d+\s*(,\s*[+-]?\d+\s*)*", text):
        raise argparse.ArgumentTypeError(
            f"must be an integer, or integers with commas between; got {text!r}"
        )
    numbers = tuple(map(_integer, text.split(",")))
    return numbers[0] if len(numbers) == 1 else numbers


def padding(text: str) -> str | Integers:
    """A name of a padding as it is, which `ConvGeometry` checks; anything else as `integers`."""
    return text if text.strip().replace("_", "").isalpha() else integers(text)


def as_pairs(value: str | Integers, ndim: int) -> PaddingLike:
    """Low and high of each dimension in turn -> (low, high) pairs; anything else as it is."""
    if isinstance(value, tuple) and len(value) == 2 * ndim:
        return tuple(zip(value[::2], value[1::2], strict=True))
    return value


def natural(text: str) -> int:
    """'3' -> 3; nothing negative."""
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"must be an integer, 0 or more; got {text!r}")
    return _integer(text)


def minutes(text: str) -> float:
    """'0.5' -> 0.5; above 0."""
    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) <= _MOST_MINUTES:
            return number
    raise argparse.ArgumentTypeError(
        f"must be a number above 0, and at most {_MOST_MINUTES}; got {text!r}"
    )


def _integer(text: str) -> int:
    if len(text.strip()) > _MOST_DIGITS:  # Python's own limit is some thousands
        raise argparse.ArgumentTypeError(f"must have at most {_MOST_DIGITS} digits")
    return int(text)
