"""The operators of libraries, small: what each calls its methods, around two matrices.

Most are stand-ins, so that the tests need none of these libraries.
"""

import types
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pylops
import scipy.sparse.linalg as linalg

__all__ = ["FAULTS", "PROTOCOLS", "forward_matrix"]

M, N = 6, 5


def forward_matrix() -> np.ndarray:
    """Complex, with no symmetry."""
    random = np.random.default_rng(7)
    return random.integers(-4, 5, (M, N)) + 1j * random.integers(1, 5, (M, N))


def _without_last(back: np.ndarray) -> np.ndarray:
    back = back.copy()
    back[-1] = 0
    return back


FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "last cell lost": _without_last,
    "factor 1.001": lambda back: 1.001 * back,
    "roll by one": lambda back: np.roll(back, 1, axis=0),
    "missing conjugate": np.conj,
}


def scipy_operator(a: np.ndarray, b: np.ndarray) -> Any:
    return linalg.LinearOperator(
        a.shape, matvec=lambda v: a @ v, rmatvec=lambda u: b @ u, dtype=a.dtype
    )


class Matrix(pylops.LinearOperator):
    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        super().__init__(dtype=a.dtype, shape=a.shape)
        self.a, self.b = a, b

    def _matvec(self, v: Any) -> Any:
        return self.a @ v

    def _rmatvec(self, u: Any) -> Any:
        return self.b @ u


class Lineax:
    """`T` is the transpose, without conjugation."""

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = jnp.asarray(a, np.complex64), jnp.asarray(b, np.complex64)

    def in_structure(self) -> Any:
        return jax.ShapeDtypeStruct(self.a.shape[1:], self.a.dtype)

    def mv(self, v: Any) -> Any:
        return self.a @ v

    @property
    def T(self) -> "Lineax":
        return Lineax(self.b.conj(), self.a.conj())


class Scico:
    """Its domain is a block array of 2 and 3 cells."""

    input_shape, input_dtype, output_shape = ((2,), (3,)), np.complex64, (M,)

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = jnp.asarray(a, np.complex64), jnp.asarray(b, np.complex64)

    def __call__(self, v: Any) -> Any:
        return self.a @ jnp.concatenate(v)

    def adj(self, u: Any) -> Any:
        v = self.b @ u
        return v[:2], v[2:]


class Sigpy:
    """`adj` is where sigpy keeps the adjoint once it is built."""

    adj = None

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.ishape, self.oshape = a.shape[1:], a.shape[:1]
        self.a, self.b = a, b

    def __call__(self, v: Any) -> Any:
        return self.a @ v

    @property
    def H(self) -> "Sigpy":
        return Sigpy(self.b, self.a)


class OdlElement:
    def __init__(self, space: Any, array: Any) -> None:
        self.space, self.array = space, np.asarray(array)

    def asarray(self) -> np.ndarray:
        return self.array


class OdlSpace:
    """With the weights of a grid of that cell volume."""

    dtype = np.dtype(np.complex128)

    def __init__(self, size: int, weight: float) -> None:
        self.shape, self.weighting = (size,), types.SimpleNamespace(const=weight)

    def element(self, array: Any) -> OdlElement:
        return OdlElement(self, array)


class Odl:
    def __init__(self, a: np.ndarray, b: np.ndarray, spaces: Any = None) -> None:
        self.domain, self.range = spaces or (OdlSpace(N, 0.25), OdlSpace(M, 0.5))
        self.a, self.b = a, b

    def __call__(self, v: OdlElement) -> OdlElement:
        assert isinstance(v, OdlElement)
        return OdlElement(self.range, self.a @ v.array)

    @property
    def adjoint(self) -> "Odl":
        return Odl(2 * self.b, self.a, (self.range, self.domain))


class CilContainer:
    def __init__(self, size: int) -> None:
        self._array = np.zeros(size, np.complex128)

    def fill(self, array: Any) -> None:
        self._array[:] = array

    def as_array(self) -> np.ndarray:
        return self._array


class Cil:
    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.a, self.b = a, b

    def domain_geometry(self) -> Any:
        return types.SimpleNamespace(allocate=lambda _: CilContainer(N))

    def range_geometry(self) -> Any:
        return types.SimpleNamespace(allocate=lambda _: CilContainer(M))

    def _applied(self, matrix: np.ndarray, x: CilContainer) -> CilContainer:
        result = CilContainer(len(matrix))
        result.fill(matrix @ x.as_array())
        return result

    def direct(self, x: CilContainer) -> CilContainer:
        return self._applied(self.a, x)

    def adjoint(self, y: CilContainer) -> CilContainer:
        return self._applied(self.b, y)


class Ours:
    """Attributes of `jaxdeconv.operators.LinearMap`."""

    input_shape, dtype = (N,), np.dtype(np.complex64)

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = jnp.asarray(a, np.complex64), jnp.asarray(b, np.complex64)

    def matvec(self, v: Any) -> Any:
        return self.a @ v

    def rmatvec(self, u: Any) -> Any:
        return self.b @ u


class OnlyProducts:
    """A matrix class: `@`, and `H` without arguments, as SciPy had them."""

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.shape, self.dtype = a.shape, a.dtype
        self.a, self.b = a, b

    def __matmul__(self, v: Any) -> Any:
        return self.a @ v

    def adjoint(self) -> "OnlyProducts":
        return OnlyProducts(self.b, self.a)


class Equinox(eqx.Module):
    """A module whose methods JAX cannot hash."""

    a: Any
    b: Any

    def __call__(self, v: Any) -> Any:
        return self.a @ v

    def adjoint(self, u: Any) -> Any:
        return self.b @ u


class Physics:
    """deepinv's names."""

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.a, self.b = a, b

    def __call__(self, v: Any) -> Any:
        return self.a @ v + 1  # with noise

    def A(self, v: Any, **_: Any) -> Any:
        return self.a @ v

    def A_adjoint(self, u: Any, **_: Any) -> Any:
        return self.b @ u


def equinox_module(a: np.ndarray, b: np.ndarray) -> Any:
    return Equinox(jnp.asarray(a, np.complex64), jnp.asarray(b, np.complex64))


def custom_rule(a: np.ndarray, b: np.ndarray) -> Any:
    """A function of JAX whose adjoint is the rule of its `custom_vjp`."""
    a, b = (jnp.asarray(x, np.complex64) for x in (a, b.conj()))
    function = jax.custom_vjp(lambda v: a @ v)
    function.defvjp(lambda v: (a @ v, None), lambda _, u: (b @ u,))
    return function


FLAT = np.zeros(N, np.complex128)
STRUCT = jax.ShapeDtypeStruct((N,), np.complex64)

PROTOCOLS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], Any], Any]] = {
    "SciPy": (scipy_operator, None),
    "pylops": (Matrix, None),
    "lineax": (Lineax, None),
    "scico": (Scico, None),
    "sigpy": (Sigpy, None),
    "ODL": (Odl, None),
    "CIL": (Cil, None),
    "this package": (Ours, None),
    "matrix class": (OnlyProducts, None),
    "deepinv": (Physics, FLAT),
    "equinox": (equinox_module, STRUCT),
    "custom_vjp": (custom_rule, STRUCT),
    "a pair": (lambda a, b: (lambda v: a @ v, lambda u: b @ u), FLAT),
}
"""Each from A and At, with the domain where the object does not say it."""
