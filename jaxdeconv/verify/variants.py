"""Is a function the same map under JAX's transformations, shardings and widths?

The same probes go through every variant and are compared with the function as it is called. Where
nothing can round (`exact`) all must agree to the bit, for every compiler, batch and layout;
elsewhere up to the rounding bound.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdeconv.errors import reporting
from jaxdeconv.verify.calls import first_line
from jaxdeconv.verify.exact import LARGEST, classify_exactness
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.precision import error_bound
from jaxdeconv.verify.probes import Probes, seed_of
from jaxdeconv.verify.report import Evidence, Report
from jaxdeconv.verify.run import begun
from jaxdeconv.verify.spaces import Space

__all__ = ["variants"]

Map: TypeAlias = Callable[[Any], Any]

PROBES = 3
"""Vectors that go through every variant."""


class NotApplicable(Exception):
    """A variant does not apply to a function; the text says why."""


@reporting
def variants(fun: Map, domain: Any, *, key: Any = None) -> Report:
    """Is a linear map the same under `jit`, `vmap`, `scan`, `remat`, derivatives, x64, shardings?

    Every variant is one line of the report: 'pass', 'fail' with the first cell that differs, or
    'inconclusive' where it is not applicable, with the reason.

    Args:
        fun: takes a member of `domain`.
        domain: pytree of `jax.ShapeDtypeStruct` or of example arrays.
        key: a seed, a key of `jax.random`, or None for a fresh one.

    Returns:
        The verdict: a pass if a variant passes and none fails. Evidence is named 'jit', 'vmap',
        'vmap, last axis', 'vmap twice', 'scan', 'remat', 'derivative', 'double transpose', 'x64'
        (the same arguments in 64-bit mode), 'float64' (wider arguments), and, if there are several
        devices, 'replicated' and 'sharded, axis 0' onwards.

    Raises:
        TypeError: a domain without dtypes, or an invalid key.
        ValueError: `fun` itself raises.

    Cost: three applications and one compilation for each variant.

    Example:
        >>> def hasty(v):
        ...     return 3 * v if isinstance(v, jax.core.Tracer) else 2 * v
        >>> v = jax.ShapeDtypeStruct((4,), "float32")
        >>> report = variants(hasty, v, key=0)
        >>> report.status, report.of("jit").text
        ('fail', 'differs at [0]: 9.0 instead of 6.0')
        >>> variants(lambda v: 2 * v, v, key=0).ok
        True
    """
    probes = Probes(seed_of(key))
    operator, log = begun(fun, domain)
    if not log.lines:
        with log.until_a_finding():
            block, expected, allowed = _reference(operator, probes)
            log.restart()
            for name, variant in (_VARIANTS | _shardings(operator.domain)).items():
                log.record(_judged(name, variant, operator, block, expected, allowed))
    return Report("variants", tuple(log.lines), probes.seed)


def _reference(operator: Operator, probes: Probes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probes, the plain function's results, and how far variants may be off."""
    if operator.domain.kind == "integer":
        block = probes.residues(operator.domain, PROBES)
    else:
        largest = next((n for n in LARGEST if n * operator.load <= 1), 1)
        block = probes.integers(operator.domain, PROBES, largest)
    expected = np.stack([operator.plain(vector) for vector in block])
    allowed = np.zeros(expected.shape)
    if not classify_exactness(operator, block, expected).proved:
        allowed = 2 * error_bound(operator, block, expected)
    return block, expected, allowed


def _judged(
    name: str,
    variant: Callable[[Operator], Map],
    operator: Operator,
    block: np.ndarray,
    expected: np.ndarray,
    allowed: np.ndarray,
) -> Evidence:
    """One variant on all probes."""
    operator.count.total += len(block)
    try:
        if not operator.traceable:
            raise NotApplicable("JAX cannot trace the function")
        result = jax.tree.map(np.asarray, variant(operator)(operator.domain.members(block)))
    except NotApplicable as reason:
        return Evidence(name, "variant", "inconclusive", f"not applicable: {reason}")
    except Exception as error:  # a transformation may refuse a function in any way
        text = f"not applicable: {type(error).__name__}: {first_line(error)}"
        return Evidence(name, "variant", "inconclusive", text)
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(result)]
    if shapes != [leaf.shape for leaf in operator.codomain.leaves]:
        return Evidence(name, "variant", "fail", f"gives other shapes: {shapes}")
    found = operator.codomain.block(result)
    off = np.abs(found - expected)
    if not off.any():
        return Evidence(name, "variant", "pass", "equal to the bit")
    if (off <= allowed).all():
        ratio = float(np.max(off / np.maximum(allowed, np.finfo(np.float64).tiny)))
        return Evidence(name, "variant", "pass", f"equal up to {ratio:.2g} of the rounding bound")
    vector, cell = np.argwhere(~(off <= allowed))[0]
    where = operator.codomain.where(int(cell))
    text = f"differs at {where}: {found[vector, cell]} instead of {expected[vector, cell]}"
    return Evidence(name, "variant", "fail", text)


# --- from an operator to a map of stacked members


def _one_by_one(call: Map) -> Map:
    """A map of stacked members from a function of single ones."""

    def stacked(members: Any) -> Any:
        leaves, tree = jax.tree.flatten(members)
        singles = zip(*leaves, strict=True)  # along their first axes
        results = [call(jax.tree.unflatten(tree, map(jnp.asarray, single))) for single in singles]
        return jax.tree.map(lambda *found: np.stack([np.asarray(x) for x in found]), *results)

    return stacked


def _together(call: Map) -> Map:
    """A map of stacked members from a function that takes them all."""
    return lambda members: call(jax.tree.map(jnp.asarray, members))


def _last_axis(operator: Operator) -> Map:
    def moved(source: int, target: int, members: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, source, target), members)

    batched = jax.vmap(operator.fun, in_axes=-1, out_axes=-1)
    return _together(lambda members: moved(-1, 0, batched(moved(0, -1, members))))


def _twice(operator: Operator) -> Map:
    batched = jax.vmap(jax.vmap(operator.fun))

    def nested(members: Any) -> Any:
        outer = jax.tree.map(lambda leaf: leaf[None], members)
        return jax.tree.map(lambda leaf: leaf[0], batched(outer))

    return _together(nested)


def _derivative(operator: Operator) -> Map:
    """A linear map is its own derivative, at 0 too."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), operator.domain.tree)
    return _one_by_one(lambda v: jax.jvp(operator.fun, (zeros,), (v,))[1])


def _double_transpose(operator: Operator) -> Map:
    if operator.domain.kind == "integer":
        raise NotApplicable("JAX transposes no integers")
    transpose = jax.linear_transpose(operator.fun, operator.domain.tree)
    again = jax.linear_transpose(lambda u: transpose(u)[0], operator.codomain.tree)
    return _one_by_one(lambda v: again(v)[0])


def _in_64_bit_mode(operator: Operator) -> Map:
    call = _one_by_one(operator.fun)

    def wide(members: Any) -> Any:
        with jax.enable_x64(True):
            return call(members)

    return wide


def _of_64_bits(operator: Operator) -> Map:
    if operator.domain.kind == "integer":
        raise NotApplicable("wider integers wrap elsewhere")
    call = _in_64_bit_mode(operator)

    def widened(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.complex128 if leaf.dtype.kind == "c" else np.float64)

    return lambda members: call(jax.tree.map(widened, members))


def _shardings(domain: Space) -> dict[str, Callable[[Operator], Map]]:
    """Replicated, and each axis divided among all devices, in every leaf that allows it."""
    count = jax.device_count()
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    rank = max(len(leaf.shape) for leaf in domain.leaves)
    named: dict[str, int | None] = {"replicated": None}
    named |= {f"sharded, axis {axis}": axis for axis in range(rank)}

    def sharded(axis: int | None, operator: Operator) -> Map:
        if count == 1:
            raise NotApplicable("there is one device")
        specs = [_spec(leaf.shape, axis, count) for leaf in operator.domain.leaves]
        if axis is not None and not any(specs):
            raise NotApplicable(f"no leaf has an axis {axis} that {count} devices divide")
        call = jax.jit(operator.fun)

        def placed(v: Any) -> Any:
            leaves, tree = jax.tree.flatten(v)
            pairs = zip(leaves, specs, strict=True)
            spread = [jax.device_put(x, NamedSharding(mesh, PartitionSpec(*s))) for x, s in pairs]
            return call(jax.tree.unflatten(tree, spread))

        return _one_by_one(placed)

    return {name: functools.partial(sharded, axis) for name, axis in named.items()}


def _spec(shape: tuple[int, ...], axis: int | None, count: int) -> tuple[str | None, ...]:
    """Of a partition; empty for a leaf that stays whole."""
    if axis is None or axis >= len(shape) or not shape[axis] or shape[axis] % count:
        return ()
    return (*(None,) * axis, "devices")


_VARIANTS: dict[str, Callable[[Operator], Map]] = {
    "jit": lambda operator: _one_by_one(jax.jit(operator.fun)),
    "vmap": lambda operator: _together(jax.vmap(operator.fun)),
    "vmap, last axis": _last_axis,
    "vmap twice": _twice,
    "scan": lambda operator: _together(functools.partial(jax.lax.map, operator.fun)),
    "remat": lambda operator: _one_by_one(jax.checkpoint(operator.fun)),
    "derivative": _derivative,
    "double transpose": _double_transpose,
    "x64": _in_64_bit_mode,
    "float64": _of_64_bits,
}
"""name -> from an operator to its variant, a map of stacked members."""
