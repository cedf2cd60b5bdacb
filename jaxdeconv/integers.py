"""What users write for sizes -> plain tuples of Python integers, one per dimension.

No jax here: these integers are static. A traced value in their place is an error.
"""

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

IntOrInts: TypeAlias = int | Sequence[int]


def as_integer(name: str, value: Any, minimum: int | None = None) -> int:
    """`value` as a Python int; NumPy and concrete JAX integers count, floats and bools do not."""
    number = index(name, value)
    if minimum is not None and number < minimum:
        raise ArgumentValueError(
            f"{name} must be at least {minimum}", f"Pass {minimum} or more.", **{name: value}
        )
    return number


def as_integers(name: str, value: Any, ndim: int, minimum: int | None = None) -> tuple[int, ...]:
    """An int for every dimension, or one entry per dimension, as a tuple of `ndim` ints."""
    if not is_sequence(value):
        return (as_integer(name, value, minimum),) * ndim
    numbers = tuple(index(name, entry, whole=value) for entry in value)
    if len(numbers) != ndim:
        raise ArgumentValueError(
            f"{name} must have one entry per spatial dimension ({ndim})",
            f"Pass an int, or a tuple of length {ndim}.",
            **{name: value},
        )
    if minimum is not None and any(number < minimum for number in numbers):
        raise ArgumentValueError(
            f"{name} must be at least {minimum} in every dimension",
            f"Pass {minimum} or more.",
            **{name: value},
        )
    return numbers


def count_entries(value: Any) -> int:
    """Number of spatial dimensions that a size speaks of: an int speaks of one."""
    return len(value) if is_sequence(value) else 1


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether `value` has entries, one per dimension: a tuple, a list, a one-axis array."""
    return (
        hasattr(value, "__len__") and not isinstance(value, str) and getattr(value, "ndim", 1) > 0
    )


def index(name: str, value: Any, whole: Any = None) -> int:
    """`value` as a Python int, or an error that shows it, or the `whole` that it stands in."""
    got = {name: value if whole is None else whole}
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:  # also what JAX raises for a tracer
        pass
    if hasattr(value, "aval"):
        raise ArgumentTypeError(
            f"{name} must be a static integer, it decides shapes, and this one is traced",
            "Pass a Python int; under jax.jit mark the argument with static_argnames.",
            **got,
        )
    rule = f"{name} must be an integer" if whole is None else f"{name} must hold integers"
    raise ArgumentTypeError(rule, "Pass Python ints.", **got)
