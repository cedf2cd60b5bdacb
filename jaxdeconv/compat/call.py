"""One call of a framework's convolution: its arrays, checked, and what computes it here.

Along each spatial dimension, a transposed convolution of any framework is

    y[o] = sum of x[t] * w[k] over all stride*t + dilation*k - offset = o,     0 <= o < output_size,

and frameworks differ in the offset, in the output size, and in how they store w. The function of a
framework computes offset and output size from its own arguments; the rest is here.
"""

import dataclasses
import string
from collections.abc import Collection
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import DTypeLike

from jaxdeconv import legs
from jaxdeconv.arguments.dtypes import as_operands
from jaxdeconv.arguments.integers import PaddingLike, as_integer
from jaxdeconv.compat.kernels import CONV, CONV_TRANSPOSE
from jaxdeconv.compat.tensors import from_tensor
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["Call", "Ints", "implied_groups"]

Ints = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Call:
    """The arrays of a call, checked by `Call.of`.

    Attributes:
        signal: in the framework's layout.
        kernel: in jaxdeconv's layout, `(*kernel_size, in_channels/groups, out_channels)` of the
            forward convolution.
        groups: number of groups.
        channels_first: whether signals are `(batch, channels, *size)`.
    """

    signal: Array
    kernel: Array
    groups: int
    channels_first: bool

    @classmethod
    def of(
        cls,
        framework: str,
        *,
        transposed: bool,
        channels_first: bool,
        groups: tuple[str, int] | None = None,
        batch_axes: Collection[int] = (0, 1),
        **arrays: Any,
    ) -> "Call":
        """Check the two arrays of a call, and convert the kernel to jaxdeconv's layout.

        Args:
            framework: whose kernel it is; a key of `kernels.CONV`.
            transposed: whether the call is a transposed convolution.
            channels_first: whether signals are `(batch, channels, *size)`.
            groups: the framework's name for the groups, and their number; None where it has none.
            batch_axes: how many batch axes the signal may have.
            arrays: signal and kernel, in this order, by the framework's names.

        Raises:
            ValueError: axes, channels or groups do not fit.
            TypeError: not arrays, or of two dtypes.
        """
        x_name, w_name = arrays
        arrays = {name: from_tensor(name, array) for name, array in arrays.items()}
        x, w, _ = as_operands(None, **arrays)
        _check_axes(batch_axes, **{x_name: x, w_name: w})
        layouts = CONV_TRANSPOSE if transposed else CONV
        groups_name, count = groups or ("groups", 1)
        count = as_integer(groups_name, count, minimum=1)
        if not layouts[framework].divides(w.shape, count):
            raise ArgumentValueError(
                f"{groups_name} must divide the channels of {w_name}",
                "Pass a divisor.",
                **{groups_name: count, w_name: w},
            )
        blocks = layouts[framework].to_blocks(w, count)
        channels = x.shape[1 - w.ndim if channels_first else -1]
        expected = count * blocks.shape[1]
        if channels != expected:
            named = {groups_name: count} if groups else {}
            raise ArgumentValueError(
                f"{x_name} must have the {expected} channels to which {w_name} applies",
                f"Pass matching {' and '.join((x_name, w_name, *named))}.",
                **{f"{x_name}_channels": channels, w_name: w, **named},
            )
        return cls(x, layouts["jaxdeconv"].from_blocks(blocks), count, channels_first)

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return self.kernel.ndim - 2

    @property
    def size(self) -> Ints:
        """Spatial size of the signal."""
        end = self.signal.ndim if self.channels_first else self.signal.ndim - 1
        return self.signal.shape[end - self.ndim : end]

    def dilated_kernel_size(self, dilation: Ints) -> Ints:
        """`dilation * (kernel_size - 1) + 1`, per spatial dimension."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel.shape, dilation, strict=False))

    def conv(
        self,
        *,
        stride: Ints,
        padding: PaddingLike,
        dilation: Ints,
        precision: PrecisionLike = None,
        preferred_element_type: DTypeLike | None = None,
    ) -> Array:
        """The convolution of signal and kernel, in the framework's layout."""
        return legs.conv(
            self.signal,
            self.kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=self.groups,
            dimension_numbers=self.dimension_numbers,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )

    def conv_transpose(
        self,
        *,
        offset: Ints,
        output_size: Ints,
        stride: Ints,
        dilation: Ints,
        precision: PrecisionLike = None,
        preferred_element_type: DTypeLike | None = None,
    ) -> Array:
        """The transposed convolution of the module's formula, in the framework's layout."""
        if any(n < 0 for n in output_size):
            raise ArgumentValueError(
                "padding must not crop more than the whole result",
                "Pass less padding.",
                output_size=output_size,
            )
        kernel = self.dilated_kernel_size(dilation)
        dimensions = zip(self.size, kernel, stride, offset, output_size, strict=True)
        return legs.conv_transpose(
            self.signal,
            self.kernel,
            input_size=output_size,
            stride=stride,
            padding=[_forward_padding(*numbers) for numbers in dimensions],
            dilation=dilation,
            groups=self.groups,
            dimension_numbers=self.dimension_numbers,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )

    def add_bias(self, y: Array, name: str, bias: Any) -> Array:
        """`y + bias`, one number per channel; y where bias is None."""
        if bias is None:
            return y
        bias = from_tensor(name, bias)
        channels = y.shape[-self.ndim - 1 if self.channels_first else -1]
        per_channel = (channels, *(1,) * self.ndim) if self.channels_first else (channels,)
        if getattr(bias, "shape", None) not in ((channels,), per_channel):
            raise ArgumentValueError(
                f"{name} must be an array with one entry per channel of the result",
                f"Pass an array of shape ({channels},).",
                **{name: bias},
            )
        b = jnp.asarray(bias)
        if b.dtype != y.dtype:
            raise ArgumentTypeError(
                f"{name} must have the dtype of the result",
                f"Pass {name}.astype({str(y.dtype)!r}).",
                **{name: bias},
            )
        return y + jnp.broadcast_to(jnp.reshape(b, per_channel), y.shape)

    @property
    def dimension_numbers(self) -> tuple[str, str, str]:
        """Of the signal, the kernel and the result."""
        spatial = string.ascii_lowercase[: self.ndim]
        signal = f"NC{spatial}" if self.channels_first else f"N{spatial}C"
        return signal, f"{spatial}IO", signal


def implied_groups(x: Any, kernel: Any, *, channels_first: bool) -> int:
    """The groups of a convolution whose kernel is `(*kernel_size, in_channels/groups, ...)`."""
    x_shape, kernel_shape = (tuple(getattr(array, "shape", ())) for array in (x, kernel))
    if min(len(x_shape), len(kernel_shape)) < 2:
        return 1  # `Call.of` refuses them
    channels, per_group = x_shape[1 if channels_first else -1], kernel_shape[-2]
    return channels // per_group if per_group and channels and channels % per_group == 0 else 1


def _check_axes(batch_axes: Collection[int], **arrays: Array) -> None:
    """Refuse a kernel without channels, and a signal whose number of axes does not fit it."""
    (x_name, x), (w_name, w) = arrays.items()
    if w.ndim < 2:
        raise ArgumentValueError(
            f"{w_name} must have two channel axes", "Pass it with all its axes.", **{w_name: w}
        )
    allowed = [w.ndim - 1 + n for n in batch_axes]
    if x.ndim not in allowed:
        raise ArgumentValueError(
            f"{x_name} must have {' or '.join(map(str, allowed))} axes where {w_name} has {w.ndim}",
            "Add or remove axes of length 1.",
            **arrays,
        )


def _forward_padding(n: int, kernel: int, stride: int, offset: int, size: int) -> tuple[int, int]:
    """The (low, high) padding of the convolution from `size` to n whose transpose this is."""
    if n == 0:
        return 0, -size
    uncropped = (n - 1) * stride + kernel
    low = min(max(offset, -size), uncropped)  # beyond these bounds no tap reaches the result
    return low, uncropped - size - low
