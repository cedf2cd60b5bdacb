"""A pair of linear maps, and its matrices where they are small."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Map", "Pair", "cells", "compiled", "matrix", "zeros"]

Map = Callable[[Any], Any]

_SMALL = 2**18  # cells of a matrix that is written out


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """A forward map and what is (or claims to be) its adjoint.

    Attributes:
        name: what it is, in words.
        A: the forward map, domain -> codomain.
        At: A^H, or A^T where `transpose`.
        domain: pytree of `jax.ShapeDtypeStruct`.
        codomain: pytree of `jax.ShapeDtypeStruct`.
        transpose: whether At is the transpose where that differs from the adjoint.
        conv: the convolution that A is, for faults planted in its parts; None for other maps.
        numpy: whether both are NumPy code, to be called with NumPy arrays.
    """

    name: str
    A: Callable[[Any], Any]
    At: Callable[[Any], Any]
    domain: Any
    codomain: Any
    transpose: bool = False
    conv: Any = None
    numpy: bool = False

    @property
    def example(self) -> Any:
        """The domain as a user would state it: zeros of NumPy for NumPy code."""
        return zeros(self.domain) if self.numpy else self.domain

    @property
    def small(self) -> bool:
        """Whether its matrix can be written out."""
        return cells(self.domain) * cells(self.codomain) <= _SMALL

    @property
    def arrays(self) -> bool:
        """Whether both sides are single arrays."""
        return all(isinstance(s, jax.ShapeDtypeStruct) for s in (self.domain, self.codomain))

    def expected(self) -> np.ndarray:
        """The matrix that At should have, from A alone."""
        forward = matrix(self.A, self.domain, self.numpy)
        return forward.T if self.transpose else forward.conj().T


def cells(tree: Any) -> int:
    """Entries of all leaves together."""
    return sum(int(np.prod(leaf.shape, dtype=np.int64)) for leaf in jax.tree.leaves(tree))


def compiled(function: Map) -> Map:
    """By `jax.jit`, which hashes functions; the methods of some classes have no hash."""

    def plain(x: Any) -> Any:
        return function(x)

    return jax.jit(plain)


def zeros(tree: Any) -> Any:
    """NumPy arrays of these shapes and dtypes."""
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), tree)


def matrix(function: Callable[[Any], Any], domain: Any, numpy: bool = False) -> np.ndarray:
    """`(outputs, inputs)`: what `function` makes of every unit vector, leaf after leaf.

    Values as they come, in float64 or complex128; for small maps only.
    """
    if numpy:
        return np.stack([_cells_of(function(unit)) for unit in _units(domain)], 1)
    leaves, tree = jax.tree.flatten(domain)

    def flat(*arguments: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(x.ravel() for x in jax.tree.leaves(function(tree.unflatten(arguments))))

    batched = jax.vmap(flat)  # not jitted: the operations are shared by many maps, compiled once
    total, offset = cells(domain), 0
    units = []
    for leaf in leaves:
        size = int(np.prod(leaf.shape, dtype=np.int64))
        unit = np.zeros((total, size), np.int8)
        unit[offset : offset + size] = np.eye(size, dtype=np.int8)
        units.append(jnp.asarray(unit.reshape(total, *leaf.shape), leaf.dtype))
        offset += size
    rows = [np.asarray(part) for part in batched(*units)]
    wide = np.complex128 if any(np.iscomplexobj(part) for part in rows) else np.float64
    return np.concatenate([part.astype(wide) for part in rows], axis=1).T


def _units(domain: Any) -> Iterator[Any]:
    """Every unit vector, as NumPy arrays of their own."""
    for which, leaf in enumerate(jax.tree.leaves(domain)):
        for cell in range(int(np.prod(leaf.shape, dtype=np.int64))):
            leaves, tree = jax.tree.flatten(zeros(domain))
            leaves[which].reshape(-1)[cell] = 1
            yield tree.unflatten(leaves)


def _cells_of(tree: Any) -> np.ndarray:
    parts = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)]
    wide = np.complex128 if any(np.iscomplexobj(part) for part in parts) else np.float64
    return np.concatenate([part.astype(wide) for part in parts])
