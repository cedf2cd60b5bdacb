"""oneDNN's passes over random problems between guarded pages, without XLA.

`python -m tests.algorithms.dnnl.guarded FIRST LAST`: every array ends where a page ends after which
nothing may be read or written, else the process ends. Before it lies NaN, and so it does in results
and working memory. Prints how many problems were computed. Also what runs under valgrind, which
knows no AVX-512:

    ONEDNN_MAX_CPU_ISA=AVX2 valgrind python -m tests.algorithms.dnnl.guarded 0 100
"""

import ctypes
import mmap
import sys
from collections.abc import Sequence

import numpy as np

from jaxdeconv.algorithms import onednn
from jaxdeconv.algorithms.contract import Case, expected
from jaxdeconv.algorithms.convolutions import crops
from jaxdeconv.algorithms.dnnl import library
from jaxdeconv.algorithms.dnnl.passes import ALIGNMENT, Execution
from jaxdeconv.algorithms.leg import LEGS
from tests.algorithms.dnnl.draws import draw

_POISON = 0xFF  # NaN in every dtype


class Guarded:
    """Memory that ends at a page that may not be touched.

    Attributes:
        address: where it starts, at a multiple of `alignment`.
    """

    def __init__(self, size: int, alignment: int) -> None:
        page = mmap.PAGESIZE
        inside = -(-(size + ALIGNMENT) // page) * page
        self._pages = mmap.mmap(-1, inside + page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mprotect(ctypes.c_void_p(start + inside), page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
        self._before = inside - size - (inside - size) % alignment
        self.address = start + self._before
        self._bytes = np.frombuffer(self._pages, np.uint8, inside)
        self._bytes.fill(_POISON)

    def hold(self, array: np.ndarray) -> None:
        """Copy an array to where the memory starts."""
        self._bytes[self._before :][: array.nbytes] = array.reshape(-1).view(np.uint8)

    def read(self, shape: tuple[int, ...]) -> np.ndarray:
        """The float32 array that starts there; nothing before it was written."""
        assert (self._bytes[: self._before] == _POISON).all()
        count = int(np.prod(shape))
        return self._bytes[self._before :][: 4 * count].view(np.float32).reshape(shape).copy()


def compute(leg: str, case: Case) -> bool:
    """Compute a problem and compare; whether oneDNN takes it."""
    problem = case.problem(leg)
    if onednn.ONEDNN.reject(problem, "cpu"):
        return False
    x, y, answer = expected(leg, case, case.data())
    sizes = zip(case.geometry.input_size, crops(case.geometry.padding), strict=True)
    v = tuple(slice(-low, size + high) for size, (low, high) in sizes)
    if leg == "conv":
        x = x[:, *v]
    if leg == "kernel_gradient":
        y = y[:, *v]
    if leg == "conv_transpose":
        answer = answer[:, *v]
    execution = Execution(library.load(), onednn.pass_of(problem))
    operands = [np.ascontiguousarray(array, np.float32) for array in (x, y)]
    held = [Guarded(array.nbytes, 4) for array in (*operands, answer.astype(np.float32))]
    for memory, array in zip(held, operands, strict=False):
        memory.hold(array)
    scratch = Guarded(execution.scratch, ALIGNMENT)
    first, second, result = (memory.address for memory in held)
    execution.run([first, second], result, scratch.address)
    execution.close()
    np.testing.assert_array_equal(held[2].read(answer.shape), answer, f"{leg} of {case}")
    for memory, array in zip(held, operands, strict=False):
        np.testing.assert_array_equal(memory.read(array.shape), array, f"{leg} of {case}")
    scratch.read((0,))
    return True


def main(argv: Sequence[str]) -> None:
    """Compute the drawn problems of a range of seeds."""
    first, last = map(int, argv)
    count = sum(compute(leg, draw(seed)) for seed in range(first, last) for leg in LEGS)
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
