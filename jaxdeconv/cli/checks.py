"""Every way to compute K^T against the specification and against <u, K v> = <K^T u, v>.

Three pairs of signals are put to every way:

- *photograph*: v the photograph, u = K v; judged by the rounding bounds of `bounds`.
- *random*: v the photograph, u random; judged likewise.
- *integers*: v, w and u small non-zero integers, such that nothing is rounded; judged by ==.

In an integer dtype nothing is ever rounded: all three are judged by ==, and the identity holds
modulo 2^bits.
"""

import dataclasses
import math
import time
from collections.abc import Sequence

import jax
import numpy as np
from numpy.typing import NDArray

from jaxdeconv.cli import bounds, dtypes, pairing
from jaxdeconv.cli.job import NOT_FOR_INTEGERS, Job, Transpose


@dataclasses.dataclass(frozen=True)
class Probe:
    """One pair of signals, what K does to v, and what may differ."""

    name: str
    v: NDArray
    w: NDArray
    u: NDArray
    allowed: bounds.Allowed
    left: pairing.Number | None
    modulus: int

    @classmethod
    def of(cls, name: str, job: Job, v: NDArray, w: NDArray, u: NDArray, exact: bool) -> "Probe":
        """Compute what all ways have in common: <u, K v> and the bounds."""
        integer = dtypes.is_integer(job.dtype)
        allowed = bounds.nothing(v) if exact or integer else bounds.rounding(job, v, u, w)
        left = pairing.inner(u.astype(job.accumulator), job.conv(v, w))
        modulus = 2 ** (8 * job.dtype.itemsize) if integer else 0
        return cls(name, v, w, u, allowed, left, modulus)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How one way answered one probe; shares are of what is allowed, and at most 1 if right."""

    deviation: float
    deviation_share: float
    left: pairing.Number | None
    right: pairing.Number | None
    gap: float
    gap_share: float

    @property
    def ok(self) -> bool:
        """Also False if a share is not a number."""
        return self.deviation_share <= 1 and self.gap_share <= 1


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one way answered all probes, by their names; or why it was not asked."""

    way: str
    agreements: dict[str, Agreement] = dataclasses.field(default_factory=dict)
    first_seconds: float = 0.0
    seconds: float = 0.0
    skipped: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees."""
        return all(agreement.ok for agreement in self.agreements.values())

    @property
    def rounded(self) -> list[Agreement]:
        """The answers to the probes on the photograph."""
        return [found for name, found in self.agreements.items() if name != "integers"]

    @property
    def exact(self) -> bool:
        """Whether the answer to the integers was exactly right."""
        return self.agreements["integers"].ok


class Examination:
    """The probes of one job, put to one way after the other; the first is the specification."""

    def __init__(self, job: Job) -> None:
        self._integer = dtypes.is_integer(job.dtype)
        self._probes = _probes(job)
        self._specification: list[NDArray] = []

    def ask(self, name: str, way: Transpose) -> Outcome:
        """Put all probes to one way, and compare its answers."""
        if self._integer and name in NOT_FOR_INTEGERS:
            return Outcome(name, skipped="not defined for integers")
        answers, seconds = _ask(way, self._probes)
        self._specification = self._specification or answers
        found = {
            probe.name: _compare(probe, answer, right)
            for probe, answer, right in zip(self._probes, answers, self._specification, strict=True)
        }
        return Outcome(name, found, seconds[0], seconds[1])


def _probes(job: Job) -> list[Probe]:
    rng = np.random.default_rng(job.seed)
    v, w = job.v, job.w
    u = job.conv(v, w, rounded=True)
    random_u = dtypes.random_signal(job.output_shape, job.dtype, rng)
    largest = bounds.largest_exact_integer(job)
    whole_v, whole_w, whole_u = (
        dtypes.small_integers(shape, job.dtype, largest, rng)
        for shape in (v.shape, w.shape, job.output_shape)
    )
    return [
        Probe.of("photograph", job, v, w, u, exact=False),
        Probe.of("random", job, v, w, random_u, exact=False),
        Probe.of("integers", job, whole_v, whole_w, whole_u, exact=True),
    ]


def _ask(way: Transpose, pairs: Sequence[Probe]) -> tuple[list[NDArray], list[float]]:
    answers, seconds = [], []
    for probe in pairs:
        begin = time.perf_counter()
        answer = jax.block_until_ready(way(probe.u, probe.w))
        seconds.append(time.perf_counter() - begin)
        answers.append(np.asarray(answer))
    return answers, seconds


def _compare(probe: Probe, answer: NDArray, right: NDArray) -> Agreement:
    if answer.shape != probe.v.shape:
        return Agreement(math.inf, math.inf, probe.left, None, math.inf, math.inf)
    deviation = _distance(answer, right)
    exact_right = pairing.inner(answer, probe.v.astype(answer.dtype))
    gap = pairing.gap(probe.left, exact_right, probe.modulus)
    return Agreement(
        deviation=float(deviation.max(initial=0)),
        deviation_share=float(_share(deviation, probe.allowed.deviation).max(initial=0)),
        left=probe.left,
        right=exact_right,
        gap=gap,
        gap_share=float(_share(np.asarray(gap), np.asarray(probe.allowed.gap))),
    )


def _distance(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """|x - y| per entry; of integers without wrapping."""
    if x.dtype.kind in "iu":
        return abs(x.astype(object) - y.astype(object)).astype(np.float64)
    return np.abs(x.astype(np.complex128) - y.astype(np.complex128))


def _share(found: NDArray, allowed: NDArray) -> NDArray:
    """Found / allowed, where nothing of nothing is 0 and something of nothing infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found == 0, 0.0, found / allowed)
