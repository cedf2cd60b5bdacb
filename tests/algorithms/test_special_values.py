"""NaN and infinity of a signal reach what depends on them, and nothing else.

That this holds for every algorithm that 'auto' may take is part of the contract.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv_transpose, plan
from jaxdeconv.algorithms import Algorithm
from jaxdeconv.algorithms.contract import Case, check_numbers, supported
from jaxdeconv.planning import planner
from tests.algorithms.test_every_algorithm import PAIRS

SPREADING = [
    (leg, one)
    for leg, one in PAIRS
    if one.name != "fft"  # everywhere: see `test_fft`
    and any(one.spreads(case.problem(leg)) for case in supported(leg, one, "cpu"))
]


def test_only_some_of_the_transposes_spread_them() -> None:
    assert {leg for leg, _ in SPREADING} == {"conv_transpose"}


@pytest.mark.every_variant
@pytest.mark.parametrize(("leg", "algorithm"), SPREADING, ids=lambda x: getattr(x, "name", x))
def test_those_that_spread_them_must_say_so(leg: str, algorithm: Algorithm) -> None:
    silent = dataclasses.replace(algorithm, spreads=lambda _: False)
    with pytest.raises(AssertionError, match="spreads NaN or infinity, and `spreads` denies it"):
        check_numbers(leg, silent, "cpu")


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_auto_does_not_spread_them(platform: str) -> None:
    for geometry in (ConvGeometry(64, 3, 2), ConvGeometry((32, 32), (4, 3), (2, 2), 1)):
        case = Case("ragged", geometry, 64, 64, 4)
        chosen = planner.choose(case.problem("conv_transpose"), platform)
        assert not chosen.candidates[0].spreads
        assert "on request: spreads NaN and infinity" in str(chosen)


def test_it_can_be_asked_for_by_name() -> None:
    u, w = jnp.ones((1, 8, 8, 2)), jnp.ones((3, 3, 2, 2))
    forced = plan("conv_transpose", u, w, stride=2, platform="cpu", algorithm="subpixel")
    assert forced.algorithm == "subpixel"
    by_name = conv_transpose(u, w, stride=2, algorithm="subpixel")
    np.testing.assert_array_equal(by_name, conv_transpose(u, w, stride=2))
