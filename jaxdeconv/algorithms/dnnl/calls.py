"""A pass as one call from XLA into oneDNN.

One call runs at a time: each uses all cores. So one working memory serves all, and what a pass
needs beside its operands is made once per process and kept.
"""

import atexit
import collections
import os
import threading

import jax
import numpy as np
from jax import Array

from jaxdeconv.algorithms.dnnl import ffi, library, passes
from jaxdeconv.algorithms.dnnl.passes import ALIGNMENT, Execution, Pass

_TARGET = "jaxdeconv_onednn"
_KEPT = 512


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


def call(x: Array, y: Array, one: Pass) -> Array:
    """The result of a pass over its two operands, as XLA computes it."""
    result = jax.ShapeDtypeStruct(one.result_shape, one.result_dtype)
    computed: Array = jax.ffi.ffi_call(_TARGET, result)(x, y, problem=one.text)
    return computed
