"""What the layers of all frameworks share.

A layer of a framework holds the parameters, and names its arguments as the framework does. All else
is here: `resolve` turns those arguments into a `Convolution`, the forward convolution K, and the
layers `Conv` and `ConvTranspose` compute

    conv(K, v, kernel, bias) = K(kernel * mask) v + bias,
    conv_transpose(K, u, kernel, bias) = K(kernel * mask)^T u + bias.

Both have the same kernel, never flipped or swapped: `(*kernel_size, in_channels/groups,
out_channels)`, where in and out are those of K. So `in_channels` of K are the output channels of a
transposed layer.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv import legs
from jaxdeconv.arguments.integers import IntOrInts, as_integers
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.nn.convolution import Convolution as Convolution
from jaxdeconv.nn.convolution import resolve as resolve

__all__ = [
    "Convolution",
    "check_sizes",
    "check_tied",
    "check_transposable",
    "conv",
    "conv_transpose",
    "count_channels",
    "resolve",
    "size_keywords",
]


IMAGES = {2: "images", 3: "volumes"}
"""What signals with this number of spatial axes are called."""


def conv(
    convolution: Convolution,
    v: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    mask: ArrayLike | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """K(kernel * mask) v + bias.

    Args:
        convolution: the map K.
        v: `(*batch, *input_size, in_channels)`, any number of batch axes, or channels first.
        kernel: of shape `Convolution.kernel_shape`.
        bias: out_channels entries, of any shape.
        mask: of the kernel's shape; multiplies it.
        precision: as in `jaxdeconv.conv`.
        preferred_element_type: as in `jaxdeconv.conv`.

    Returns:
        `(*batch, *output_size, out_channels)`, or channels first.

    Raises:
        ValueError: as `jaxdeconv.conv`; a mask of another shape.
        TypeError: as `jaxdeconv.conv`.
    """
    per_group = kernel.shape[1 if convolution.kernel_channels_first else -2]
    _check_channels("v", v, per_group * convolution.groups, convolution)
    u = legs.conv(
        v,
        _masked(kernel, mask),
        precision=precision,
        preferred_element_type=preferred_element_type,
        **convolution.keywords,
    )
    return _add_bias(u, bias, convolution)


def conv_transpose(
    convolution: Convolution,
    u: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    input_size: IntOrInts | None = None,
    output_padding: IntOrInts | None = None,
    mask: ArrayLike | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """K(kernel * mask)^T u + bias.

    Args:
        convolution: the map K whose transpose this is.
        u: `(*batch, *output_size, out_channels)`, any number of batch axes, or channels first.
        kernel: that of K, unchanged.
        bias: in_channels entries, of any shape.
        input_size: spatial size of the result, as in `jaxdeconv.conv_transpose`.
        output_padding: as in `jaxdeconv.conv_transpose`.

    Other arguments: as in `conv`.

    Returns:
        `(*batch, *input_size, in_channels)`, or channels first.

    Raises:
        ValueError: as `jaxdeconv.conv_transpose`; a mask of another shape.
        TypeError: as `jaxdeconv.conv_transpose`.
    """
    out_channels = kernel.shape[0 if convolution.kernel_channels_first else -1]
    _check_channels("u", u, out_channels, convolution)
    if convolution.keeps_size and input_size is None and output_padding is None:
        output_padding = tuple(step - 1 for step in convolution.stride)
    v = legs.conv_transpose(
        u,
        _masked(kernel, mask),
        input_size=input_size,
        output_padding=output_padding,
        precision=precision,
        preferred_element_type=preferred_element_type,
        **convolution.keywords,
    )
    return _add_bias(v, bias, convolution)


def count_channels(name: str, x: Array, convolution: Convolution) -> int:
    """Number of channels of a signal, its axes checked.

    Raises:
        ValueError: fewer axes than spatial ones and channels; or more than one batch axis where
            an int for the kernel size stands for one spatial axis, so that x may be an image.
    """
    if convolution.kernel_size_is_int and jnp.ndim(x) > 3:
        size, spatial = convolution.kernel_size[0], jnp.ndim(x) - 2
        raise ArgumentValueError(
            f"kernel_size must have one entry per spatial axis of {name}: an int means one axis",
            f"Pass kernel_size={(size,) * spatial} for {IMAGES.get(spatial, 'all axes')}, or "
            f"({size},) for signals with {spatial} batch axes.",
            kernel_size=size,
            **{name: x},
        )
    if jnp.ndim(x) <= convolution.ndim:
        raise ArgumentValueError(
            f"{name} must have {convolution.ndim} spatial axes and a channel axis",
            f"Pass it as {convolution.signal_axes}.",
            **{name: x},
        )
    return x.shape[convolution.channel_axis]


def check_sizes(
    input_size: IntOrInts | None, output_padding: IntOrInts | None, ndim: int
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """The size arguments of a layer as tuples, which are hashable; at most one may be given."""
    if input_size is not None and output_padding is not None:
        raise ArgumentValueError(
            "input_size and output_padding must not both be given",
            "Pass only one of them.",
            input_size=input_size,
            output_padding=output_padding,
        )
    size, extra = (
        None if value is None else as_integers(name, value, ndim, minimum=0)
        for name, value in (("input_size", input_size), ("output_padding", output_padding))
    )
    return size, extra


def size_keywords(layer: Any, input_size: IntOrInts | None) -> dict[str, Any]:
    """The size keywords of a call: those of the call, else those of the layer."""
    if input_size is not None:
        return {"input_size": input_size}
    return {"input_size": layer.input_size, "output_padding": layer.output_padding}


def check_transposable(input_dilation: IntOrInts | None) -> None:
    """Refuse to transpose a convolution that dilates its input."""
    if input_dilation not in (None, 1) and set(np.atleast_1d(input_dilation).tolist()) != {1}:
        raise ArgumentValueError(
            "conv must not dilate its input: that makes it a transposed convolution itself",
            "Pass a Conv without input_dilation.",
            input_dilation=input_dilation,
        )


def check_tied(kernel: Array | None, shape: tuple[int, ...]) -> Array:
    """The kernel of the convolution that a layer is tied to, which must have this shape."""
    if kernel is None or kernel.shape != shape:
        raise ArgumentValueError(
            "the convolution that the layer is tied to must have been called before, with the "
            "layer's input and output channels swapped",
            f"Call it first, in the same model; its kernel must have shape {shape}.",
            kernel=kernel,
        )
    return kernel


def _masked(kernel: Array, mask: ArrayLike | None) -> Array:
    if mask is None:
        return kernel
    if jnp.shape(mask) != kernel.shape:
        raise ArgumentValueError(
            "mask must have the shape of the kernel",
            f"Pass a mask of shape {kernel.shape}.",
            mask=mask,
        )
    return kernel * jnp.asarray(mask).astype(kernel.dtype)


def _check_channels(name: str, x: Array, expected: int, convolution: Convolution) -> None:
    """An error about the layer, where `jaxdeconv.conv` would describe the kernel's axes."""
    if count_channels(name, x, convolution) != expected:
        raise ArgumentValueError(
            f"{name} must have the {expected} channels that the layer was made for",
            f"Pass it as {convolution.signal_axes}, or make a layer for its channels.",
            **{name: x},
        )


def _add_bias(x: Array, bias: Array | None, convolution: Convolution) -> Array:
    """X + bias along the channels, in the dtype of x."""
    if bias is None:
        return x
    shape = [1] * x.ndim
    shape[convolution.channel_axis] = -1
    return x + bias.reshape(shape).astype(x.dtype)
