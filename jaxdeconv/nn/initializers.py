"""Initial kernels for transposed convolutions, as initialisers `(key, shape, dtype) -> kernel`.

Every framework accepts them, like those of `jax.nn.initializers`. The shape is that of the forward
convolution's kernel, `(*kernel_size, in_channels/groups, out_channels)`: a transposed layer goes
from out_channels to in_channels.

With stride s and dilation d, output cell x only sees the taps t with s*y + d*t - low = x for some
y. Cells with the same remainder modulo s see the same taps, called a *phase*, and differences
between the phases show in the output as a checkerboard of period s.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from jaxdeconv import interpolation
from jaxdeconv.arguments.integers import IntOrInts, as_integer, as_integers
from jaxdeconv.errors import ArgumentValueError, reporting

__all__ = ["bilinear", "icnr", "lecun_normal_transposed"]

Initializer: TypeAlias = Callable[[Any, Sequence[int], Any], Array]


@reporting
def lecun_normal_transposed(groups: int = 1) -> Initializer:
    """LeCun's normal initialiser with the fan of the *transposed* map.

    `jax.nn.initializers.lecun_normal` assumes that the last axis but one is the layer's input. In
    the kernel that a transposed layer shares with its forward convolution, that axis is the layer's
    output, so the variance would be wrong by the ratio of the channels.

    Args:
        groups: of the layer.

    Returns:
        An initialiser of variance groups / (prod(kernel_size) * out_channels).

    Example:
        >>> import jax
        >>> w = lecun_normal_transposed()(jax.random.key(0), (3, 3, 4, 100), "float32")
        >>> round(float(w.var() * 900), 1)
        1.0

    References: LeCun et al. 1998, Efficient BackProp.
    """
    scale = float(as_integer("groups", groups, minimum=1))
    return jax.nn.initializers.variance_scaling(
        scale, "fan_in", "truncated_normal", in_axis=-1, out_axis=-2
    )


@reporting
def bilinear(stride: IntOrInts, groups: int = 1) -> Initializer:
    """The transposed convolution that interpolates linearly, each channel on its own.

    Along every axis the kernel is the centred hat 1 - |t - (k-1)/2| / stride, so that a constant
    stays the same constant, except near the border, where zeros come in. With `kernel_size =
    2*stride` and `padding = stride/2` (even strides) the pixel *areas* keep their place; with
    `kernel_size = 2*stride - 1` and `padding = stride - 1` the pixel *centres* do, and every
    `stride`-th output is an input. Two axes make bilinear, three trilinear interpolation.

    Args:
        stride: of the layer; an int, or one per spatial dimension.
        groups: of the layer.

    Returns:
        An initialiser. It does not use its key. It raises ValueError for a kernel shorter than
        2*stride - 1, which cannot interpolate, and for a layer that changes the channels.

    Example:
        >>> import jax, jaxdeconv
        >>> w = bilinear(2)(jax.random.key(0), (3, 1, 1), "float32")
        >>> u = jax.numpy.array([[0.0], [4.0], [8.0], [6.0]])
        >>> jaxdeconv.conv_transpose(u, w, stride=2, padding=1).ravel().tolist()
        [0.0, 2.0, 4.0, 6.0, 8.0, 7.0, 6.0]

    References: Long, Shelhamer & Darrell 2015, arXiv:1411.4038, section 3.3.
    """

    def initializer(key: Any, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
        del key
        *kernel_size, in_channels, out_channels = shape
        if in_channels * groups != out_channels:
            raise ArgumentValueError(
                "bilinear: the layer must have as many output channels as input channels",
                "Make a layer that keeps the number of channels, and pass its groups.",
                shape=tuple(shape),
                groups=groups,
            )
        steps = as_integers("stride", stride, len(kernel_size), minimum=1)
        hat = np.ones(())
        for k, s in zip(kernel_size, steps, strict=True):
            hat = np.multiply.outer(hat, _hat(k, s))
        same = np.arange(out_channels) % in_channels == np.arange(in_channels)[:, None]
        return jnp.asarray(np.multiply.outer(hat, same), dtype)

    return initializer


@reporting
def icnr(base: Initializer, stride: IntOrInts) -> Initializer:
    """Every phase of the stride starts with the same sub-kernel: no checkerboard at first.

    The layer then starts as a convolution followed by nearest-neighbour upsampling, whatever
    `base` is; training can change that. Where the stride does not divide the kernel size,
    the phases have different numbers of taps; the extra taps at the end start at zero.

    Args:
        base: initialiser of the sub-kernel, `(*(kernel_size // stride), in_channels/groups,
            out_channels)`: its fans are those of a single output cell.
        stride: of the layer; an int, or one per spatial dimension. With a dilation d, pass
            stride / gcd(stride, d): taps that far apart have the same phase.

    Returns:
        An initialiser. It raises ValueError for a kernel smaller than the stride, some of whose
        phases have no tap.

    Example:
        >>> import jax
        >>> base = jax.nn.initializers.normal(1.0)
        >>> w = icnr(base, 2)(jax.random.key(0), (5, 1, 1), "float32").ravel()
        >>> bool(w[0] == w[1]), bool(w[2] == w[3]), bool(w[0] == w[2]), float(w[4])
        (True, True, False, 0.0)

    References: Aitken et al. 2017, arXiv:1707.02937, for sub-pixel convolutions.
    """

    def initializer(key: Any, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
        *kernel_size, in_channels, out_channels = shape
        steps = as_integers("stride", stride, len(kernel_size), minimum=1)
        if any(k < s for k, s in zip(kernel_size, steps, strict=True)):
            raise ArgumentValueError(
                "icnr: the kernel must not be smaller than the stride: every phase needs a tap",
                "Pass a larger kernel.",
                shape=tuple(shape),
                stride=stride,
            )
        small = [k // s for k, s in zip(kernel_size, steps, strict=True)]
        kernel = base(key, (*small, in_channels, out_channels), dtype)
        for axis, step in enumerate(steps):
            kernel = jnp.repeat(kernel, step, axis)
        extra = [(0, k - m * s) for k, m, s in zip(kernel_size, small, steps, strict=True)]
        return jnp.pad(kernel, [*extra, (0, 0), (0, 0)])

    return initializer


def _hat(size: int, stride: int) -> np.ndarray:
    """Linear interpolation's kernel: its taps of each phase sum to one."""
    if size < 2 * stride - 1:
        raise ArgumentValueError(
            "bilinear: the kernel must have at least 2*stride - 1 taps per dimension",
            f"Pass a kernel size of {2 * stride - 1} or {2 * stride}.",
            kernel_size=size,
            stride=stride,
        )
    return interpolation.taps(stride, "linear", size)
