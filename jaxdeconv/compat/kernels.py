"""How every framework stores the kernel of one map x -> y, and the conversion between them.

A kernel is an array w[g, i, o, t]: in group g, channel i of x feeds channel o of y through tap t. A
layout is an order of these axes, some merged ('go': the channels of y, group after group), possibly
with the taps in reverse. The taps are in order if tap 0 of a convolution multiplies the first cell
of each window, and tap 0 of a transposed convolution adds to the first cell of each window.
"""

import dataclasses
from typing import Any, TypeVar

import jax
import numpy as np

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.arguments.layout import flip_kernel
from jaxdeconv.compat.tensors import from_tensor
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting

__all__ = ["CONV", "CONV_TRANSPOSE", "KernelLayout", "convert_kernel"]

Kernel = TypeVar("Kernel", bound=jax.Array | np.ndarray)


@dataclasses.dataclass(frozen=True)
class KernelLayout:
    """The order of the axes of a kernel.

    Attributes:
        axes: 'k' for all spatial axes, 'i' and 'o' for the channels of x and of y, 'g' before the
            one that holds the groups. Without a 'g' the framework has no groups: i and o run over
            all channels, and the kernel of a grouped map is zero between the groups.
        reversed: whether the taps are stored in reverse.
    """

    axes: tuple[str, str, str]
    reversed: bool = False

    @property
    def dense(self) -> bool:
        """Whether there is no axis for the groups."""
        return all(len(axis) == 1 for axis in self.axes)

    def divides(self, shape: tuple[int, ...], groups: int) -> bool:
        """Whether a kernel of this shape can have this number of groups."""
        labels = self._labels(len(shape) - 2)
        return all(
            length % groups == 0
            for label, length in zip(labels, shape, strict=True)
            if len(label) == 2
        )

    def to_blocks(self, w: Any, groups: int) -> Any:
        """[g, i, o, *taps], taps in order; entries of a dense kernel between groups are dropped."""
        xp = w.__array_namespace__()
        labels = self._labels(w.ndim - 2)
        flat = [letter for label in labels for letter in label]
        shape: list[int] = []
        for label, length in zip(labels, w.shape, strict=True):
            shape += [length] if len(label) == 1 else [groups, length // groups]
        order = [flat.index(letter) for letter in _in_order(flat)]
        blocks = xp.permute_dims(xp.reshape(w, shape), order)
        if self.dense:
            diagonal = np.arange(groups)
            blocks = blocks[diagonal, diagonal]
        return self._flip(blocks)

    def from_blocks(self, blocks: Any) -> Any:
        """The inverse of `to_blocks`; a dense kernel gets zeros between the groups."""
        xp = blocks.__array_namespace__()
        labels = self._labels(blocks.ndim - 3)
        flat = [letter for label in labels for letter in label]
        blocks = self._flip(blocks)
        if self.dense:
            same = np.eye(len(blocks), dtype=bool)[(..., *(None,) * (blocks.ndim - 1))]
            blocks = xp.where(same, blocks[:, None], xp.zeros_like(blocks[:, None]))
        blocks = xp.permute_dims(blocks, [_in_order(flat).index(letter) for letter in flat])
        lengths = dict(zip(flat, blocks.shape, strict=True))
        shape = [int(np.prod([lengths[letter] for letter in label])) for label in labels]
        return xp.reshape(blocks, shape)

    def _labels(self, ndim: int) -> list[tuple[str | int, ...]]:
        """What each axis of a kernel runs over, slowest first.

        A dense kernel has the group of x ('h') and that of y ('g') on two different axes.
        """
        merged = {"i": ("h", "i"), "o": ("g", "o")} if self.dense else {}
        labels: list[tuple[str | int, ...]] = []
        for axis in self.axes:
            taps = [(tap,) for tap in range(ndim)]
            labels += taps if axis == "k" else [merged.get(axis, (*axis,))]
        return labels

    def _flip(self, blocks: Any) -> Any:
        """The taps flipped, if they are stored in reverse."""
        if not self.reversed:
            return blocks
        axes = tuple(range(3, blocks.ndim))
        if isinstance(blocks, jax.Array):
            return flip_kernel(blocks, axes)
        return blocks.__array_namespace__().flip(blocks, axis=axes)


def _in_order(letters: list[str | int]) -> list[str | int]:
    """The axes of blocks: groups, channels of x, channels of y, taps."""
    taps: list[str | int] = [letter for letter in letters if isinstance(letter, int)]
    return [letter for letter in "ghio" if letter in letters] + taps


_HWIO = KernelLayout(("k", "i", "go"))
_OIHW = KernelLayout(("go", "i", "k"))

CONV = {
    "jaxdeconv": _HWIO,
    "lax": _HWIO,
    "flax": _HWIO,
    "haiku": _HWIO,
    "keras": _HWIO,
    "tensorflow": _HWIO,
    "torch": _OIHW,
    "onnx": _OIHW,
    "equinox": _OIHW,
}
"""The layout of a convolution's kernel, by framework."""

CONV_TRANSPOSE = {
    "jaxdeconv": KernelLayout(("k", "o", "gi")),
    "lax": KernelLayout(("k", "i", "go"), reversed=True),
    "flax": KernelLayout(("k", "i", "o"), reversed=True),
    "haiku": KernelLayout(("k", "o", "i"), reversed=True),
    "keras": KernelLayout(("k", "o", "i")),
    "tensorflow": KernelLayout(("k", "o", "i")),
    "torch": KernelLayout(("gi", "o", "k")),
    "onnx": KernelLayout(("gi", "o", "k")),
    "equinox": KernelLayout(("go", "i", "k"), reversed=True),
}
"""The layout of a transposed convolution's kernel, by framework.

'lax' stands for `conv_general_dilated` with `lhs_dilation`, and for `jax.lax.conv_transpose`, which
has one group. With `transpose_kernel=True` the latter and Flax store it as Keras does.
"""


@reporting
def convert_kernel(
    w: Kernel, *, source: str, target: str, groups: int = 1, transposed: bool = False
) -> Kernel:
    """The kernel with which another framework computes the same map.

    The shape of an array does not determine its groups: without `groups`, a grouped kernel is
    treated as one of a single group, and the result fits another layer. (For the layers of
    `jaxdeconv.nn`, use `jaxdeconv.nn.arrays.from_torch`, which needs no groups: those layers store
    their kernels as PyTorch does, up to the order of the axes.)

    Args:
        w: a kernel as `source` stores it, NumPy or JAX or a PyTorch tensor, any number of spatial
            axes.
        source: 'jaxdeconv', 'torch', 'onnx', 'lax', 'flax', 'haiku', 'equinox', 'keras' or
            'tensorflow'. Flax's and `jax.lax`'s transposed convolutions with
            `transpose_kernel=True` store it as 'keras' does.
        target: likewise.
        groups: of the map. The transposed convolutions of Flax, Haiku, Keras and TensorFlow have
            no groups; their kernel is dense, with zeros between the groups.
        transposed: whether the map is a transposed convolution.

    Returns:
        The same numbers, of the same dtype and kind of array; a NumPy array for a tensor. The
        layout of 'jaxdeconv' is `(*kernel_size, in_channels/groups, out_channels)` of the forward
        convolution, whether or not the map is transposed.

    Raises:
        ValueError: an unknown framework; groups that do not divide the channels; a dense kernel
            that is not zero between the groups (unless it is traced).
        TypeError: not an array.

    Example:
        >>> w = np.arange(6.0).reshape(1, 2, 3)  # torch: (in_channels, out_channels, taps)
        >>> convert_kernel(w, source="torch", target="flax", transposed=True).tolist()
        [[[2.0, 5.0]], [[1.0, 4.0]], [[0.0, 3.0]]]
        >>> w = np.ones((8, 3, 5, 5))  # of a layer from 8 to 6 channels, in 2 groups
        >>> convert_kernel(w, source="torch", target="flax", transposed=True, groups=2).shape
        (5, 5, 8, 6)
    """
    w = from_tensor("w", w)
    layouts = CONV_TRANSPOSE if transposed else CONV
    before, after = (
        _layout(layouts, name, value) for name, value in (("source", source), ("target", target))
    )
    _check(w, before, groups)
    blocks = before.to_blocks(w, groups)
    concrete = not isinstance(w, jax.core.Tracer)
    if before.dense and concrete and (before.from_blocks(blocks) != w).any():
        raise ArgumentValueError(
            f"w of {source} must be zero between the groups",
            "Pass groups=1, or the number of groups with which the kernel was made.",
            w=w,
            groups=groups,
        )
    converted: Kernel = after.from_blocks(blocks)
    return converted


def _layout(layouts: dict[str, KernelLayout], name: str, value: str) -> KernelLayout:
    if value not in layouts:
        raise ArgumentValueError(
            f"{name} must be the name of a framework",
            f"Pass one of {', '.join(map(repr, layouts))}.",
            **{name: value},
        )
    return layouts[value]


def _check(w: Any, layout: KernelLayout, groups: int) -> None:
    """Refuse what is not a kernel of `groups` groups."""
    if not isinstance(w, jax.Array | np.ndarray):
        raise ArgumentTypeError(
            "w must be a NumPy or JAX array, or a tensor", "Pass numpy.asarray(w).", w=w
        )
    if w.ndim < 2:
        raise ArgumentValueError(
            "w must have two channel axes", "Pass the kernel with all its axes.", w=w
        )
    groups = as_integer("groups", groups, minimum=1)
    if not layout.divides(w.shape, groups):
        raise ArgumentValueError(
            "groups must divide the channels of w",
            "Pass the groups of the map, or the kernel as its framework stores it.",
            groups=groups,
            w=w,
        )
