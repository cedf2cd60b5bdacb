"""A common factor of stride and dilation is taken out, exactly."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient, plan
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.algorithms.contract import Case, check_equal, expected
from jaxdeconv.planning import planner
from jaxdeconv.primitives import simplify
from jaxdeconv.primitives.thinning import Thinning

GEOMETRIES = (
    ConvGeometry(15, 3, stride=2, dilation=2, padding=3),
    ConvGeometry((17, 12), (3, 2), (2, 3), ((1, 2), (0, 4)), (4, 3)),
    ConvGeometry((16, 9), (3, 3), (4, 2), ((5, 1), (2, 3)), (6, 1), groups=2),
    ConvGeometry((20, 19), 3, 6, ((-3, 7), (4, -1)), 4),
    ConvGeometry((11, 8, 9), (2, 3, 2), (2, 1, 4), 1, (2, 2, 4)),
    ConvGeometry((14, 9), (1, 3), (2, 2), 0, (2, 2)),  # one tap: its spacing means nothing
)
FUNCTIONS = {"conv": conv, "conv_transpose": conv_transpose, "kernel_gradient": kernel_gradient}


def keywords(leg: str, case: Case) -> dict:
    size = {"conv_transpose": "input_size", "kernel_gradient": "kernel_size"}.get(leg)
    return case.keywords | ({size: getattr(case.geometry, size)} if size else {})


def call(leg: str, case: Case):
    return lambda x, y: FUNCTIONS[leg](x, y, **keywords(leg, case))


def geometries(function, *arrays) -> list[ConvGeometry]:
    """For which geometries algorithms are looked for."""
    with mock.patch.object(planner, "find", wraps=planner.find) as find:
        jax.jit(function).lower(*arrays)
    return [call.args[0].geometry for call in find.call_args_list]


@pytest.mark.every_variant
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_the_same_numbers(leg: str, geometry: ConvGeometry, monkeypatch) -> None:
    """By the matrix of coordinates; under grad and vmap as well."""
    monkeypatch.setattr(simplify, "LARGE", 0)
    case = Case("thinned", geometry)
    x, y, answer = expected(leg, case, case.data())
    function = call(leg, case)
    check_equal(jax.jit(function)(x, y), answer)
    (left,) = geometries(call(leg, case), x, y)
    steps = zip(left.stride, left.dilation, left.kernel_size, left.output_size, strict=True)
    assert all(np.gcd(s, d) == 1 for s, d, k, o in steps if k > 1 and o > 1)
    assert left.output_size == geometry.output_size
    weights = np.arange(answer.size, dtype=np.float32).reshape(answer.shape) % 5
    derived = lambda x, y: FUNCTIONS[leg](  # noqa: E731
        x, y, algorithm="derived", **case.keywords, **_size(leg, geometry)
    )
    gradients = [
        jax.jit(jax.grad(lambda x, y, f=f: jnp.vdot(f(x, y), weights), (0, 1)))(x, y)
        for f in (function, derived)
    ]
    for got, right in zip(*gradients, strict=True):
        check_equal(got, right)
    check_equal(jax.vmap(function, (0, None))(np.stack([x, 2 * x]), y), [answer, 2 * answer])


def _size(leg: str, geometry: ConvGeometry) -> dict:
    if leg == "conv_transpose":
        return {"input_size": geometry.input_size}
    return {"kernel_size": geometry.kernel_size} if leg == "kernel_gradient" else {}


def test_cells_that_no_tap_reads_spread_nothing() -> None:
    """A NaN there reaches neither K nor G, and K^T leaves them zero."""
    case = Case("unread", ConvGeometry(15, 3, stride=2, dilation=2, padding=3))
    v, w, u = case.data()
    v[:, ::2] = np.nan  # low is odd: cells 1, 3, 5, ... are read
    assert np.isfinite(conv(v, w, **case.keywords)).all()
    assert np.isfinite(kernel_gradient(u, v, kernel_size=(3,), **case.keywords)).all()
    assert not np.any(conv_transpose(u, w, input_size=15, **case.keywords)[:, ::2])


def test_small_arrays_are_not_copied_for_the_forward_convolution() -> None:
    case = Case("small", GEOMETRIES[0])
    v, w, u = case.data()
    assert geometries(call("conv", case), v, w)[0].dilation == (2,)
    assert geometries(call("conv_transpose", case), u, w)[0].dilation == (1,)


def test_padding_is_even_where_it_may_be() -> None:
    thinned = Thinning(ConvGeometry((64, 64), 3, 2, 2, 2)).simplified
    assert thinned == ConvGeometry((32, 32), 3, 1, 1)


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_what_a_plan_offers_can_be_forced(leg: str) -> None:
    """oneDNN has no fast kernel for this stride and dilation, but for the thinned problem."""
    geometry = ConvGeometry((16, 26), (2, 2), (3, 2), ((0, 0), (0, 2)), (3, 3), 1)
    case = Case("thinned", geometry, 3, 5)
    x, y, answer = expected(leg, case, case.data())
    given = keywords(leg, case)
    offered = [one.algorithm for one in plan(leg, x, y, **given).candidates if one.supported]
    for name in offered:
        if name != "fft":
            check_equal(FUNCTIONS[leg](x, y, **given, algorithm=name), answer, what=name)
    assert len(offered) >= 2
