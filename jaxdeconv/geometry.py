"""The integers of one strided convolution: no arrays, no jax.

Along one spatial dimension, with stride s, dilation d, padding (low, high), kernel size k and
input size n, tap t of the kernel joins output index y to input index

    x = s*y + d*t - low,        0 <= t < k,   0 <= x < n,

and y runs over the positions where the dilated kernel, K = d*(k - 1) + 1 long, fits into the
padded input. The number of positions is the size of the output u:

    o = floor((n + low + high - K) / s) + 1        (0 where the kernel fits nowhere).

The floor makes several n share one o when s > 1. That is why the transpose, which maps u back to
v, must be told n (`input_size`), or n minus the smallest possible n (`output_padding`).
Reference: Dumoulin & Visin 2016, arXiv:1603.07285, relationships 6 and 14.
"""

import dataclasses
from typing import Any, Self

from jaxdeconv.arguments.integers import (
    IntOrInts,
    PaddingLike,
    Window,
    as_integer,
    as_integers,
    as_window,
    count_entries,
    dilated_size,
    least_input,
    resolve_padding,
)
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = ["ConvGeometry", "possible_input_sizes"]


@dataclasses.dataclass(frozen=True, init=False)
class ConvGeometry:
    """Sizes, stride, padding, dilation and groups of one convolution K: v -> u.

    Frozen and hashable, so that it can be a static argument under `jax.jit` and a cache key. Any
    number of spatial dimensions, zero included. Every field but `groups` has one entry per
    spatial dimension; `padding` is the (low, high) padding of the *forward* map, also where the
    transpose is meant, and is stored as integers even when a name was given.

    Example:
        >>> geometry = ConvGeometry(input_size=(6, 5), kernel_size=3, stride=2, padding="SAME")
        >>> geometry.padding, geometry.output_size
        (((0, 1), (1, 1)), (3, 3))
        >>> [list(sizes) for sizes in possible_input_sizes((3, 3), 3, stride=2, padding=1)]
        [[5, 6], [5, 6]]
    """

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @reporting
    def __init__(
        self,
        input_size: IntOrInts,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: PaddingLike = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
    ) -> None:
        """Check and canonicalise.

        Args:
            input_size: spatial size of v, 0 to 2**63 - 1. An int means one spatial dimension.
            kernel_size: at least 1; an int, as below, stands for every dimension. It, stride,
                dilation, padding, and the length that the dilated kernel spans are at most 2**30.
            stride: step of the kernel over the padded input, at least 1.
            padding: an int, one int or (low, high) pair per dimension (negative crops),
                or a name: 'VALID' (none); 'SAME' (o = ceil(n/s), the odd cell of padding goes
                high: XLA's rule); 'SAME_LOWER' (the odd cell goes low); 'CAUSAL' (all low:
                u[y] sees no v[x] with x > s*y).
            dilation: spacing of the kernel taps, at least 1.
            groups: number of blocks into which the channels are cut, at least 1.

        Raises:
            ValueError: a value or a tuple length breaks a rule above.
            TypeError: something that must be a static integer is not one.
        """
        ndim = count_entries(input_size)
        sizes = as_integers("input_size", input_size, ndim, minimum=0)
        window = as_window(kernel_size, stride, padding, dilation, ndim)
        self._set(sizes, window, groups)

    def _set(self, sizes: tuple[int, ...], window: Window, groups: Any) -> None:
        vars(self).update(
            window._asdict(),
            input_size=sizes,
            padding=resolve_padding(window, sizes),
            groups=as_integer("groups", groups, minimum=1),
        )

    @classmethod
    @reporting
    def from_output_size(
        cls,
        output_size: IntOrInts,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: PaddingLike = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        *,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
    ) -> Self:
        """The geometry whose output u has the size `output_size`: what the transpose starts from.

        Args:
            output_size: spatial size of u. An int means one spatial dimension.
            kernel_size: as in `ConvGeometry`, like `stride`, `padding`, `dilation`, `groups`.
            stride: see above.
            padding: see above; a name is resolved for the input size that is found.
            dilation: see above.
            groups: see above.
            input_size: spatial size of v, one of `possible_input_sizes`.
            output_padding: input_size minus the smallest possible input size (torch's name).

        With neither, the smallest possible input size, except under 'SAME', 'SAME_LOWER' and
        'CAUSAL', where it is stride * output_size.

        Raises:
            ValueError: both or impossible values are given (the message lists the possible), or
                no input size gives `output_size`.
            TypeError: as `ConvGeometry`.
        """
        ndim = count_entries(output_size)
        if input_size is not None and output_padding is not None:
            raise ArgumentValueError(
                "input_size and output_padding say the same thing twice",
                "Pass only one of them.",
                input_size=input_size,
                output_padding=output_padding,
            )
        outputs = as_integers("output_size", output_size, ndim, minimum=0)
        window = as_window(kernel_size, stride, padding, dilation, ndim)
        possible = _possible(outputs, window, padding)
        if input_size is not None:
            sizes = _check_input_size(input_size, possible, output_size)
        elif output_padding is not None:
            sizes = _add_output_padding(output_padding, possible)
        elif window.padding in ("SAME", "SAME_LOWER", "CAUSAL"):
            sizes = tuple(choices[-1] for choices in possible)
        else:
            sizes = tuple(choices[0] for choices in possible)
        geometry = object.__new__(cls)
        geometry._set(sizes, window, groups)
        return geometry

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return len(self.input_size)

    @property
    def dilated_kernel_size(self) -> tuple[int, ...]:
        """K = dilation * (kernel_size - 1) + 1: the length that the kernel spans."""
        return dilated_size(self.kernel_size, self.dilation)

    @property
    def padded_size(self) -> tuple[int, ...]:
        """input_size + low + high."""
        sizes = zip(self.input_size, self.padding, strict=True)
        return tuple(n + low + high for n, (low, high) in sizes)

    @property
    def output_size(self) -> tuple[int, ...]:
        """Spatial size of u = K v: the number of places where the kernel fits."""
        sizes = zip(self.padded_size, self.dilated_kernel_size, self.stride, strict=True)
        return tuple(max(0, (padded - k) // s + 1) for padded, k, s in sizes)

    @property
    def output_padding(self) -> tuple[int, ...]:
        """input_size minus the smallest input size with the same padding and output size."""
        window = Window(self.kernel_size, self.stride, self.padding, self.dilation)
        possible = _possible(self.output_size, window, self.padding)
        return tuple(n - choices[0] for n, choices in zip(self.input_size, possible, strict=True))

    @property
    def keywords(self) -> dict[str, Any]:
        """Those of every leg: stride, padding, dilation, groups."""
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}

    def with_groups(self, groups: int) -> Self:
        """The same sizes with another number of groups."""
        return self.replace(groups=as_integer("groups", groups, minimum=1))

    def replace(self, **parts: Any) -> Self:
        """The same but for what is named: parts of other geometries, which are not checked."""
        geometry = object.__new__(type(self))
        vars(geometry).update(vars(self) | parts)
        return geometry

    def __str__(self) -> str:
        pads = ", ".join(f"({low}, {high})" for low, high in self.padding)
        return (
            f"input {_by(self.input_size)} -> output {_by(self.output_size)}: "
            f"kernel {_by(self.kernel_size)}, stride {_by(self.stride)}, padding [{pads}], "
            f"dilation {_by(self.dilation)}, groups {self.groups}"
        )


@reporting
def possible_input_sizes(
    output_size: IntOrInts,
    kernel_size: IntOrInts,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
) -> tuple[range, ...]:
    """Every spatial size of v that K maps to a u of size `output_size`, per dimension.

    Args:
        output_size: spatial size of u, at least 0. An int means one spatial dimension.
        kernel_size: as in `ConvGeometry`, like `stride`, `padding` and `dilation`.
        stride: see above.
        padding: see above.
        dilation: see above.

    Returns:
        One non-empty range per dimension, of `stride` sizes unless cut off at 0.

    Raises:
        ValueError: no input size gives `output_size`, or as `ConvGeometry`.
        TypeError: as `ConvGeometry`.
    """
    ndim = count_entries(output_size)
    sizes = as_integers("output_size", output_size, ndim, minimum=0)
    window = as_window(kernel_size, stride, padding, dilation, ndim)
    return _possible(sizes, window, padding)


def check_reach(geometry: ConvGeometry) -> None:
    """Refuse a kernel that fits nowhere: the empty u is right, but never what was wanted."""
    for n, padded, k, o in zip(
        geometry.input_size,
        geometry.padded_size,
        geometry.dilated_kernel_size,
        geometry.output_size,
        strict=True,
    ):
        if o == 0 and n > 0:
            raise ArgumentValueError(
                "the dilated kernel must not be longer than the padded input",
                f"Pass at least {k - padded} more padding, or a smaller kernel or dilation.",
                dilated_kernel_size=geometry.dilated_kernel_size,
                padded_size=geometry.padded_size,
            )


def _possible(
    output_size: tuple[int, ...], window: Window, padding: PaddingLike
) -> tuple[range, ...]:
    """`possible_input_sizes` of what is checked; `padding` as it was given is for the message."""
    dilated, pads = window.dilated_kernel_size, window.padding
    if isinstance(pads, str):
        if pads != "VALID":  # each of the others makes o = ceil(n/s), as a kernel of one tap
            dilated = (1,) * len(output_size)
        pads = ((0, 0),) * len(output_size)
    possible = tuple(map(_possible_along, output_size, dilated, window.stride, pads))
    if not all(possible):
        raise ArgumentValueError(
            "no input size gives this output size: the smallest possible input gives a larger one",
            "Pass less padding.",
            output_size=output_size,
            padding=padding,
            kernel_size=window.kernel_size,
        )
    return possible


def _possible_along(o: int, k: int, s: int, pair: tuple[int, int]) -> range:
    """All n from which `pair` crops no more than there is, and whose output size is o."""
    least = least_input(pair)
    spare = k - sum(pair)  # o = max(0, floor((n - spare) / s) + 1)
    if o == 0:
        return range(least, max(least, spare))
    return range(max(least, (o - 1) * s + spare), max(least, o * s + spare))


def _check_input_size(
    value: IntOrInts, possible: tuple[range, ...], output_size: IntOrInts
) -> tuple[int, ...]:
    sizes = as_integers("input_size", value, len(possible), minimum=0)
    if not all(n in choices for n, choices in zip(sizes, possible, strict=True)):
        raise ArgumentValueError(
            "input_size must be one that the forward convolution maps to the size of u",
            f"Possible, per dimension: {_list_choices(possible)}.",
            input_size=value,
            output_size=output_size,
        )
    return sizes


def _add_output_padding(value: IntOrInts, possible: tuple[range, ...]) -> tuple[int, ...]:
    extra = as_integers("output_padding", value, len(possible), minimum=0)
    if not all(a < len(choices) for a, choices in zip(extra, possible, strict=True)):
        limits = ", ".join(str(len(choices) - 1) for choices in possible)
        raise ArgumentValueError(
            "output_padding must be smaller than the stride: larger input sizes give a larger u",
            f"Largest possible, per dimension: {limits}.",
            output_padding=value,
        )
    return tuple(choices[a] for a, choices in zip(extra, possible, strict=True))


def _list_choices(possible: tuple[range, ...]) -> str:
    few = 8
    return "; ".join(
        ", ".join(map(str, choices)) if len(choices) <= few else f"{choices[0]} to {choices[-1]}"
        for choices in possible
    )


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes)) or "()"
