"""Conv and ConvTranspose for Flax Linen, with the fields of `flax.linen.Conv`.

`ConvTranspose` has all of them too, groups included, and `padding` always means the padding of the
forward convolution: with the same fields it is the transpose of `Conv`.

    >>> import jax, jax.numpy as jnp
    >>> import flax.linen
    >>> from jaxdeconv.nn.linen import Conv, ConvTranspose
    >>> class Autoencoder(flax.linen.Module):
    ...     @flax.linen.compact
    ...     def __call__(self, x):
    ...         down = Conv(8, (4, 4), strides=2, padding=1)
    ...         return ConvTranspose.like(down, features=3)(down(x))  # one kernel for both
    >>> variables = Autoencoder().init(jax.random.key(0), jnp.ones((1, 6, 6, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'Conv_0': {'bias': (8,), 'kernel': (4, 4, 3, 8)}}}

Only three of Flax's fields are missing: `input_dilation`, because such a convolution is a
transposed one; `transpose_kernel`, because the kernel is always that of the forward convolution, as
with Flax's True; and `conv_general_dilated`, because jaxdeconv computes the convolution. Fields
after `padding` must be named.
"""

import dataclasses
from collections.abc import Callable
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
    from flax import linen
    from flax.linen.dtypes import promote_dtype as flax_promote_dtype
except ModuleNotFoundError as error:
    raise errors.missing_framework(__name__, "flax") from error

__all__ = ["Conv", "ConvTranspose", "load"]


def _named(default: Any) -> Any:
    """A field that must be passed by name."""
    return dataclasses.field(default=default, kw_only=True)


class _Layer(linen.Module):
    """Fields, parameters and dtype conversion of both layers."""

    features: int
    kernel_size: IntOrInts
    strides: IntOrInts | None = 1
    padding: PaddingLike = "SAME"
    kernel_dilation: IntOrInts | None = _named(1)
    feature_group_count: int = _named(1)
    padding_mode: str = _named("zeros")
    use_bias: bool = _named(True)
    mask: ArrayLike | None = _named(None)
    dtype: DTypeLike | None = _named(None)
    param_dtype: DTypeLike = _named(jnp.float32)
    precision: PrecisionLike = _named(None)
    kernel_init: Initializer | None = _named(None)
    bias_init: Initializer = _named(jax.nn.initializers.zeros)
    promote_dtype: Callable[..., Any] = _named(flax_promote_dtype)
    preferred_element_type: DTypeLike | None = _named(None)

    def __new__(cls, *_: Any, **keywords: Any) -> Any:
        """Refuse unknown keywords, which the constructor of a dataclass would not explain."""
        errors.check_keywords(keywords, [field.name for field in dataclasses.fields(cls)], cls)
        return super().__new__(cls)

    def _bias(self) -> Array | None:
        if not self.use_bias:
            return None
        return self.param("bias", self.bias_init, (self.features,), self.param_dtype)


class Conv(_Layer):
    """`flax.linen.Conv`, computed by jaxdeconv: K(kernel) inputs + bias.

    The parameters are Flax's own, 'kernel' `(*kernel_size, in_features/groups, features)` and
    'bias' `(features,)`: checkpoints of `flax.linen.Conv` fit.

    Attributes:
        features: number of channels of the result.
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
        promote_dtype: takes inputs, kernel, bias and dtype to the same of one dtype.
        preferred_element_type: as in `jaxdeconv.conv`.
    """

    @linen.compact
    @errors.rename_arguments(**NAMES, v="inputs")
    def __call__(self, inputs: Array) -> Array:
        """Convolve.

        Args:
            inputs: `(*batch, *spatial, in_features)`, any number of batch axes.

        Returns:
            `(*batch, *output_size, features)`.

        Raises:
            ValueError: a field, or a shape, breaks a rule of `jaxdeconv.conv`.
            TypeError: something that must be a static integer is not one.
        """
        convolution = _convolution(self)
        shape = convolution.kernel_shape(jnp.shape(inputs)[-1], self.features)
        init = self.kernel_init or jax.nn.initializers.lecun_normal()
        kernel = self.param("kernel", init, shape, self.param_dtype)
        operands = self.promote_dtype(inputs, kernel, self._bias(), dtype=self.dtype)
        return core.conv(convolution, *operands, **call_keywords(self))


class ConvTranspose(_Layer):
    """The transpose of a `Conv` with the same fields, plus a bias.

    The kernel is that of the forward convolution, `(*kernel_size, features/groups, in_features)`,
    as in `flax.linen.ConvTranspose` with `transpose_kernel=True`. Under 'SAME' and 'CIRCULAR' the
    result is strides times as large, otherwise as small as possible; `input_size` or
    `output_padding` give another size.

    Attributes:
        input_size: spatial size of the result, the *input* of the forward convolution.
        output_padding: the same, minus the smallest possible.
        tied_to: the convolution whose kernel this layer uses; None for one of its own.
    """

    input_size: IntOrInts | None = _named(None)
    output_padding: IntOrInts | None = _named(None)
    tied_to: linen.Module | None = _named(None)

    @classmethod
    def like(
        cls,
        conv: linen.Conv | Conv,
        features: int,
        *,
        tied: bool = True,
        input_size: IntOrInts | None = None,
        output_padding: IntOrInts | None = None,
        use_bias: bool = False,
    ) -> Self:
        """The exact transpose of `conv`'s linear part: <u, K v> = <layer(u), v> without biases.

        Args:
            conv: a `Conv`, or Flax's own; for a tied layer, one of the same model that is called
                before this layer.
            features: number of channels of conv's inputs, which are this layer's result.
            tied: whether to use conv's kernel, or one of the same shape: for a copy, start with
                `{"kernel": params_of_conv["kernel"]}`.
            input_size: spatial size of the result, that of conv's input, where it is known.
            output_padding: as in `ConvTranspose`.
            use_bias: whether to add a bias of the layer's own, zero at first.

        Raises:
            ValueError: `conv` dilates its input.
        """
        core.check_transposable(getattr(conv, "input_dilation", 1))
        return cls(
            features,
            conv.kernel_size,
            conv.strides,
            input_size=input_size,
            output_padding=output_padding,
            tied_to=conv if tied else None,
            use_bias=use_bias,
            **settings_of(conv),
        )

    @linen.compact
    @errors.rename_arguments(**NAMES, u="inputs")
    def __call__(self, inputs: Array, *, input_size: IntOrInts | None = None) -> Array:
        """Apply the transpose.

        Args:
            inputs: `(*batch, *spatial, in_features)`, any number of batch axes.
            input_size: spatial size of this result, instead of the layer's `input_size`.

        Returns:
            `(*batch, *input_size, features)`.

        Raises:
            ValueError: as `Conv`; an impossible size; the convolution that the layer is tied to
                has no kernel yet, or one of another shape.
            TypeError: as `Conv`.
        """
        convolution = _convolution(self)
        core.check_sizes(self.input_size, self.output_padding, convolution.ndim)
        kernel = self._kernel(convolution, jnp.shape(inputs)[-1])
        u, kernel, bias = self.promote_dtype(inputs, kernel, self._bias(), dtype=self.dtype)
        return core.conv_transpose(
            convolution,
            u,
            kernel,
            bias,
            **core.size_keywords(self, input_size),
            **call_keywords(self),
        )

    def _kernel(self, convolution: core.Convolution, in_features: int) -> Array:
        shape = convolution.kernel_shape(self.features, in_features)
        if self.tied_to is None:
            init = self.kernel_init or lecun_normal_transposed(self.feature_group_count)
            return self.param("kernel", init, shape, self.param_dtype)
        kernel: Array | None = self.tied_to.get_variable("params", "kernel")
        return core.check_tied(kernel, shape)


def load(params: Arrays, arrays: Arrays) -> dict[str, Array]:
    """A layer's parameters with the kernel and the bias of `arrays`.

    Args:
        params: the layer's own part of `variables["params"]`.
        arrays: of `jaxdeconv.nn.arrays.from_torch` or `from_keras`; cast to the layer's dtypes.

    Returns:
        New parameters.

    Raises:
        ValueError: shapes that differ, a bias too many or too few.

    Example:
        >>> import numpy as np
        >>> from jaxdeconv.nn.arrays import from_torch
        >>> layer = ConvTranspose(1, 3, strides=2, padding=1, use_bias=False)
        >>> params = layer.init(jax.random.key(0), jnp.ones((1, 5, 2)))["params"]
        >>> params = load(params, from_torch({"up.weight": np.ones((2, 1, 3))}, "up."))
        >>> float(params["kernel"].sum())
        6.0
    """
    return check_fit(arrays, kernel=params["kernel"], bias=params.get("bias"))


def _convolution(layer: Any) -> core.Convolution:
    """The forward convolution of a layer."""
    return core.resolve(
        layer.kernel_size,
        stride=layer.strides,
        padding=layer.padding,
        dilation=layer.kernel_dilation,
        groups=layer.feature_group_count,
        padding_mode=layer.padding_mode,
    )
