"""What is chosen, where, why; that it can be read; and that nothing is planned in vain."""

import dataclasses

import jax
import numpy as np
import pytest

from benchmarks.cases import CASES as BENCHMARKS
from jaxdeconv import conv_transpose, plan
from jaxdeconv.algorithms import ALGORITHMS, Problem, Work
from jaxdeconv.planning import (
    costmodel,
    devices,
    planner,
    roofline,
    traced_for,
    tuning_cache,
)
from tests.support.algorithms import runs_here

U = jax.ShapeDtypeStruct((4, 32, 32, 64), np.float32)
W = jax.ShapeDtypeStruct((4, 4, 16, 64), np.float32)


def problems(leg: str) -> list[Problem]:
    """The leg's problem in every benchmark case: on one device, and in an exported program."""
    one_device = [case.problem(leg) for case in BENCHMARKS]
    return [*one_device, *(dataclasses.replace(one, exported=True) for one in one_device)]


@pytest.mark.parametrize(
    ("leg", "name"),
    [(leg, one.name) for leg, many in ALGORITHMS.items() for one in many if runs_here(one.name)],
)
def test_every_algorithm_is_reached(
    leg: str, name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """By 'auto' in at least one benchmark case: what is never chosen is removed."""
    if name == "fft" or (name == "block_diagonal" and leg != "kernel_gradient"):
        return  # inexact, or spreads NaN: on request only
    request.addfinalizer(tuning_cache.forget)
    reached = set()
    for costs in costmodel.shipped_names():
        monkeypatch.setenv("JAXDECONV_COSTS", costs)
        tuning_cache.forget()
        for platform in ("cpu", "cuda", "tpu"):
            reached |= {planner.choose(one, platform).algorithm for one in problems(leg)}
    assert name in reached


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_a_plan_can_be_read(platform: str) -> None:
    chosen = plan("conv_transpose", U, W, stride=2, padding=1, platform=platform)
    text = str(chosen)
    assert f"conv_transpose on {planner.PLATFORMS[platform]}: {chosen.algorithm}" in text
    for one in ALGORITHMS["conv_transpose"]:
        assert one.name in text
    assert "only for one input and one output channel per group" in text
    measured = "least predicted time" if platform == "cpu" else "not measured"
    assert measured in text


def test_candidates_are_sorted_and_complete() -> None:
    chosen = plan("conv_transpose", U, W, stride=2, padding=1, platform="cpu")
    names = [one.algorithm for one in chosen.candidates]
    assert sorted(names) == sorted(one.name for one in ALGORITHMS["conv_transpose"])
    seconds = [one.seconds for one in chosen.candidates if one.supported and not one.on_request]
    assert seconds == sorted(seconds)
    assert chosen.algorithm == names[0]
    assert all(one.rejected for one in chosen.candidates if not one.supported)


def test_no_zeros_on_a_cpu() -> None:
    chosen = plan("conv_transpose", U, W, stride=2, platform="cpu")
    native = next(one for one in chosen.candidates if one.algorithm == "native")
    assert native.rejected == "stride > 1: would multiply by inserted zeros"


def test_forced() -> None:
    chosen = plan("conv_transpose", U, W, stride=2, algorithm="overlap_add", platform="cpu")
    assert (chosen.algorithm, chosen.reason) == ("overlap_add", "forced")
    u, w = np.ones(U.shape, np.float32), np.ones(W.shape, np.float32)
    text = jax.jit(lambda u: conv_transpose(u, w, stride=2, algorithm="overlap_add")).lower(u)
    assert "stablehlo.convolution" not in text.as_text()
    assert "stablehlo.dot_general" in text.as_text()


def test_forced_for_another_platform() -> None:
    """What this platform cannot, the one that is lowered for may."""
    u, w = np.ones(U.shape, np.float32), np.ones(W.shape, np.float32)

    def forced(u):
        return conv_transpose(u, w, stride=2, algorithm="native")

    with pytest.raises(ValueError, match="would multiply by inserted zeros"):
        jax.jit(forced).trace(u)
    with traced_for("cuda"):
        traced = jax.jit(forced).trace(u)
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert "lhs_dilate = [2, 2]" in text


def test_predictions_for_a_gpu() -> None:
    """Of every candidate; zeros cost what they cost, and a slower device takes longer."""
    half = [jax.ShapeDtypeStruct(one.shape, "bfloat16") for one in (U, W)]
    chosen = plan("conv_transpose", *half, stride=2, padding=1, platform="cuda")
    seconds = {one.algorithm: one.seconds for one in chosen.candidates if one.supported}
    assert set(seconds) == {"native", "subpixel", "phases", "fft", "overlap_add"}
    assert all(0 < time < 1e-3 for time in seconds.values())
    assert (chosen.algorithm, min(seconds, key=seconds.__getitem__)) == ("native", "native")
    assert chosen.reason == "predicted for h100 from compiled programs, not measured"
    problem = chosen.problem
    work = next(one.work for one in chosen.candidates if one.algorithm == "overlap_add")
    fast, slow = (
        roofline.seconds(problem, work, devices.find(name).constants) for name in ("h100", "a100")
    )
    assert fast < slow


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("TPU v5 lite", "v5e"),
        ("TPU v6 lite", "v6e"),
        ("NVIDIA H200", ""),
        ("TPU v5", ""),
    ],
)
def test_names_of_devices(kind: str, name: str) -> None:
    assert devices.name_of(kind) == name


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_a_kernel_larger_than_u_on_accelerators(platform: str) -> None:
    """XLA would exchange the two, and multiply by the inserted zeros."""
    u = jax.ShapeDtypeStruct((8, 14, 14, 768), "bfloat16")
    for size, chosen in ((16, {"subpixel", "overlap_add"}), (17, {"phases", "overlap_add"})):
        w = jax.ShapeDtypeStruct((size, size, 3, 768), "bfloat16")
        found = plan("conv_transpose", u, w, stride=16, platform=platform)
        assert found.algorithm in chosen


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"algorithm": "native", "stride": 2},
            "plan: algorithm must be one that can compute this conv_transpose: stride > 1: would "
            "multiply by inserted zeros; got algorithm='native'. Pass one of 'auto', 'derived', ",
        ),
        ({"leg": "deconv"}, "plan: leg must be a known name; got leg='deconv'. Pass one of "),
        ({"platform": "vpu"}, "plan: platform must be a known name; got platform='vpu'. Pass one"),
        ({"algorithm": "derived"}, "plan: algorithm must be one that is planned, and the defini"),
        ({"stride": 0}, "plan: stride must be at least 1; got stride=0. Pass 1 or more."),
    ],
)
def test_bad_input(arguments: dict, text: str) -> None:
    keywords = {"leg": "conv_transpose", "platform": "cpu"} | arguments
    with pytest.raises(ValueError) as error:
        plan(keywords.pop("leg"), U, W, **keywords)
    assert str(error.value).startswith(text)


def test_the_order_on_tpus_names_algorithms() -> None:
    for leg, algorithms in ALGORITHMS.items():
        assert set(planner.PREFERENCE[leg]) < {one.name for one in algorithms}


@pytest.mark.parametrize(
    ("slower", "memory", "chosen"),
    [(1.1, 2**29, "lean"), (1.3, 2**29, "fast"), (1.1, 2**25, "fast"), (1.1, 0, "fast")],
)
def test_much_memory_is_not_spent_for_nothing(slower: float, memory: int, chosen: str) -> None:
    """Where it is more than 64 MiB, and what needs less is nearly as fast."""
    work = Work(1, 1, 1, 1)
    fast = planner.Candidate("fast", "", 1.0, dataclasses.replace(work, memory=memory))
    lean = planner.Candidate("lean", "", slower, work)
    (first, *_), reason = planner._least_memory([fast, lean])
    assert first.algorithm == chosen
    assert reason.startswith("least memory" if chosen == "lean" else "least predicted time")
