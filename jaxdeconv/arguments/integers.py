"""What users write for sizes -> plain tuples of Python integers, one per dimension.

No jax here: these integers are static. A traced value in their place is an error.
"""

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

IntOrInts: TypeAlias = int | Sequence[int]

LARGEST_STEP = 2**30
"""Of a stride, a dilation, the padding of one side, the length of a kernel. XLA takes 64-bit
integers there, but the libraries that it calls compute with 32 bits, and crash or wrap."""

LARGEST_SIZE = 2**63 - 1
"""Of a size, in cells or in bytes: what XLA can index."""


def as_integer(
    name: str, value: Any, minimum: int | None = None, maximum: int = LARGEST_SIZE
) -> int:
    """`value` as a Python int; NumPy and concrete JAX integers count, floats and bools do not."""
    number = index(name, value)
    _check_range(name, value, (number,), minimum, maximum, "")
    return number


def as_integers(
    name: str,
    value: Any,
    ndim: int,
    minimum: int | None = None,
    maximum: int = LARGEST_SIZE,
) -> tuple[int, ...]:
    """An int for every dimension, or one entry per dimension, as a tuple of `ndim` ints."""
    if not is_sequence(value):
        return (as_integer(name, value, minimum, maximum),) * ndim
    numbers = tuple(index(name, entry, whole=value) for entry in value)
    if len(numbers) != ndim:
        raise ArgumentValueError(
            f"{name} must have one entry per spatial dimension ({ndim})",
            f"Pass an int, or a tuple of length {ndim}.",
            **{name: value},
        )
    _check_range(name, value, numbers, minimum, maximum, " in every dimension")
    return numbers


def _check_range(
    name: str,
    value: Any,
    numbers: tuple[int, ...],
    minimum: int | None,
    maximum: int,
    where: str,
) -> None:
    if minimum is not None and min(numbers, default=minimum) < minimum:
        rule, remedy = f"{name} must be at least {minimum}{where}", f"Pass {minimum} or more."
        raise ArgumentValueError(rule, remedy, **{name: value})
    if max(numbers, default=maximum) > maximum:
        rule, remedy = f"{name} must be at most {maximum}{where}", f"Pass {maximum} or less."
        raise ArgumentValueError(rule, remedy, **{name: value})


def as_window(
    kernel_size: Any, stride: Any, dilation: Any, ndim: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel size, stride and dilation as tuples of `ndim` ints, checked."""
    kernel = as_integers("kernel_size", kernel_size, ndim, 1, LARGEST_STEP)
    steps = as_integers("stride", stride, ndim, 1, LARGEST_STEP)
    spacing = as_integers("dilation", dilation, ndim, 1, LARGEST_STEP)
    if max(dilated_size(kernel, spacing), default=0) > LARGEST_STEP:
        raise ArgumentValueError(
            f"dilation * (kernel_size - 1) + 1 must be at most {LARGEST_STEP} in every dimension",
            "Pass a smaller dilation or kernel.",
            dilation=dilation,
            kernel_size=kernel,
        )
    return kernel, steps, spacing


def dilated_size(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """The length that the kernel spans, per dimension."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def count_entries(value: Any) -> int:
    """Number of spatial dimensions that a size speaks of: an int speaks of one."""
    return len(value) if is_sequence(value) else 1


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether `value` has entries, one per dimension: a tuple, a list, a one-axis array."""
    return (
        hasattr(value, "__len__") and not isinstance(value, str) and getattr(value, "ndim", 1) > 0
    )


SYMBOLIC = (
    "Symbolic spatial sizes and channels are not supported (a symbolic batch is): use jax.lax, or "
    "jaxdeconv.accelerate, which leaves such convolutions as they are."
)
"""What to do about the symbolic sizes of `jax.export`."""


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a symbolic size of `jax.export`; asked without importing jax."""
    return getattr(value, "dimension_as_value", None) is not None


def index(name: str, value: Any, whole: Any = None) -> int:
    """`value` as a Python int, or an error that shows it, or the `whole` that it stands in."""
    got = {name: value if whole is None else whole}
    if is_symbolic(value):
        raise ArgumentTypeError(f"{name} must be known, and this one is symbolic", SYMBOLIC, **got)
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
