"""The comparison of training steps: what is checked before it is timed, and what is written."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import machine
from benchmarks.accelerate.compare import Comparison, compare, difference
from benchmarks.accelerate.networks import NETWORKS, Layer, Network, shrunk
from benchmarks.accelerate.report import PLACE, Report
from benchmarks.accelerate.training import Training
from benchmarks.timing import Stopwatch

TINY = Network("tiny", (2, 4, 3), (Layer("up", 2, 4, 2), Layer("conv", 1, 3, 2, active=False)))

TRAINING = Training(
    lambda x: (x * x).sum(), jax.jit, lambda: (jnp.arange(4.0),), lambda _, result: {"y": result}
)

RESULTS = (
    Comparison("net", "A", "upsampling", 1e-7, {"stock": 0.09, "accelerated": 0.01}, 9.0),
    Comparison("net", "B", "upsampling", 1e-7, {"stock": 0.08, "accelerated": 0.02}, 4.0),
    Comparison("mlp", "A", "no convolutions", 0.0, {"stock": 0.01, "accelerated": 0.01}, 1.0),
)


def report() -> Report:
    return Report(machine.describe(), {"rounds": 1}, list(RESULTS))


def test_channels_and_sizes_are_followed_through_a_network() -> None:
    assert [in_channels for _, in_channels in TINY.layers_with_ins()] == [3, 2]
    inputs, targets = TINY.batch()
    assert (inputs.shape, targets.shape) == ((2, 4, 3), (2, 4, 1))
    (u_net,) = (one for one in NETWORKS if one.name == "U-Net")
    joined = [in_channels for layer, in_channels in u_net.layers_with_ins() if layer.joins]
    assert joined == [128 + 128, 64 + 64, 32 + 32]
    assert u_net.batch()[1].shape == (4, 64, 64, 1)


def test_groups_of_networks() -> None:
    groups = [network.group for network in NETWORKS]
    assert groups == ["upsampling"] * 4 + ["down and up"] + ["no convolutions"] * 2
    assert [shrunk(network, 8).group for network in NETWORKS] == groups


@pytest.mark.parametrize("name", ["flax_nnx", "flax_linen", "equinox_modules", "haiku_modules"])
def test_every_framework_trains_it(name: str) -> None:
    """Shapes alone: `tests/accelerate` compares the numbers."""
    module = __import__(f"benchmarks.accelerate.{name}", fromlist=["train"])
    training = module.train(TINY)

    def arrays() -> Any:
        result = training.step(*training.arguments())
        return [leaf for leaf in jax.tree.leaves(result) if isinstance(leaf, jax.Array)]

    *_, loss = jax.eval_shape(arrays)
    assert (loss.shape, loss.dtype) == ((), np.float32)


def test_the_same_values_are_timed() -> None:
    found = compare(TINY, "A", TRAINING, 1, stopwatch=Stopwatch(1e-4, 0.0))
    assert not found.wrong
    assert found.error == 0
    assert found.ratio > 0
    assert set(found.seconds) == {"stock", "accelerated"}
    assert (found.network, found.group) == ("tiny", "down and up")


def test_wrong_values_are_not_timed() -> None:
    """A transform that is wrong by a thousandth, one that widens, one that gives no number."""
    for spoil in (lambda y: y * 1.001, lambda y: y[None], lambda y: y * jnp.nan):
        found = compare(
            TINY, "A", TRAINING, 1, transform=lambda step, f=spoil: lambda x: f(step(x))
        )
        assert found.wrong
        assert not found.seconds


def test_difference_is_relative_to_the_largest_entry() -> None:
    expected = np.array([1.0, -100.0])
    assert difference(np.array([2.0, -100.0]), expected) == pytest.approx(0.01)
    assert difference(expected.astype(np.float32), expected) == float("inf")


def test_json_and_back(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    report().write_json(file)
    assert Report.read_json(file).results == list(RESULTS)
    summary = json.loads(file.read_text())["summary"]
    assert summary["upsampling"] == pytest.approx({"A": 9.0, "B": 4.0, "together": 6.0})
    assert summary["no convolutions"]["together"] == 1.0


def test_table() -> None:
    lines = report().markdown().splitlines()
    assert lines[0] == "| training step | A | B |"
    assert lines[2] == "| net | 90.0 -> 10.0: **9.00x** | 80.0 -> 20.0: **4.00x** |"
    assert lines[3] == "| mlp | 10.0 -> 10.0: **1.00x** | - |"
    assert "- upsampling: geometric mean 6.00x" in lines
    wrong = dataclasses.replace(RESULTS[0], error=0.5, seconds={}, ratio=float("nan"))
    spoilt = dataclasses.replace(report(), results=[wrong])
    assert spoilt.any_wrong()
    assert "WRONG by 5e-01" in spoilt.markdown()


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- accelerate -->\nold\n<!-- end of accelerate -->\nafter\n")
    assert PLACE.fits(file)
    PLACE.insert("new\n", file)
    expected = "before\n<!-- accelerate -->\nnew\n<!-- end of accelerate -->\nafter\n"
    assert file.read_text() == expected
    file.write_text("no place")
    assert not PLACE.fits(file)
