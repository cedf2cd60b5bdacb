"""Random legs in random layouts on eight devices: the numbers of one device, and no all-gather.

Every program computes a leg and its two derivatives, which are the other two legs.
"""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
from benchmarks.sharding.divided import outcome

for case in range(FIRST, LAST):
    found = outcome(case, SENSIBLE, "ours")
    assert set(found.wrong.values()) == {0}, found
    assert not (SENSIBLE and found.gathers), found
print("the same numbers")
"""


@pytest.mark.parametrize("sensible", [True, False], ids=["sensible", "any"])
def test_forty_layouts(sensible: bool) -> None:
    check(0, 40, sensible)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(40, 300, 20))
@pytest.mark.parametrize("sensible", [True, False], ids=["sensible", "any"])
def test_three_hundred_layouts(sensible: bool, first: int) -> None:
    check(first, first + 20, sensible)


def check(first: int, last: int, sensible: bool) -> None:
    constants = f"FIRST, LAST, SENSIBLE = {first}, {last}, {sensible}\n"
    assert printed_on(8, constants + PROGRAM) == "the same numbers\n"
