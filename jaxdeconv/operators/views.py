"""Any linear map as an operator of SciPy, lineax or pylops, which are imported when asked for.

pip install "jaxdeconv[operators]"
"""

import importlib
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from jaxdeconv.operators.algebra import LinearMap

__all__ = ["lineax_operator", "optional", "pylops_operator", "scipy_operator"]


def optional(name: str) -> Any:
    """The module `name`, or an error that says how to get it."""
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
    forward, backward = (_on_columns(leg) for leg in (operator, operator.H))
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
    return pylops.LinearOperator(scipy_operator(operator))


def lineax_operator(operator: "LinearMap", tags: Any) -> Any:
    """See `LinearMap.as_lineax`."""
    lineax = optional("lineax")
    domain = jax.ShapeDtypeStruct(operator.input_shape, operator.dtype)
    return lineax.FunctionLinearOperator(operator.__matmul__, domain, tags)


def _on_columns(operator: "LinearMap") -> Any:
    """NumPy function of a flat vector, `(n,)` or `(n, 1)`, or of the columns of `(n, k)`."""

    @jax.jit
    def rows(v: jax.Array) -> jax.Array:
        u = operator @ v.reshape(-1, *operator.input_shape)
        return u.reshape(v.shape[0], operator.shape[0])

    def columns(v: Any) -> np.ndarray:
        v = np.asarray(v)
        u = rows(jnp.asarray(v.reshape(v.shape[0], -1).T, operator.dtype))
        return np.asarray(u.T).reshape(operator.shape[0], *v.shape[1:])

    return columns
