"""The axes of a ConvOperator, and its matrix: dense, sparse, and the supports of its rows."""

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.arguments.integers import IntOrInts
from jaxdeconv.arguments.layout import Axes, DimensionNumbers, Layout, kernel_to_canonical
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.legs import PaddingMode
from jaxdeconv.operators import entries
from jaxdeconv.operators.algebra import LinearMap, Shape
from jaxdeconv.operators.classes import reporting_as
from jaxdeconv.operators.shapes import as_position
from jaxdeconv.operators.views import optional

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["ConvMatrix"]


class ConvMatrix(LinearMap):
    """The shapes and the matrix of a ConvOperator, from its kernel and geometry."""

    w: Array
    geometry: ConvGeometry
    has_channels: bool
    padding_mode: PaddingMode
    dimension_numbers: DimensionNumbers

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        labels: dict[str | int, int] = dict(enumerate(self.geometry.output_size))
        labels["C"] = self._kernel_shape[-1]
        return tuple(labels[axis] for axis in self.output_axes)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`, assembled from the kernel's entries.

        Cost: rows * columns of memory; no convolution is computed.
        """
        found, values = self._entries()
        return jnp.zeros(self.shape, self.dtype).at[found.rows, found.columns].add(values)

    def as_bcoo(self) -> "BCOO":
        """The sparse matrix, differentiable in the kernel; padding may repeat indices.

        Cost: as many entries as multiply-adds in one application.
        """
        found, values = self._entries()
        indices = np.stack([found.rows, found.columns], axis=1)
        sparse = optional("jax.experimental.sparse")  # slow to import: it imports SciPy
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

    @reporting_as("ConvOperator")
    def row_support(self, y: IntOrInts) -> tuple[tuple[int, ...], ...]:
        """The cells of v that u[y] reads, per spatial dimension: row y is zero elsewhere.

        Args:
            y: a position in u, an int or one per spatial dimension.

        Raises:
            ValueError: y lies outside u.
        """
        position = as_position("y", y, self.geometry.output_size)
        return tuple(
            tuple(int(x) for x in np.unique(self.cells_read(axis)[at]) if x >= 0)
            for axis, at in enumerate(position)
        )

    @reporting_as("ConvOperator")
    def column_support(self, x: IntOrInts) -> tuple[tuple[int, ...], ...]:
        """The positions of u that read v[x], per spatial dimension: column x is zero elsewhere.

        Along one axis they are the y with `0 <= x + low - stride*y <= dilated kernel size - 1`:
        the support of k(s*y - x), `1/s` as long as the kernel's.

        Args:
            x: a position in v, an int or one per spatial dimension.

        Raises:
            ValueError: x lies outside v.
        """
        position = as_position("x", x, self.geometry.input_size)
        return tuple(
            tuple(int(y) for y in np.flatnonzero((self.cells_read(axis) == at).any(axis=1)))
            for axis, at in enumerate(position)
        )

    @property
    def is_circulant(self) -> bool:
        """Whether a circular shift of v by the stride shifts u by one, exactly."""
        return entries.is_circulant(self.geometry, self.padding_mode)

    def cells_read(self, axis: int) -> np.ndarray:
        """`[output_size, kernel_size]`: the cell that y reads through t; -1 for zero."""
        return entries.cells_read(axis, self.geometry, self.padding_mode)

    def _entries(self) -> tuple[entries.Entries, Array]:
        """Coordinates of the entries, and their values."""
        more = () if self.has_channels else (1,)
        shapes = ((*self.input_shape, *more), self._kernel_shape, (*self.output_shape, *more))
        found = entries.Entries.of(self.geometry, self.padding_mode, self.layout, shapes)
        return found, self.canonical_kernel.ravel()[found.taps]

    @property
    def canonical_kernel(self) -> Array:
        """The kernel as `(*kernel_size, in/groups, out)`, in the operator's dtype."""
        return kernel_to_canonical(self._full_kernel, self.layout.w).astype(self.dtype)

    @property
    def _full_kernel(self) -> Array:
        """The kernel with its axes of channels."""
        return self.w if self.has_channels else self.w[..., None, None]

    @property
    def layout(self) -> Layout:
        """The order of the axes of v, w and u, those of channels included."""
        return Layout.parse(self.dimension_numbers, self.geometry.ndim + 2)

    @property
    def input_axes(self) -> Axes:
        """The axes of v, by their labels in `layout`."""
        return self._axes(self.layout.v)

    @property
    def output_axes(self) -> Axes:
        """The axes of u, by their labels in `layout`."""
        return self._axes(self.layout.u)

    def _axes(self, labels: Axes) -> Axes:
        return tuple(axis for axis in labels if axis != "N" and (self.has_channels or axis != "C"))

    @property
    def _kernel_shape(self) -> Shape:
        axes, shape = self.layout.w, self._full_kernel.shape
        return (*self.geometry.kernel_size, *(shape[axes.index(c) - len(axes)] for c in "IO"))
