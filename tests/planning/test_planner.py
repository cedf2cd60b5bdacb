"""What is chosen, where, why; that it can be read; and that nothing is planned in vain."""

import dataclasses

import jax
import numpy as np
import pytest

from benchmarks.cases import CASES as BENCHMARKS
from jaxdeconv import conv_transpose, plan
from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.convolutions import has_onednn
from jaxdeconv.planning import planner

U = jax.ShapeDtypeStruct((4, 32, 32, 64), np.float32)
W = jax.ShapeDtypeStruct((4, 4, 16, 64), np.float32)


def problems(leg: str) -> list[Problem]:
    """The leg's problem in every benchmark case: on one device, and in an exported program."""
    one_device = [case.problem(leg) for case in BENCHMARKS]
    return [*one_device, *(dataclasses.replace(one, exported=True) for one in one_device)]


@pytest.mark.parametrize(
    ("leg", "name"),
    [
        (leg, one.name)
        for leg, many in ALGORITHMS.items()
        for one in many
        if "onednn" not in one.name or has_onednn()
    ],
)
def test_every_algorithm_is_reached(leg: str, name: str) -> None:
    """By 'auto' in at least one benchmark case: what is never chosen is removed."""
    if name == "block_diagonal" and leg != "kernel_gradient":
        return  # spreads NaN: on request only
    platforms = ("cpu", "cuda", "tpu")
    assert any(
        planner.choose(one, platform).algorithm == name
        for platform in platforms
        for one in problems(leg)
    )


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
    seconds = [one.seconds for one in chosen.candidates if one.supported]
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
