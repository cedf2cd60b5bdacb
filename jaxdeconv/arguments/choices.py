"""What users write for one of several names."""

from collections.abc import Collection
from typing import Any

from jaxdeconv.errors import ArgumentValueError

__all__ = ["check_choice"]


def check_choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """`value` if it is one of the allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentValueError(
            f"{name} must be a known name",
            f"Pass one of {', '.join(map(repr, allowed))}.",
            **{name: value},
        )
    return value
