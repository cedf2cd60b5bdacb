"""The Taylor test: does `f(x + h d) - f(x) - h df(x, d)` vanish faster than h, at every cell?

With both signs of h it falls into two parts, which tell a wrong derivative from a kink:

    slope   (f(x + h d) - f(x - h d)) / (2 h) - df(x, d)         like h^2; constant if df is wrong
    bend    (f(x + h d) + f(x - h d) - 2 f(x)) / (2 h)           like h; constant at a kink

Each is judged at the step where its uncertainty is least: rounding of f over h, as seen in the
smallest steps, and what is left of the power of h, as seen in the change from step to step.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxdeconv.verify.precision import SENSIBLE
from jaxdeconv.verify.report import Evidence, Status
from jaxdeconv.verify.spaces import Space

__all__ = ["STEPS", "Direction", "Fault", "judge"]

STEPS = 4.0 ** -np.arange(1, 11)
"""h, relative to the size of x."""


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """f around x, along one direction.

    Attributes:
        space: what f gives.
        centre: f(x).
        ahead: f(x + h d) for each step, `(steps, cells)`.
        behind: f(x - h d).
        derivative: df(x, d).
        steps: h.
    """

    space: Space
    centre: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray
    derivative: np.ndarray
    steps: np.ndarray

    @property
    def slope(self) -> np.ndarray:
        """The central difference less the derivative."""
        return (self.ahead - self.behind) / (2 * self.steps[:, None]) - self.derivative

    @property
    def bend(self) -> np.ndarray:
        """Half the difference of the slopes to both sides."""
        return (self.ahead - self.centre + (self.behind - self.centre)) / (2 * self.steps[:, None])

    @property
    def orders(self) -> list[float]:
        """How the norm of the remainder falls from step to step, until rounding takes over."""
        remainder = self.steps[:, None] * (self.slope + self.bend)
        sizes = np.linalg.norm(remainder, axis=1)
        floor = 64 * np.finfo(np.float64).eps * np.linalg.norm(self.centre)
        floor = np.maximum(floor, 4 * np.linalg.norm(self._noise()))
        return [
            float(np.log(sizes[k] / sizes[k + 1]) / np.log(4))
            for k in range(len(sizes) - 1)
            if sizes[k + 1] > floor
        ]

    def exceeds(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a part does not vanish with h: `(cells,)`, and how large it may be unseen."""
        change = np.abs(np.diff(part, axis=0))[1:]
        before = np.abs(np.diff(part, axis=0))[:-1] / 16
        uncertain = 4 * self._noise() / self.steps[2:, None] + np.maximum(change, before)
        best = uncertain.argmin(axis=0)[None]
        least = np.take_along_axis(uncertain, best, 0)[0]
        return np.abs(np.take_along_axis(part[2:], best, 0)[0]) > 2 * least, 2 * least

    @property
    def scale(self) -> np.ndarray:
        """The size of the slopes of each leaf, at all of its cells."""
        overall = np.abs(self.ahead[0] - self.centre) / self.steps[0]
        sizes = np.maximum(np.abs(self.derivative), overall)
        largest, own = (
            self.space.leafwise(np.abs(part)[None], _largest)[0] for part in (sizes, self.centre)
        )
        return np.where(largest > 0, largest, own)

    def _noise(self) -> np.ndarray:
        """How far f is off by rounding, at most in its leaf: a wrong slope does not change."""
        seen = np.abs(np.diff(self.slope[-3:], axis=0)) * self.steps[-2:, None]
        unit = 2 * np.finfo(np.float64).eps * np.abs(self.centre)
        return self.space.leafwise(np.maximum(seen.max(axis=0), unit)[None], _largest)[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Fault:
    """A wrong cell of the derivative along a direction.

    Attributes:
        direction: f around x.
        cell: of what f gives.
    """

    direction: Direction
    cell: int

    @property
    def expected(self) -> complex:
        """By finite differences."""
        return self.got + self.direction.slope[-1, self.cell].item()

    @property
    def got(self) -> complex:
        """By df."""
        return self.direction.derivative[self.cell].item()


def judge(directions: Sequence[Direction]) -> tuple[Evidence, Fault | None]:
    """The evidence, and the largest fault if there is one."""
    faults, kinks, limit = [], [], 0.0
    for one in directions:
        wrong, unseen = one.exceeds(one.slope)
        kinked, _ = one.exceeds(one.bend)
        relative = np.divide(unseen, one.scale, out=np.zeros_like(unseen), where=unseen > 0)
        limit = max(limit, float(relative.max(initial=0)))
        kinks += [one.space.where(int(cell)) for cell in np.flatnonzero(kinked)[:1]]
        sizes = np.where(wrong & ~kinked, np.abs(one.slope[-1]), 0)
        if sizes.any():
            faults.append((float(sizes.max()), Fault(one, int(sizes.argmax()))))
    last = min(directions, key=lambda one: one.orders[-1] if one.orders else np.inf)
    text = f"{len(directions)} directions, {len(last.steps)} steps: {_in_words(last.orders)}"
    status: Status = "fail" if faults else "pass"
    if not faults and kinks:
        status = "inconclusive"
        text += f"; f is not differentiable at x: its slopes differ on both sides, at {kinks[0]}"
    elif not faults and not limit <= SENSIBLE:
        status = "inconclusive"
        text += f"; f jumps or is rounded: a fault below {limit:.1g} of a slope would not be seen"
    evidence = Evidence("Taylor", "derivative", status, text, detection_limit=limit)
    return evidence, max(faults, key=lambda fault: fault[0])[1] if faults else None


def _in_words(orders: list[float]) -> str:
    if not orders:
        return "the remainder is rounding at every step"
    return f"the remainder falls with the orders {', '.join(f'{order:.2f}' for order in orders)}"


def _largest(block: np.ndarray) -> np.ndarray:
    return block.max(axis=1, keepdims=True)
