"""Sections of work that end in time. What did not fit, or failed, is kept and said."""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmarks.gpu.journal import DeviceLost, Journal

__all__ = ["Budget"]

Item = TypeVar("Item")
Result = TypeVar("Result")
_ENDED = "ended the process"


@dataclasses.dataclass
class Budget:
    """A number of minutes, shared by sections.

    Attributes:
        minutes: all of them together.
        clock: reads the time in seconds.
        journal: what earlier processes did; these minutes began with the first of them.
        alive: whether the device still works.
        started: when they began.
        left_out: section -> the items that did not fit.
        failures: section -> what was raised: one line each.
        spent: section -> seconds.
    """

    minutes: float
    clock: Callable[[], float] = time.time
    journal: Journal = dataclasses.field(default_factory=Journal)
    alive: Callable[[], bool] = lambda: True
    started: float = dataclasses.field(init=False)
    left_out: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    failures: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    spent: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.journal.started if self.journal.begun else self.clock()

    def run(
        self,
        section: str,
        until: float,
        items: Sequence[Item],
        do: Callable[[Item], Result],
        done: Callable[[Result], None],
    ) -> Sequence[Item]:
        """Work on the items in turn, while another as long as the longest so far fits.

        Args:
            section: its name.
            until: the share of all minutes, counted from the start, at which it must end: what an
                earlier section did not need is there for a later one.
            items: what to work on; the text of each is its name, and unique.
            do: the work. What it raises is noted, and the next item follows.
            done: takes the result of each.

        Returns:
            The items that were left out.

        Raises:
            DeviceLost: the device does not work any more.
        """
        begun, longest = self.clock(), 0.0
        deadline = self.started + 60 * self.minutes * until
        left: Sequence[Item] = []
        for number, item in enumerate(items):
            start = self.clock()
            if (section, str(item)) in self.journal.begun:  # by an earlier process
                outcome = self.journal.begun[section, str(item)] or {"error": f"{item}: {_ENDED}"}
            elif start + longest > deadline:
                left = items[number:]
                break
            else:
                print(f"{section} [{number + 1}/{len(items)}] {item}", file=sys.stderr, flush=True)
                outcome = self._outcome(section, item, do)
            if "result" in outcome:
                done(outcome["result"])
            else:
                self.failures.setdefault(section, []).append(outcome["error"])
            longest = max(longest, self.clock() - start)
        self.left_out.pop(section, None)
        if left:
            self.left_out[section] = [str(item) for item in left]
        self.spent[section] = self.spent.get(section, 0.0) + self.clock() - begun
        return left

    def _outcome(self, section: str, item: Item, do: Callable[[Item], Result]) -> dict[str, Any]:
        """The result, or what was raised: one of hundreds, so the visit goes on."""
        self.journal.write(section, str(item))
        outcome: dict[str, Any]
        try:
            outcome = {"result": do(item)}
        except Exception as error:
            text = f"{item}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            print(f"    failed: {text}", file=sys.stderr)
            outcome = {"error": text}
        self.journal.write(section, str(item), **outcome)
        if not self.alive():
            raise DeviceLost(f"after {item}")
        return outcome
