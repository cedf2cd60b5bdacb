"""Which leg computes a convolution of `jax.lax`, from its static parameters only.

Along one spatial dimension `conv_general_dilated` joins the index i of its left operand, t of its
right operand and y of its result by a*i + low = d*t + s*y (see `axes`). A leg joins x of v, t of w
and y of u by x + low = d*t + s*y. So the three arrays can be v, w and u in any assignment of roles
in which v's index has the factor 1, if one array is reversed where the signs require it; every such
assignment is right. A plain convolution, one with a dilated input, their gradients by autodiff, and
the gradients of these differ only in the assignment. The channels follow: every batch or channel
axis is shared by exactly two of the three arrays, and the groups by all, whether
`feature_group_count` or `batch_group_count` made them.

Of all assignments the one is chosen whose three legs together are predicted to be the fastest: a
program that is differentiated, before or after it is accelerated, needs all three. Of those that
were measured (`measure_matches`), the fastest is chosen.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from jaxdeconv.acceleration.axes import LHS, OUT, RHS, Axis, dilated, simplify
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.leg_match import EmptySum, LegMatch, NoMatch
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.planning.autotuning import is_measured, settle
from jaxdeconv.primitives import simplified

__all__ = ["NEAR", "leg_seconds", "match", "measure_matches", "obstacle"]

ROLES = ("vwu", "uwv", "vuw", "uvw", "wvu", "wuv")
"""The roles of (left operand, right operand, result); the usual ones first."""

WITH_THE_SAME_BATCH = ("vwu", "uwv")
"""The roles in which the leg's batch is the convolution's."""

BYTES_PER_SECOND = 4e9
"""The speed at which a CPU converts an array to another layout: read and written once."""


NEAR = 1.1
"""Predictions closer than this are taken as equal; then the fewest multiplications decide."""

LIKELY = 1.5
"""A match that is predicted to take longer than the best by more than this is not measured."""

LARGE_KERNEL = 2.0
"""A match must be this much faster if its kernel has more strides than there are output positions:
such legs are unlike anything that the cost model was fitted to."""


@tuning_cache.follows
@functools.lru_cache(maxsize=4096)
def match(convolution: Convolution, platform: str) -> LegMatch | EmptySum | NoMatch:
    """The leg that computes a convolution. Takes some milliseconds, once per convolution.

    Args:
        convolution: to match.
        platform: JAX's name of the platform for which to choose among several matches.
    """
    found = _possible(convolution)
    if not isinstance(found, list):
        return found
    measured = [one for one in found if is_measured(one.leg_problem, platform)]
    if measured:
        return min(measured, key=lambda one: leg_seconds(one, platform))
    return min(_near(found, platform, NEAR), key=_multiplications)


def measure_matches(convolution: Convolution, platform: str) -> None:
    """Measure the legs that could compute a convolution best, unless that has been done.

    Args:
        convolution: to match.
        platform: JAX's name of the platform that is compiled for.
    """
    found = _possible(convolution)
    if isinstance(found, list) and not any(is_measured(one.leg_problem, platform) for one in found):
        for one in _near(found, platform, LIKELY):
            settle(one.leg_problem, platform)


@functools.lru_cache(maxsize=4096)
def _possible(convolution: Convolution) -> list[LegMatch] | EmptySum | NoMatch:
    """Every match, at least one; or why there is none."""
    reason = obstacle(convolution)
    if reason:
        return NoMatch(reason)
    simplified = tuple(map(simplify, convolution.axes))
    axes = tuple(axis for axis in simplified if axis is not None)
    if len(axes) < len(simplified) or 0 in convolution.lengths.values():
        return EmptySum(convolution)
    try:
        found = list(_matches(convolution, axes))
    except ArgumentValueError as error:  # larger than a ConvGeometry may be
        return NoMatch(error.rule)
    matches = [one for one in found if one is not None]
    if len(matches) < len(found):
        return EmptySum(convolution)
    if not matches:
        return NoMatch("its batch is symbolic where the leg needs a number")
    return matches


def _near(matches: list[LegMatch], platform: str, factor: float) -> list[LegMatch]:
    """Those whose predicted cost is near the least."""
    costs = [_cost(one, platform) for one in matches]
    return [one for one, cost in zip(matches, costs, strict=True) if cost <= factor * min(costs)]


def leg_seconds(found: LegMatch, platform: str) -> float:
    """What the leg of a match should take; nan if nothing was measured.

    Args:
        found: the match.
        platform: where the leg is computed.
    """
    plan = planner.choose(found.leg_problem, platform)
    return plan.candidates[0].seconds + _rearranging(found, platform)


def _rearranging(found: LegMatch, platform: str) -> float:
    """Seconds for other layouts; XLA on accelerators lays the arrays out as it likes anyway."""
    return found.moved_bytes / BYTES_PER_SECOND if platform == "cpu" else 0.0


def obstacle(convolution: Convolution) -> str:
    """Why no leg can compute a convolution, on any platform; '' if one can.

    Args:
        convolution: to match.
    """
    *operands, result = convolution.dtypes
    dtype = np.promote_types(*operands)
    kinds = (FLOATING, COMPLEX, INTEGER)
    if not any(dtype.name in kind and result.name in kind for kind in kinds):
        return f"{operands[LHS]} and {operands[RHS]} to {result} is not supported"
    if not np.can_cast(dtype, result):
        return f"sums of {dtype} in {result} are not supported"
    sizes = [n for axis in convolution.axes for n in axis.sizes]
    lengths = convolution.lengths
    if not all(isinstance(n, int) for n in (*sizes, lengths["c"], lengths["o"])):
        return "a spatial size or a number of channels is symbolic"
    return ""


def _matches(convolution: Convolution, axes: tuple[Axis, ...]) -> Iterator[LegMatch | None]:
    """Every match; None if cropping leaves nothing to compute.

    If the left operand is dilated and the result strided, also with the dilation written out as
    zeros.
    """
    forms = [axes]
    if all(any(axis.factors[array] > 1 for axis in axes) for array in (LHS, OUT)):
        forms.append(tuple(map(dilated, axes)))
    fixed = isinstance(convolution.lengths["n"], int)
    for form, roles in itertools.product(forms, ROLES):
        whole = all(axis.factors[roles.index("v")] == 1 for axis in form)
        if whole and (fixed or roles in WITH_THE_SAME_BATCH):
            geometry = _geometry(roles, form, convolution.groups)
            yield None if geometry is None else LegMatch(convolution, roles, form, geometry)


def _geometry(roles: str, axes: tuple[Axis, ...], groups: int) -> ConvGeometry | None:
    """The geometry of a match; None if its padding crops everything."""
    by_role = dict(zip(roles, (LHS, RHS, OUT), strict=True))
    v, w, u = (by_role[role] for role in "vwu")
    padding = []
    for axis in axes:
        size, kernel, positions = axis.sizes[v], axis.sizes[w], axis.sizes[u]
        backwards = {LHS: 0, OUT: RHS, RHS: OUT}[v]
        low = axis.low
        if v != LHS:
            low = axis.factors[backwards] * (axis.sizes[backwards] - 1) - low
        reach = axis.factors[w] * (kernel - 1) + axis.factors[u] * (positions - 1) + 1
        padding.append((low, reach - size - low))
        if -size > min(padding[-1]):
            return None
    return ConvGeometry(
        tuple(axis.sizes[v] for axis in axes),
        tuple(axis.sizes[w] for axis in axes),
        tuple(axis.factors[u] for axis in axes),
        tuple(padding),
        tuple(axis.factors[w] for axis in axes),
        groups,
    )


def _cost(found: LegMatch, platform: str) -> float:
    """Predicted seconds of all three legs; the multiplications of one if nothing was measured.

    Each of the three needs all arrays, as operands or as the result.
    """
    problems = [simplified(found.problem(leg)) for leg in LEGS]
    total = sum(planner.choose(one, platform).candidates[0].seconds for one in problems)
    one = problems[0]
    if math.isnan(total):
        return _multiplications(found)
    total += len(LEGS) * _rearranging(found, platform)
    lengths = zip(one.geometry.kernel_size, one.geometry.stride, strict=True)
    strides = math.prod(-(-taps // stride) for taps, stride in lengths)
    return LARGE_KERNEL * total if strides > one.output_positions else total


def _multiplications(found: LegMatch) -> float:
    """The multiplications of one leg; all three have equally many."""
    one = found.problem("conv")
    return float(
        one.batch_size
        * one.output_positions
        * one.kernel_taps
        * one.in_per_group
        * one.out_channels
    )
