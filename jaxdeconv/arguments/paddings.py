"""What users write for padding -> (low, high) pairs, always of the *forward* map K."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from jaxdeconv.arguments.integers import LARGEST_STEP, index, is_sequence
from jaxdeconv.errors import ArgumentValueError

PaddingLike: TypeAlias = str | int | Sequence[int | Sequence[int]]
Pairs: TypeAlias = tuple[tuple[int, int], ...]

NAMES = ("SAME", "SAME_LOWER", "VALID", "CAUSAL")


def as_padding(value: Any, ndim: int) -> str | Pairs:
    """A name in upper case, or one (low, high) pair per dimension; entries may be negative."""
    if isinstance(value, str):
        if value.upper() not in NAMES:
            raise ArgumentValueError(
                "padding must be a known name, an int, or one entry per spatial dimension",
                f"Pass one of {', '.join(map(repr, NAMES))}, or integers.",
                padding=value,
            )
        return value.upper()
    if not is_sequence(value):
        return ((_as_side(value, value),) * 2,) * ndim
    if len(value) != ndim:
        example = f"(({value[0]!r}, {value[-1]!r}),)" if ndim == 1 and len(value) == 2 else None
        raise ArgumentValueError(
            f"padding must have one entry per spatial dimension ({ndim})",
            f"For one (low, high) pair write {example}."
            if example
            else f"Pass an int, or a tuple of {ndim} ints or (low, high) pairs.",
            padding=value,
        )
    return tuple(_as_pair(entry, value) for entry in value)


def _as_pair(entry: Any, whole: Any) -> tuple[int, int]:
    if not is_sequence(entry):
        both = _as_side(entry, whole)
        return both, both
    if len(entry) != 2:
        raise ArgumentValueError(
            "padding entries must be an int or a (low, high) pair",
            "Pass pairs such as (1, 2).",
            padding=whole,
        )
    low, high = entry
    return _as_side(low, whole), _as_side(high, whole)


def _as_side(value: Any, whole: Any) -> int:
    """The padding of one side."""
    number = index("padding", value, whole=None if whole is value else whole)
    if abs(number) > LARGEST_STEP:
        raise ArgumentValueError(
            f"padding must be between -{LARGEST_STEP} and {LARGEST_STEP}",
            "Pass less padding.",
            padding=whole,
        )
    return number


def resolve_padding(
    padding: str | Pairs,
    sizes: tuple[int, ...],
    dilated: tuple[int, ...],
    steps: tuple[int, ...],
) -> Pairs:
    """The (low, high) pairs that a padding name stands for, given the other sizes."""
    if not isinstance(padding, str):
        return padding
    if padding == "VALID":
        return ((0, 0),) * len(sizes)
    if padding == "CAUSAL":
        return tuple((k - 1, 0) for k in dilated)
    totals = (
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(sizes, dilated, steps, strict=True)
    )
    if padding == "SAME":
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple((total - total // 2, total // 2) for total in totals)
