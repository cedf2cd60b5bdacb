"""Sections end in time, and nothing that they left out, that failed or was ended is lost."""

import sys
from pathlib import Path

import pytest

from benchmarks.gpu.budget import Budget
from benchmarks.gpu.journal import LOST, DeviceLost, Journal, supervise


class Clock:
    """Advances only by what is worked on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def work(self, minutes: float) -> float:
        self.now += 60 * minutes
        return minutes


def test_a_section_ends_before_its_deadline_and_says_what_is_left() -> None:
    clock, done = Clock(), []
    budget = Budget(10, clock)
    left = budget.run("a", 0.5, [1, 2, 1, 1], clock.work, done.append)
    assert done == [1, 2, 1]  # after 3 minutes another of 2, like the longest, fits; after 4 not
    assert left == [1]
    assert budget.left_out == {"a": ["1"]}


def test_unused_minutes_go_to_later_sections() -> None:
    clock, done = Clock(), []
    budget = Budget(10, clock)
    assert budget.run("a", 0.5, [1], clock.work, done.append) == []
    assert budget.run("b", 0.9, [4, 4, 4], clock.work, done.append) == [4]
    assert done == [1, 4, 4]
    assert budget.left_out == {"b": ["4"]}
    assert budget.spent == {"a": 60, "b": 480}


def test_what_was_left_out_can_be_taken_up_again() -> None:
    clock, done = Clock(), []
    budget = Budget(10, clock)
    left = budget.run("a", 0.1, [1, 1, 1], clock.work, done.append)
    assert len(left) == 2
    assert budget.run("a", 1.0, left, clock.work, done.append) == []
    assert budget.left_out == {}
    assert done == [1, 1, 1]


def test_a_failure_is_noted_and_the_next_item_follows() -> None:
    def divide(item: int) -> float:
        return 1 / item

    done: list[float] = []
    budget = Budget(10)
    assert budget.run("a", 1.0, [2, 0, 4], divide, done.append) == []
    assert done == [0.5, 0.25]
    assert budget.failures == {"a": ["0: ZeroDivisionError: division by zero"]}


def test_no_time_at_all() -> None:
    budget = Budget(0, Clock())
    assert budget.run("a", 1.0, [1], lambda item: item, lambda _: None) == []  # one is tried
    assert Budget(-1, Clock()).run("a", 1.0, [1], lambda item: item, lambda _: None) == [1]


def test_an_ended_process_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    """The item that ended it is a failure, those before it are not done again."""
    path, worked, done = tmp_path / "journal", [], []

    def work(item: str) -> dict[str, str]:
        worked.append(item)
        if item == "b":
            raise KeyboardInterrupt  # stands for the end of the process
        return {"name": item}

    with pytest.raises(KeyboardInterrupt):
        Budget(10, journal=Journal(path)).run("s", 1.0, ["a", "b", "c"], work, done.append)
    budget = Budget(10, journal=Journal(path))
    done.clear()
    assert budget.run("s", 1.0, ["a", "b", "c"], work, done.append) == []
    assert done == [{"name": "a"}, {"name": "c"}]
    assert worked == ["a", "b", "c"]
    assert budget.failures == {"s": ["b: ended the process"]}
    third = Budget(10, journal=Journal(path))
    assert third.started == budget.started
    third.run("s", 1.0, ["a", "b", "c"], work, done.append)
    assert worked == ["a", "b", "c"]


def test_a_lost_device_ends_the_process(tmp_path: Path) -> None:
    path, done = tmp_path / "journal", []
    budget = Budget(10, journal=Journal(path), alive=lambda: False)
    with pytest.raises(DeviceLost, match="after 1"):
        budget.run("s", 1.0, [1, 2], lambda item: item, done.append)
    Budget(10, journal=Journal(path)).run("s", 1.0, [1, 2], lambda item: item, done.append)
    assert done == [1, 2]


def test_supervise(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """Aborts once, loses its device once, and then ends with 1."""
    path = tmp_path / "journal"
    script = (
        "import os, sys; journal = open(sys.argv[1], 'a+'); journal.write('x'); journal.flush();"
        "size = os.stat(sys.argv[1]).st_size;"
        f"os.abort() if size == 1 else sys.exit({LOST} if size == 2 else 1)"
    )
    assert supervise([sys.executable, "-c", script, str(path)], path) == 1
    assert path.read_text() == "xxx"
    assert capfd.readouterr().err.count("another goes on") == 2


def test_supervise_gives_up_where_nothing_is_begun(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.abort()"]
    assert supervise(command, tmp_path / "journal") == 1
