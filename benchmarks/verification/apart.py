"""Maps whose entries differ in size by many orders, as data: the adjoint of other data is wrong.

Each is written with indices and products alone, so that NumPy and JAX both take it, and every
entry of it and of its adjoint is exact.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from benchmarks.verification.pair import Map, Pair
from benchmarks.verification.ways import called, struct

__all__ = ["Dense", "Split", "Units", "Weights", "dense", "orders", "split", "units", "weights"]


def orders(dtype: Any, most: float = 10.0) -> float:
    """How many powers of ten an entry may lie below another: float16 has few."""
    return min(most, 3.0) if jnp.dtype(dtype) == jnp.float16 else most


def _number(rng: Generator, dtype: Any, size: float) -> Any:
    """About `size`, neither whole nor a power of two; complex for complex dtypes."""
    value = size * rng.uniform(1.0, 1.9)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        value = value * np.exp(1j * rng.uniform(0.3, 1.2))
    return jnp.dtype(dtype).type(value)


@dataclasses.dataclass(frozen=True)
class Units:
    """A sum over leaves, each in its own unit and order: `sum scale_i v_i[order_i]`.

    Attributes:
        scales: one number per leaf.
        orders: one permutation per leaf.
    """

    scales: tuple[Any, ...]
    orders: tuple[np.ndarray, ...]

    def A(self, v: dict[str, Any]) -> Any:
        """Leaves to an array."""
        pairs = enumerate(zip(self.scales, self.orders, strict=True))
        terms = [scale * v[_leaf(i)][order] for i, (scale, order) in pairs]
        return sum(terms[1:], terms[0])

    def At(self, u: Any) -> dict[str, Any]:
        """An array to leaves."""
        return {
            _leaf(i): _conj(s) * u[np.argsort(p)]
            for i, (s, p) in enumerate(zip(self.scales, self.orders, strict=True))
        }

    def pair(self, way: str, wrong: "Units | None" = None) -> Pair:
        """With the adjoint of `wrong` data."""
        n, dtype = len(self.orders[0]), self.scales[0].dtype
        domain = {_leaf(i): struct(n, dtype) for i in range(len(self.scales))}
        return called(way, self.A, (wrong or self).At, domain)


@dataclasses.dataclass(frozen=True)
class Split:
    """The adjoint of `Units`: an array to leaves in their own units.

    Attributes:
        units: of which this is the adjoint.
    """

    units: Units

    def pair(self, way: str, wrong: Units | None = None) -> Pair:
        """With the adjoint of `wrong` data."""
        n, dtype = len(self.units.orders[0]), self.units.scales[0].dtype
        return called(way, self.units.At, (wrong or self.units).A, struct(n, dtype))


@dataclasses.dataclass(frozen=True)
class Weights:
    """A weight per cell, and an order: `(w v)[order]`.

    Attributes:
        w: the weights.
        order: a permutation.
    """

    w: np.ndarray
    order: np.ndarray

    def A(self, v: Any) -> Any:
        """Weighted, then reordered."""
        return (self.w * v)[self.order]

    def At(self, u: Any) -> Any:
        """Put back, weighted by the conjugate."""
        return _conj(self.w) * u[np.argsort(self.order)]

    def pair(self, way: str, wrong: "Weights | None" = None) -> Pair:
        """With the adjoint of `wrong` data."""
        return called(way, self.A, (wrong or self).At, struct(len(self.w), self.w.dtype))


@dataclasses.dataclass(frozen=True)
class Dense:
    """A matrix.

    Attributes:
        M: its entries.
    """

    M: np.ndarray

    def A(self, v: Any) -> Any:
        """M v."""
        return (self.M * v[None]).sum(1)

    def At(self, u: Any) -> Any:
        """M^H u."""
        return (_conj(self.M) * u[:, None]).sum(0)

    def pair(self, way: str, wrong: "Dense | None" = None) -> Pair:
        """With the adjoint of `wrong` data."""
        A, At = (_keeping(f, self.M.dtype) for f in (self.A, (wrong or self).At))
        return called(way, A, At, struct(self.M.shape[1], self.M.dtype))


def units(rng: Generator, dtype: Any, leaves: int, n: int) -> Units:
    """The first leaf in the largest unit, 10^2 to 10^10 above the last."""
    apart = rng.uniform(2, orders(dtype))
    sizes = 10.0 ** (-apart * np.linspace(0, 1, leaves) + min(apart, orders(dtype, 5)) / 2)
    scales = tuple(_number(rng, dtype, size) for size in sizes)
    return Units(scales, tuple(rng.permutation(n) for _ in range(leaves)))


def split(rng: Generator, dtype: Any, leaves: int, n: int) -> Split:
    """The same, from an array to leaves."""
    return Split(units(rng, dtype, leaves, n))


def weights(rng: Generator, dtype: Any, n: int) -> Weights:
    """Half of them large, half of them 10^2 to 10^10 times smaller, at random places."""
    apart = rng.uniform(2, orders(dtype))
    small = rng.permutation(n) < n // 2
    sizes = np.where(small, 10.0 ** (-apart / 2), 10.0 ** (apart / 2))
    w = np.array([_number(rng, dtype, size) for size in sizes], jnp.dtype(dtype))
    return Weights(w, rng.permutation(n))


def dense(rng: Generator, dtype: Any, apart: str, shape: tuple[int, int]) -> Dense:
    """Rows, columns, both, or single entries of different sizes."""
    span = orders(dtype, 8.0)
    row, column = (10.0 ** rng.uniform(-span / 2, 0, k) for k in shape)
    sizes = {
        "rows": row[:, None] * np.ones(shape),
        "columns": column * np.ones(shape),
        "rows and columns": np.sqrt(np.outer(row, column)),
        "entries": np.where(np.eye(*shape, dtype=bool), 1.0, 10.0 ** -rng.uniform(2, span)),
    }[apart]
    entries = [_number(rng, dtype, size) for size in sizes.ravel()]
    return Dense(np.array(entries, jnp.dtype(dtype)).reshape(shape))


def _conj(x: Any) -> Any:
    return np.conj(x) if np.iscomplexobj(x) else x


def _leaf(i: int) -> str:
    return "uvw"[i]


def _keeping(function: Map, dtype: Any) -> Map:
    """Sums of half precision stay so."""
    return lambda x: function(x).astype(dtype)
