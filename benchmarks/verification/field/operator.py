"""An operator as its library offers it, and the wrong adjoints that are planted beside it."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.pair import Map, Pair, compiled, zeros

__all__ = ["RIGHT", "Operator", "pairs"]


RIGHT = "right"
"""The name of the pair as the library has it."""

_NOTHING = 16  # roundings: a relative change of At u below it makes no wrong adjoint


@dataclasses.dataclass(frozen=True, eq=False)
class Operator:
    """A map and its adjoint, as a user has them at hand.

    Attributes:
        name: unique within the library, with the dtype.
        library: where it comes from.
        A: the forward map.
        At: its adjoint.
        domain: example arrays of NumPy, or `jax.ShapeDtypeStruct` for functions of JAX.
        seconds: limit of one verdict.
        argued: why the right pair need not pass; '' where it has to.
        wide: whether it wants JAX's 64-bit mode.
        wrongs: name -> wrong adjoint; None for those that any operator gets.
    """

    name: str
    library: str
    A: Map
    At: Map
    domain: Any
    seconds: float = 20.0
    argued: str = ""
    wide: bool = False
    wrongs: Mapping[str, Map] | None = None

    @property
    def title(self) -> str:
        """Its name in records."""
        return f"{self.library}: {self.name}"

    @property
    def numpy(self) -> bool:
        """Whether it takes NumPy arrays."""
        return all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(self.domain))

    def pair(self) -> Pair:
        """As the checkers take it."""
        ask = self.A if self.numpy else functools.partial(jax.eval_shape, compiled(self.A))
        codomain = ask(zeros(self.domain) if self.numpy else self.domain)
        spaces = (jax.tree.map(_struct, side) for side in (self.domain, codomain))
        return Pair(self.title, self.A, self.At, *spaces, numpy=self.numpy)


def pairs(operator: Operator) -> Iterator[tuple[str, Pair]]:
    """The right pair, then every wrong one that differs from it."""
    pair = operator.pair()
    yield RIGHT, pair
    wrongs = operator.wrongs if operator.wrongs is not None else _usual(pair)
    for name, At in wrongs.items():
        if _differs(pair, At):
            yield name, dataclasses.replace(pair, At=At)


def _usual(pair: Pair) -> dict[str, Map]:
    """The last cell lost, a factor, and a missing conjugate; rolled where that is no fault."""

    def conjugate_missing(u: Any) -> Any:
        return _each(lambda xp, x: xp.conj(x), pair.At(_each(lambda xp, x: xp.conj(x), u)))

    def rolled(u: Any) -> Any:
        return _each(lambda xp, v: xp.roll(v.ravel(), 1).reshape(v.shape), pair.At(u))

    spaces = jax.tree.leaves((pair.domain, pair.codomain))
    has_complex = any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in spaces)
    moved = {"rolled by one": rolled}
    if has_complex and _differs(pair, conjugate_missing):
        moved = {"conjugate missing": conjugate_missing}
    return {
        "last cell lost": lambda u: _last_lost(pair.At(u)),
        "times 1.001": lambda u: _each(lambda _, v: v * v.dtype.type(1.001), pair.At(u)),
        **moved,
    }


def _each(change: Callable[[Any, Any], Any], tree: Any) -> Any:
    """`change(numpy or jax.numpy, leaf)` of every leaf, as an array."""
    return jax.tree.map(lambda x: change(*_with_module(x)), tree)


def _with_module(leaf: Any) -> tuple[Any, Any]:
    if isinstance(leaf, np.ndarray | np.generic):
        return np, np.asarray(leaf)
    return jnp, jnp.asarray(leaf)


def _last_lost(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    xp, last = _with_module(leaves[-1])
    kept = np.ones(last.shape, bool)
    kept.reshape(-1)[-1:] = False
    return structure.unflatten([*leaves[:-1], xp.where(kept, last, xp.zeros_like(last))])


def _differs(pair: Pair, wrong: Map) -> bool:
    """Whether a wrong adjoint gives another result for a random argument."""
    rng = np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        values = rng.standard_normal(leaf.shape)
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            values = values + 1j * rng.standard_normal(leaf.shape)
        return values.astype(leaf.dtype)

    u = jax.tree.map(draw, pair.codomain)
    right, other = (_flat(function(jax.tree.map(np.copy, u))) for function in (pair.At, wrong))
    eps = max(float(jnp.finfo(leaf.dtype).eps) for leaf in jax.tree.leaves(pair.domain))
    least = min(_NOTHING * eps, 1e-3)
    return bool(np.linalg.norm(other - right) > least * np.linalg.norm(right))


def _flat(tree: Any) -> np.ndarray:
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)]
    return np.concatenate([leaf.astype(np.complex128) for leaf in leaves])


def _struct(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype)
