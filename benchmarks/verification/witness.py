"""Whether a pair is really wrong: by its matrices, or by an argument that shows it."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.checkers import is_complex
from benchmarks.verification.pair import Map, Pair, compiled, matrix, zeros

__all__ = ["WITNESSES"]

_RELATIVE = 1e-3  # by which an entry must differ from what it should be
_EPS = 64.0  # units of rounding by which sums must differ


def entries(pair: Pair) -> bool:
    """An entry of At is not that of A's adjoint, each beside its own size."""
    expected, found = pair.expected(), matrix(pair.At, pair.codomain, pair.numpy)
    size = np.maximum(np.abs(expected), np.abs(found))
    return bool((np.abs(expected - found) > _RELATIVE * size).any())


def sums(pair: Pair) -> bool:
    """A or At of a sum is not the sum, or of a multiple not the multiple."""
    sides = ((pair.A, pair.domain), (pair.At, pair.codomain))
    return any(_not_additive(function, space, pair.numpy) for function, space in sides)


def complex_sums(pair: Pair) -> bool:
    """At of i u is not i At u, or an entry is wrong."""
    if not is_complex(pair.codomain):
        return entries(pair)
    call = pair.At if pair.numpy else compiled(pair.At)
    u = _ramp(pair.codomain)
    turned = jax.tree.map(lambda x: (1j * x).astype(x.dtype), u)
    expected = 1j * _flat(call(_own(u)))
    gap = np.abs(_flat(call(turned)) - expected)
    return bool((gap > _RELATIVE * np.abs(expected)).any()) or entries(pair)


def _not_additive(function: Map, space: Any, numpy: bool) -> bool:
    call = function if numpy else compiled(function)
    leaves = jax.tree.leaves(space)
    eps = max(float(jnp.finfo(leaf.dtype).eps) for leaf in leaves)
    for v, w in _arguments(space):
        both = jax.tree.map(lambda a, b: (a + b).astype(a.dtype), v, w)
        whole, first, second = (_flat(call(_own(x))) for x in (both, v, w))
        with np.errstate(invalid="ignore"):
            gap = np.abs(whole - first - second)
        size = np.abs(whole) + np.abs(first) + np.abs(second)
        if not np.isfinite(gap).all() or (gap > _EPS * eps * size).any():
            return True
    return False


def _arguments(space: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of arguments of many sizes, whose sum is exact, and multiples."""
    rng = np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct, factor: float) -> np.ndarray:
        values = rng.integers(-7, 8, leaf.shape) * factor
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            values = values + 1j * rng.integers(-7, 8, leaf.shape) * factor
        return values.astype(leaf.dtype)

    narrow = any(leaf.dtype == jnp.float16 for leaf in jax.tree.leaves(space))
    for power in range(-12 if narrow else -40, 12 if narrow else 41, 2):
        for factor in (2.0**power, 1.1 * 2.0**power):
            first, second = (jax.tree.map(lambda x, f=factor: draw(x, f), space) for _ in range(2))
            yield first, first
            yield first, second


def repeated(pair: Pair) -> bool:
    """The same argument gives different results."""
    v = _ramp(pair.domain)
    call = pair.A if pair.numpy else compiled(pair.A)
    results = [_flat(call(_own(v))) for _ in range(64)]
    return any(not np.array_equal(a, b) for a, b in itertools.pairwise(results))


def argument(pair: Pair) -> bool:
    """The argument is not what it was."""
    for function, space in ((pair.A, pair.domain), (pair.At, pair.codomain)):
        v = _own(_ramp(space))
        function(v)
        if not np.array_equal(_flat(v), _flat(_ramp(space))):
            return True
    return False


def _ramp(space: Any) -> Any:
    """1, 2, 3, ... modulo 100."""

    def ramp(leaf: np.ndarray) -> np.ndarray:
        return (1 + np.arange(leaf.size) % 100).reshape(leaf.shape).astype(leaf.dtype)

    return jax.tree.map(ramp, zeros(space))


def _own(tree: Any) -> Any:
    return jax.tree.map(np.array, tree)


def _flat(tree: Any) -> np.ndarray:
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)]
    return np.concatenate([leaf.astype(np.complex128) for leaf in leaves])


WITNESSES: dict[str, Callable[[Pair], bool]] = {
    "entries": entries,
    "sums": sums,
    "sums over the complex numbers": complex_sums,
    "repeated": repeated,
    "argument": argument,
}
"""What may show that a pair is wrong."""
