"""The three legs of the convolution, the public functions.

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

| leg | function | maps |
|---|---|---|
| K | `conv(v, w)` | v -> u |
| K^T | `conv_transpose(u, w)` | u -> v |
| G | `kernel_gradient(u, v)` | (u, v) -> w |

Each prepares the call (checks it, finds layout and geometry), brings its operands to the canonical
layout, binds the leg's primitive, for which the planner chooses an algorithm, and brings the result
back. Called eagerly, all this is compiled once.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec

import jax
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.algorithms import AlgorithmName
from jaxdeconv.arguments.integers import IntOrInts, PaddingLike
from jaxdeconv.arguments.layout import DimensionNumbers
from jaxdeconv.errors import reporting
from jaxdeconv.legs.keywords import LegKeywords, PaddingMode, SpatialAxes
from jaxdeconv.legs.prepare import prepare
from jaxdeconv.planning import tuning_cache

__all__ = ["conv", "conv_transpose", "kernel_gradient"]

Parameters = ParamSpec("Parameters")


def compiled_when_eager(function: Callable[Parameters, Array]) -> Callable[Parameters, Array]:
    """Decorator: `function` of two arrays, compiled as a whole where nothing is being traced.

    Called eagerly, checks and changes of layout would each be small programs of their own; compiled
    once per signature, a call costs about as much as one of `jax.lax`.
    """
    first, second, *rest = inspect.signature(function).parameters.values()
    operands = first.name, second.name
    defaults = {one.name: one.default for one in rest if one.default is not one.empty}
    static = [one.name for one in rest]
    compiled: Any = jax.jit(function, static_argnames=static, inline=True)
    tuning_cache.follows(compiled)

    @functools.wraps(function)
    def called(*args: Parameters.args, **keywords: Parameters.kwargs) -> Array:
        named = [keywords.get(name) for name in operands[len(args) :]]
        if not all(map(_is_concrete, (*args, *named))):
            return function(*args, **keywords)
        try:
            fixed = {n: x if n in operands else _static(x) for n, x in keywords.items()}
        except TypeError:  # no static value: let the checks say so
            return function(*args, **keywords)
        result: Array = compiled(*args, **defaults | fixed)
        return result

    return called


def _is_concrete(x: Any) -> bool:
    return isinstance(x, _ARRAYS) and not isinstance(x, jax.core.Tracer)


_ARRAYS = (jax.Array, np.ndarray)


def _static(value: Any) -> Any:
    """A hashable equal of `value`; refuses what is equal to an integer without being one."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list) or type(value) is tuple:
        return tuple(map(_static, value))
    if isinstance(value, bool | float | np.bool_ | np.floating):
        raise TypeError
    hash(value)
    return value


@reporting
@compiled_when_eager
def conv(
    v: ArrayLike,
    w: ArrayLike,
    *,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: AlgorithmName = "auto",
    spatial_axes: SpatialAxes = None,
    input_size: IntOrInts | None = None,
) -> Array:
    """U = K(w) v: strided convolution, linear in v and in w. The kernel is not flipped.

        u[y, o] = sum over t, c of v[stride*y + dilation*t - low, c] * w[t, c, o]

    Args:
        v: `(*batch, *input_size, in)`, with any number of batch axes, none included.
        w: `(*kernel_size, in/groups, out)`.
        stride: step of the kernel: an int, or one per spatial dimension.
        padding: an int; one int or (low, high) pair per spatial dimension, where negative
            entries crop; or 'VALID', 'SAME', 'SAME_LOWER', 'CAUSAL' (see `ConvGeometry`).
        dilation: spacing of the kernel taps: an int, or one per spatial dimension.
        groups: the q-th block of in/groups input channels feeds the q-th block of out/groups
            output channels.
        dimension_numbers: axes of (v, w, u) as in `jax.lax`, e.g. ('NCHW', 'OIHW', 'NCHW'); N
            stands for all batch axes. None means channels last.
        padding_mode: what the padding holds: 'zeros', 'circular', 'reflect', 'replicate' or
            'symmetric' (as `numpy.pad`; 'circular' is its 'wrap', 'replicate' its 'edge').
        precision: as in `jax.lax`.
        preferred_element_type: dtype of the result and, unless it is a half type, of the sums.
            None: the dtype of the operands. The rules: `jaxdeconv.arguments.dtypes`.
        algorithm: 'auto' for the one that `jaxdeconv.plan` chooses, its name to force one (the
            list: `jaxdeconv.algorithms`), or 'derived' for the definition itself. For kernels of
            hundreds of taps 'fft' may be many times faster. 'auto' never takes it: its error is
            relative to the largest entry of the result, not to each (every entry's is at most
            `jaxdeconv.algorithms.fft.error` times the Euclidean norms of both operands), and NaN
            and infinity spread over the whole image.
        spatial_axes: inside `jax.shard_map`, the mesh axes that divide each spatial dimension, for
            example ('h', None). Then v and u are blocks, of ceil(size / devices) cells (what is
            behind the end of the whole is ignored in v and 0 in u), all that is missing is
            fetched from the other devices, and w must be the same on all of these. Outside of
            `jax.shard_map` leave it out: the sharding of v says enough.
        input_size: spatial size of the whole v, which goes with `spatial_axes`.

    Returns:
        u, `(*batch, *output_size, out)` with
        `output_size = floor((input_size + low + high - dilated_kernel_size) / stride) + 1`.

    Raises:
        ValueError: shapes, sizes or names do not fit; the message says what would.
        TypeError: not an array, not a static integer, or dtypes that differ.

    Cost: batch * prod(output_size) * prod(kernel_size) * in/groups * out multiply-adds.

    Example:
        >>> import jax.numpy as jnp
        >>> v, w = jnp.arange(5.0).reshape(5, 1), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv(v, w, stride=2, padding=1).ravel().tolist()
        [4.0, 17.0, 11.0]

    References: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 6.
    """
    keywords: LegKeywords = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "dimension_numbers": dimension_numbers,
        "padding_mode": padding_mode,
        "precision": precision,
        "preferred_element_type": preferred_element_type,
        "algorithm": algorithm,
        "spatial_axes": spatial_axes,
        "input_size": input_size,
    }
    return prepare("conv", v, w, keywords)(v, w)


@reporting
@compiled_when_eager
def conv_transpose(
    u: ArrayLike,
    w: ArrayLike,
    *,
    input_size: IntOrInts | None = None,
    output_padding: IntOrInts | None = None,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: AlgorithmName = "auto",
    spatial_axes: SpatialAxes = None,
) -> Array:
    """V = K(w)^T u: the transpose of `conv` with the same w and the same keywords.

    The only linear map with `<u, conv(v, w)> = <conv_transpose(u, w), v>` for all u and v, without
    conjugation; never flip or swap w. Every u[y], times the kernel, is added at stride*y - low:

        v[x, c] = sum of u[y, o] * w[t, c, o] over all stride*y + dilation*t - low = x

    Args:
        u: `(*batch, *output_size, out)`, laid out as the *output* of `conv`.
        w: `(*kernel_size, in/groups, out)`, the kernel of `conv` as it is.
        input_size: spatial size of v, an int or one per spatial dimension. When stride > 1
            several sizes of v have the same size of u; an impossible one is refused with the list
            of the possible.
        output_padding: the same in torch's words: input_size minus the smallest possible one.
        stride: of `conv`, like all that follow.
        padding: of `conv`: *crops* the result. Never means padding of u.
        dilation: see `conv`.
        groups: see `conv`.
        dimension_numbers: axes of (v, w, u), in this order, as in `conv`.
        padding_mode: see `conv`; its transpose folds the border back, it does not crop.
        precision: see `conv`.
        preferred_element_type: see `conv`.
        algorithm: see `conv`.
        spatial_axes: see `conv`; `input_size` goes with it.

    Returns:
        v, `(*batch, *input_size, in)`. With neither `input_size` nor `output_padding` the
        smallest possible size, `(output_size - 1) * stride + dilated_kernel_size - low - high`
        (torch's rule), except under 'SAME', 'SAME_LOWER' and 'CAUSAL', where it is
        `output_size * stride`.

    Raises:
        ValueError: as `conv`; both sizes given, or an impossible one.
        TypeError: as `conv`.

    Cost: that of `conv`.

    Example:
        >>> import jax.numpy as jnp
        >>> u, w = jnp.array([1.0, 10.0]).reshape(2, 1), jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> conv_transpose(u, w, stride=2).ravel().tolist()
        [1.0, 2.0, 14.0, 20.0, 40.0]
        >>> conv_transpose(u, w, stride=2, padding=1, input_size=4).ravel().tolist()
        [2.0, 14.0, 20.0, 40.0]

    References: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14.
    """
    keywords: LegKeywords = {
        "input_size": input_size,
        "output_padding": output_padding,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "dimension_numbers": dimension_numbers,
        "padding_mode": padding_mode,
        "precision": precision,
        "preferred_element_type": preferred_element_type,
        "algorithm": algorithm,
        "spatial_axes": spatial_axes,
    }
    return prepare("conv_transpose", u, w, keywords)(u, w)


@reporting
@compiled_when_eager
def kernel_gradient(
    u: ArrayLike,
    v: ArrayLike,
    *,
    kernel_size: IntOrInts,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    dimension_numbers: DimensionNumbers = None,
    padding_mode: PaddingMode = "zeros",
    precision: PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    algorithm: AlgorithmName = "auto",
    spatial_axes: SpatialAxes = None,
    input_size: IntOrInts | None = None,
) -> Array:
    """W = G(u, v): the transpose of `conv` in its kernel, bilinear in u and v.

    The only bilinear map with `<u, conv(v, w)> = <w, kernel_gradient(u, v)>` for all u, v and w,
    without conjugation: the kernel's gradient of both `conv` (u its cotangent) and
    `conv_transpose` (v its cotangent). Batch axes are summed over.

        w[t, c, o] = sum over y of u[y, o] * v[stride*y + dilation*t - low, c]

    Args:
        u: `(*batch, *output_size, out)`, laid out as the output of `conv`.
        v: `(*batch, *input_size, in)`, laid out as the input of `conv`.
        kernel_size: spatial size of w, one entry per spatial dimension; an int will do where
            `dimension_numbers` tells how many there are.
        stride: of `conv`, like all that follow.
        padding: see `conv`.
        dilation: see `conv`.
        groups: see `conv`.
        dimension_numbers: axes of (v, w, u), in this order, as in `conv`.
        padding_mode: see `conv`.
        precision: see `conv`.
        preferred_element_type: see `conv`.
        algorithm: see `conv`.
        spatial_axes: see `conv`. The result is the sum over these mesh axes.
        input_size: see `conv`.

    Returns:
        w, `(*kernel_size, in/groups, out)`.

    Raises:
        ValueError: as `conv`; sizes or batch shapes of u and v that do not belong together.
        TypeError: as `conv`.

    Cost: that of `conv`.

    Example:
        >>> import jax.numpy as jnp
        >>> u, v = jnp.array([1.0, 10.0]).reshape(2, 1), jnp.arange(5.0).reshape(5, 1)
        >>> kernel_gradient(u, v, kernel_size=(3,), stride=2).ravel().tolist()
        [20.0, 31.0, 42.0]
    """
    keywords: LegKeywords = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "dimension_numbers": dimension_numbers,
        "padding_mode": padding_mode,
        "precision": precision,
        "preferred_element_type": preferred_element_type,
        "algorithm": algorithm,
        "spatial_axes": spatial_axes,
        "input_size": input_size,
    }
    return prepare("kernel_gradient", u, v, keywords)(u, v)
