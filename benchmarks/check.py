"""The check of every answer: a wrong contestant is not timed.

Every answer is compared with torch's in float64 and with ours. Errors are relative to the same map
of the absolute values, to which rounding is proportional even if terms cancel; the bound is a few
units of float32, far below the effect of one wrong tap at one border.
"""

import dataclasses
import importlib

import numpy as np

from benchmarks.cases import BenchCase, Data
from benchmarks.programs import Answers

__all__ = ["BOUND", "Reference", "WrongAnswer"]

BOUND = 1e-6  # 17 units of roundoff; FFT and Winograd stay below it too


class WrongAnswer(Exception):
    """A contestant's answer is wrong; the message says which one, and by how much."""


@dataclasses.dataclass(frozen=True)
class Reference:
    """The right answers of one case.

    Attributes:
        right: by torch in float64.
        scale: the same of the absolute values; errors are relative to its largest entry.
    """

    right: Answers
    scale: Answers

    @classmethod
    def of(cls, case: BenchCase, data: Data) -> "Reference":
        """Compute them."""
        reference = importlib.import_module("benchmarks.torch_contestants").reference
        absolute = Data(*map(np.abs, (data.x, data.w, data.cotangent)))
        return cls(reference(case, data), reference(case, absolute))

    def error(self, answers: Answers, other: Answers | None = None) -> float:
        """The largest relative error over the forward pass, y, dx and dw.

        Args:
            answers: a contestant's.
            other: what to compare with; None for the right answers.

        Raises:
            WrongAnswer: a shape differs, or a number is not finite.
        """
        return max(
            self._error(field.name, answers, other or self.right)
            for field in dataclasses.fields(Answers)
        )

    def check(self, name: str, answers: Answers, ours: Answers | None = None) -> float:
        """The error against the right answers.

        Raises:
            WrongAnswer: it exceeds `BOUND`, or the distance to `ours` exceeds twice that.
        """
        try:
            error = self.error(answers)
            distance = 0.0 if ours is None else self.error(answers, ours)
        except WrongAnswer as wrong:
            raise WrongAnswer(f"{name}: {wrong}") from None
        if error > BOUND:
            raise WrongAnswer(f"{name}: relative error {error:.1e}, allowed {BOUND:.0e}")
        if distance > 2 * BOUND:
            raise WrongAnswer(f"{name}: {distance:.1e} away from ours, allowed {2 * BOUND:.0e}")
        return error

    def _error(self, part: str, answers: Answers, other: Answers) -> float:
        got, expected = getattr(answers, part), getattr(other, part)
        if got.shape != expected.shape:
            raise WrongAnswer(f"{part} has shape {got.shape}, right is {expected.shape}")
        if not np.isfinite(got).all():
            raise WrongAnswer(f"{part} is not finite")
        distance = np.abs(got.astype(np.float64) - expected).max(initial=0.0)
        return float(distance / (getattr(self.scale, part).max(initial=0.0) or 1.0))
