"""A convolution whose implementation is chosen when the program is lowered, for that platform.

On the platforms that were asked for it is one of our legs; everywhere else it is the convolution
as the program has it, with the equations around it. Its derivatives and batched forms are those of
the program's own equations, accelerated in turn (`rules`).
"""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
from jax import Array, core
from jax.extend.core import Primitive
from jax.interpreters import mlir

from jaxdeconv.acceleration.axes import RHS
from jaxdeconv.acceleration.constants import Weights, prepared
from jaxdeconv.acceleration.excerpt import Excerpt
from jaxdeconv.acceleration.leg_match import EmptySum, LegMatch, NoMatch
from jaxdeconv.acceleration.match import NEAR, leg_seconds, match, measure_matches
from jaxdeconv.acceleration.merge import merge
from jaxdeconv.acceleration.platforms import NAMES, Platforms
from jaxdeconv.acceleration.stock import measure_stock, stock_measured, stock_seconds
from jaxdeconv.planning import tuning_cache
from jaxdeconv.planning.autotuning import is_measured
from jaxdeconv.primitives import (
    is_left_to_xla,
    is_one_program,
    lower_for_known_devices,
    lower_plain,
    varying_alike,
    with_plain_types,
)

__all__ = ["accelerated_p", "bind", "choose", "fast", "is_timed", "result_aval"]

Constants: TypeAlias = tuple[Weights | None, Weights | None]

HOPELESS = 4.0
"""Where XLA's own convolution is predicted to take so many times as long, it is not measured."""

accelerated_p: Any = Primitive("jaxdeconv_accelerated")


def bind(
    x: Array,
    y: Array,
    *,
    excerpt: Excerpt,
    platforms: Platforms,
    constant: Constants = (None, None),
) -> Array:
    """Apply an excerpt, by a leg on these platforms.

    Args:
        x: its first array.
        y: its second array.
        excerpt: what to apply.
        platforms: where a leg computes it.
        constant: x and y, if they are large constants of the program.
    """
    params = {"excerpt": excerpt, "platforms": platforms, "constant": constant}
    result: Array = accelerated_p.bind(*varying_alike(x, y), **params)
    return result


def choose(
    excerpt: Excerpt, platform: str, *, autotune: bool = False
) -> LegMatch | EmptySum | NoMatch:
    """What computes an excerpt on a platform, or why it stays as it is.

    Args:
        excerpt: what is computed.
        platform: JAX's name of the platform that it is lowered for.
        autotune: whether to measure what could compute it.
    """
    convolution = merge(excerpt).convolution
    if autotune:
        measure_matches(convolution, platform)
    found = match(convolution, platform)
    if not isinstance(found, LegMatch):
        return found
    stock, leg = before(excerpt, found, platform), leg_seconds(found, platform)
    if autotune and not stock > HOPELESS * leg:
        measure_stock(excerpt.alone(), platform)
        stock = before(excerpt, found, platform)
    # On accelerators what would be no faster stays: XLA then sees the program as it was written.
    if platform != "cpu" and math.isnan(stock):
        return NoMatch("its batch is symbolic, and so nothing is predicted")
    if NEAR * stock < leg or (platform != "cpu" and stock < NEAR * leg):
        return NoMatch(
            f"XLA's own convolution should take {1e3 * stock:.3g} ms, ours {1e3 * leg:.3g} ms"
        )
    return found


def before(excerpt: Excerpt, found: LegMatch, platform: str) -> float:
    """Seconds of an excerpt's convolution as it is: measured, if it was, or predicted."""
    alone, backwards = merge(excerpt.alone()).convolution, merge(excerpt).convolution.backwards
    measured = stock_measured(alone, platform)
    if measured is not None:
        return measured
    flipped = all(
        dim in backwards[RHS] or axis.sizes[RHS] == 1 for dim, axis in enumerate(alone.axes)
    )
    return stock_seconds(alone, platform, found.leg, flipped)


def is_timed(excerpt: Excerpt, found: LegMatch, platform: str) -> bool:
    """Whether both were measured here: an excerpt's convolution as it is, and the leg."""
    stock = stock_measured(merge(excerpt.alone()).convolution, platform)
    return stock is not None and is_measured(found.leg_problem, platform)


def fast(
    excerpt: Excerpt, platform: str, *, autotune: bool = False
) -> Callable[[Array, Array], Array]:
    """An excerpt computed by a leg, or as it is if no leg is faster."""
    merged, found = merge(excerpt), choose(excerpt, platform, autotune=autotune)
    if isinstance(found, NoMatch):
        return excerpt
    apply = found.apply
    return lambda x, y: merged.after(apply(*merged.operands(x, y)))


def result_aval(excerpt: Excerpt, x: Any, y: Any) -> core.ShapedArray:
    """The abstract value of an excerpt's result, in the mesh of its operands.

    In JAX's explicit mode its layout is the one that the program's own equations give it.
    """
    if any(axes is not None for aval in (x, y) for axes in aval.sharding.spec):
        (result,) = jax.make_jaxpr(excerpt)(x, y).out_avals
        return result
    last = excerpt.steps[-1]
    spec = [None] * len(last.shape)
    sharding = x.sharding.update(spec=jax.sharding.PartitionSpec(*spec))
    kind = {"dtype": last.dtype, "weak_type": False}
    whole: core.ShapedArray = x.update(shape=last.shape, sharding=sharding, **kind)
    return whole


def _lower(
    platform: str | None,
    context: mlir.LoweringRuleContext,
    *xy: Any,
    excerpt: Excerpt,
    platforms: Platforms,
    constant: Constants,
) -> Any:
    """The lowering rule for a platform, None being any other; it drops shardings from types.

    On accelerators what XLA divides among devices stays: it was not predicted.
    """
    context = with_plain_types(context)
    compute: Callable[[Array, Array], Array] = excerpt
    if str(platform) in platforms and (
        platform == "cpu" or not is_left_to_xla(str(platform), context.module_context)
    ):
        autotune = platforms.autotune and is_one_program(context.module_context)
        compute = fast(excerpt, str(platform), autotune=autotune)
    with platforms.traced():
        if compute is not excerpt:
            compute = prepared(compute, constant, context, str(platform))
        return lower_plain(compute, context, *xy)


@tuning_cache.follows
@functools.partial(jax.jit, static_argnums=(2, 3))
def _compiled(x: Array, y: Array, excerpt: Excerpt, platforms: Platforms) -> Array:
    return bind(x, y, excerpt=excerpt, platforms=platforms)


accelerated_p.def_abstract_eval(lambda x, y, *, excerpt, **_: result_aval(excerpt, x, y))
accelerated_p.def_impl(lambda x, y, *, excerpt, platforms, **_: _compiled(x, y, excerpt, platforms))
lower_for_known_devices(accelerated_p)
mlir.register_lowering(accelerated_p, functools.partial(_lower, None))
for _name in NAMES:
    mlir.register_lowering(accelerated_p, functools.partial(_lower, _name), _name)
accelerated_p.as_function = lambda *, excerpt, **_: excerpt  # read by `jaxdeconv.verify`
