"""Planted constants are found by the fit; the device keeps them; predictions follow them."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from benchmarks.gpu import card, constants, roofline
from jaxdeconv.compilers import targets

PLANTED = {
    "launch_seconds": 3e-6,
    "bytes_per_second": 2e12,
    "vector_flops_per_second": 3e13,
    "flops_per_second": {"bf16": 6e14, "f16": 5e14, "f32": 3e14, "f32 highest": 4e13}
    | {"s8": 1e15, "f64": 2e13},
}
_START = 2e-5  # of a program


def planted(probe: constants.Probe) -> dict[str, Any]:
    """What `measure` would find on a device with these constants."""
    if probe.kind == "launch":
        seconds = probe.amount * PLANTED["launch_seconds"]
    elif probe.kind in ("bytes", "vector"):
        seconds = probe.amount / PLANTED[constants._NAMES[probe.kind]]
    else:
        seconds = probe.amount / PLANTED["flops_per_second"][probe.kind]
    seconds += _START if probe.kind == "launch" else PLANTED["launch_seconds"]
    return {"kind": probe.kind, "name": probe.name, "amount": probe.amount, "seconds": seconds}


def test_planted_constants_are_found() -> None:
    fitted = constants.fit([planted(probe) for probe in constants.probes(quick=False)])
    assert fitted.keys() == PLANTED.keys()
    for name, value in PLANTED.items():
        expected = pytest.approx(value, rel=0.03)
        assert fitted[name] == expected
    assert fitted["launch_seconds"] == pytest.approx(PLANTED["launch_seconds"], rel=1e-6)


def test_one_disturbed_probe_does_not_matter() -> None:
    measured = [planted(probe) for probe in constants.probes(quick=False)]
    for one in measured:
        if one["name"] in ("K^T", "x + y"):
            one["seconds"] *= 10
    fitted = constants.fit(measured)
    assert fitted["flops_per_second"]["bf16"] == pytest.approx(6e14, rel=0.03)
    assert fitted["bytes_per_second"] == pytest.approx(2e12, rel=0.05)


def test_what_was_not_measured_is_left_out() -> None:
    measured = [planted(probe) for probe in constants.probes(quick=False) if probe.kind == "bytes"]
    assert constants.fit(measured).keys() == {"bytes_per_second"}
    assert constants.fit([]) == {}


def test_chains_that_were_fused_have_no_slope() -> None:
    chains = [{"kind": "launch", "amount": 1, "seconds": t} for t in (3e-6, 4e-6)]
    assert constants.fit(chains) == {"launch_seconds": 4e-6}


def test_a_probe_runs() -> None:
    probe = constants.probes(quick=True)[0]
    assert probe.kind == "launch"
    found = constants.measure(probe, rounds=1, sample=1e-5)
    assert found["amount"] >= 1
    assert found["seconds"] > 0


@pytest.mark.parametrize("kind", ["K", "K^T", "G", "matrix product"])
def test_flops_of_the_products_are_counted_right(kind: str) -> None:
    """As XLA counts them, for quick sizes; padding is not counted there."""
    probe = next(one for one in constants.probes(quick=True) if one.name == kind)
    operands = [jax.ShapeDtypeStruct(shape, jnp.dtype(probe.dtype)) for shape in probe.shapes]
    cost = jax.jit(probe.function).lower(*operands).cost_analysis()
    assert cost["flops"] == pytest.approx(probe.amount, rel=0.25)
    assert cost["flops"] <= 1.05 * probe.amount


def test_what_is_remembered_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXDECONV_DEVICES", str(tmp_path))
    before = roofline.data_sheet("h100")
    fitted = {"launch_seconds": 9e-6, "flops_per_second": {"bf16": 1e14}}
    path = roofline.remember("h100", fitted, "measured on a card")
    assert json.loads(path.read_text())["basis"] == "measured on a card"
    found = targets.find("h100")
    assert found.basis == "measured on a card"
    assert found.constants.launch_seconds == 9e-6
    assert found.constants.bytes_per_second == before["bytes_per_second"]
    assert found.constants.flops_per_second == {**before["flops_per_second"], "bf16": 1e14}


def test_merged_constants_are_whole_or_empty() -> None:
    assert roofline.merged({}, {"launch_seconds": 1.0}) == {}
    speeds = {name: 1.0 for name in PLANTED if name != "flops_per_second"}
    whole = roofline.merged({}, {**speeds, "flops_per_second": {"f32": 2.0, "s8": 8.0}})
    assert whole["flops_per_second"] == {"f32": 2.0, "s8": 8.0, "f32 highest": 2.0}


def test_predictions_follow_the_constants() -> None:
    x = jnp.ones((256, 256))
    text = jax.jit(jnp.matmul).lower(x, x).compile().as_text()
    slow = PLANTED | {"flops_per_second": {"f32": 1e6, "f32 highest": 1e6}}
    assert roofline.predict(text, slow) == pytest.approx(2 * 256**3 / 1e6)
    assert roofline.predict(text, PLANTED) == pytest.approx(PLANTED["launch_seconds"])


@pytest.mark.parametrize(
    ("kind", "slug", "device"),
    [
        ("NVIDIA H100 80GB HBM3", "h100_80gb_hbm3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100_sxm4_80gb", "a100"),
        ("NVIDIA H200", "h200", ""),
        ("NVIDIA GeForce RTX 4090", "geforce_rtx_4090", ""),
        ("", "unknown", ""),
    ],
)
def test_names_of_cards(kind: str, slug: str, device: str) -> None:
    assert (card.slug(kind), card.device_name(kind)) == (slug, device)
