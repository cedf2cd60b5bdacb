"""Conv and ConvTranspose of any number of spatial dimensions; `equinox` is imported here."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.arguments.integers import IntOrInts, PaddingLike, Pairs
from jaxdeconv.errors import ArgumentTypeError
from jaxdeconv.nn import core, errors
from jaxdeconv.nn.initializers import Initializer

try:
    import equinox as eqx
except ModuleNotFoundError as error:
    raise errors.missing_framework("jaxdeconv.nn.equinox", "equinox") from error

__all__ = ["Conv", "ConvTranspose"]

_NAMES = {"ndim": "num_spatial_dims", "w": "weight"}


class _Layer(eqx.Module):
    """Arguments and parameters of both layers."""

    _transposed = False  # whether the channels of the forward convolution are swapped
    weight: Array
    bias: Array | None
    mask: Array | None
    num_spatial_dims: int = eqx.field(static=True)
    in_channels: int = eqx.field(static=True)
    out_channels: int = eqx.field(static=True)
    kernel_size: tuple[int, ...] = eqx.field(static=True)
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: str | Pairs = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    use_bias: bool = eqx.field(static=True)
    padding_mode: str = eqx.field(static=True)
    precision: PrecisionLike = eqx.field(static=True)
    convolution: core.Convolution = eqx.field(static=True, repr=False)

    @errors.rename_arguments(**_NAMES)
    def __init__(
        self,
        num_spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: PaddingLike = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: str = "ZEROS",
        dtype: DTypeLike | None = None,
        *,
        mask: ArrayLike | None = None,
        precision: PrecisionLike = None,
        weight_init: Initializer | None = None,
        key: Array,
    ) -> None:
        """Make the parameters.

        Args:
            num_spatial_dims: number of spatial dimensions.
            in_channels: number of channels of the input.
            out_channels: number of channels of the result.
            kernel_size: an int, or one per spatial dimension, like `stride` and `dilation`.
            stride: of the forward convolution, like all that follow.
            padding: as in `jaxdeconv.conv`.
            dilation: spacing of the kernel taps.
            groups: number of groups.
            use_bias: whether to add a bias.
            padding_mode: as in `jaxdeconv.conv`, in any case.
            dtype: of the parameters; None for JAX's default float.
            mask: of the weight's shape, and boolean, so that no optimiser treats it as a
                parameter; the weight is multiplied by it in every call.
            precision: as in `jax.lax`.
            weight_init: an initialiser for the kernel `(*kernel_size, in_channels/groups,
                out_channels)` of the forward convolution, e.g. of `jaxdeconv.nn.initializers`. None
                for Equinox's: uniform, up to 1 / sqrt(in_channels/groups * prod(kernel_size)).
            key: for the parameters, split as Equinox does.

        Raises:
            ValueError: a value or a tuple length breaks a rule of `jaxdeconv.conv`.
            TypeError: something that must be a static integer is not one; a mask not boolean.
        """
        self.convolution = convolution = core.resolve(
            kernel_size,
            ndim=num_spatial_dims,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
            channels_first=True,
            kernel_channels_first=True,
        )
        self.num_spatial_dims = num_spatial_dims
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = convolution.kernel_size, convolution.stride
        self.padding, self.dilation = convolution.padding, convolution.dilation
        self.groups, self.padding_mode = convolution.groups, convolution.padding_mode
        self.use_bias, self.precision, self.mask = use_bias, precision, _boolean(mask)
        channels = (in_channels, out_channels)
        shape = convolution.kernel_shape(*(channels[::-1] if self._transposed else channels))
        dtype = jnp.zeros(()).dtype if dtype is None else jnp.dtype(dtype)
        limit = convolution.fan_in(in_channels) ** -0.5
        weight_key, bias_key = jax.random.split(key)
        if weight_init is None:
            self.weight = _uniform(weight_key, shape, dtype, limit)
        else:
            kernel = weight_init(weight_key, (*shape[2:], shape[1], shape[0]), dtype)
            self.weight = jnp.moveaxis(kernel, (-1, -2), (0, 1))
        shape = (out_channels, *[1] * num_spatial_dims)
        self.bias = _uniform(bias_key, shape, dtype, limit) if use_bias else None


class Conv(_Layer):
    """`equinox.nn.Conv`, computed by jaxdeconv: K(weight) x + bias.

    The same key gives the parameters of `equinox.nn.Conv`. For the arguments see `__init__`.
    """

    @errors.rename_arguments(v="x", **_NAMES)
    def __call__(self, x: Array, *, key: Array | None = None) -> Array:
        """Convolve.

        Args:
            x: `(*batch, in_channels, *spatial)`; batch axes need no `jax.vmap`, but may have one.
            key: ignored, as in Equinox.

        Returns:
            `(*batch, out_channels, *output_size)`.

        Raises:
            ValueError: a shape does not fit.
            TypeError: x and the weight differ in dtype.
        """
        del key
        return core.conv(
            self.convolution,
            x,
            self.weight,
            self.bias,
            mask=self.mask,
            precision=self.precision,
        )


class ConvTranspose(_Layer):
    """The transpose of a `Conv` with the same arguments and its channels swapped, plus a bias.

    The weight is that of the forward convolution, `(in_channels, out_channels/groups,
    *kernel_size)`, as in PyTorch; `equinox.nn.ConvTranspose` stores it flipped. Under 'SAME' and
    'SAME_LOWER' the result is stride times as large, otherwise as small as possible; `input_size`
    or `output_padding` give another size: of the forward convolution's *input*, this layer's
    result. Arguments after `stride` must be named, because Equinox has two orders for them.
    """

    _transposed = True
    input_size: IntOrInts | None = eqx.field(static=True)
    output_padding: IntOrInts | None = eqx.field(static=True)

    @errors.rename_arguments(**_NAMES)
    def __init__(
        self,
        num_spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        *,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        key: Array,
        **keywords: Any,
    ) -> None:
        """Make the parameters.

        Args:
            input_size: spatial size of the result.
            output_padding: the same, minus the smallest possible: PyTorch's rule for every padding.
            keywords: the other arguments of `Conv`.

        Other arguments: as in `Conv`.

        Raises:
            ValueError: as `Conv`; both sizes are given.
            TypeError: as `Conv`.
        """
        super().__init__(
            num_spatial_dims, in_channels, out_channels, kernel_size, stride, key=key, **keywords
        )
        sizes = core.check_sizes(input_size, output_padding, num_spatial_dims)
        self.input_size, self.output_padding = sizes

    @staticmethod
    def like(
        conv: eqx.nn.Conv | Conv,
        *,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        use_bias: bool = False,
    ) -> "ConvTranspose":
        """The exact transpose of `conv`'s linear part: <u, K v> = <layer(u), v> without biases.

        The layer has conv's weight, the same array. Made where it is used, `ConvTranspose.like(
        self.conv)(u)` inside `__call__`, it is tied to conv: both learn one weight. Stored in a
        model it is a copy, as is any array that is twice in a pytree; `tied` stores a tied pair.

        Args:
            conv: a `Conv`, or Equinox's own.
            input_size: spatial size of the result, that of conv's input, where it is known.
            output_padding: as in `ConvTranspose`.
            use_bias: whether to add a bias of the layer's own, zero at first.
        """
        layer = ConvTranspose(
            conv.num_spatial_dims,
            conv.out_channels,
            conv.in_channels,
            conv.kernel_size,
            conv.stride,
            padding=conv.padding,
            dilation=conv.dilation,
            groups=conv.groups,
            use_bias=use_bias,
            padding_mode=conv.padding_mode,
            dtype=conv.weight.dtype,
            input_size=input_size,
            output_padding=output_padding,
            mask=getattr(conv, "mask", None),
            precision=getattr(conv, "precision", None),
            weight_init=jax.nn.initializers.zeros,
            key=jax.random.key(0),
        )
        layer = eqx.tree_at(lambda layer: layer.weight, layer, conv.weight)
        if use_bias:
            layer = eqx.tree_at(lambda layer: layer.bias, layer, jnp.zeros_like(layer.bias))
        return layer

    @errors.rename_arguments(u="x", **_NAMES)
    def __call__(
        self, x: Array, *, input_size: IntOrInts | None = None, key: Array | None = None
    ) -> Array:
        """Apply the transpose.

        Args:
            x: `(*batch, in_channels, *spatial)`; batch axes need no `jax.vmap`, but may have one.
            input_size: spatial size of this result, instead of the layer's `input_size`.
            key: ignored, as in Equinox.

        Returns:
            `(*batch, out_channels, *input_size)`.

        Raises:
            ValueError: a shape does not fit, an impossible size.
            TypeError: x and the weight differ in dtype.
        """
        del key
        return core.conv_transpose(
            self.convolution,
            x,
            self.weight,
            self.bias,
            **core.size_keywords(self, input_size),
            mask=self.mask,
            precision=self.precision,
        )


def _uniform(key: Array, shape: tuple[int, ...], dtype: Any, limit: float) -> Array:
    """Equinox's initialiser: uniform, in both parts of a complex number."""
    if not jnp.issubdtype(dtype, jnp.complexfloating):
        return jax.random.uniform(key, shape, dtype, -limit, limit)
    part = jnp.finfo(dtype).dtype
    real, imaginary = (
        jax.random.uniform(k, shape, part, -limit, limit) for k in jax.random.split(key)
    )
    return jax.lax.complex(real, imaginary)


def _boolean(mask: ArrayLike | None) -> Array | None:
    if mask is not None and jnp.asarray(mask).dtype != bool:
        raise ArgumentTypeError(
            "mask must be boolean: an optimiser would treat a mask of floats as a parameter",
            "Pass mask != 0.",
            mask=mask,
        )
    return None if mask is None else jnp.asarray(mask)
