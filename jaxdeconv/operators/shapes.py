"""Shapes of kernels and images, with axes of channels or without, and of maps that are combined.

A kernel with channels has two axes more than there are spatial dimensions, its image one more. A
point spread function and a grey image have none, so both have equally many axes, which is never so
with channels. But they could also be a kernel with channels and, by mistake, an image with a batch
axis; where that is possible, they are refused.
"""

from typing import Any

from jaxdeconv.arguments.integers import IntOrInts, as_integers, index
from jaxdeconv.arguments.layout import DimensionNumbers
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.geometry import ConvGeometry

__all__ = ["as_position", "as_shape", "by", "check_alike", "described", "has_channels"]


def as_shape(value: Any) -> tuple[int, ...]:
    """An input_shape as a tuple of ints; an int means one axis."""
    sizes = value if hasattr(value, "__len__") else (value,)
    return tuple(index("input_shape", size, whole=value) for size in sizes)


def has_channels(w: Any, shape: tuple[int, ...], numbers: DimensionNumbers, groups: Any) -> bool:
    """Whether w and an image of this shape have axes of channels; both must, or neither.

    Raises:
        ValueError: the numbers of axes fit neither case, or both; or groups or dimension_numbers
            are given without channels.
    """
    if not hasattr(w, "ndim") or w.ndim == len(shape) + 1:
        return True
    if w.ndim != len(shape):
        raise ArgumentValueError(
            "w and input_shape must both have axes of channels, (*kernel_size, in/groups, out) "
            "and (*input_size, in), or neither, (*kernel_size) and (*input_size)",
            _remedy(w, shape, groups),
            w=w,
            input_shape=shape,
        )
    if _may_be_batch(w, shape, groups):
        raise ArgumentValueError(
            "it must be clear whether w has axes of channels; here it could have them or not",
            f"Without channels pass {_indexed(w.ndim)} and {(*shape, 1)}; with them, leave the "
            f"batch axes out of input_shape: {shape[1:]}.",
            w=w,
            input_shape=shape,
        )
    given = {"dimension_numbers": (numbers, None), "groups": (groups, 1)}
    for name, (value, default) in given.items():
        if value != default:
            raise ArgumentValueError(
                f"{name} are for a w with axes of channels",
                f"Leave them out, or pass {_indexed(w.ndim)} and an input_shape with channels, "
                f"{(*shape, 1)}.",
                **{name: value, "w": w},
            )
    return False


def _may_be_batch(w: Any, shape: tuple[int, ...], groups: Any) -> bool:
    """Whether w may be a kernel with channels, and the shape that of a batch of its images."""
    if w.ndim < 3:
        return False  # with channels it would have no spatial axes
    return w.ndim > 3 or _input_channels(w, groups) in shape[1:]


def _input_channels(w: Any, groups: Any) -> int:
    """The input channels of a kernel that has channels; groups are checked later."""
    return int(w.shape[-2]) * (groups if isinstance(groups, int) else 1)


def _remedy(w: Any, shape: tuple[int, ...], groups: Any) -> str:
    """What to pass instead, depending on which axes are missing."""
    if len(shape) == w.ndim + 1:
        if shape[-1] == 1:
            return f"Pass {_indexed(w.ndim)} and {shape}, or w and {shape[:-1]}."
        return (
            f"To treat each of the {shape[-1]} channels separately pass {shape[:-1]} and vectors "
            "jax.numpy.moveaxis(v, -1, 0); otherwise give w axes of channels, as "
            f"{_indexed(w.ndim)} for one channel, {(*shape[:-1], 1)}."
        )
    if len(shape) == w.ndim - 2:
        return f"Add the channels of v: pass {(*shape, _input_channels(w, groups))}."
    return "Leave batch axes out; vectors may have any number of them."


def _indexed(ndim: int) -> str:
    """How to index a kernel with `ndim` axes to add those of channels."""
    return f"w[{':, ' * ndim}None, None]"


def as_position(name: str, value: IntOrInts, size: tuple[int, ...]) -> tuple[int, ...]:
    """A position in an array of this size."""
    position = as_integers(name, value, len(size), minimum=0)
    if any(at >= n for at, n in zip(position, size, strict=True)):
        raise ArgumentValueError(
            f"{name} must be a position in an array of size {size}",
            f"Pass at most {tuple(n - 1 for n in size)}.",
            **{name: value},
        )
    return position


def by(shape: tuple[int, ...]) -> str:
    """A shape in words: (8, 8, 1) -> '8x8x1'."""
    return "x".join(map(str, shape)) or "()"


def described(geometry: ConvGeometry) -> list[str]:
    """Kernel, stride and padding in words; dilation and groups where there are any."""
    padding = tuple(low if low == high else (low, high) for low, high in geometry.padding)
    words = [
        f"kernel {by(geometry.kernel_size)}",
        f"stride {_once(geometry.stride)}",
        f"padding {_once(padding)}",
    ]
    if any(d > 1 for d in geometry.dilation):
        words.append(f"dilation {_once(geometry.dilation)}")
    return words if geometry.groups == 1 else [*words, f"groups {geometry.groups}"]


def _once(entries: tuple[Any, ...]) -> str:
    """One entry per dimension, or only one if all are the same."""
    return str(entries[0]) if len(set(entries)) == 1 else str(entries)


def check_alike(members: tuple[Any, ...], rule: str, remedy: str, *shapes: tuple[Any, ...]) -> None:
    """Refuse maps with different dtypes, or if these shapes differ."""
    if len({member.dtype for member in members}) > 1:
        raise ArgumentTypeError(
            "linear maps that are combined must have the same dtype",
            "Build one of them from a converted kernel; with a complex map use K.as_complex().",
            dtypes=tuple(str(member.dtype) for member in members),
        )
    if len(set(shapes)) > 1:
        if len({_bare(shape) for shape in shapes}) == 1:
            remedy += " One has no axis of channels: give it to both, or to neither."
        raise ArgumentValueError(rule, remedy, shapes=shapes)


def _bare(shape: Any) -> Any:
    """A shape, or a tuple of them, without a last axis of one channel."""
    if shape and isinstance(shape[0], tuple):
        return tuple(map(_bare, shape))
    return shape[:-1] if shape[-1:] == (1,) else shape
