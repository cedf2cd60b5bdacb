"""Conv and ConvTranspose of any number of spatial dimensions; `equinox` is imported here."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.arguments.integers import IntOrInts, PaddingLike, Pairs
from jaxdeconv.errors import ArgumentTypeError
from jaxdeconv.nn import core
from jaxdeconv.nn.initializers import Initializer

try:
    import equinox as eqx
except ModuleNotFoundError as error:
    raise core.missing_framework("jaxdeconv.nn.equinox", "equinox") from error

__all__ = ["Conv", "ConvTranspose"]

_WORDS = {"w": "weight"}


class _Layer(eqx.Module):
    """What both layers have: the arguments and the parameters."""

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

    @core.speaking(ndim="num_spatial_dims", **_WORDS)
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
            stride: of the forward map, like all that follow.
            padding: as in `jaxdeconv.conv`.
            dilation: spacing of the kernel taps.
            groups: number of groups.
            use_bias: whether to add a bias.
            padding_mode: as in `jaxdeconv.conv`, in any case.
            dtype: of the parameters; None for JAX's default float.
            mask: of the weight's shape and boolean, so that no optimiser takes it for a
                parameter; the weight is multiplied by it in every call.
            precision: as in `jax.lax`.
            weight_init: an initialiser for the kernel as `(*kernel_size, in/groups, out)` of the
                forward map, e.g. one of `jaxdeconv.nn.initializers`. None for Equinox's:
                uniform, up to 1 / sqrt(in_channels/groups * prod(kernel_size)).
            key: for the parameters, split as Equinox does.

        Raises:
            ValueError: a value or a tuple length breaks a rule of `jaxdeconv.conv`.
            TypeError: something that must be a static integer is not one; a mask not boolean.
        """
        convolution = core.resolve(
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
        shape = convolution.kernel_shape(*self._channels)
        dtype = jnp.zeros(()).dtype if dtype is None else jnp.dtype(dtype)
        limit = convolution.fan(in_channels) ** -0.5
        weight_key, bias_key = jax.random.split(key)
        if weight_init is None:
            self.weight = _uniform(weight_key, shape, dtype, limit)
        else:
            kernel = weight_init(weight_key, (*shape[2:], shape[1], shape[0]), dtype)
            self.weight = jnp.moveaxis(kernel, (-1, -2), (0, 1))
        shape = (out_channels, *[1] * num_spatial_dims)
        self.bias = _uniform(bias_key, shape, dtype, limit) if use_bias else None

    @property
    def _channels(self) -> tuple[int, int]:
        """Channels of the forward map's input and output."""
        return self.in_channels, self.out_channels


class Conv(_Layer):
    """`equinox.nn.Conv` on the fast legs: K(weight) x + bias.

    The same key gives the parameters of `equinox.nn.Conv`. For the arguments see `__init__`.
    """

    @core.speaking(v="x", **_WORDS)
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
            _convolution(self), x, self.weight, self.bias, mask=self.mask, precision=self.precision
        )


class ConvTranspose(_Layer):
    """The transpose of `Conv` with the same arguments and its channels swapped, plus a bias.

    The weight is that of the forward map, `(in_channels, out_channels/groups, *kernel_size)`, as
    in PyTorch; `equinox.nn.ConvTranspose` has it flipped. Under 'SAME' and 'SAME_LOWER' the result
    is stride times as large, otherwise as small as possible; `input_size` or `output_padding` name
    another size. They are named as in `jaxdeconv.conv_transpose`: sizes of the forward map's
    *input*, which is this layer's result. For all else see `Conv`; arguments after `stride` must
    be named, because Equinox has two orders for them.
    """

    input_size: IntOrInts | None = eqx.field(static=True)
    output_padding: IntOrInts | None = eqx.field(static=True)

    @core.speaking(ndim="num_spatial_dims", **_WORDS)
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
            num_spatial_dims: see `Conv`.
            in_channels: number of channels of the input.
            out_channels: number of channels of the result.
            kernel_size: see `Conv`.
            stride: see `Conv`.
            input_size: spatial size of the result.
            output_padding: the same, minus the smallest possible: PyTorch's rule for every padding.
            key: see `Conv`.
            keywords: all the others of `Conv`.

        Raises:
            ValueError: as `Conv`; both sizes are given.
            TypeError: as `Conv`.
        """
        super().__init__(
            num_spatial_dims, in_channels, out_channels, kernel_size, stride, key=key, **keywords
        )
        core.check_sizes(input_size, output_padding)
        self.input_size = core.static_sizes("input_size", input_size, num_spatial_dims)
        self.output_padding = core.static_sizes("output_padding", output_padding, num_spatial_dims)

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
        self.conv)(u)` inside of `__call__`, it is tied to conv: what it learns, conv learns.
        Kept in a model it is a copy, as any array twice in a pytree; `tied` keeps a tied pair.

        Args:
            conv: a `Conv`, or Equinox's own.
            input_size: see `ConvTranspose`; the size of conv's input, where it is known.
            output_padding: see `ConvTranspose`.
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

    @core.speaking(u="x", **_WORDS)
    def __call__(
        self, x: Array, *, input_size: IntOrInts | None = None, key: Array | None = None
    ) -> Array:
        """Apply the transpose.

        Args:
            x: `(*batch, in_channels, *spatial)`; batch axes need no `jax.vmap`, but may have one.
            input_size: spatial size of this result, in place of the layer's own choice.
            key: ignored, as in Equinox.

        Returns:
            `(*batch, out_channels, *input_size)`.

        Raises:
            ValueError: a shape does not fit, an impossible size.
            TypeError: x and the weight differ in dtype.
        """
        del key
        return core.conv_transpose(
            _convolution(self),
            x,
            self.weight,
            self.bias,
            **core.sizes(self, input_size),
            mask=self.mask,
            precision=self.precision,
        )

    @property
    def _channels(self) -> tuple[int, int]:
        return self.out_channels, self.in_channels


def _convolution(layer: Any) -> core.Convolution:
    """The forward map of a layer."""
    return core.resolve(
        layer.kernel_size,
        ndim=layer.num_spatial_dims,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        padding_mode=layer.padding_mode,
        channels_first=True,
        kernel_channels_first=True,
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
            "mask must be boolean, an optimiser would take floating numbers for parameters",
            "Pass mask != 0.",
            mask=mask,
        )
    return None if mask is None else jnp.asarray(mask)
