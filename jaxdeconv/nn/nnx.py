"""Conv and ConvTranspose for Flax NNX, with the arguments of `flax.nnx.Conv`.

`ConvTranspose` has all of them too, groups included, and `padding` always means the padding of the
forward convolution: with the same arguments, and its features swapped, it is the transpose of
`Conv`.

    >>> import jax.numpy as jnp
    >>> from flax import nnx
    >>> from jaxdeconv.nn.nnx import Conv, ConvTranspose
    >>> down = Conv(3, 8, (4, 4), strides=2, padding=1, rngs=nnx.Rngs(0))
    >>> up = ConvTranspose(8, 3, (4, 4), strides=2, padding=1, rngs=nnx.Rngs(1))
    >>> up(down(jnp.ones((1, 6, 6, 3)))).shape
    (1, 6, 6, 3)
    >>> back = ConvTranspose.like(down)  # its exact transpose: one kernel for both
    >>> back.kernel is down.kernel
    True

Only three of Flax's arguments are missing: `input_dilation`, because such a convolution is a
transposed one; `transpose_kernel`, because the kernel is always that of the forward convolution, as
with Flax's True; and `conv_general_dilated`, because jaxdeconv computes the convolution.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.arguments.integers import IntOrInts, PaddingLike
from jaxdeconv.nn import core, errors
from jaxdeconv.nn.arrays import Arrays, check_fit
from jaxdeconv.nn.flax_settings import NAMES, call_keywords, settings_of
from jaxdeconv.nn.initializers import Initializer, lecun_normal_transposed

try:
    from flax import nnx
    from flax.nnx.nn.dtypes import promote_dtype as flax_promote_dtype
except ModuleNotFoundError as error:
    raise errors.missing_framework(__name__, "flax") from error

__all__ = ["Conv", "ConvTranspose", "load"]


class _Layer(nnx.Module):
    """Arguments, parameters and dtype conversion of both layers."""

    _transposed = False  # whether the features of the forward convolution are swapped
    kernel: nnx.Param[Array]
    bias: nnx.Param[Array] | None

    @errors.rename_arguments(**NAMES)
    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: IntOrInts,
        strides: IntOrInts | None = 1,
        *,
        padding: PaddingLike = "SAME",
        kernel_dilation: IntOrInts | None = 1,
        feature_group_count: int = 1,
        padding_mode: str = "zeros",
        use_bias: bool = True,
        mask: ArrayLike | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        precision: PrecisionLike = None,
        kernel_init: Initializer | None = None,
        bias_init: Initializer = jax.nn.initializers.zeros,
        promote_dtype: Callable[..., Any] = flax_promote_dtype,
        preferred_element_type: DTypeLike | None = None,
        rngs: nnx.Rngs,
        kernel_metadata: Mapping[str, Any] = MappingProxyType({}),
        bias_metadata: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Make the parameters.

        Args:
            in_features: number of channels of the inputs.
            out_features: number of channels of the result.
            kernel_size: one entry per spatial dimension, `(3, 3)` for images. An int means one
                dimension, as in Flax, and is refused for inputs that may be images.
            strides: of the forward convolution, like all that follow.
            padding: as in `jaxdeconv.conv`; also 'CIRCULAR' and 'REFLECT', Flax's names for a
                padding_mode with the padding that keeps the size.
            kernel_dilation: spacing of the kernel taps.
            feature_group_count: number of groups.
            padding_mode: as in `jaxdeconv.conv`.
            use_bias: whether to add a bias.
            mask: of the kernel's shape; the kernel is multiplied by it in every call.
            dtype: of the computation; None for the one that inputs and parameters promote to.
            param_dtype: of the parameters.
            precision: as in `jax.lax`.
            kernel_init: None for Flax's `lecun_normal`, over the layer's own inputs.
            bias_init: initialiser of the bias.
            promote_dtype: takes (inputs, kernel, bias) and dtype to the same of one dtype.
            preferred_element_type: as in `jaxdeconv.conv`.
            rngs: the stream `params` gives a key for the kernel, then one for the bias.
            kernel_metadata: of the kernel's `nnx.Param`.
            bias_metadata: of the bias's `nnx.Param`.

        Raises:
            ValueError: a value or a tuple length breaks a rule of `jaxdeconv.conv`.
            TypeError: something that must be a static integer is not one.
        """
        self.convolution = convolution = core.resolve(
            kernel_size,
            stride=strides,
            padding=padding,
            dilation=kernel_dilation,
            groups=feature_group_count,
            padding_mode=padding_mode,
        )
        self.in_features, self.out_features = in_features, out_features
        self.kernel_size, self.strides = convolution.kernel_size, convolution.stride
        self.padding = padding if isinstance(padding, str) else convolution.padding
        self.kernel_dilation, self.padding_mode = convolution.dilation, convolution.padding_mode
        self.feature_group_count = convolution.groups
        self.use_bias, self.mask = use_bias, mask
        self.dtype, self.param_dtype, self.promote_dtype = dtype, param_dtype, promote_dtype
        self.precision, self.preferred_element_type = precision, preferred_element_type
        if self._transposed:
            self.kernel_shape = convolution.kernel_shape(out_features, in_features)
            default = lecun_normal_transposed(convolution.groups)
        else:
            self.kernel_shape = convolution.kernel_shape(in_features, out_features)
            default = jax.nn.initializers.lecun_normal()
        kernel = (kernel_init or default)(rngs.params(), self.kernel_shape, param_dtype)
        self.kernel = nnx.Param(kernel, **kernel_metadata)
        self.bias = nnx.data(None)
        if use_bias:
            bias = bias_init(rngs.params(), (out_features,), param_dtype)
            self.bias = nnx.Param(bias, **bias_metadata)

    def _operands(self, inputs: Array) -> tuple[Array, Array, Array | None]:
        """Inputs, kernel and bias in the dtype of the computation."""
        bias = None if self.bias is None else self.bias[...]
        return self.promote_dtype((inputs, self.kernel[...], bias), dtype=self.dtype)


class Conv(_Layer):
    """`flax.nnx.Conv`, computed by jaxdeconv: K(kernel) inputs + bias.

    The kernel is Flax's own, `(*kernel_size, in_features/groups, out_features)`: parameters and
    checkpoints of `flax.nnx.Conv` fit. For the arguments see `__init__`.
    """

    @errors.rename_arguments(**NAMES, v="inputs")
    def __call__(self, inputs: Array) -> Array:
        """Convolve.

        Args:
            inputs: `(*batch, *spatial, in_features)`, any number of batch axes.

        Returns:
            `(*batch, *output_size, out_features)`.

        Raises:
            ValueError: inputs or mask of a shape that does not fit.
        """
        return core.conv(self.convolution, *self._operands(inputs), **call_keywords(self))


class ConvTranspose(_Layer):
    """The transpose of a `Conv` with the same arguments and its features swapped, plus a bias.

    The kernel is that of the forward convolution, `(*kernel_size, out_features/groups,
    in_features)`, as in `flax.nnx.ConvTranspose` with `transpose_kernel=True`. Under 'SAME' and
    'CIRCULAR' the result is strides times as large, otherwise as small as possible; `input_size` or
    `output_padding` give another size: of the forward convolution's *input*, this layer's result.
    """

    _transposed = True

    @errors.rename_arguments(**NAMES)
    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: IntOrInts,
        strides: IntOrInts | None = 1,
        *,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        rngs: nnx.Rngs,
        **keywords: Any,
    ) -> None:
        """Make the parameters.

        Args:
            input_size: spatial size of the result.
            output_padding: the same, minus the smallest possible.
            keywords: the other arguments of `Conv`.

        Other arguments: as in `Conv`.

        Raises:
            ValueError: as `Conv`; both sizes are given.
            TypeError: as `Conv`.
        """
        super().__init__(in_features, out_features, kernel_size, strides, rngs=rngs, **keywords)
        sizes = core.check_sizes(input_size, output_padding, self.convolution.ndim)
        self.input_size, self.output_padding = sizes

    @classmethod
    def like(
        cls,
        conv: nnx.Conv | Conv,
        *,
        tied: bool = True,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        use_bias: bool = False,
    ) -> Self:
        """The exact transpose of `conv`'s linear part: <u, K v> = <layer(u), v> without biases.

        Args:
            conv: a `Conv`, or Flax's own.
            tied: whether to share conv's kernel, the `nnx.Param` itself, or to start with a copy.
            input_size: spatial size of the result, that of conv's input, where it is known.
            output_padding: as in `ConvTranspose`.
            use_bias: whether to add a bias of the layer's own, zero at first.

        Raises:
            ValueError: `conv` dilates its input.
        """
        core.check_transposable(getattr(conv, "input_dilation", 1))
        layer = cls(
            conv.out_features,
            conv.in_features,
            conv.kernel_size,
            conv.strides,
            input_size=input_size,
            output_padding=output_padding,
            use_bias=use_bias,
            kernel_init=jax.nn.initializers.zeros,
            rngs=nnx.Rngs(0),
            **settings_of(conv),
        )
        kernel: Any = conv.kernel
        layer.kernel = kernel if tied else kernel.copy()
        return layer

    @errors.rename_arguments(**NAMES, u="inputs")
    def __call__(self, inputs: Array, *, input_size: IntOrInts | None = None) -> Array:
        """Apply the transpose.

        Args:
            inputs: `(*batch, *spatial, in_features)`, any number of batch axes.
            input_size: spatial size of this result, instead of the layer's `input_size`.

        Returns:
            `(*batch, *input_size, out_features)`.

        Raises:
            ValueError: inputs or mask of a shape that does not fit, an impossible size.
        """
        u, kernel, bias = self._operands(inputs)
        return core.conv_transpose(
            self.convolution,
            u,
            kernel,
            bias,
            **core.size_keywords(self, input_size),
            **call_keywords(self),
        )


def load(layer: _Layer, arrays: Arrays) -> None:
    """Set a layer's kernel and bias, in place.

    Args:
        layer: a `Conv` or `ConvTranspose` of this module.
        arrays: of `jaxdeconv.nn.arrays.from_torch` or `from_keras`; cast to the layer's dtypes.

    Raises:
        ValueError: shapes that differ, a bias too many or too few.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> from jaxdeconv.nn.arrays import from_torch
        >>> up = ConvTranspose(2, 1, 3, strides=2, padding=1, use_bias=False, rngs=nnx.Rngs(0))
        >>> load(up, from_torch({"up.weight": np.ones((2, 1, 3))}, "up."))
        >>> float(up.kernel[...].sum())
        6.0
    """
    bias = None if layer.bias is None else layer.bias[...]
    arrays = check_fit(arrays, kernel=layer.kernel[...], bias=bias)
    layer.kernel[...] = arrays["kernel"]
    if layer.bias is not None:
        layer.bias[...] = arrays["bias"]
