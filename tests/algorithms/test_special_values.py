"""NaN and infinity in a signal reach only the entries that depend on them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv_transpose, plan
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.planning import planner
from tests.algorithms.test_every_algorithm import FULL, PAIRS, expected, problem_of
from tests.support.cases import Case


def spread(leg: str, case: Case, names: list[str]) -> set[str]:
    """The algorithms that return a non-finite value where the definition returns a finite one.

    One entry of the first operand is NaN or infinite. The second has no zeros, as their products
    with it would rightly be NaN. For G the padding of v has such zeros, so there the entry is one
    of v.
    """
    problem = problem_of(case, leg)
    by_name = {one.name: one for one in ALGORITHMS[leg]}
    run = jax.jit(lambda x, y: {name: by_name[name].apply(x, y, problem) for name in names})
    found = set()
    for value in (np.nan, np.inf):
        x, y, _ = expected(leg, case, case.data())
        signal, other = (y, x) if leg == "kernel_gradient" else (x, y)
        other[other == 0] = 1
        signal[(0,) * signal.ndim] = signal[(-1,) * signal.ndim] = value
        with np.errstate(invalid="ignore"):
            answer = expected(leg, case, reversed_data(leg, x, y))[2]
        for name, got in run(x, y).items():
            if (np.isfinite(answer) != np.isfinite(np.asarray(got))).any():
                found.add(name)
    return found


def reversed_data(leg: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """v, w, u from the operands of a leg; the array that it does not use is empty."""
    empty = np.zeros(0, np.float32)
    return {
        "conv": (x, y, empty),
        "conv_transpose": (empty, y, x),
        "kernel_gradient": (y, empty, x),
    }[leg]


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_they_stay_where_they_belong(leg: str) -> None:
    """In every algorithm that 'auto' may choose; the others declare that they spread them."""
    spreading = set()
    for case in FULL[4:24]:
        problem = problem_of(case, leg)
        names = [one.name for name, one in PAIRS if name == leg and not one.reject(problem, "cpu")]
        found = spread(leg, case, names)
        declared = {one.name for one in ALGORITHMS[leg] if one.spreads(problem)}
        assert found <= declared, case.name
        spreading |= found
    assert bool(spreading) == (leg == "conv_transpose")  # the check finds those that do


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_auto_does_not_spread_them(platform: str) -> None:
    for geometry in (ConvGeometry(64, 3, 2), ConvGeometry((32, 32), (4, 3), (2, 2), 1)):
        case = Case("ragged", geometry, 64, 64, 4)
        chosen = planner.choose(problem_of(case, "conv_transpose"), platform)
        assert not chosen.candidates[0].spreads
        assert "on request: spreads NaN and infinity" in str(chosen)


def test_it_can_be_asked_for_by_name() -> None:
    u, w = jnp.ones((1, 8, 8, 2)), jnp.ones((3, 3, 2, 2))
    forced = plan("conv_transpose", u, w, stride=2, platform="cpu", algorithm="subpixel")
    assert forced.algorithm == "subpixel"
    by_name = conv_transpose(u, w, stride=2, algorithm="subpixel")
    np.testing.assert_array_equal(by_name, conv_transpose(u, w, stride=2))
