"""Predicted seconds of an algorithm on an accelerator: what its compiled kernels move and multiply.

    seconds = max(launch, arrays / bandwidth, products / matrix speed)
              + max(launches of all other kernels, temporaries / bandwidth)

The first line is the kernel that multiplies, the second all kernels that only move. `Work` says how
many kernels there are, and how much temporaries they write and read, as compiled programs show them
(`jaxdeconv.compilers`; `tests/compilers` compares). The model tells apart what differs in bytes,
operations or launches, and not how well a kernel uses the device. Speeds: `devices`.
"""

import math

import numpy as np
from jax.lax import PrecisionLike

from jaxdeconv.algorithms import Problem, Work
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.planning.devices import Constants

__all__ = ["seconds", "speed"]

_HLO = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64", "int8": "s8"}


def seconds(problem: Problem, work: Work, constants: Constants) -> float:
    """The predicted time of one call.

    Args:
        problem: what is computed.
        work: by an algorithm.
        constants: of the device.
    """
    flops = 2 * work.features[0]
    main = constants.seconds(
        speed(problem.dtype, problem.precision),
        0 if work.vector else flops,
        2 * flops if work.vector else 0,  # the bounds of the padding are compared, too
        _arrays(problem),
    )
    launches = (work.calls - 1) * constants.launch_seconds
    return main + max(launches, work.moved / constants.bytes_per_second)


def speed(dtype: np.dtype, precision: PrecisionLike) -> str:
    """The name of a matrix speed among a device's `Constants`.

    Args:
        dtype: of the operands.
        precision: as in `jax.lax`.
    """
    name = _HLO.get(dtype.name, "f32")
    exact = any(word in str(precision).lower() for word in ("highest", "float32"))
    return f"{name} highest" if exact and name == "f32" else name


def _arrays(problem: Problem) -> float:
    """Bytes of the operands and the result."""
    leg, result = LEGS[problem.leg], problem.result_dtype or problem.accumulator
    written = math.prod(problem.shape(leg.result)) * result.itemsize
    return sum(map(problem.bytes, leg.operands)) + written
