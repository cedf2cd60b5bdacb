"""Linear maps between arrays of fixed shapes, and what can be built from them.

    K @ v,  K.T @ u,  K.H @ u,  K.gram,  K1 + K2,  2 * K,  K1 @ K2,  vstack(K1, K2),  hstack(K1, K2)
    K(v),  K.matvec(v),  K.rmatvec(u),  K.dot(v),  K.adjoint(),  K / u          (see `synonyms`)

Every map is a frozen dataclass and a pytree. Its arrays (the kernel, a factor) are leaves, so one
can be passed through `jax.jit`, differentiated in them, and stacked for `jax.vmap`; its shapes are
static. A new kind of map says what it does to one array, and what its transpose does; vectors,
batches and the algebra come from here.

A vector is an array of the map's structured shape, behind any number of batch axes, or one flat
array of `shape[1]` entries, and what comes out is of the same sort. The flat order is NumPy's. A
list is taken as an array. The vectors of a real map may be complex (see `vectors`).
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

__all__ = ["Composed", "LinearMap", "Made", "OnParts", "Scaled", "Shape", "Sum", "Transposed"]

Shape: TypeAlias = tuple[int, ...]


class LinearMap(Synonyms, abc.ABC):
    """A linear map from arrays of `input_shape` to arrays of `output_shape`.

    Attributes:
        input_shape: of v, without batch axes.
        output_shape: of u = K v, without batch axes.
        dtype: of v, of u, and of the matrix.
    """

    __array_ufunc__ = None  # so that NumPy's scalars leave `2 * K` to us

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
        """K v for a vector, the composition for another map."""
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
        """The same kind of map, from the same numbers."""
        if not isinstance(other, LinearMap):
            return NotImplemented
        return same(self, other)

    def __hash__(self) -> int:
        return hash(jax.tree.structure(self))

    @reporting
    def as_complex(self) -> "LinearMap":
        """The same map on complex vectors; of a real one, whose `@` takes them anyway, for algebra.

        Raises:
            TypeError: the map is of integers, or of half precision.
        """
        if jnp.issubdtype(self.dtype, jnp.complexfloating):
            return self
        if complex_dtype(self.dtype) is None:
            raise ArgumentTypeError(
                "there are complex numbers of float32 and of float64 alone",
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


class Made(LinearMap):
    """A map made of others: its field `of` holds them, and what is said of it follows from them."""

    of: tuple[LinearMap, ...]

    def _with(self, function: Callable[[LinearMap], LinearMap]) -> Any:
        """The same made of `function` of every member."""
        return dataclasses.replace(self, of=tuple(map(function, self.of)))  # type: ignore[type-var]

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return self._with(lambda member: member.conj())

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.of[0].input_shape

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.of[0].output_shape

    @property
    def dtype(self) -> np.dtype:
        """Of v, of u, and of the matrix."""
        return self.of[0].dtype


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transposed(Made):
    """The transpose of a map that has no simpler one."""

    of: tuple[LinearMap, ...]

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.of[0].output_shape

    @property
    def output_shape(self) -> Shape:
        """Of u, without batch axes."""
        return self.of[0].input_shape

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self.of[0]

    def _apply(self, v: Array) -> Array:
        return self.of[0]._apply_transpose(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.of[0]._apply(u)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`."""
        return self.of[0].as_matrix().T


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Composed(Made):
    """The product of two maps: the right one acts first."""

    of: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        left, right = self.of
        rule, remedy = "the left map must take what the right map gives", "Compose maps that fit."
        check_alike(self.of, rule, remedy, left.input_shape, right.output_shape)

    @property
    def input_shape(self) -> Shape:
        """Of v, without batch axes."""
        return self.of[1].input_shape

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return Composed((self.of[1].T, self.of[0].T))

    def _apply(self, v: Array) -> Array:
        return self.of[0]._apply(self.of[1]._apply(v))

    def _apply_transpose(self, u: Array) -> Array:
        return self.of[1]._apply_transpose(self.of[0]._apply_transpose(u))


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sum(Made):
    """The sum of two maps between the same spaces."""

    of: tuple[LinearMap, ...]

    def __post_init__(self) -> None:
        rule, remedy = "maps that are added must have the same shapes", "Add maps of one space."
        shapes = ((member.input_shape, member.output_shape) for member in self.of)
        check_alike(self.of, rule, remedy, *shapes)

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda member: member.T)

    def _apply(self, v: Array) -> Array:
        return self.of[0]._apply(v) + self.of[1]._apply(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.of[0]._apply_transpose(u) + self.of[1]._apply_transpose(u)


@pytree("of", "factor")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scaled(Made):
    """A number times a map; the number is a leaf."""

    of: tuple[LinearMap, ...]
    factor: Array

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda member: member.T)

    def conj(self) -> LinearMap:
        """The map with the conjugate matrix."""
        return Scaled((self.of[0].conj(),), jnp.conj(self.factor))

    def _apply(self, v: Array) -> Array:
        return self.factor * self.of[0]._apply(v)

    def _apply_transpose(self, u: Array) -> Array:
        return self.factor * self.of[0]._apply_transpose(u)


@pytree("of")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OnParts(Made):
    """A real map on complex vectors."""

    of: tuple[LinearMap, ...]

    @property
    def dtype(self) -> np.dtype:
        """Of v, of u, and of the matrix."""
        return np.result_type(self.of[0].dtype, np.complex64)

    @property
    def T(self) -> LinearMap:
        """The transpose, without conjugation."""
        return self._with(lambda member: member.T)

    def _apply(self, v: Array) -> Array:
        return on_parts(self.of[0]._apply)(v)

    def _apply_transpose(self, u: Array) -> Array:
        return on_parts(self.of[0]._apply_transpose)(u)

    def as_matrix(self) -> Array:
        """The dense matrix, `(rows, columns)`."""
        return self.of[0].as_matrix().astype(self.dtype)
