"""Steps compiled for absent devices: the networks train, the table's arithmetic, the command."""

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from benchmarks.accelerate import __main__ as command
from benchmarks.accelerate.compiled import DTYPES, Row, row, wasted
from benchmarks.accelerate.compiled_report import PLACE, CompiledReport
from benchmarks.accelerate.full_size import FULL_SIZE
from benchmarks.accelerate.networks import Layer, Network, conv, shrunk, up
from benchmarks.accelerate.training import Training
from jaxdeconv.compilers.installing import folder
from jaxdeconv.compilers.targets import find
from tests.compilers.support import explained, text

FRAMEWORKS = tuple(command.FRAMEWORKS.values())

TINY = Network(
    "tiny",
    (2, 8, 8, 4),
    (
        conv(8, kept=True),
        conv(8, groups=4, active=False),
        Layer("norm", 2),
        conv(8, 1, adds=True, kept=True),
        conv(8, stride=2, groups=8),
        up(8, 2, joins=False),
        conv(4, joins=True, active=False),
    ),
)
"""Every kind of layer of the convolutional networks."""

ROWS = (
    ("U-Net", "Haiku", "float32", 2e-4, 1e-4),
    ("U-Net", "Haiku", "mixed", 1e-4, 2e-4),
    ("vocoder", "Haiku", "float32", 4e-4, 0.5e-4),
)


def made(
    network: str,
    framework: str,
    dtype: str,
    stock: float,
    fast: float,
    target: str = "h100",
    error: str = "",
) -> Row:
    both = {"stock": stock, "accelerated": fast}
    shares = {"stock": 0.75, "accelerated": math.nan}
    counts = {"stock": 9, "accelerated": 5}
    return Row(
        target, network, framework, dtype, both, shares, counts, error, "0.10.2", "2026-11-28"
    )


def training(name: str, network: Network, dtype: str) -> Training:
    module: ModuleType = importlib.import_module(f"benchmarks.accelerate.{name}")
    found: Training = module.train(network, DTYPES[dtype])
    return found


def convolved(jaxpr: Any) -> list[tuple[str, ...]]:
    """The operands' dtypes of every convolution, at any depth."""
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            found.append(tuple(var.aval.dtype.name for var in equation.invars))
        for inner in jaxprs_in_params(equation.params):
            found += convolved(inner)
    return found


def traced(given: Training) -> tuple[Any, list[tuple[str, ...]]]:
    """The arrays that a step returns, as shapes, and its convolutions; nothing is computed."""

    def arrays() -> Any:
        arguments = given.arguments()
        numbers = given.numbers(arguments, given.step(*arguments))
        return [leaf for leaf in jax.tree.leaves(numbers) if isinstance(leaf, jax.Array)]

    closed = jax.make_jaxpr(arrays)()
    return closed.out_avals, convolved(closed.jaxpr)


@pytest.fixture(autouse=True)
def _as_users_run_it() -> Iterator[None]:
    """Flax's norms mix their float32 statistics with narrower inputs."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.every_variant
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_tiny_steps_change_every_parameter_by_finite_gradients(name: str, dtype: str) -> None:
    """Momentum starts from zero: after a step the optimiser's state is the gradients."""
    given = training(name, TINY, dtype)
    arguments = given.arguments()
    found = given.numbers(arguments, given.compile(given.step)(*arguments))
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(found) if isinstance(leaf, jax.Array)]
    inexact = [one for one in arrays if np.issubdtype(one.dtype, np.floating)]
    weights = sum(layer.kind != "norm" for layer in TINY.layers)
    assert len(inexact) >= 1 + 2 * 2 * (
        weights + 1
    )  # loss; weights and biases, and their gradients
    assert {one.dtype.name for one in inexact} == {"float32"}
    for one in inexact:
        assert np.isfinite(one).all()
        assert np.any(one)


@pytest.mark.parametrize("network", FULL_SIZE, ids=lambda network: network.name)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_full_sizes_are_traced_in_both_dtypes(name: str, network: Network) -> None:
    convolutions = [layer for layer in network.layers if layer.kind in ("conv", "up")]
    shapes = []
    for dtype, narrow in DTYPES.items():
        out, operands = traced(training(name, network, dtype))
        assert len(operands) >= 3 * len(convolutions) - 1  # the input has no gradient
        assert set(operands) == {(narrow or "float32",) * 2}
        shapes.append([(aval.shape, aval.dtype) for aval in out])
    assert shapes[0] == shapes[1]  # parameters, gradients and loss: float32 in both


@pytest.mark.parametrize("network", FULL_SIZE, ids=lambda network: network.name)
def test_small_versions_keep_the_kinds_of_groups(network: Network) -> None:
    small = shrunk(network, 8)
    pairs = zip(network.with_in_channels(), small.with_in_channels(), strict=True)
    for (layer, in_channels), (less, fewer) in pairs:
        assert (layer.groups > 1) == (less.groups > 1)
        if layer.groups > 1:
            assert fewer // less.groups == in_channels // layer.groups
            assert fewer % less.groups == less.features % less.groups == 0


def test_ratios_means_and_the_least() -> None:
    rows = [made(*one) for one in ROWS]
    refused = made("U-Net", "Equinox", "mixed", 0.0, 0.0, error="No")
    report = CompiledReport([*rows, refused])
    assert [one.ratio for one in rows] == [2.0, 0.5, 8.0]
    assert math.isnan(refused.ratio)
    means = report.summary("h100")
    assert means["float32"] == {"geometric mean": pytest.approx(4.0), "least": 2.0}
    assert means["mixed"] == {"geometric mean": pytest.approx(0.5), "least": 0.5}
    assert means["together"] == {"geometric mean": pytest.approx(2.0), "least": 0.5}
    assert report.any_wrong()
    assert not CompiledReport(rows).any_wrong()


def test_a_table_for_every_device() -> None:
    rows = [made(*one) for one in ROWS]
    elsewhere = made(*ROWS[0], target="v5e")
    refused = made("U-Net", "Equinox", "mixed", 0.0, 0.0, error="It says\n no")
    shown = CompiledReport([*rows, elsewhere, refused]).markdown()
    assert "| U-Net | Haiku | float32 | 200 | 100 | **2.00** | 75% | - |" in shown
    assert "| U-Net | Equinox | mixed | refused | - | - | - | - |" in shown
    assert "- together: geometric mean 2.00, least 0.50 (U-Net, Haiku, mixed)" in shown
    assert "- U-Net, Equinox, mixed: It says no" in shown
    assert shown.count("compiled, not timed") == 2
    assert shown.count("(jax 0.10.2, 2026-11-28)") == 2
    assert 'platforms="tpu"' in shown.partition("v5e (")[2]


def test_new_rows_take_the_place_of_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    rows = [made(*one) for one in ROWS]
    CompiledReport(rows).updated(file).write_json(file)
    other = made("vocoder", "Haiku", "float32", 3e-4, 1e-4)
    added = made(*ROWS[0], target="v5e")
    CompiledReport([other, added]).updated(file).write_json(file)
    found = CompiledReport.read_json(file)
    assert [one.key for one in found.results] == [*(one.key for one in rows), added.key]
    assert [one.ratio for one in found.results] == pytest.approx([2.0, 0.5, 3.0, 2.0])
    assert found.markdown() == CompiledReport([*rows[:2], other, added]).markdown()


def test_the_wasted_share_is_of_what_is_computed() -> None:
    """A part that another convolution computes counts neither as useful nor as done."""
    source, tally = (lambda flops: SimpleNamespace(flops=flops) for _ in range(2))
    found: Any = SimpleNamespace(sources=[source(10.0), source(30.0), source(7.0), source(5.0)])
    done: Any = SimpleNamespace(convolutions=[tally(40.0), tally(60.0), tally(0.0), tally(4.0)])
    assert wasted(found, done) == 1 - (10 + 30 + 4) / 104
    assert math.isnan(wasted(found, SimpleNamespace(convolutions=[tally(0.0)] * 4)))  # type: ignore[arg-type]


def test_a_row_is_read_from_an_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    found = explained(monkeypatch, text("h100_stuffed"), text("h100_stuffed"))
    one = row(found, TINY, "A", "mixed")
    assert (one.key, one.jax, one.ratio) == (("h100", "tiny", "A", "mixed"), jax.__version__, 1.0)
    assert one.seconds["stock"] == found.programs[0].total.seconds > 0
    assert one.wasted["stock"] == pytest.approx(found.wasted(found.programs[0], 0))
    assert one.launches["accelerated"] == found.programs[-1].total.launches


def test_the_command_refuses_what_it_cannot_compile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAXDECONV_COMPILERS", str(tmp_path))
    for target, said in (("h101", "a known name"), ("v5e", "compilers install v5e")):
        with pytest.raises(SystemExit):
            command.main(["--compiled", target])
        assert said in capsys.readouterr().err


def test_the_command_shows_stored_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, readme = tmp_path / "results.json", tmp_path / "README.md"
    report = CompiledReport([made(*one) for one in ROWS])
    report.write_json(file)
    given = ["--compiled", "h100", "--replay", str(file), "--markdown", str(readme)]
    assert command.main(given) == 0
    assert capsys.readouterr().out.strip() == report.markdown().strip()
    assert PLACE.marks[0] + report.markdown() in readme.read_text()


@pytest.mark.skipif(not folder("cuda").exists(), reason="XLA:GPU is not installed")
def test_the_command_compiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, details = tmp_path / "results.json", tmp_path / "details"
    names = ["--networks", "DCGAN*", "--frameworks", "Flax Linen", "--dtypes", "float32"]
    paths = ["--json", str(file), "--details", str(details)]
    assert command.main(["--compiled", "h100", "--quick", *names, *paths]) == 0
    (one,) = CompiledReport.read_json(file).results
    assert one.key == ("h100", "DCGAN generator", "Flax Linen", "float32")
    assert one.ratio > 0
    assert find("h100").kind in capsys.readouterr().out
    (found,) = details.iterdir()
    assert "conv_transpose" in found.read_text()
