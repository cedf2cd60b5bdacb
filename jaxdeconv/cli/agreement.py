"""Every implementation of K^T against the definition, and verified by `jaxdeconv.verify`.

- On the photograph, with u = K v: the answer is compared with that of the definition, which no
  right answer can miss by more than rounding allows. In integer dtypes nothing is rounded.
- On a small image, by `verify.adjoint`: the identity <u, K v> = <K^T u, v> and every entry of the
  matrix of K^T, with a kernel of integers, so that both are compared by `==`. Half types are
  verified in the dtype of their sums.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from jaxdeconv import verify
from jaxdeconv.cli import dtypes
from jaxdeconv.cli.job import BATCHED, NOT_FOR_INTEGERS, Job, Transpose
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

_LARGEST = 3  # the largest entry of the kernel of integers
_OUTPUTS = 3  # of the small image along each axis: one at either border, one between
_BUDGET = 256  # applications for every entry of a small matrix; more are grouped by colour
_LONG = 2.0  # seconds: a longer call is not repeated for its time


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one implementation did.

    Attributes:
        name: of the implementation.
        deviation: largest difference from the definition, on the photograph.
        share: the same as a share of what rounding allows, cell by cell; at most 1 if right.
        first_seconds: the first call on the photograph, compilation included.
        seconds: the second call, or the first where that is long.
        report: what `verify.adjoint` found; None where it refused, as `refusal` says.
        refusal: why the functions are not even maps between the spaces of v and u; else ''.
        skipped: why nothing was computed; '' if it was.
    """

    name: str
    deviation: float = 0.0
    share: float = 0.0
    first_seconds: float = 0.0
    seconds: float = 0.0
    report: verify.Report | None = None
    refusal: str = ""
    skipped: str = ""

    @property
    def close(self) -> bool:
        """Whether it agrees with the definition on the photograph; not if anything is NaN."""
        return self.share <= 1

    @property
    def verified(self) -> bool:
        """Whether `verify.adjoint` passed."""
        return self.report is not None and self.report.ok

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return bool(self.skipped) or (self.close and self.verified)


class Examination:
    """The implementations of one job, examined one after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._transposes = job.transposes()
        self._right = np.asarray(self._definition(job.u, job.w))
        self._allowed = self._rounding()
        rng = np.random.default_rng(job.seed)
        w = dtypes.small_integers(job.w.shape, job.accumulator, _LARGEST, rng)
        small = self._small = job.small(w, job.geometry.groups, _OUTPUTS)
        self._forward = lambda v: small.conv(v, small.w)  # one function, compiled once for all

    def examine(self, name: str) -> Outcome:
        """Apply one implementation to the photograph, and verify it."""
        job, transpose = self._job, self._transposes[name]
        if dtypes.is_integer(job.dtype) and name in NOT_FOR_INTEGERS:
            return Outcome(name, skipped="not defined for integers")
        answer, first, seconds = _timed(lambda: transpose(job.u, job.w))
        deviation, share = self._compare(answer)
        try:
            report, refusal = self._verify(name), ""
        except (ArgumentTypeError, ArgumentValueError) as error:
            report, refusal = None, str(error)
        return Outcome(name, deviation, share, first, seconds, report, refusal)

    def _definition(self, u: NDArray, w: NDArray) -> Array:
        return next(iter(self._transposes.values()))(u, w)

    def _verify(self, name: str) -> verify.Report:
        small = self._small
        transpose = small.transposes()[name]
        applied = transpose if name in BATCHED else _opaque(transpose, small)
        return verify.adjoint(
            self._forward,
            lambda u: applied(u, small.w),
            jax.ShapeDtypeStruct(small.v.shape, small.dtype),
            key=small.seed,
            transpose=True,
            budget=_BUDGET,
        )

    def _compare(self, answer: NDArray) -> tuple[float, float]:
        """The largest deviation, and the largest share of what is allowed."""
        if answer.shape != self._right.shape:
            return math.inf, math.inf
        found = _distance(answer, self._right)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(found == 0, 0.0, found / self._allowed)
        return float(found.max(initial=0)), float(shares.max(initial=0))

    def _rounding(self) -> NDArray[np.float64]:
        """How far rounding can put two right answers apart, for each cell of v.

        A sum of n products, in any order, misses the exact sum by at most n*eps times the sum of
        the absolute products (Higham 2002, section 3.1; eps is twice the unit roundoff). That sum
        and n are transposed convolutions too: of absolute values, and of ones. JAX forms a complex
        product from three real ones (Gauss): four times the absolute products, and three
        roundings more. Where a product underflows, it loses the smallest normal number at most.

        Raises:
            ValueError: numbers so large that the sums overflow.
        """
        job = self._job
        if dtypes.is_integer(job.dtype):
            return np.zeros(job.v.shape)
        info = np.finfo(job.accumulator)
        terms, products = (
            np.asarray(self._definition(u, w)).real.astype(np.float64)
            for u, w in ((np.ones_like(job.u), np.ones_like(job.w)), (abs(job.u), abs(job.w)))
        )
        if not products.max(initial=0) < float(info.max) / 4:
            raise ArgumentValueError(
                "the numbers must be small enough for the sums not to overflow",
                "Pass a kernel of smaller numbers, or a wider dtype.",
                dtype=str(job.dtype),
            )
        factor = 4 if dtypes.kind(job.dtype) == "c" else 1
        eps, tiny = float(info.eps), float(info.tiny)
        return 2 * factor * (terms + 4) * (eps * products + tiny)


def _opaque(transpose: Transpose, job: Job) -> Callable[[Any, NDArray], Any]:
    """The same from NumPy's arrays to NumPy's, which `verify` can apply but not trace.

    Tracing would let it bound the rounding and apply the function to many vectors at once, but the
    compilations for that take several times as long as all applications to a small image.
    """
    compiled: Transpose = jax.jit(transpose)
    try:
        jax.eval_shape(compiled, job.u, job.w)
    except jax.errors.JAXTypeError:  # written in NumPy
        compiled = transpose
    return lambda u, w: np.asarray(compiled(np.asarray(u), w))


def _timed(call: Callable[[], Array]) -> tuple[NDArray, float, float]:
    """What a call gives, and the seconds of the first and of the second time."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < 2 and seconds[0] < _LONG):
        begin = time.perf_counter()
        answer = jax.block_until_ready(call())
        seconds.append(time.perf_counter() - begin)
    return np.asarray(answer), seconds[0], seconds[-1]


def _distance(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """|x - y| per entry; of integers without wrapping."""
    if x.dtype.kind in "iu":
        return abs(x.astype(object) - y.astype(object)).astype(np.float64)
    return np.abs(x.astype(np.complex128) - y.astype(np.complex128))
