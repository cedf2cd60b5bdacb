"""The U-Net example: a few steps of a tiny network on real photographs."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from examples.unet import __main__ as program
from examples.unet import data, training
from examples.unet.settings import Settings
from tests.support.checks import check_equal

TINY = Settings(steps=5, batch=2, size=16, channels=(3, 4, 6), checkpoint_every=2, seed=3)


TINY_OPTIONS = [
    "--steps=3",
    "--batch=1",
    "--size=16",
    "--checkpoint-every=3",
    "--channels",
    "2",
    "3",
]


@pytest.fixture(autouse=True)
def _promotion() -> Iterator[None]:
    """Optax relies on JAX's default promotion of dtypes."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


class KilledError(Exception):
    """Stops a run."""


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_numbers(tmp_path: Path) -> None:
    """Killed between two checkpoints: the lost steps are repeated, with equal numbers."""
    whole, losses = training.train(TINY, tmp_path / "whole")

    def kill(step: int) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        training.train(TINY, tmp_path / "parts", after=kill)
    steps: list[int] = []
    resumed, resumed_losses = training.train(TINY, tmp_path / "parts", after=steps.append)
    assert steps == [3, 4, 5]
    check_equal(resumed_losses, losses)
    jax.tree.map(check_equal, nnx.state(resumed), nnx.state(whole))


def test_a_directory_keeps_its_settings(tmp_path: Path) -> None:
    TINY.claim(tmp_path)
    TINY.claim(tmp_path)
    with pytest.raises(ValueError, match="output must be new or hold a run with the same settings"):
        Settings(steps=6).claim(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_rivals_learn_the_same() -> None:
    """From the same parameters, on the same patches: equal losses, up to rounding."""
    records = importlib.import_module("examples.unet.rivals").race(TINY)
    ours = records.pop("jaxdeconv").losses
    assert ours[-1] < ours[0]
    assert list(records) == ["PyTorch", "Flax"]
    for record in records.values():
        np.testing.assert_allclose(record.losses, ours, rtol=1e-4)
        assert record.seconds_per_step > 0


def test_patches_are_those_of_their_step() -> None:
    noisy, clean = data.batch(TINY, 4)
    assert noisy.shape == clean.shape == (2, 16, 16, 1)
    check_equal(data.batch(TINY, 4)[0], noisy)
    assert (data.batch(TINY, 5)[1] != clean).any()
    assert 0 <= clean.min() < clean.max() <= 1
    assert abs(float((noisy - clean).std()) - TINY.noise) < 0.03
    assert data.HELD_OUT not in data.TRAINING


def test_psnr() -> None:
    assert data.psnr(np.full((2, 2), 0.1), np.zeros((2, 2))) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"size": 12}, "size must be a multiple of 8"), ({"steps": 0}, "must be at least 1")],
    ids=["size", "steps"],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


def test_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["unet", *TINY_OPTIONS, "--output", str(tmp_path)])
    program.main()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["curve.png", "result.png"]
    assert "dB denoised" in capsys.readouterr().out


@pytest.mark.usefixtures("torch")
def test_program_with_rivals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    argv = ["unet", *TINY_OPTIONS, "--output", str(tmp_path), "--rivals"]
    monkeypatch.setattr(sys, "argv", argv)
    program.main()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["rivals.png"]
    assert "ms a step" in capsys.readouterr().out


def test_rivals_without_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["unet", "--output", str(tmp_path), "--rivals"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(SystemExit, match="unet: --rivals needs PyTorch: install torch"):
        program.main()


def test_program_refuses_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["unet", "--size", "30", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="unet: size must be a multiple of 8"):
        program.main()
