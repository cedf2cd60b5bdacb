"""Closed under differentiation and vmap; lowered for every platform from one CPU machine."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.algorithms.contract import equations
from jaxdeconv.primitives import PRIMITIVES
from tests.legs.test_functions import legs
from tests.support.cases import CASES
from tests.support.checks import check_equal

CASE = next(case for case in CASES if case.name == "groups")
OURS = {primitive.name for primitive in PRIMITIVES.values()}


def primitives_in(function: Any, *args: Any) -> list[str]:
    """Names of the convolution primitives, ours and XLA's, in a function's jaxpr."""
    wanted = OURS | {"conv_general_dilated", "dot_general", "while", "scan"}
    found = (eqn.primitive.name for eqn in equations(jax.make_jaxpr(function)(*args).jaxpr))
    return [name for name in found if name in wanted]


def test_a_training_step_is_the_three_legs() -> None:
    """Value and both gradients of K^T: K^T, K and G, once each, and no convolution of XLA's."""
    v, w, u = CASE.data()
    _, kt, _ = legs(CASE)

    def step(u: Any, w: Any) -> Any:
        return jax.value_and_grad(lambda u, w: (kt(u, w) * v).sum(), argnums=(0, 1))(u, w)

    assert sorted(primitives_in(step, u, w)) == sorted(OURS)


def test_derivatives_of_any_order_stay_ours() -> None:
    v, w, _ = CASE.data()
    k, _, _ = legs(CASE)

    def loss(v: Any, w: Any) -> Any:
        return (k(v, w) ** 2).sum()

    third = jax.grad(lambda v, w: jax.grad(lambda v: jax.grad(loss)(v, w).sum())(v).sum(), 1)
    assert set(primitives_in(third, v, w)) <= OURS
    hessian = jax.hessian(lambda v: loss(v, w))
    assert set(primitives_in(hessian, v)) <= OURS


@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0)], ids=str)
def test_vmap_is_one_leg_again(in_axes: tuple[int | None, int | None]) -> None:
    v, w, u = CASE.data()
    for leg, x, y in zip(legs(CASE), (v, u, u), (w, w, v), strict=True):
        stacked = [
            a if axis is None else np.stack([a, a]) for a, axis in zip((x, y), in_axes, strict=True)
        ]
        found = primitives_in(jax.vmap(leg, in_axes), *stacked)
        assert len(found) == 1
        assert set(found) <= OURS


def test_nested_vmap_and_vmap_of_grad() -> None:
    """Gradients for every example, which autodiff of a grouped convolution makes slow."""
    v, w, u = CASE.data()
    k, _, g = legs(CASE)

    def loss(w: Any, v: Any, u: Any) -> Any:
        return (k(v[None], w) * u[None]).sum()

    per_example = jax.vmap(jax.grad(loss), (None, 0, 0))(w, v, u)
    check_equal(per_example, jnp.stack([g(u[i : i + 1], v[i : i + 1]) for i in range(len(v))]))
    pairs = jax.vmap(jax.vmap(k, (None, 0)), (0, None))(np.stack([v, 2 * v]), np.stack([w, -w]))
    check_equal(pairs[1, 1], -2 * k(v, w))


def test_vmap_over_nothing() -> None:
    v, w, u = CASE.data()
    for leg, x, y in zip(legs(CASE), (v, u, u), (w, w, v), strict=True):
        empty = [np.zeros((0, *a.shape), a.dtype) for a in (x, y)]
        assert jax.vmap(leg)(*empty).shape == (0, *leg(x, y).shape)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("name", ["groups", "stride", "depthwise", "dilation_and_stride"])
def test_lowers_for_every_platform(name: str, dtype: str) -> None:
    """Every leg and its gradients, for cpu, cuda and tpu, on this machine; the cpu's part runs."""
    case = next(case for case in CASES if case.name == name)
    v, w, u = (jnp.asarray(x).astype(dtype) for x in case.data(np.int32))
    platforms = ("cpu", "cuda", "tpu")
    for leg, x, y in zip(legs(case), (v, u, u), (w, w, v), strict=True):
        function = jax.jit(leg)
        exported = jax.export.export(function, platforms=platforms)(x, y)
        assert exported.platforms == platforms
        check_equal(exported.call(x, y), function(x, y))
        if dtype != "int8":
            gradient = jax.jit(lambda x, y, leg=leg: jax.vjp(leg, x, y)[1](leg(x, y)))
            exported = jax.export.export(gradient, platforms=platforms)(x, y)
            for got, expected in zip(exported.call(x, y), gradient(x, y), strict=True):
                check_equal(got, expected)


def test_gpu_forms_are_those_that_xla_has_kernels_for() -> None:
    """K^T on a GPU: a dilated input beside a reversed kernel, which XLA gives to cuDNN whole."""
    u, w = jnp.ones((2, 4, 4, 3)), jnp.ones((3, 3, 5, 3))
    function = jax.jit(lambda u, w: conv_transpose(u, w, stride=2, padding=1))
    text = jax.export.export(function, platforms=("cuda",))(u, w).mlir_module()
    assert "stablehlo.reverse" in text
    assert "lhs_dilate = [2, 2]" in text
    on_cpu = jax.export.export(function, platforms=("cpu",))(u, w).mlir_module()
    assert "lhs_dilate" not in on_cpu


def test_operands_of_two_dtypes_meet_in_the_wider() -> None:
    """A float32 cotangent of a bfloat16 leg is not rounded before it is used."""
    v, w = jnp.ones((1, 4, 1), jnp.bfloat16), jnp.ones((1, 1, 1), jnp.bfloat16)

    def widened(v: Any, w: Any) -> Any:
        return conv(v, w, preferred_element_type="float32")

    cotangent = jnp.full((1, 4, 1), 1 + 2.0**-12)
    _, pull_back = jax.vjp(widened, v, w)
    v_bar, w_bar = pull_back(cotangent)
    assert v_bar.dtype == w_bar.dtype == jnp.bfloat16
    assert w_bar.item() == 4.0
    g = kernel_gradient(
        cotangent.astype(jnp.bfloat16), v, kernel_size=(1,), preferred_element_type="float32"
    )
    assert g.dtype == jnp.float32


def test_half_types_are_not_widened_before_the_product() -> None:
    """bfloat16 operands reach the product as they are; only its sums are float32."""
    v, w, _ = (jnp.asarray(x).astype(jnp.bfloat16) for x in CASE.data())
    k, _, _ = legs(CASE)
    for function in (k, lambda v, w: jax.vjp(k, v, w)[1](k(v, w))):
        text = jax.jit(function).lower(v, w).as_text()
        names = ("stablehlo.dot", ".convolution", "@jaxdeconv_onednn")
        products = [line for line in text.splitlines() if any(name in line for name in names)]
        assert products
        assert all("xbf16>" in line.split(":")[-1].split("->")[0] for line in products)
        assert all("xf32>" in line.split("->")[-1] for line in products)
