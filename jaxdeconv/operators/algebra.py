"""Linear maps between arrays of fixed shapes, and combinations of them.

    K @ v,  K.T @ u,  K.H @ u,  K.gram,  K1 + K2,  2 * K,  K1 @ K2,  vstack(K1, K2),  hstack(K1, K2)
    K(v),  K.matvec(v),  K.rmatvec(u),  K.dot(v),  K.adjoint(),  K / u          (see `synonyms`)

Every map is a frozen dataclass and a pytree. Its arrays (the kernel, a factor) are leaves, so a map
can be passed through `jax.jit`, differentiated in its arrays and stacked for `jax.vmap`; shapes are
static. A new kind of map defines only what it and its transpose do to one array; vectors,
batches and the algebra come from here.

A vector is an array of the map's structured shape after any number of batch axes, or one flat array
of `shape[1]` entries; the result has the same form. The flat order is NumPy's. Lists are taken as
arrays. The vectors of a real map may be complex (see `vectors`).
"""

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.operators.classes import pytree, same
from jaxdeconv.operators.shapes import by, check_alike
from jaxdeconv.operators.synonyms import Synonyms
from jaxdeconv.operators.vectors import as_scalar, complex_dtype, on_parts, on_vectors

__all__ = ["Combination", "Composed", "LinearMap", "OnParts", "Scaled", "Sum", "Transposed"]

Shape: TypeAlias = tuple[int, ...]


class LinearMap(Synonyms, abc.ABC):
    """A linear map from arrays of `input_shape` to arrays of `output_shape`.

    Attributes:
        input_shape: of v, without batch axes.
        output_shape: of u = K v, without batch axes.
        dtype: of v, of u, and of the matrix.
    """

    __array_ufunc__ = None  # makes NumPy's scalars leave `np.float32(2) * K` to `__rmul__`

    input_shape: Any
    output_shape: Any
    dtype: Any

    @abc.abstractmethod
    def _apply(self, v: Array) -> Array:
        """K v of one array of `input_shape`, unchecked."""

    @abc.abstractmethod
    def _apply_transpose(self, u: Array) -> Array:
        """K^T u of one array of `output_shape`, unchecked."""

    @abc.abstractmethod
    def conj(self) -> "LinearMap":
        """The map with the conjugate matrix."""

    @property
    def T(self) -> "LinearMap":
        """The transpose, without conjugation."""
        return Transposed((self,))

    @property
    def H(self) -> "LinearMap":
        """The adjoint: the transpose with conjugation."""
        return self.conj().T

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix."""
        return math.prod(self.output_shape), math.prod(self.input_shape)

    @property
    def gram(self) -> "LinearMap":
        """K^H K, which is Hermitian and positive semi-definite."""
        return self.H @ self

    @overload
    def __matmul__(self, other: "LinearMap") -> "LinearMap": ...

    @overload
    def __matmul__(self, other: ArrayLike | list[Any] | tuple[Any, ...]) -> Array: ...

    @reporting
    def __matmul__(self, other: Any) -> Any:
        """K v for a vector, the composition with another map."""
        if isinstance(other, LinearMap):
            return Composed((self, other))
        return on_vectors(self._apply, other, self.input_shape, self.dtype)

    @reporting
    def __add__(self, other: "LinearMap") -> "LinearMap":
        return Sum((self, other)) if isinstance(other, LinearMap) else NotImplemented

    @reporting
    def __sub__(self, other: "LinearMap") -> "LinearMap":
        return self + -other if isinstance(other, LinearMap) else NotImplemented

    @reporting
    def __neg__(self) -> "LinearMap":
        return self * -1

    @reporting
    def __mul__(self, factor: Any) -> "LinearMap":
        return Scaled((self,), as_scalar(factor, self.dtype))

    @reporting
    def __rmul__(self, factor: Any) -> "LinearMap":
        return self * factor

    def __eq__(self, other: object) -> bool:
        """Whether two maps are of the same kind, with equal arrays."""
        if not isinstance(other, LinearMap):
            return NotImplemented
        return same(self, other)

    def __hash__(self) -> int:
        return hash(jax.tree.structure(self))

    @reporting
    def as_complex(self) -> "LinearMap":
        """The same map on complex vectors.

        The `@` of a real map takes complex vectors anyway; this is for combining it with complex
        maps.

        Raises:
            TypeError: the map has integers, or half precision.
        """
        if jnp.issubdtype(self.dtype, jnp.complexfloating):
            return self
        if complex_dtype(self.dtype) is None:
            raise ArgumentTypeError(
                "only maps of float32 or float64 can become complex",
                "Build the operator from a converted kernel.",
                dtype=str(self.dtype),
            )
        return OnParts((self,))

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`.

        Cost: one application per column, as one batch.
        """
        rows, columns = self.shape
        units = jnp.eye(columns, dtype=self.dtype).reshape(columns, *self.input_shape)
        return jax.vmap(self._apply)(units).reshape(columns, rows).T

    def __repr__(self) -> str:
        source, target = (by(shape) for shape in (self.input_shape, self.output_shape))
        return f"{type(self).__name__}({source} -> {target}, {self.dtype})"


class Combination(LinearMap):
    """A map made of others, its operands, from which its properties follow."""

    operands: tuple[LinearMap, ...]

    def _with(self, function: Callable[[LinearMap], LinearMap]) -> Any:
        """The same combination with `function` applied to every operand."""
        return dataclasses.replace(self, operands=tuple(map(function, self.operands)))  # type: ignore[type-var]

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return self._with(lambda operand: operand.conj())

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.operands[0].input_shape

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.operands[0].output_shape

    @property
    def dtype(self) -> np.dtype:
        """Of v, of u, and of the matrix."""
        return self.operands[0].dtype


@pytree("operands")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transposed(Combination):
    """The transpose of a map that has no simpler form."""

    operands: tuple[LinearMap, ...]

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.operands[0].output_shape

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.operands[0].input_shape

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self.operands[0]

    def _apply(self, v: Array) -> Array:
        return self.operands[0]._apply_transpose(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.operands[0]._apply(u)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`."""
        return self.operands[0].as_matrix().T


@pytree("operands")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Composed(Combination):
    """The product of two maps: the right one acts first."""

    operands: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        left, right = self.operands
        rule, remedy = "the left map must take what the right map returns", "Compose maps that fit."
        check_alike(self.operands, rule, remedy, left.input_shape, right.output_shape)

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.operands[1].input_shape

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return Composed((self.operands[1].T, self.operands[0].T))

    def _apply(self, v: Array) -> Array:
        return self.operands[0]._apply(self.operands[1]._apply(v))

    def _apply_transpose(self, u: Array) -> Array:
        return self.operands[1]._apply_transpose(self.operands[0]._apply_transpose(u))


@pytree("operands")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sum(Combination):
    """The sum of two maps between the same spaces."""

    operands: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        rule, remedy = "maps that are added must have the same shapes", "Add maps that fit."
        shapes = ((one.input_shape, one.output_shape) for one in self.operands)
        check_alike(self.operands, rule, remedy, *shapes)

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda operand: operand.T)

    def _apply(self, v: Array) -> Array:
        return self.operands[0]._apply(v) + self.operands[1]._apply(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.operands[0]._apply_transpose(u) + self.operands[1]._apply_transpose(u)


@pytree("operands", "factor")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scaled(Combination):
    """A number times a map; the number is a leaf."""

    operands: tuple[LinearMap, ...]
    factor: Array

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda operand: operand.T)

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return Scaled((self.operands[0].conj(),), jnp.conj(self.factor))

    def _apply(self, v: Array) -> Array:
        return self.factor * self.operands[0]._apply(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.factor * self.operands[0]._apply_transpose(u)


@pytree("operands")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OnParts(Combination):
    """A real map on complex vectors."""

    operands: tuple[LinearMap, ...]

    @property
    def dtype(self) -> np.dtype:
        """Of v, of u, and of the matrix."""
        return np.result_type(self.operands[0].dtype, np.complex64)

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda operand: operand.T)

    def _apply(self, v: Array) -> Array:
        return on_parts(self.operands[0]._apply)(v)

    def _apply_transpose(self, u: Array) -> Array:
        return on_parts(self.operands[0]._apply_transpose)(u)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`."""
        return self.operands[0].as_matrix().astype(self.dtype)
