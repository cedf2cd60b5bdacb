"""Which leg a convolution of `jax.lax` is, read from its static parameters alone.

Along one spatial dimension `conv_general_dilated` joins the index i of its left operand, t of its
right operand and y of its result by a*i + low = d*t + s*y (see `axes`). A leg joins x of v, t of w
and y of u by x + low = d*t + s*y. So the three arrays can be v, w and u in any assignment of the
roles in which v's index has the factor 1, one array being taken backwards where the signs ask for
it; and every such assignment is right. An ordinary convolution, a dilated-input one, the gradients
that autodiff makes of these, and the gradients of the gradients differ in the assignment and in
nothing else. The channels follow: every axis of batch or channels is shared by exactly two of the
three arrays, and the groups by all, whether `feature_group_count` or `batch_group_count` made them.

Of the assignments, the one is taken whose three legs together are predicted to be the fastest: all
three are what a program asks for that is differentiated, be it before or after it is accelerated.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from jaxdeconv.acceleration.axes import LHS, OUT, RHS, Axis, dilated, simplify
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.reading import Reading, Unreadable, Zero
from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER, accumulator_dtype
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import costmodel, planner, tuning_cache
from jaxdeconv.primitives.folding import folded

__all__ = ["NEAR", "leg_seconds", "obstacle", "read", "stock_seconds"]

ROLES = ("vwu", "uwv", "vuw", "uvw", "wvu", "wuv")
"""The roles of (left operand, right operand, result); the usual ones first."""

WITH_THE_SAME_BATCH = ("vwu", "uwv")
"""The roles in which the leg's batch is the convolution's."""

BYTES_PER_SECOND = 4e9
"""At which an array is brought to another layout on a CPU: read and written once."""


NEAR = 1.1
"""Predictions nearer than this say nothing: of such readings the one that multiplies least."""

LARGE_KERNEL = 2.0
"""A reading must be so much faster if its kernel is longer, in strides, than there are places for
it to lie: such legs are far from everything that the cost model was measured on."""


@tuning_cache.follows
@functools.lru_cache(maxsize=4096)
def read(convolution: Convolution, platform: str) -> Reading | Zero | Unreadable:
    """The leg that computes a convolution. Takes some milliseconds, once per convolution.

    Args:
        convolution: what to read.
        platform: JAX's name of the platform for which to choose among several readings.
    """
    reason = obstacle(convolution)
    if reason:
        return Unreadable(reason)
    simplified = tuple(map(simplify, convolution.axes))
    axes = tuple(axis for axis in simplified if axis is not None)
    if len(axes) < len(simplified) or 0 in convolution.lengths.values():
        return Zero(convolution)
    try:
        found = list(_readings(convolution, axes))
    except ArgumentValueError as error:  # larger than a ConvGeometry may be
        return Unreadable(error.rule)
    readings = [reading for reading in found if reading is not None]
    if len(readings) < len(found):
        return Zero(convolution)
    if not readings:
        return Unreadable("its batch is symbolic where the leg needs a number")
    costs = [_cost(one, platform) for one in readings]
    near = [r for r, cost in zip(readings, costs, strict=True) if cost <= NEAR * min(costs)]
    return min(near, key=_multiplications)


def stock_seconds(convolution: Convolution, platform: str) -> float:
    """What XLA's own convolution should take, multiplying by the zeros of a dilated input.

    An estimate: the cost model knows XLA's convolution where nothing is dilated, and the slow loops
    into which XLA falls elsewhere (in 3-D, with groups) it does not know. nan where nothing was
    measured.
    """
    family = planner.PLATFORMS.get(platform, "gpu")
    lengths, axes = convolution.lengths, convolution.axes
    try:
        geometry = ConvGeometry(
            tuple(dilated(axis).sizes[LHS] for axis in axes),
            tuple(axis.sizes[RHS] for axis in axes),
            convolution["window_strides"],
            convolution["padding"],
            convolution["rhs_dilation"],
            convolution.groups,
        )
    except ArgumentValueError:
        return math.nan
    if family != "cpu" or not isinstance(lengths["n"], int):
        return math.nan
    in_channels, out_channels = (lengths["g"] * lengths[letter] for letter in "co")
    dtype = np.promote_types(*convolution.dtypes[:2])
    problem = Problem(
        "conv", geometry, lengths["n"], in_channels, out_channels, dtype, accumulator_dtype(dtype)
    )
    native = next(one for one in ALGORITHMS["conv"] if one.name == "native")
    return costmodel.table()["conv"][native.name].seconds(problem, native.work(problem))


def leg_seconds(reading: Reading, platform: str) -> float:
    """What the leg should take, nan where nothing was measured.

    Args:
        reading: whose leg.
        platform: on which it is computed.
    """
    plan = planner.choose(folded(reading.problem(reading.leg)), platform)
    return plan.candidates[0].seconds + reading.moved_bytes / BYTES_PER_SECOND


def obstacle(convolution: Convolution) -> str:
    """Why no leg can be a convolution, whatever the platform; '' if one can.

    Args:
        convolution: what to read.
    """
    *operands, result = convolution.dtypes
    dtype = np.promote_types(*operands)
    kinds = (FLOATING, COMPLEX, INTEGER)
    if not any(dtype.name in kind and result.name in kind for kind in kinds):
        return f"no leg takes {operands[LHS]} and {operands[RHS]} to {result}"
    if not np.can_cast(dtype, result):
        return f"the sums of {dtype} would have to be formed in {result}"
    sizes = [n for axis in convolution.axes for n in axis.sizes]
    lengths = convolution.lengths
    if not all(isinstance(n, int) for n in (*sizes, lengths["c"], lengths["o"])):
        return "a spatial size or a number of channels is symbolic"
    if convolution.sharded:
        return "its arrays are sharded by their types"
    return ""


def _readings(convolution: Convolution, axes: tuple[Axis, ...]) -> Iterator[Reading | None]:
    """Every reading, None where cropping has removed all that there is to read.

    A left operand that is both dilated and strided over is also read with its zeros written out.
    """
    forms = [axes]
    if all(any(axis.factors[array] > 1 for axis in axes) for array in (LHS, OUT)):
        forms.append(tuple(map(dilated, axes)))
    fixed = isinstance(convolution.lengths["n"], int)
    for form, roles in itertools.product(forms, ROLES):
        whole = all(axis.factors[roles.index("v")] == 1 for axis in form)
        if whole and (fixed or roles in WITH_THE_SAME_BATCH):
            geometry = _geometry(roles, form, convolution.groups)
            yield None if geometry is None else Reading(convolution, roles, form, geometry)


def _geometry(roles: str, axes: tuple[Axis, ...], groups: int) -> ConvGeometry | None:
    """The geometry of a reading; None if its padding crops all."""
    by_role = dict(zip(roles, (LHS, RHS, OUT), strict=True))
    v, w, u = (by_role[role] for role in "vwu")
    padding = []
    for axis in axes:
        size, kernel, places = axis.sizes[v], axis.sizes[w], axis.sizes[u]
        backwards = {LHS: 0, OUT: RHS, RHS: OUT}[v]
        low = axis.low
        if v != LHS:
            low = axis.factors[backwards] * (axis.sizes[backwards] - 1) - low
        reach = axis.factors[w] * (kernel - 1) + axis.factors[u] * (places - 1) + 1
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


def _cost(reading: Reading, platform: str) -> float:
    """Predicted seconds of all three legs; the multiplications of one where nothing was measured.

    Each of the three needs all arrays, as operands or as the result.
    """
    problems = [folded(reading.problem(leg)) for leg in LEGS]
    total = sum(planner.choose(one, platform).candidates[0].seconds for one in problems)
    one = problems[0]
    if math.isnan(total):
        return _multiplications(reading)
    total += len(LEGS) * reading.moved_bytes / BYTES_PER_SECOND
    lengths = zip(one.geometry.kernel_size, one.geometry.stride, strict=True)
    strides = math.prod(-(-taps // stride) for taps, stride in lengths)
    return LARGE_KERNEL * total if strides > one.output_positions else total


def _multiplications(reading: Reading) -> float:
    """Of one leg; all three have the same."""
    one = reading.problem("conv")
    return float(
        one.batch_size
        * one.output_positions
        * one.kernel_taps
        * one.in_per_group
        * one.out_channels
    )
