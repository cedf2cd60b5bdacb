"""ConvND and ConvNDTranspose; `haiku` is imported here."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike

from jaxdeconv.arguments.integers import IntOrInts, PaddingLike, as_integers
from jaxdeconv.nn import core, errors

try:
    import haiku as hk
except ModuleNotFoundError as error:
    raise errors.missing_framework("jaxdeconv.nn.haiku", "dm-haiku") from error

__all__ = ["ConvND", "ConvNDTranspose"]

Padding: TypeAlias = PaddingLike | hk.pad.PadFn | Sequence[hk.pad.PadFn]

_NAMES = {
    "kernel_size": "kernel_shape",
    "dilation": "rate",
    "groups": "feature_group_count",
    "input_size": "output_shape",
    "ndim": "num_spatial_dims",
}


class _Layer(hk.Module):
    """Arguments and parameters of both layers."""

    @errors.rename_arguments(**_NAMES)
    def __init__(
        self,
        num_spatial_dims: int,
        output_channels: int,
        kernel_shape: IntOrInts,
        stride: IntOrInts = 1,
        rate: IntOrInts = 1,
        padding: Padding = "SAME",
        with_bias: bool = True,
        w_init: hk.initializers.Initializer | None = None,
        b_init: hk.initializers.Initializer | None = None,
        data_format: str = "channels_last",
        mask: ArrayLike | None = None,
        feature_group_count: int = 1,
        name: str | None = None,
        *,
        padding_mode: str = "zeros",
    ) -> None:
        """Check the arguments.

        Args:
            num_spatial_dims: number of spatial dimensions.
            output_channels: number of channels of the result.
            kernel_shape: an int, or one per spatial dimension, like `stride` and `rate`.
            stride: of the forward convolution, like all that follow.
            rate: spacing of the kernel taps.
            padding: as in `jaxdeconv.conv`; also a function of `haiku.pad`, or one per
                spatial dimension.
            with_bias: whether to add a bias.
            w_init: None for Haiku's: truncated normal, of standard deviation
                1 / sqrt(input_channels/groups * prod(kernel_shape)).
            b_init: None for zeros.
            data_format: as in Haiku, e.g. 'channels_last' or 'NCHW'.
            mask: of w's shape; w is multiplied by it in every call.
            feature_group_count: number of groups.
            name: of the module.
            padding_mode: as in `jaxdeconv.conv`.

        Raises:
            ValueError: a value or a tuple length breaks a rule of `jaxdeconv.conv`.
            TypeError: something that must be a static integer is not one.
        """
        super().__init__(name=name)
        self.convolution = core.resolve(
            kernel_shape,
            ndim=num_spatial_dims,
            stride=stride,
            padding=_without_functions(padding, kernel_shape, rate, num_spatial_dims),
            dilation=rate,
            groups=feature_group_count,
            padding_mode=padding_mode,
            channels_first=hk.get_channel_index(data_format) != -1,
        )
        self.num_spatial_dims, self.output_channels = num_spatial_dims, output_channels
        self.with_bias, self.w_init, self.b_init = with_bias, w_init, b_init or jnp.zeros
        self.mask, self.data_format = mask, data_format

    def _w(self, shape: tuple[int, ...], input_channels: int, dtype: Any) -> Array:
        deviation = self.convolution.fan_in(input_channels) ** -0.5
        init = self.w_init or hk.initializers.TruncatedNormal(stddev=deviation)
        return hk.get_parameter("w", shape, dtype, init=init)

    def _b(self, dtype: Any) -> Array | None:
        if not self.with_bias:
            return None
        ones = [1] * self.num_spatial_dims if self.convolution.channels_first else []
        shape = (self.output_channels, *ones)
        return hk.get_parameter("b", shape, dtype, init=self.b_init)


class ConvND(_Layer):
    """`haiku.ConvND`, computed by jaxdeconv: K(w) inputs + b.

    The parameters are Haiku's own. For the arguments see `__init__`.
    """

    @errors.rename_arguments(**_NAMES, v="inputs")
    def __call__(self, inputs: Array, *, precision: PrecisionLike = None) -> Array:
        """Convolve.

        Args:
            inputs: `(*batch, *spatial, channels)` or channels first, any number of batch axes. New
                parameters get its dtype.
            precision: as in `jax.lax`.

        Returns:
            `(*batch, *output_size, output_channels)`, or channels first.

        Raises:
            ValueError: a shape does not fit.
        """
        channels = core.count_channels("v", inputs, self.convolution)
        shape = self.convolution.kernel_shape(channels, self.output_channels)
        w, b = self._w(shape, channels, inputs.dtype), self._b(inputs.dtype)
        return core.conv(self.convolution, inputs, w, b, mask=self.mask, precision=precision)


class ConvNDTranspose(_Layer):
    """The transpose of a `ConvND` with the same arguments, plus a bias.

    The kernel is that of the forward convolution, `(*kernel_shape, output_channels/groups,
    input_channels)`; `haiku.ConvNDTranspose` stores it flipped along the spatial axes. Under 'SAME'
    the result is stride times as large, otherwise as small as possible; `output_shape` or
    `output_padding` give another size.
    """

    @errors.rename_arguments(**_NAMES)
    def __init__(
        self,
        num_spatial_dims: int,
        output_channels: int,
        kernel_shape: IntOrInts,
        stride: IntOrInts = 1,
        output_shape: IntOrInts | None = None,
        padding: Padding = "SAME",
        with_bias: bool = True,
        w_init: hk.initializers.Initializer | None = None,
        b_init: hk.initializers.Initializer | None = None,
        data_format: str = "channels_last",
        mask: ArrayLike | None = None,
        name: str | None = None,
        *,
        output_padding: IntOrInts | None = None,
        **keywords: Any,
    ) -> None:
        """Check the arguments.

        Args:
            output_shape: spatial size of the result.
            output_padding: `output_shape` minus the smallest possible.
            keywords: `rate`, `feature_group_count` and `padding_mode` of `ConvND`.

        Other arguments: as in `ConvND`.

        Raises:
            ValueError: as `ConvND`; both sizes are given.
            TypeError: as `ConvND`.
        """
        super().__init__(
            num_spatial_dims,
            output_channels,
            kernel_shape,
            stride,
            padding=padding,
            with_bias=with_bias,
            w_init=w_init,
            b_init=b_init,
            data_format=data_format,
            mask=mask,
            name=name,
            **keywords,
        )
        sizes = core.check_sizes(output_shape, output_padding, num_spatial_dims)
        self.input_size, self.output_padding = sizes
        self.tied_to: hk.Module | None = None

    @staticmethod
    def like(
        conv: hk.ConvND | ConvND,
        output_channels: int,
        *,
        tied: bool = True,
        output_shape: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        with_bias: bool = False,
        name: str | None = None,
    ) -> "ConvNDTranspose":
        """The exact transpose of `conv`'s linear part: <u, K v> = <layer(u), v> without biases.

        Args:
            conv: a `ConvND`, or Haiku's own; for a tied layer, one that is called before.
            output_channels: number of channels of conv's inputs, which are this layer's result.
            tied: whether to use conv's kernel, or one of the same shape: for a copy, start with
                conv's 'w'.
            output_shape: spatial size of the result, that of conv's input, where it is known.
            output_padding: as in `ConvNDTranspose`.
            with_bias: whether to add a bias of the layer's own, zero at first.
            name: of the module.
        """
        layer = ConvNDTranspose(
            conv.num_spatial_dims,
            output_channels,
            1,
            output_shape=output_shape,
            with_bias=with_bias,
            data_format=conv.data_format,
            mask=conv.mask,
            name=name,
            output_padding=output_padding,
        )
        layer.convolution = _convolution(conv)
        layer.tied_to = conv if tied else None
        return layer

    @errors.rename_arguments(**_NAMES, u="inputs")
    def __call__(
        self,
        inputs: Array,
        *,
        output_shape: IntOrInts | None = None,
        precision: PrecisionLike = None,
    ) -> Array:
        """Apply the transpose.

        Args:
            inputs: `(*batch, *spatial, channels)` or channels first, any number of batch axes. New
                parameters get its dtype.
            output_shape: spatial size of this result, instead of the layer's `output_shape`.
            precision: as in `jax.lax`.

        Returns:
            `(*batch, *output_shape, output_channels)`, or channels first.

        Raises:
            ValueError: a shape does not fit, an impossible size; the convolution that the layer is
                tied to has no kernel yet, or one of another shape.
        """
        channels = core.count_channels("u", inputs, self.convolution)
        shape = self.convolution.kernel_shape(self.output_channels, channels)
        if self.tied_to is None:
            w = self._w(shape, channels, inputs.dtype)
        else:
            name = self.tied_to.module_name
            w = core.check_tied(self.tied_to.params_dict().get(f"{name}/w"), shape)
        return core.conv_transpose(
            self.convolution,
            inputs,
            w,
            self._b(inputs.dtype),
            **core.size_keywords(self, output_shape),
            mask=self.mask,
            precision=precision,
        )


def _convolution(conv: Any) -> core.Convolution:
    """The forward convolution of a layer, ours or Haiku's."""
    if isinstance(conv, _Layer):
        return conv.convolution
    return core.resolve(
        conv.kernel_shape,
        ndim=conv.num_spatial_dims,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.kernel_dilation,
        groups=conv.feature_group_count,
        channels_first=conv.channel_index != -1,
    )


def _without_functions(
    padding: Padding, kernel_shape: IntOrInts, rate: IntOrInts, ndim: int
) -> PaddingLike:
    """Haiku's padding functions replaced by the pairs that they give for this kernel."""
    if padding == () or not hk.pad.is_padfn(padding):
        numbers: Any = padding
        return numbers
    kernel = as_integers("kernel_size", kernel_shape, ndim)
    spacing = as_integers("dilation", rate, ndim)
    return hk.pad.create_from_padfn(padding, kernel, spacing, ndim)
