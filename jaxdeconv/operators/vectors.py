"""What linear maps accept: vectors and numbers of their dtype.

A real map also takes complex vectors of its own precision, and is applied to their real and
imaginary parts: K (x + iy) = K x + i K y. A complex map also takes real vectors. All other dtypes
are refused.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = [
    "as_scalar",
    "as_vector",
    "complex_dtype",
    "on_parts",
    "on_vectors",
    "over_batch",
    "structured",
]

COMPLEX: dict[str, np.dtype] = {
    "float32": np.dtype(np.complex64),
    "float64": np.dtype(np.complex128),
}
"""The complex dtype for each real one that has one."""

Batch: TypeAlias = tuple[int, ...] | None
"""The shape of the axes before those of a vector; None for a flat vector."""

Result = TypeVar("Result")


def on_vectors(apply: Callable[[Array], Array], v: Any, shape: Any, dtype: np.dtype) -> Array:
    """`apply`, a map of arrays of `shape`, on a flat vector or a structured one with batch axes."""
    rows, batch = structured("v", v, shape, dtype)
    u = over_batch(apply if rows.dtype == dtype else on_parts(apply), rows, batch)
    return u.ravel() if batch is None else u


def on_parts(apply: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The same real map on complex arrays: K (x + iy) = K x + i K y, as one batch of two."""

    def applied(v: Array) -> Array:
        return lax.complex(*jax.vmap(apply)(jnp.stack([v.real, v.imag])))

    return applied


def complex_dtype(dtype: Any) -> np.dtype | None:
    """The complex dtype with the precision of a real one, if there is one."""
    return COMPLEX.get(np.dtype(dtype).name)


def over_batch(apply: Callable[[Array], Result], rows: Array, batch: Batch) -> Result:
    """`apply` on what `structured` returned; the results get the batch axes."""
    if not batch:
        return apply(rows)
    one_axis = rows.reshape(math.prod(batch), *rows.shape[len(batch) :])
    many = jax.vmap(apply)(one_axis)
    return jax.tree.map(lambda x: x.reshape(*batch, *x.shape[1:]), many)


def structured(
    name: str, v: Any, shape: tuple[int, ...], dtype: np.dtype, *, real: bool = False
) -> tuple[Array, Batch]:
    """The vector with its axes, and the shape of its batch axes; None if it was flat.

    Its dtype is that of the map or, unless `real`, the complex one of the same precision.
    """
    v, size = as_vector(name, v, dtype, real=real), math.prod(shape)
    batch_ndim = v.ndim - len(shape)
    if v.shape == (size,) != shape:
        return v.reshape(shape), None
    if batch_ndim < 0 or v.shape[batch_ndim:] != shape:
        raise ArgumentValueError(
            f"{name} must end in the axes {shape}, or be flat with {size} entries",
            _reshaping(name, v.shape, shape),
            **{name: v},
        )
    return v, v.shape[:batch_ndim]


def _reshaping(name: str, got: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What to do with a vector of another shape; often an axis of channels is the difference."""
    if (*got, 1) == shape:
        return f"Pass {name}[..., None]."
    if got == (*shape, 1):
        return f"Pass {name}[..., 0]."
    if len(got) == len(shape) + 1 and got[:-1] == shape:
        return f"Pass jax.numpy.moveaxis({name}, -1, 0): batch axes come first."
    return f"Reshape {name}, or build the operator for its shape."


def as_vector(name: str, value: Any, dtype: np.dtype, *, real: bool = False) -> Array:
    """An array of this dtype or, unless `real`, of the complex one of the same precision.

    Lists take the dtype. NumPy's 64-bit arrays are converted as everywhere in JAX.
    """
    array = _as_array(name, value, dtype)
    if array.dtype == dtype or (array.dtype == complex_dtype(dtype) and not real):
        return array
    if complex_dtype(array.dtype) == dtype:
        return array.astype(dtype)
    raise ArgumentTypeError(
        f"{name} must have the operator's dtype, {dtype}",
        _conversion(name, array.dtype, dtype, real),
        **{name: array},
    )


def _as_array(name: str, value: Any, dtype: np.dtype) -> Array:
    """`value` as an array; the numbers of a list have no precision of their own."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return jnp.asarray(value)
    try:
        if not isinstance(value, list | tuple):
            raise TypeError
        array = jnp.asarray(value)
    except (TypeError, ValueError, OverflowError):  # ragged, or not numbers
        raise ArgumentTypeError(
            f"{name} must be an array or a linear map",
            f"Pass jax.numpy.asarray({name}).",
            **{name: value},
        ) from None
    wanted = dtype if _rank(array.dtype) <= _rank(dtype) else complex_dtype(dtype) or array.dtype
    taken = array.astype(wanted)
    exact = jnp.issubdtype(wanted, jnp.inexact) or isinstance(array, jax.core.Tracer)
    if not exact and bool((taken.astype(array.dtype) != array).any()):
        raise ArgumentValueError(
            f"{name} must hold numbers that {wanted} can hold",
            "Pass smaller numbers, or build the operator from a converted kernel.",
            **{name: value},
        )
    return taken


def _conversion(name: str, got: np.dtype, dtype: np.dtype, real: bool) -> str:
    """How to convert from one dtype to the other without losing information."""
    build = "build the operator from a converted kernel"
    if _rank(got) <= _rank(dtype):
        return f"Pass {name}.astype({str(dtype)!r}), or {build}."
    wider = complex_dtype(dtype)
    if real:
        return f"Only real numbers make sense here: pass {name}.real if its imaginary part is zero."
    if _rank(got) == _rank(np.complex64) and wider is not None:
        return f"Pass {name}.astype({str(wider)!r}), or {build}."
    return f"{str(dtype)!r} cannot hold its numbers: {build}, w.astype('float32')."


def as_scalar(factor: Any, dtype: np.dtype) -> Array:
    """The factor of a scaled map, in its dtype."""
    number = hasattr(factor, "dtype") or type(factor) in (int, float, complex)
    if not number or getattr(factor, "shape", ()) != ():
        raise ArgumentTypeError(
            "a linear map can be multiplied by a scalar",
            "Use @ for vectors and for composition.",
            factor=factor,
        )
    if _rank(jnp.result_type(factor)) > _rank(dtype):
        raise ArgumentTypeError(
            f"factor must be a number that {dtype} can hold",
            "Convert the factor, or multiply K.as_complex(), the same map on complex vectors.",
            factor=factor,
        )
    return jnp.asarray(factor, dtype)


def _rank(dtype: Any) -> int:
    """0 for integers, 1 for real and 2 for complex numbers."""
    return int(jnp.issubdtype(dtype, jnp.inexact)) + jnp.issubdtype(dtype, jnp.complexfloating)
