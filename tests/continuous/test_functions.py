"""Functions of finite support, and their inner products."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from jaxdeconv.continuous import Function, Quadrature, inner
from tests.continuous.functions import BOX, HAT, RAMP, SKEWED, WAVE


def test_zero_outside_without_evaluating_the_formula() -> None:
    """1/x is infinite at 0, and its gradient would be NaN there."""
    inverse = Function(lambda x: 1 / x, (1, 2))
    x = jnp.array([-1.0, 0.0, 1.0, 2.0, 2.5])
    assert inverse(x).tolist() == [0, 0, 1, 0.5, 0]
    assert jax.vmap(jax.grad(inverse))(x)[1] == 0


def test_integers_become_floats() -> None:
    assert HAT(0).dtype == HAT(jnp.zeros(2, int)).dtype == jnp.zeros(()).dtype


def test_knots_are_sorted_and_unique() -> None:
    assert Function(jnp.cos, (0, 1), breaks=[0.5, 0.25, 1, 0.5]).knots == (0, 0.25, 0.5, 1)


@pytest.mark.usefixtures("x64")
def test_inner_against_scipy() -> None:
    for f, g in [(WAVE, SKEWED), (RAMP, HAT), (WAVE, RAMP)]:
        low = max(f.support[0], g.support[0])
        high = min(f.support[1], g.support[1])
        knots = sorted({low, high, *(k for k in (*f.knots, *g.knots) if low < k < high)})
        expected = sum(
            scipy.integrate.quad(lambda x, f=f, g=g: float(f(x) * g(x)), a, b)[0]
            for a, b in itertools.pairwise(knots)
        )
        assert float(inner(f, g)) == pytest.approx(expected, abs=1e-13)
        assert float(inner(g, f)) == pytest.approx(expected, abs=1e-13)


def test_inner_of_functions_that_do_not_overlap() -> None:
    assert float(inner(BOX, Function(jnp.exp, (2, 3)))) == 0
    assert float(inner(BOX, Function(jnp.exp, (1, 3)))) == 0


@pytest.mark.usefixtures("x64")
def test_quadrature_is_exact_up_to_its_degree() -> None:
    """n nodes are exact for degree 2n - 1, but not for 2n."""
    for n in (1, 2, 4):
        one = Function(jnp.ones_like, (-1, 1))
        for degree, exact in [(2 * n - 1, True), (2 * n - 2, True), (2 * n, False)]:
            power = Function(lambda x, degree=degree: x**degree, (0, 1))
            error = abs(float(inner(one, power, Quadrature(n, 1))) - 1 / (degree + 1))
            assert (error < 1e-15) == exact


def test_panels_divide_the_interval() -> None:
    got = inner(BOX, Function(lambda x: x**2, (0, 1)), Quadrature(1, 4))
    assert float(got) == pytest.approx(np.mean(((np.arange(4) + 0.5) / 4) ** 2))
