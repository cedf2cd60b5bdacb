"""The measurements of divided legs and steps: what they count, and how they are shown."""

import dataclasses
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from benchmarks.sharding import __main__ as command
from benchmarks.sharding import chips, overlap, sweep
from benchmarks.sharding.chips import Compiled
from benchmarks.sharding.divided import Outcome
from benchmarks.sharding.report import CHIPS, SWEEP, Report, Swept
from benchmarks.sharding.steps import STEPS
from tests.support.cases import integers
from tests.support.processes import printed_on

WRONG = Outcome(2, True, "G", "stock", "0.10.2", {"w": 3, "u": 0}, gathers=2, whole=1)
RIGHT = Outcome(3, True, "K", "stock", "0.10.2", {"u": 0, "v": 0})
ENDED = Outcome(4, True, "K^T", "stock", "0.10.2", {}, "4: Aborted")

STEP = Compiled(
    *("h100", 8, "V-Net", "ours", "auto", 64),
    *({"collective-permute": (18, 2**20), "all-reduce": (1, 2**19)}, 2**28),
    *(1.0, "", "0.10.2", "2026-11-28"),
)


def test_against_one_device() -> None:
    """Integers; and a leg that is another one already there is no rival."""
    program = """
from benchmarks.sharding import divided

print(divided.outcome(7, True, "ours"))
print(divided.outcome(0, True, "stock").wrong)
stock = divided._stock
divided._stock = lambda one: [lambda x, y, leg=leg: leg(x, y) + 1 for leg in stock(one)]
try:
    divided.outcome(0, True, "stock")
except AssertionError as error:
    print(error)
"""
    ours, stock, other = printed_on(8, program).splitlines()
    assert "leg='K^T'" in ours
    assert "wrong={'v': 0, 'u': 0, 'w': 0}, error='', gathers=0, whole=0" in ours
    assert stock == "{'u': 0, 'v': 0, 'w': 0}"
    assert other == "stock on one device: other numbers"


def test_a_process_that_ends_costs_one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is replaced by one that is killed in the third case of those it is given."""

    def child(_: str, __: bool, first: int, last: int) -> tuple[list[Outcome], str]:
        whole = [dataclasses.replace(RIGHT, case=n) for n in range(first, last)]
        return whole[:2] if first < 3 else whole, "the process ended: Aborted"

    monkeypatch.setattr(sweep, "_child", child)
    found = sweep.swept("stock", True, 7)
    assert [one.case for one in found] == [*range(7)]
    assert [one.case for one in found if one.error] == [2]
    assert found[2].error == "2: the process ended: Aborted"
    assert found[2].leg == "G"


def test_children_say_how_they_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that aborts after a case, as XLA's failed checks do."""
    executable, line = tmp_path / "python", json.dumps(dataclasses.asdict(RIGHT))
    text = f"#!{sys.executable}\nimport os\nprint({line!r}, flush=True)\nos.abort()\n"
    executable.write_text(text)
    executable.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(executable))
    found, ended = sweep._child("stock", True, 3, 5)
    assert [one.case for one in found] == [3]
    assert ended == "the process ended: Aborted"


def test_what_is_counted() -> None:
    one = Swept.of([WRONG, RIGHT, ENDED], "2026-11-28")
    assert (one.cases, one.wrong, one.errors) == (3, [2], ["4: Aborted"])
    assert (one.gathered, one.whole) == (1, 1)
    assert not Report([one]).any_wrong()
    assert Report([dataclasses.replace(one, who="ours")]).any_wrong()


def test_tables_and_files(tmp_path: Path) -> None:
    """Results of the same replace older ones; those of others stay."""
    path, readme = tmp_path / "found.json", tmp_path / "README.md"
    one = Swept.of([WRONG, RIGHT, ENDED], "2026-11-28")
    stock = dataclasses.replace(STEP, who="stock", error="RuntimeError: no")
    Report().with_(one, STEP, stock).with_(dataclasses.replace(STEP, chips=32)).write_json(path)
    readme.write_text("".join(["\n".join(place.marks) for place in (SWEEP, CHIPS)]))
    assert command.main(["show", "--json", str(path), "--markdown", str(readme)]) == 0
    text = readme.read_text()
    assert "| sensible | 0.10.2 | stock | 3 | 1 | 1 | 1 | 1 |" in text
    assert "| V-Net, 64^3 each | h100 | ours | auto | 8 | 1.00 | 0.50 | 0.00 | 256 |" in text
    assert "| V-Net, 64^3 each | h100 | stock | auto | 8 | refused | - | - | - |" in text
    assert len(Report.read_json(path).with_(one, STEP).compiled) == 3


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("who", ["ours", "stock"])
def test_steps_can_be_traced(name: str, who: str) -> None:
    mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1, 1), ("x", "y", "z"))
    step, arguments = STEPS[name](mesh, who, 8)
    with jax.numpy_rank_promotion("allow"):
        results = jax.eval_shape(step, *arguments)
    *parameters, _, _ = arguments
    shapes = [[one.shape for one in jax.tree.leaves(tree)] for tree in (results, parameters)]
    assert sorted(shapes[0]) == sorted([*shapes[1], ()])  # the loss


def test_a_step_on_eight_devices() -> None:
    """In a child process: halos, sums, and no gather."""
    found = chips.compiled("cpu", 8, "4 groups", "ours", "auto", 8)
    assert not found.error
    assert found.bytes("collective-permute") > 0
    assert found.bytes("all-reduce") > 0
    assert found.bytes("all-gather", "all-to-all") == 0


def test_the_parts_of_a_convolution_are_the_whole() -> None:
    halo = [integers(shape, seed=n) for n, shape in enumerate(overlap.ends(6, 2))]
    v, w = integers((1, 6, 6, 6, 2)), integers((3, 3, 3, 2, 2))
    whole, split = (form(v, w, *halo) for form in overlap.FORMS.values())
    assert whole.shape == v.shape
    assert (whole == split).all()
