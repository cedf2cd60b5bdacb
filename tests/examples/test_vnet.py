"""The V-Net example: tiny volumes over 8 simulated devices, each program in its own process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from examples.vnet import data, network, training
from tests.support.checks import check_equal
from tests.support.processes import printed_on

STEP = """
from examples.vnet import network, training
from jaxdeconv import sharding

mesh, sizes, channels = training.cube_of_devices(), (8, 12, 16), (2, 3)
told = sharding.explain(
    training.compiled_step,
    *training.arguments(mesh, sizes, channels),
    convolutions=network.OURS,
)
assert not told.gathered, told
assert {one.kind for one in told.collectives} == {"collective-permute", "all-reduce"}
sent = [one for _, exchanges, _ in told.legs for one in exchanges if not one.is_sum]
halos = [one.bytes for one in told.collectives if one.kind == "collective-permute"]
assert sum(one.bytes for one in sent) == sum(halos) > 0, told
assert len(told.legs) == 23, told
alone, divided = (training.train(one, sizes, channels, steps=3) for one in (None, mesh))
assert max(abs(a / b - 1) for a, b in zip(alone, divided, strict=True)) < 1e-5, (alone, divided)
assert divided[2] < divided[1] < divided[0]
print("equal")
"""


@pytest.fixture(autouse=True)
def _promotion() -> Iterator[None]:
    """A bias of one axis is added to five, as users do."""
    with jax.numpy_rank_promotion("allow"):
        yield


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """What the command line does."""
    return subprocess.run(
        [sys.executable, "-m", "examples.vnet", *options],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_losses_of_eight_devices_are_those_of_one() -> None:
    """And nothing is gathered; what is sent is what the formula says."""
    assert printed_on(8, STEP) == "equal\n"


def test_command_line(tmp_path: Path) -> None:
    output = tmp_path / "new"
    result = run("--size=8", "--small=8", "--channels=1", "--steps=2", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in output.iterdir()) == ["exchange.txt", "vnet.png"]
    for said in ("8 devices: ", "fits into 512 MiB", "gathered", "halos by the formula", "a step"):
        assert said in result.stdout
    assert "kernel_gradient: " in (output / "exchange.txt").read_text()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--size=30", "size must be a multiple of 4"),
        ("--kernel=4", "kernel must be odd; got kernel=4. Pass 3 or 5."),
        ("--steps=0", "steps must be at least 1"),
        ("--channels=0", "channels must be at least 1"),
    ],
)
def test_what_is_refused(option: str, message: str) -> None:
    result = run(option)
    assert result.returncode == 1
    assert result.stderr.startswith(f"vnet: {message}")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("kernel", [3, 5])
def test_both_kinds_of_convolution_are_the_same_network(kernel: int) -> None:
    parameters, _ = training.start((2, 3, 4), kernel)
    volume, labels = (one[None, ..., None] for one in data.scan((8, 4, 12)))
    losses = [
        jax.value_and_grad(training.dice_loss)(parameters, volume, labels, convolutions)
        for convolutions in (network.OURS, network.STOCK)
    ]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), *losses)


def test_a_block_is_that_of_the_whole() -> None:
    sizes, block = (9, 6, 12), (slice(2, 7), slice(None), slice(6, 12))
    whole, part = data.scan(sizes, seed=3), data.scan(sizes, block, seed=3)
    for one, other in zip(whole, part, strict=True):
        check_equal(other, one[block])
    assert (data.scan(sizes, seed=4)[0] != whole[0]).any()


def test_noise() -> None:
    volume, labels = data.scan((32, 32, 32))
    assert set(np.unique(labels)) == {0, 1}
    outside = volume[volume < 0.9]  # uniform noise, of no vessel
    assert abs(outside.mean()) < 0.05
    assert abs(outside.std() - data.NOISE) < 0.05
    assert volume[labels == 1].mean() == pytest.approx(1, abs=0.05)
