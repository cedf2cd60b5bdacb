"""Any linear map as an operator of SciPy, lineax or pylops, which are imported when needed.

pip install "jaxdeconv[operators]"
"""

import importlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

if TYPE_CHECKING:
    from jaxdeconv.operators.algebra import LinearMap

__all__ = ["lineax_operator", "optional", "pylops_operator", "scipy_operator"]


def optional(name: str) -> Any:
    """The module `name`, or an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f'{package} is needed for this: pip install "jaxdeconv[operators]"', name=package
        ) from error


def scipy_operator(operator: "LinearMap") -> Any:
    """See `LinearMap.as_scipy`."""
    linalg = optional("scipy.sparse.linalg")
    forward, backward = (_on_columns(one) for one in (operator, operator.H))
    return linalg.LinearOperator(
        operator.shape,
        matvec=forward,
        rmatvec=backward,
        matmat=forward,
        rmatmat=backward,
        dtype=operator.dtype,
    )


def pylops_operator(operator: "LinearMap") -> Any:
    """See `LinearMap.as_pylops`."""
    pylops = optional("pylops")
    dims = {"dims": operator.input_shape, "dimsd": operator.output_shape}
    return pylops.LinearOperator(scipy_operator(operator), **dims)


def lineax_operator(operator: "LinearMap", tags: Any) -> Any:
    """See `LinearMap.as_lineax`."""
    lineax = optional("lineax")
    domain = jax.ShapeDtypeStruct(operator.input_shape, operator.dtype)
    return lineax.FunctionLinearOperator(operator.__matmul__, domain, tags)


def _on_columns(operator: "LinearMap") -> Callable[[Any], np.ndarray]:
    """A NumPy function of a flat vector, `(n,)` or `(n, 1)`, or of the columns of `(n, k)`."""

    @jax.jit
    def rows(v: jax.Array) -> jax.Array:
        u = operator @ v.reshape(-1, *operator.input_shape)
        return u.reshape(v.shape[0], operator.shape[0])

    def columns(v: Any) -> np.ndarray:
        v = np.asarray(v)
        dtype = _result_dtype(operator.dtype, v)
        flat = v.reshape(v.shape[0], math.prod(v.shape[1:])).T
        split = np.iscomplexobj(v) and not jnp.issubdtype(operator.dtype, jnp.complexfloating)
        parts = np.concatenate([flat.real, flat.imag]) if split else flat
        u = np.asarray(rows(jnp.asarray(parts.astype(operator.dtype))).T)  # may warn of overflow
        result = np.empty((operator.shape[0], flat.shape[0]), dtype)
        if split:
            result.real, result.imag = np.split(u, 2, axis=1)
        else:
            result[...] = u
        return result.reshape(operator.shape[0], *v.shape[1:])

    return columns


def _result_dtype(dtype: np.dtype, v: np.ndarray) -> np.dtype:
    """The dtype of the product of a matrix of this dtype and v; for integers, the matrix's."""
    if not jnp.issubdtype(v.dtype, jnp.number) and v.dtype != bool:
        raise ArgumentTypeError(
            "the view of a linear map takes vectors of numbers", "Pass v.astype(float).", v=v
        )
    if jnp.issubdtype(dtype, jnp.integer):
        _check_integers(dtype, v)
        return dtype
    try:
        return np.result_type(dtype, v.dtype)
    except TypeError:  # bfloat16 with an integer
        return np.result_type(np.float32, v.dtype)


def _check_integers(dtype: np.dtype, v: np.ndarray) -> None:
    """Refuse numbers that a map of integers cannot represent."""
    if jnp.issubdtype(v.dtype, jnp.inexact):
        raise ArgumentTypeError(
            f"the view of a linear map of {dtype} takes integers",
            "Build the operator from a floating kernel, w.astype('float32').",
            v=v,
        )
    limits = np.iinfo(dtype)
    if v.size and not (limits.min <= v.min() and v.max() <= limits.max):
        raise ArgumentValueError(
            f"v must hold numbers that {dtype} can hold",
            "Build the operator from a kernel of a wider type.",
            smallest=int(v.min()),
            largest=int(v.max()),
        )
