"""ConvOperator: the convolution with a fixed kernel as a linear map."""

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import PrecisionLike
from jax.typing import ArrayLike, DTypeLike

from jaxdeconv.errors import ArgumentValueError, reporting
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.integers import IntOrInts, as_integers, index
from jaxdeconv.layout import DimensionNumbers, Layout, kernel_to_canonical
from jaxdeconv.legs import PaddingMode, conv, conv_transpose
from jaxdeconv.operators import entries
from jaxdeconv.operators.algebra import LinearMap, Shape
from jaxdeconv.operators.vectors import pytree
from jaxdeconv.operators.views import optional
from jaxdeconv.paddings import PaddingLike

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["ConvOperator"]


@pytree("w")
@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class ConvOperator(LinearMap):
    """K: v -> `conv(v, w, ...)` as a linear map, with its transpose `K.T`, adjoint and views.

    The kernel is the only leaf. The operator acts on vectors of its `dtype`, which is
    `preferred_element_type` or else the kernel's.

    Attributes:
        w: the kernel, in the layout that it was given.
        input_shape: of v, without batch axes.
        geometry: sizes, stride, padding, dilation and groups.
        padding_mode: see `conv`.
        dimension_numbers: see `conv`.
        precision: see `conv`.
        algorithm: see `conv`.
        dtype: of v, u and the matrix.

    Example:
        >>> w = jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
        >>> K = ConvOperator(w, (5, 1), stride=2, padding=1)
        >>> K.as_matrix()
        Array([[2., 4., 0., 0., 0.],
               [0., 1., 2., 4., 0.],
               [0., 0., 0., 1., 2.]], dtype=float32)
        >>> (K.T @ jnp.array([1.0, 10.0, 100.0])).tolist()
        [2.0, 14.0, 20.0, 140.0, 200.0]
        >>> K.structure, K.row_support(1), K.column_support(3)
        ('Toeplitz, one row in 2', ((1, 2, 3),), ((1, 2),))
    """

    w: Array
    input_shape: Shape
    geometry: ConvGeometry
    padding_mode: PaddingMode
    dimension_numbers: DimensionNumbers
    precision: PrecisionLike
    algorithm: str
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
        algorithm: str = "auto",
    ) -> None:
        """Check the arguments as `conv` does.

        Args:
            w: `(*kernel_size, in/groups, out)`.
            input_shape: of v without batch axes, `(*input_size, in)` or as `dimension_numbers`.
            stride: see `conv`, like all that follow.
            padding: see `conv`.
            dilation: see `conv`.
            groups: see `conv`.
            dimension_numbers: see `conv`.
            padding_mode: see `conv`.
            precision: see `conv`.
            preferred_element_type: dtype of the operator, at least as wide as the kernel's.
            algorithm: see `conv`, for K and its transpose.

        Raises:
            ValueError: as `conv`.
            TypeError: as `conv`.
        """
        shape = _as_shape(input_shape)
        numbers = (
            tuple(dimension_numbers) if isinstance(dimension_numbers, list) else dimension_numbers
        )
        keywords: dict[str, Any] = {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
            "dimension_numbers": numbers,
            "padding_mode": padding_mode,
            "precision": precision,
            "preferred_element_type": preferred_element_type,
            "algorithm": algorithm,
        }
        u = jax.eval_shape(lambda v: conv(v, w, **keywords), _struct_of_v(shape, w))
        w = jnp.asarray(w)
        layout = Layout.of_kernel(numbers, w)
        labels = dict(zip((axis for axis in layout.v if axis != "N"), shape, strict=True))
        size = tuple(labels[axis] for axis in range(layout.ndim))
        kernel = tuple(w.shape[layout.w.index(axis)] for axis in range(layout.ndim))
        values = {
            "w": w,
            "input_shape": shape,
            "geometry": ConvGeometry(size, kernel, stride, padding, dilation, groups),
            "padding_mode": padding_mode,
            "dimension_numbers": numbers,
            "precision": tuple(precision) if isinstance(precision, list) else precision,
            "algorithm": algorithm,
            "dtype": np.dtype(u.dtype),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        layout = self.layout
        labels: dict[str | int, int] = dict(enumerate(self.geometry.output_size))
        labels["C"] = self._kernel_shape[-1]
        return tuple(labels[axis] for axis in layout.u if axis != "N")

    def with_kernel(self, w: ArrayLike) -> "ConvOperator":
        """The same convolution with another kernel of the same shape."""
        return ConvOperator(w, self.input_shape, **self.keywords)

    def conj(self) -> "ConvOperator":
        """The map with the conjugate matrix."""
        real = not jnp.issubdtype(self.dtype, jnp.complexfloating)
        return self if real else self.with_kernel(jnp.conj(self.w))

    def _apply(self, v: Array) -> Array:
        return conv(v, self.w.astype(self.dtype), **self.keywords)

    def _apply_transpose(self, u: Array) -> Array:
        size, w = self.geometry.input_size, self.w.astype(self.dtype)
        return conv_transpose(u, w, input_size=size, **self.keywords)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`: the kernel's entries at their places.

        Cost: rows * columns of memory; no convolution is computed.
        """
        found, values = self._entries()
        return jnp.zeros(self.shape, self.dtype).at[found.rows, found.columns].add(values)

    def as_bcoo(self) -> "BCOO":
        """The sparse matrix, differentiable in the kernel; indices are not unique under padding.

        Cost: as many entries as multiply-adds in one application.
        """
        found, values = self._entries()
        indices = np.stack([found.rows, found.columns], axis=1)
        sparse = optional("jax.experimental.sparse")  # brings SciPy, which takes its time
        return sparse.BCOO((values, jnp.asarray(indices, jnp.int32)), shape=self.shape)

    def as_scipy_sparse(self) -> Any:
        """The sparse matrix as a `scipy.sparse.csr_array`. Needs SciPy.

        Cost: as many entries as multiply-adds in one application.
        """
        found, values = self._entries()
        places = (np.asarray(values), (found.rows, found.columns))
        return optional("scipy.sparse").coo_array(places, shape=self.shape).tocsr()

    @property
    def structure(self) -> str:
        """The name of the matrix's structure, up to blocks of output by input channels."""
        return entries.structure(self.geometry, self.padding_mode)

    @reporting
    def row_support(self, y: IntOrInts) -> tuple[tuple[int, ...], ...]:
        """The cells of v that u[y] reads, per spatial dimension: row y is zero outside of them.

        Args:
            y: a position in u, an int or one per spatial dimension.

        Raises:
            ValueError: y lies outside u.
        """
        position = _as_position("y", y, self.geometry.output_size)
        return tuple(
            tuple(int(x) for x in np.unique(self.cells_read(axis)[at]) if x >= 0)
            for axis, at in enumerate(position)
        )

    @reporting
    def column_support(self, x: IntOrInts) -> tuple[tuple[int, ...], ...]:
        """The cells of u that read v[x], per spatial dimension: where a delta at x is seen.

        Along one axis they are the y with `0 <= x + low - stride*y <= dilated kernel size - 1`:
        the support of k(s*y - x), `1/s` of the kernel's.

        Args:
            x: a position in v, an int or one per spatial dimension.

        Raises:
            ValueError: x lies outside v.
        """
        position = _as_position("x", x, self.geometry.input_size)
        return tuple(
            tuple(int(y) for y in np.flatnonzero((self.cells_read(axis) == at).any(axis=1)))
            for axis, at in enumerate(position)
        )

    @property
    def canonical_kernel(self) -> Array:
        """The kernel as `(*kernel_size, in/groups, out)`, in the operator's dtype."""
        return kernel_to_canonical(self.w, self.layout.w).astype(self.dtype)

    @property
    def is_circulant(self) -> bool:
        """Whether shifting v around by the stride shifts u around by one, exactly."""
        return entries.is_circulant(self.geometry, self.padding_mode)

    @property
    def layout(self) -> Layout:
        """The order of the axes of v, w and u."""
        return Layout.parse(self.dimension_numbers, None if self.dimension_numbers else self.w.ndim)

    @property
    def _kernel_shape(self) -> Shape:
        layout = self.layout
        return (*self.geometry.kernel_size, *(self.w.shape[layout.w.index(c)] for c in "IO"))

    @property
    def keywords(self) -> dict[str, Any]:
        """Those of the `conv` that K is, the padding in integers."""
        geometry = self.geometry
        return {
            "stride": geometry.stride,
            "padding": geometry.padding,
            "dilation": geometry.dilation,
            "groups": geometry.groups,
            "dimension_numbers": self.dimension_numbers,
            "padding_mode": self.padding_mode,
            "precision": self.precision,
            "preferred_element_type": self.dtype,
            "algorithm": self.algorithm,
        }

    def cells_read(self, axis: int) -> np.ndarray:
        """`[output_size, kernel_size]`: the cell that y reads through t; -1 for a zero."""
        return entries.cells_read(axis, self.geometry, self.padding_mode)

    def _entries(self) -> tuple[entries.Entries, Array]:
        """Places of the entries, and their values."""
        shapes = (self.input_shape, self._kernel_shape, self.output_shape)
        found = entries.Entries.of(self.geometry, self.padding_mode, self.layout, shapes)
        return found, self.canonical_kernel.ravel()[found.taps]


def _as_shape(value: Any) -> Shape:
    sizes = value if hasattr(value, "__len__") else (value,)
    return tuple(index("input_shape", size, whole=value) for size in sizes)


def _struct_of_v(shape: Shape, w: Any) -> jax.ShapeDtypeStruct:
    """What the checks of `conv` need to know of v. Its axes are ours to check: N may be many."""
    if hasattr(w, "ndim") and len(shape) != w.ndim - 1:
        raise ArgumentValueError(
            f"input_shape must have {w.ndim - 1} entries: the spatial sizes and the channels of v",
            "Leave batch axes out; vectors may have any number of them.",
            input_shape=shape,
        )
    return jax.ShapeDtypeStruct(shape, getattr(w, "dtype", jnp.float32))


def _as_position(name: str, value: IntOrInts, size: Shape) -> Shape:
    position = as_integers(name, value, len(size), minimum=0)
    if any(at >= n for at, n in zip(position, size, strict=True)):
        raise ArgumentValueError(
            f"{name} must be a position in an array of size {size}",
            f"Pass at most {tuple(n - 1 for n in size)}.",
            **{name: value},
        )
    return position
