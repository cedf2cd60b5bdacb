"""What XLA's own convolution should take, if it is left as it is."""

import functools
import math
import warnings

import jax
import numpy as np

from jaxdeconv.acceleration.axes import LHS, OUT, RHS, dilated
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.excerpt import Excerpt
from jaxdeconv.acceleration.merge import merge
from jaxdeconv.algorithms import Problem, native
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import (
    autotuning,
    costmodel,
    devices,
    measuring,
    planner,
    roofline,
    tuning_cache,
)

__all__ = ["measure_stock", "stock_measured", "stock_seconds"]

STOCK = "stock"
"""XLA's own convolution, among what is remembered as measured."""


def measure_stock(alone: Excerpt, platform: str) -> None:
    """Measure a convolution as it is, unless that has been done or cannot be done.

    Args:
        alone: an excerpt that is nothing else.
        platform: JAX's name of the platform that is compiled for.
    """
    convolution = merge(alone).convolution
    if not autotuning.can_measure(platform):
        return
    with measuring.ONE_AT_A_TIME:
        if stock_measured(convolution, platform) is not None:
            return
        arrays = [*map(jax.ShapeDtypeStruct, alone.shapes, alone.dtypes)]
        try:
            measured = tuning_cache.Measured({STOCK: measuring.seconds(alone, arrays)})
        except Exception as error:  # of any kind: XLA's
            warnings.warn(f"jaxdeconv: {convolution} cannot be measured: {error}", stacklevel=2)
            return
        tuning_cache.remember(convolution, planner.PLATFORMS[platform], measured)


@tuning_cache.follows
@functools.lru_cache(maxsize=4096)
def stock_measured(convolution: Convolution, platform: str) -> float | None:
    """Measured seconds of a convolution as it is; None if it was not measured here."""
    if not autotuning.can_measure(platform):
        return None
    found = tuning_cache.recall(convolution, planner.PLATFORMS[platform])
    return found.seconds.get(STOCK) if found else None


def stock_seconds(convolution: Convolution, platform: str, leg: str, flipped: bool) -> float:
    """What a convolution of `jax.lax` should take.

    Args:
        convolution: without what is around it.
        platform: JAX's name of it.
        leg: which leg it is.
        flipped: whether its kernel is reversed before it, along all axes.

    Returns:
        Predicted seconds; nan if nothing is known.
    """
    family = planner.PLATFORMS.get(platform, "gpu")
    if not isinstance(convolution.lengths["n"], int):
        return math.nan
    if family == "cpu":
        return _on_a_cpu(convolution)
    return _on_an_accelerator(convolution, family, leg, flipped)


def _on_an_accelerator(convolution: Convolution, family: str, leg: str, flipped: bool) -> float:
    """A roofline: see `jaxdeconv.planning.roofline`."""
    axes, lengths = convolution.axes, convolution.lengths
    if family == "gpu" and (convolution.dtypes[LHS].kind in "iu" or len(axes) > 3):
        return math.inf  # it would not compile
    taps, places = (math.prod(axis.sizes[array] for axis in axes) for array in (RHS, OUT))
    channels = lengths["g"] * lengths["c"] * lengths["o"]
    flops = 2.0 * lengths["n"] * taps * places * channels
    arrays = [
        math.prod(shape) * dtype.itemsize
        for shape, dtype in zip(convolution.shapes, convolution.dtypes, strict=True)
    ]
    spread = math.prod(axis.factors[LHS] if axis.sizes[LHS] > 1 else 1 for axis in axes)
    moved = 0.0
    if spread > 1 and _finds_the_backward_kernel(convolution, family, leg, flipped):
        flops /= spread
    elif spread > 1:
        moved = 2.0 * spread * arrays[LHS]
    if family == "gpu" and len(axes) == 3:  # cuDNN's are channels first; inserting zeros may turn
        moved += 2.0 * (arrays[OUT] + arrays[LHS] * (spread == 1))
    constants = devices.of_family(family).constants
    dtype = np.promote_types(*convolution.dtypes[:2])
    speed = roofline.speed(dtype, convolution["precision"])
    main = constants.seconds(speed, flops, 0, float(sum(arrays)))
    return main + max(constants.launch_seconds, moved / constants.bytes_per_second)


def _finds_the_backward_kernel(
    convolution: Convolution, family: str, leg: str, flipped: bool
) -> bool:
    """Whether XLA computes a dilated input without multiplying by its zeros.

    XLA:GPU knows cuDNN's backward convolution by a reversed kernel (`MatchBackwardInput`); neither
    compiler knows it where the kernel is larger than the input, because it exchanges the two.
    """
    axes = convolution.axes
    if family == "tpu" and leg == "kernel_gradient":  # of a kernel that does not overlap itself
        return all(axis.sizes[OUT] <= axis.factors[LHS] for axis in axes)
    taps, cells = (math.prod(axis.sizes[array] for axis in axes) for array in (RHS, LHS))
    if leg != "conv_transpose" or native.is_exchanged(taps, cells, family, len(axes)):
        return False
    if family == "tpu":
        return True
    plain = all(axis.factors[1:] == (1, 1) for axis in axes)
    return (flipped or taps == 1) and plain and convolution.groups == 1


def _on_a_cpu(convolution: Convolution) -> float:
    """By the cost model of XLA's convolution, multiplying by the zeros of a dilated input.

    An estimate: the model does not cover the slow loops that XLA uses otherwise (in 3-D, with
    groups).
    """
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
    in_channels, out_channels = (lengths["g"] * lengths[letter] for letter in "co")
    dtype = np.promote_types(*convolution.dtypes[:2])
    problem = Problem(
        "conv", geometry, lengths["n"], in_channels, out_channels, dtype, accumulator_dtype(dtype)
    )
    work = native.CONV.work(problem)
    return costmodel.seconds(problem, native.CONV.name, work)
