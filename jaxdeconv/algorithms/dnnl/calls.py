"""The algorithm `dnnl`: a leg as one call into oneDNN.

One call runs at a time: each uses all cores. So one working memory serves all, and what a pass
needs beside its operands is made once per process and kept.
"""

import atexit
import collections
import dataclasses
import operator
import os
import threading

import jax
import numpy as np
from jax import Array

from jaxdeconv.algorithms.dnnl import ffi, library, passes
from jaxdeconv.algorithms.dnnl.passes import ALIGNMENT, Execution, Pass
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.algorithms.windows import pad_with_zeros
from jaxdeconv.geometry import ConvGeometry

_TARGET = "jaxdeconv_dnnl"
_KEPT = 512

LONGEST = 128
"""Taps along one dimension of a transposed convolution."""

LARGEST = 2**18
"""Taps times cells along one dimension of a transposed convolution. For more, oneDNN takes up to
seconds to make its kernel, and for 1024 taps and 58112 cells minutes."""


class _Runner:
    """Runs passes, one at a time, and keeps what they need."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[bytes, Execution] = collections.OrderedDict()
        self._scratch = np.empty(0, np.uint8)
        self._process = os.getpid()

    def run(self, text: bytes, operands: list[int], results: list[int]) -> None:
        """What XLA calls."""
        if os.getpid() != self._process:
            raise RuntimeError(
                "jaxdeconv: oneDNN cannot run in a forked process; start processes by 'spawn'"
            )
        with self._lock:
            execution = self._ready(text)
            execution.run(operands, results[0], self._working_memory(execution.scratch))

    def _ready(self, text: bytes) -> Execution:
        execution = self._kept.get(text)
        if execution is None:
            execution = self._kept[text] = Execution(library.load(), passes.read(text))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)[1].close()
        self._kept.move_to_end(text)
        return execution

    def _working_memory(self, size: int) -> int:
        if self._scratch.nbytes < size + ALIGNMENT:
            self._scratch = np.empty(size + ALIGNMENT, np.uint8)
        return -(-self._scratch.ctypes.data // ALIGNMENT) * ALIGNMENT


_RUNNER = _Runner()
# Here and not where it is first used: a program that is read from a cache names the target, too.
ffi.register(_TARGET, _RUNNER.run)


@atexit.register
def _finish() -> None:
    """Wait for what still runs: no thread of XLA may call Python while Python ends."""
    if _RUNNER._kept:
        for array in jax.live_arrays():
            array.block_until_ready()


def _apply(x: Array, y: Array, problem: Problem) -> Array:
    cropped = _cropped(problem.geometry)
    crops = _crops(problem.geometry)
    if problem.leg == "conv":
        x = pad_with_zeros(x, crops)
    if problem.leg == "kernel_gradient":
        y = pad_with_zeros(y, crops)
    one = _pass(problem, cropped)
    shape = {
        "conv": (one.batch, *cropped.output_size, one.out_channels),
        "conv_transpose": (one.batch, *cropped.input_size, one.in_channels),
        "kernel_gradient": (*one.kernel_size, one.in_channels // one.groups, one.out_channels),
    }[problem.leg]
    call = jax.ffi.ffi_call(_TARGET, jax.ShapeDtypeStruct(shape, problem.accumulator))
    result: Array = call(x, y, problem=one.text)
    if problem.leg == "conv_transpose":
        result = pad_with_zeros(result, [(-low, -high) for low, high in crops])
    return result


def _crops(geometry: ConvGeometry) -> list[tuple[int, int]]:
    """What negative padding takes off v at both ends, as padding: oneDNN does not crop."""
    return [(min(low, 0), min(high, 0)) for low, high in geometry.padding]


def _cropped(geometry: ConvGeometry) -> ConvGeometry:
    """The geometry of the cropped v."""
    sizes = zip(geometry.input_size, _crops(geometry), strict=True)
    return dataclasses.replace(
        geometry,
        input_size=tuple(size + low + high for size, (low, high) in sizes),
        padding=tuple((max(low, 0), max(high, 0)) for low, high in geometry.padding),
    )


def _pass(problem: Problem, geometry: ConvGeometry) -> Pass:
    return Pass(
        problem.leg,
        problem.dtype.name,
        problem.accumulator.name,
        problem.batch_size,
        problem.in_channels,
        problem.out_channels,
        geometry.input_size,
        geometry.kernel_size,
        geometry.output_size,
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        geometry.groups,
    )


def _reject(problem: Problem, platform: str) -> str:
    if platform != "cpu":
        return "CPU only"
    if problem.exported or problem.partitioned:
        return "a call of oneDNN can be neither exported nor divided among devices"
    if problem.dtype.name not in ("float32", "bfloat16") or problem.accumulator != np.float32:
        return "only float32, and bfloat16 with sums in float32"
    if reason := _unfit(problem) or library.missing():
        return reason
    return passes.rejected(_pass(problem, _cropped(problem.geometry)))


def _unfit(problem: Problem) -> str:
    """Why oneDNN should not be asked for a pass over these sizes; '' if it may."""
    geometry = problem.geometry
    if problem.batch is None:
        return "the batch must be known"
    if not 1 <= geometry.ndim <= 3:
        return "oneDNN has 1 to 3 spatial dimensions"
    if min(_cropped(geometry).input_size) < 1:
        return "padding crops all of v"
    if problem.leg == "conv_transpose":
        taps, cells = geometry.kernel_size, geometry.input_size
        if max(taps) > LONGEST or max(map(operator.mul, taps, cells)) > LARGEST:
            return "oneDNN takes seconds to make its kernel for rows as long"
    if problem.leg == "kernel_gradient" and problem.dtype != np.float32 and _is_blind(problem):
        return "oneDNN does not write the bfloat16 gradient of a tap that meets only padding"
    return ""


def _is_blind(problem: Problem) -> bool:
    """Whether a tap of the kernel meets nothing but padding, wherever the kernel is."""
    geometry = _cropped(problem.geometry)
    for dim, size in enumerate(geometry.input_size):
        low, _ = geometry.padding[dim]
        first = np.arange(geometry.kernel_size[dim])[:, None] * geometry.dilation[dim] - low
        met = first + np.arange(geometry.output_size[dim]) * geometry.stride[dim]
        if not ((met >= 0) & (met < size)).any(1).all():
            return True
    return False


def _work(problem: Problem) -> Work:
    positions = problem.batch_size * problem.output_positions
    rows = problem.kernel_taps * problem.in_per_group
    if problem.leg == "kernel_gradient":
        return Work(rows, positions, problem.out_per_group, problem.geometry.groups)
    return Work(positions, rows, problem.out_per_group, problem.geometry.groups)


DNNL = Algorithm("dnnl", _apply, _reject, _work)
