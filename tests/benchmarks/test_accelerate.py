"""The comparison of training steps: values are checked before they are timed; the report."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import machine
from benchmarks.accelerate.compare import Comparison, compare
from benchmarks.accelerate.networks import Layer, Network
from benchmarks.accelerate.report import Report
from benchmarks.accelerate.training import Training
from benchmarks.timing import Stopwatch

TINY = Network("tiny", (2, 4, 3), (Layer("up", 2, 4, 2), Layer("conv", 1, 3, 2, active=False)))

TRAINING = Training(
    lambda x: (x * x).sum(), jax.jit, lambda: (jnp.arange(4.0),), lambda _, result: {"y": result}
)

RESULTS = (
    Comparison("net", "A", "upsampling", 1e-7, {"stock": 0.09, "accelerated": 0.01}, 9.0),
    Comparison("mlp", "A", "no convolutions", 0.0, {"stock": 0.01, "accelerated": 0.01}, 1.0),
)


@pytest.mark.parametrize("name", ["flax_nnx", "flax_linen", "equinox_modules", "haiku_modules"])
def test_every_framework_trains_it(name: str) -> None:
    """Shapes only: `tests/acceleration` compares the numbers."""
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
    """Transforms that are wrong by a thousandth, change a shape, or return NaN."""
    for spoil in (lambda y: y * 1.001, lambda y: y[None], lambda y: y * jnp.nan):
        found = compare(
            TINY, "A", TRAINING, 1, transform=lambda step, f=spoil: lambda x: f(step(x))
        )
        assert found.wrong
        assert not found.seconds


def test_a_report_is_written_and_read(tmp_path: Path) -> None:
    wrong = Comparison("net", "C", "upsampling", 0.5, {}, float("nan"))
    report = Report(machine.describe(), {"rounds": 1}, [*RESULTS, wrong])
    file = tmp_path / "results.json"
    report.write_json(file)
    again = Report.read_json(file)
    assert again.markdown() == report.markdown()
    assert again.any_wrong()
    assert "WRONG by 5e-01" in again.markdown()
