"""What users write for sizes, windows and padding -> Python integers, one per dimension.

No jax here: these integers are static. A traced value in their place is an error. Padding is always
that of the *forward* convolution.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

IntOrInts: TypeAlias = int | Sequence[int]
PaddingLike: TypeAlias = str | int | Sequence[int | Sequence[int]]
Pairs: TypeAlias = tuple[tuple[int, int], ...]

PADDINGS = ("SAME", "SAME_LOWER", "VALID", "CAUSAL")
"""The names of paddings."""

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


class Window(NamedTuple):
    """How the kernel moves over the input, as integers; `padding` may still be a name."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | Pairs
    dilation: tuple[int, ...]

    @property
    def dilated_kernel_size(self) -> tuple[int, ...]:
        """The length that the kernel spans, per dimension."""
        return dilated_size(self.kernel_size, self.dilation)


def as_window(kernel_size: Any, stride: Any, padding: Any, dilation: Any, ndim: int) -> Window:
    """Kernel size, stride, padding and dilation, checked, with `ndim` entries each."""
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
    return Window(kernel, steps, as_padding(padding, ndim), spacing)


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


def as_padding(value: Any, ndim: int) -> str | Pairs:
    """A name in upper case, or one (low, high) pair per dimension; entries may be negative."""
    if isinstance(value, str):
        if value.upper() not in PADDINGS:
            raise ArgumentValueError(
                "padding must be a known name, an int, or one entry per spatial dimension",
                f"Pass one of {', '.join(map(repr, PADDINGS))}, or integers.",
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


def resolve_padding(window: Window, sizes: tuple[int, ...]) -> Pairs:
    """The padding as (low, high) pairs, which inputs of these sizes can be padded or cropped by."""
    pairs = _named_padding(window, sizes)
    if any(n < least_input(pair) for n, pair in zip(sizes, pairs, strict=True)):
        raise ArgumentValueError(
            "padding must not crop more than there is",
            "Pass less negative padding.",
            padding=pairs,
            input_size=sizes,
        )
    if any(n + sum(pair) > LARGEST_SIZE for n, pair in zip(sizes, pairs, strict=True)):
        raise ArgumentValueError(
            f"the padded input must have at most {LARGEST_SIZE} cells in every dimension",
            "Pass a smaller input, or less padding.",
            input_size=sizes,
            padding=pairs,
        )
    return pairs


def least_input(pair: tuple[int, int]) -> int:
    """The smallest size from which negative padding crops no more than there is."""
    low, high = pair
    return max(0, -low, -high, -low - high)


def _named_padding(window: Window, sizes: tuple[int, ...]) -> Pairs:
    """The (low, high) pairs that a name stands for; pairs as they are."""
    padding, dilated = window.padding, window.dilated_kernel_size
    if not isinstance(padding, str):
        return padding
    if padding == "VALID":
        return ((0, 0),) * len(sizes)
    if padding == "CAUSAL":
        return tuple((k - 1, 0) for k in dilated)
    totals = (
        max((-(-n // s) - 1) * s + k - n, 0)
        for n, k, s in zip(sizes, dilated, window.stride, strict=True)
    )
    if padding == "SAME":
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple((total - total // 2, total // 2) for total in totals)
