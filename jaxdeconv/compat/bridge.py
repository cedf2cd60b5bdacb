"""From a framework's operands to a leg, and back: what all of `compat` has in common.

Every transposed convolution of every framework is, along each spatial dimension,

    y[o] = sum of x[t] * w[u] over all s*t + d*u - low = o,        0 <= o < size,

and they differ in low, in size, and in how they store w. The function of a framework computes low
and size from its own arguments; the rest is here.
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

__all__ = ["Ints", "Operands", "implied_groups", "operands"]

Ints = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Operands:
    """A signal and a kernel of a framework, checked.

    Attributes:
        signal: in the framework's layout.
        kernel: in ours, `(*kernel_size, in/groups, out)`.
        groups: of the map.
        channels_first: where signals have their channels.
    """

    signal: Array
    kernel: Array
    groups: int
    channels_first: bool

    @property
    def ndim(self) -> int:
        """Number of spatial dimensions."""
        return self.kernel.ndim - 2

    @property
    def size(self) -> Ints:
        """Spatial size of the signal."""
        end = self.signal.ndim if self.channels_first else self.signal.ndim - 1
        return self.signal.shape[end - self.ndim : end]

    def span(self, dilation: Ints) -> Ints:
        """What the kernel spans: dilation * (kernel_size - 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel.shape, dilation, strict=False))

    def conv(
        self,
        *,
        stride: Ints,
        padding: PaddingLike,
        dilation: Ints,
        padding_mode: legs.PaddingMode = "zeros",
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
            padding_mode=padding_mode,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )

    def conv_transpose(
        self,
        *,
        low: Ints,
        size: Ints,
        stride: Ints,
        dilation: Ints,
        padding_mode: legs.PaddingMode = "zeros",
        precision: PrecisionLike = None,
        preferred_element_type: DTypeLike | None = None,
    ) -> Array:
        """The transposed convolution (see the module), in the framework's layout."""
        if any(n < 0 for n in size):
            raise ArgumentValueError(
                "padding must not crop more than there is",
                "Pass less padding.",
                output_size=size,
            )
        dimensions = zip(self.size, self.span(dilation), stride, low, size, strict=True)
        return legs.conv_transpose(
            self.signal,
            self.kernel,
            input_size=size,
            stride=stride,
            padding=[_forward_padding(*numbers) for numbers in dimensions],
            dilation=dilation,
            groups=self.groups,
            dimension_numbers=self.dimension_numbers,
            padding_mode=padding_mode,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )

    def add_bias(self, y: Array, name: str, bias: Any) -> Array:
        """One number per channel of y, if there is a bias."""
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


def operands(
    framework: str,
    *,
    transposed: bool,
    channels_first: bool,
    groups: tuple[str, int] | None = None,
    batch_axes: Collection[int] | None = (0, 1),
    **arrays: Any,
) -> Operands:
    """Check the two arrays of a call, and bring the kernel into our layout.

    Args:
        framework: whose kernel it is; a key of `kernels.CONV`.
        transposed: whether the call is a transposed convolution.
        channels_first: where signals have their channels.
        groups: the framework's name for the groups, and their number; None where it has no groups.
        batch_axes: how many the signal may have; None for any number.
        arrays: signal and kernel, in this order, by the framework's names.

    Raises:
        ValueError: axes, channels or groups do not fit.
        TypeError: not arrays, or of two dtypes.
    """
    (x_name, _), (w_name, _) = arrays.items()
    arrays = {name: from_tensor(name, array) for name, array in arrays.items()}
    x, w, _ = as_operands(None, **arrays)
    ndim = w.ndim - 2
    if ndim < 0:
        raise ArgumentValueError(
            f"{w_name} must have two axes of channels",
            "Pass it with all its axes.",
            **{w_name: w},
        )
    batch = x.ndim - ndim - 1
    if batch < 0 or (batch_axes is not None and batch not in batch_axes):
        allowed = [ndim + 1 + n for n in batch_axes] if batch_axes else [f"at least {ndim + 1}"]
        raise ArgumentValueError(
            f"{x_name} must have {' or '.join(map(str, allowed))} axes where {w_name} has {w.ndim}",
            "Add or remove axes of length 1.",
            **{x_name: x, w_name: w},
        )
    layout = (CONV_TRANSPOSE if transposed else CONV)[framework]
    groups_name, count = groups or ("groups", 1)
    count = as_integer(groups_name, count, minimum=1)
    if not layout.divides(w.shape, count):
        raise ArgumentValueError(
            f"{groups_name} must divide the channels of {w_name}",
            "Pass a divisor.",
            **{groups_name: count, w_name: w},
        )
    blocks = layout.to_blocks(w, count)
    channels = x.shape[batch if channels_first else -1]
    expected = count * blocks.shape[1]
    named = {groups_name: count} if groups else {}
    if channels != expected:
        raise ArgumentValueError(
            f"{x_name} must have the {expected} channels to which {w_name} applies",
            f"Pass {' and '.join((x_name, w_name, *named))} that belong together.",
            **{f"{x_name}_channels": channels, w_name: w, **named},
        )
    ours = (CONV_TRANSPOSE if transposed else CONV)["jaxdeconv"]
    return Operands(x, ours.from_blocks(blocks), count, channels_first)


def implied_groups(x: Any, kernel: Any, *, channels_first: bool) -> int:
    """The groups of a convolution, from the channels of a `(*kernel_size, in/groups, out)`."""
    signal, taps = (tuple(getattr(array, "shape", ())) for array in (x, kernel))
    if min(len(signal), len(taps)) < 2:
        return 1  # for `operands` to refuse
    channels, per_group = signal[1 if channels_first else -1], taps[-2]
    return channels // per_group if per_group and channels and channels % per_group == 0 else 1


def _forward_padding(n: int, span: int, stride: int, low: int, size: int) -> tuple[int, int]:
    """The (low, high) of the convolution of which this is the transpose, from `size` to n."""
    if n == 0:
        return 0, -size
    laid_down = (n - 1) * stride + span
    low = min(max(low, -size), laid_down)  # beyond these, nothing of it lands in the result
    return low, laid_down - size - low
