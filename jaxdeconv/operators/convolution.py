"""ConvOperator: the convolution with a fixed kernel as a linear map."""

import dataclasses
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.algorithms import AlgorithmName
from jaxdeconv.arguments.integers import IntOrInts, PaddingLike
from jaxdeconv.arguments.layout import DimensionNumbers
from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.legs import ConvKeywords, PaddingMode, conv, conv_transpose
from jaxdeconv.legs.keywords import LegKeywords
from jaxdeconv.legs.prepare import prepare
from jaxdeconv.operators.algebra import Shape
from jaxdeconv.operators.classes import pytree
from jaxdeconv.operators.matrix import ConvMatrix
from jaxdeconv.operators.shapes import as_shape, by, described, has_channels

__all__ = ["ConvOperator"]


@pytree("w")
@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class ConvOperator(ConvMatrix):
    """K: v -> `conv(v, w, ...)` as a linear map, with its transpose `K.T`, adjoint and views.

    K is a correlation, as in all of deep learning: `u[y] = sum over t of w[t] v[stride*y + t]`; the
    kernel is not flipped. To blur by a point spread function, as textbooks and `scipy.signal` do,
    pass it reversed: `ConvOperator(jnp.flip(psf, (0, 1)), image.shape, ...)`. With stride 1 and
    `padding="SAME_LOWER"` that is `scipy.signal.convolve2d(image, psf, mode="same")`.

    If w has no axes of channels, like this psf, v and u have none either: a kernel `(*kernel_size)`
    maps images `(*input_size)` to `(*output_size)`, in one to three dimensions. Everything else is
    as with channels. Operators with and without channels cannot be combined: their shapes differ.

    The kernel is the only leaf. The operator acts on vectors of its `dtype`, which is
    `preferred_element_type` or else the kernel's, and on complex ones if it is real.

    Attributes:
        w: the kernel, in the layout in which it was given.
        input_shape: of v, without batch axes.
        geometry: sizes, stride, padding, dilation and groups.
        has_channels: whether w, v and u have axes of channels.
        padding_mode: see `conv`.
        dimension_numbers: see `conv`.
        precision: see `conv`.
        algorithm: see `conv`.
        dtype: of v, u and the matrix.

    Example:
        >>> w = jnp.array([1.0, 2.0, 4.0])
        >>> K = ConvOperator(w, 5, stride=2, padding=1)
        >>> K
        ConvOperator(5 -> 3, kernel 3, stride 2, padding 1, float32)
        >>> K.as_matrix()
        Array([[2., 4., 0., 0., 0.],
               [0., 1., 2., 4., 0.],
               [0., 0., 0., 1., 2.]], dtype=float32)
        >>> (K.T @ jnp.array([1.0, 10.0, 100.0])).tolist()
        [2.0, 14.0, 20.0, 140.0, 200.0]
        >>> K.structure, K.row_support(1), K.column_support(3)
        ('Toeplitz, one row in 2', ((1, 2, 3),), ((1, 2),))
        >>> ConvOperator(w[:, None, None], (5, 1), stride=2, padding=1).output_shape
        (3, 1)
    """

    w: Array
    input_shape: Shape
    geometry: ConvGeometry
    has_channels: bool
    padding_mode: PaddingMode
    dimension_numbers: DimensionNumbers
    precision: PrecisionLike
    algorithm: AlgorithmName
    dtype: np.dtype

    @reporting
    def __init__(
        self,
        w: ArrayLike,
        input_shape: IntOrInts,
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
    ) -> None:
        """Check the arguments as `conv` does.

        Args:
            w: `(*kernel_size, in/groups, out)`, or `(*kernel_size)` without channels.
            input_shape: of v without batch axes, `(*input_size, in)` or as `dimension_numbers`;
                `(*input_size)` where w has no channels.
            stride: see `conv`, like all that follow.
            padding: see `conv`.
            dilation: see `conv`.
            groups: see `conv`.
            dimension_numbers: see `conv`.
            padding_mode: see `conv`.
            precision: see `conv`.
            preferred_element_type: dtype of the operator, at least as wide as the kernel's.
            algorithm: see `conv`, for K and its transpose, and so for all that applies them:
                solvers, `richardson_lucy`, matrices. For kernels of hundreds of taps 'fft' may be
                many times faster; then solutions are as near as its errors let them, and a dense
                matrix has small numbers in the place of zeros.

        Raises:
            ValueError: as `conv`; axes of channels that w or input_shape lacks.
            TypeError: as `conv`.
        """
        keywords: ConvKeywords = {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
            "dimension_numbers": dimension_numbers,
            "padding_mode": padding_mode,
            "precision": precision,
            "preferred_element_type": preferred_element_type,
            "algorithm": algorithm,
        }
        shape = as_shape(input_shape)
        self._set(w, shape, has_channels(w, shape, dimension_numbers, groups), {**keywords})

    def _set(self, w: Any, shape: Shape, channels: bool, keywords: dict[str, Any]) -> None:
        """Check the arguments as `conv` does, and set the fields."""
        keywords = {k: tuple(v) if isinstance(v, list) else v for k, v in keywords.items()}
        full = w if channels else jnp.asarray(w)[..., None, None]
        dtype = getattr(full, "dtype", jnp.float32)
        v = jax.ShapeDtypeStruct(shape if channels else (*shape, 1), dtype)
        call = prepare("conv", v, full, cast(LegKeywords, keywords))
        kept = ("padding_mode", "dimension_numbers", "precision", "algorithm")
        values = {
            "w": jnp.asarray(w),
            "input_shape": shape,
            "geometry": call.params.geometry,
            "has_channels": channels,
            "dtype": np.dtype(call.params.dtype),
            **{name: keywords[name] for name in kept},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def changed(
        self, w: ArrayLike, input_shape: Shape | None = None, **keywords: Any
    ) -> "ConvOperator":
        """The same convolution with another kernel, and other settings if given.

        Args:
            w: a kernel, with axes of channels if this one has them.
            input_shape: of v, without batch axes; None for the same.
            keywords: of `ConvOperator`.

        Raises:
            ValueError: as `ConvOperator`.
            TypeError: as `ConvOperator`.
        """
        shape, axes = self.input_shape if input_shape is None else input_shape, len(self.input_axes)
        if not self.has_channels and getattr(w, "ndim", axes) != axes:
            raise ArgumentValueError(
                f"w must have {axes} axes, like the kernel without channels that it replaces",
                "Build another ConvOperator for a kernel with channels.",
                w=w,
            )
        changed: ConvOperator = object.__new__(ConvOperator)
        changed._set(w, shape, self.has_channels, self.keywords | keywords)
        return changed

    @reporting
    def with_kernel(self, w: ArrayLike) -> "ConvOperator":
        """The same convolution with another kernel of the same shape."""
        return self.changed(w)

    def conj(self) -> "ConvOperator":
        """The map with the conjugate matrix."""
        real = not jnp.issubdtype(self.dtype, jnp.complexfloating)
        return self if real else self.with_kernel(jnp.conj(self.w))

    def _apply(self, v: Array) -> Array:
        w = self._full_kernel.astype(self.dtype)
        if self.has_channels:
            return conv(v, w, **self.keywords)
        return conv(v[..., None], w, **self.keywords)[..., 0]

    def _apply_transpose(self, u: Array) -> Array:
        size, w = self.geometry.input_size, self._full_kernel.astype(self.dtype)
        if self.has_channels:
            return conv_transpose(u, w, input_size=size, **self.keywords)
        return conv_transpose(u[..., None], w, input_size=size, **self.keywords)[..., 0]

    @property
    def keywords(self) -> dict[str, Any]:
        """The keywords of `conv` that give K, with the padding as integers."""
        return self.geometry.keywords | {
            "dimension_numbers": self.dimension_numbers,
            "padding_mode": self.padding_mode,
            "precision": self.precision,
            "preferred_element_type": self.dtype,
            "algorithm": self.algorithm,
        }

    def __repr__(self) -> str:
        words = [
            f"{by(self.input_shape)} -> {by(self.output_shape)}",
            *described(self.geometry),
            *([self.padding_mode] if self.padding_mode != "zeros" else []),
            str(self.dtype),
        ]
        return f"ConvOperator({', '.join(words)})"
