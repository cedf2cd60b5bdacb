"""Axes along which the kernel lies in one place: the same numbers, by a product of matrices."""

import dataclasses
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.algorithms.contract import expected
from jaxdeconv.planning import planner
from jaxdeconv.primitives.folding import Folding
from tests.support.cases import Case
from tests.support.checks import check_equal

CASES = (
    Case("as large as the image", ConvGeometry((6, 5), (6, 5))),
    Case("one of two axes", ConvGeometry((6, 7), (6, 3), (1, 2), ((0, 0), (1, 0)))),
    Case("the other", ConvGeometry((6, 7), (3, 7), (2, 1))),
    Case("the middle one", ConvGeometry((4, 5, 6), (2, 5, 3), (1, 3, 2))),
    Case("groups", ConvGeometry((4, 5), (4, 5), groups=3)),
    Case("groups, one axis", ConvGeometry((4, 7), (4, 3), groups=2)),
    Case("padded", ConvGeometry((4, 5), (7, 5), 9, ((2, 1), (0, 3)))),
    Case("cropped", ConvGeometry((9, 8), (5, 6), 1, ((-1, -3), (-2, 0)))),
    Case("crops and grows", ConvGeometry(9, 6, 1, ((-4, 1),))),
    Case("dilated", ConvGeometry((11, 9), (4, 3), (1, 5), ((1, -2), (0, 0)), (3, 4))),
    Case("cells behind the kernel", ConvGeometry((9, 7), (4, 5), 8)),
    Case("one tap", ConvGeometry((1, 1), 1)),
    Case("depthwise, many taps", ConvGeometry((12, 12), 12, groups=4), 1, 1),
)


def call(leg: str, case: Case, algorithm: str = "auto"):
    size = {
        "conv": {},
        "conv_transpose": {"input_size": case.geometry.input_size},
        "kernel_gradient": {"kernel_size": case.geometry.kernel_size},
    }
    function = {
        "conv": conv,
        "conv_transpose": conv_transpose,
        "kernel_gradient": kernel_gradient,
    }[leg]
    return lambda x, y: function(x, y, **case.keywords, **size[leg], algorithm=algorithm)


def folded_geometries(function, *arrays) -> list[ConvGeometry]:
    """For which geometries algorithms are looked for."""
    with mock.patch.object(planner, "find", wraps=planner.find) as find:
        jax.jit(function).lower(*arrays)
    return [call.args[0].geometry for call in find.call_args_list]


def differentiated(function, result: np.ndarray):
    """The gradients in both operands, of the result weighted by some integers."""
    weights = np.arange(result.size, dtype=np.float32).reshape(result.shape) % 5
    return jax.jit(jax.grad(lambda x, y: jnp.vdot(function(x, y), weights), (0, 1)))


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_the_same_numbers(leg: str) -> None:
    """Folded, by the definition, and by the matrix of coordinates; gradients and vmap as well."""
    for case in CASES:
        x, y, answer = expected(leg, case, case.data())
        check_equal(call(leg, case)(x, y), answer, what=case.name)
        (geometry,) = folded_geometries(call(leg, case), x, y)
        assert geometry.ndim < case.geometry.ndim, case.name
        gradients = [
            differentiated(call(leg, case, name), answer)(x, y) for name in ("auto", "derived")
        ]
        for got, right in zip(*gradients, strict=True):
            check_equal(got, right, what=case.name)
        pairs = jnp.stack([x, 2 * x]), jnp.stack([y, 3 * y])
        check_equal(jax.jit(jax.vmap(call(leg, case)))(*pairs), np.stack([answer, 6 * answer]))


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_nothing_else_is_folded(leg: str) -> None:
    """Neither several places, nor depthwise kernels of few taps, nor a forced algorithm."""
    whole = Case("whole", ConvGeometry((6, 5), (6, 5)))
    for case, algorithm in (
        (Case("two places", ConvGeometry((6, 5), (5, 4))), "auto"),
        (Case("depthwise", ConvGeometry((6, 5), (6, 5), groups=4), 1, 1), "auto"),
        (whole, ALGORITHMS[leg][-2].name),
    ):
        x, y, answer = expected(leg, case, case.data())
        function = call(leg, case, algorithm)
        check_equal(function(x, y), answer, what=case.name)
        assert folded_geometries(function, x, y) == [
            dataclasses.replace(case.geometry, padding=((0, 0), (0, 0)))
        ]


@pytest.mark.usefixtures("own_metadata")
def test_a_product_of_matrices_is_all_that_is_left() -> None:
    """Of a latent that becomes an image, and of its step: no convolution, no sum of parts."""
    u, w = jnp.ones((20, 1, 1, 5)), jnp.ones((28, 28, 1, 5))

    def step(u, w):
        return jax.grad(lambda u, w: jnp.sum(conv_transpose(u, w) ** 2), (0, 1))(u, w)

    assert {g.ndim for g in folded_geometries(step, u, w)} == {0}
    text = jax.jit(step).lower(u, w).compile().as_text()
    assert "convolution" not in text
    assert "custom-call" not in text.replace("__onednn$matmul", "")


def test_the_roles_of_the_arrays() -> None:
    geometry = ConvGeometry((4, 9), (4, 3), (1, 2), groups=2)
    folding = Folding.of(geometry, 4, 6)
    assert (folding.dims, folding.taps) == ((0,), 4)
    assert folding.simplified == ConvGeometry(9, 3, 2, groups=2)
    for role, shape, folded in (
        ("v", (2, 4, 9, 4), (2, 9, 16)),
        ("w", (4, 3, 2, 6), (3, 8, 6)),
        ("u", (2, 1, 4, 6), (2, 4, 6)),
    ):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        assert folding.simplify(role, jnp.asarray(x)).shape == folded
        check_equal(folding.restore(role, folding.simplify(role, jnp.asarray(x))), x)
