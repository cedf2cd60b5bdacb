"""What a rewritten program keeps: everything but its convolutions, at any depth."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_batching import custom_vmap
from jax.custom_derivatives import linear_call

from jaxdeconv.acceleration import accelerate
from jaxdeconv.acceleration.platforms import DEFAULT, Platforms
from jaxdeconv.acceleration.rewrite import convolutions, rewrite
from tests.acceleration.left import left
from tests.support.cases import integers
from tests.support.checks import check_equal

PLATFORMS = Platforms(DEFAULT)
X = jnp.asarray(integers((2, 5, 5, 2), seed=1))
W = jnp.asarray(integers((3, 3, 2, 2), seed=2))


def up(x: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_transpose(x, w, (2, 2), "SAME")


def same(x: jax.Array, w: jax.Array) -> jax.Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return jnp.clip(
        lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers), -9, 9
    )


@jax.custom_jvp
def with_jvp(x: jax.Array, w: jax.Array) -> jax.Array:
    return up(x, w)


@with_jvp.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x, w), (dx, dw) = primals, tangents
    return up(x, w), 2 * up(dx, w) + up(x, dw)  # not the derivative: the rule must be followed


@jax.custom_vjp
def with_vjp(x: jax.Array, w: jax.Array) -> jax.Array:
    return up(x, w)


def _vjp_forward(x: jax.Array, w: jax.Array) -> Any:
    return up(x, w), (x, w)


def _vjp_backward(saved: Any, u: jax.Array) -> Any:
    x, w = saved
    return 2 * jax.vjp(up, x, w)[1](u)[0], jax.vjp(up, x, w)[1](u)[1]


with_vjp.defvjp(_vjp_forward, _vjp_backward)


def with_linear_call(x: jax.Array, w: jax.Array) -> jax.Array:
    transpose = jax.linear_transpose(lambda x: up(x, W), X)
    return linear_call(lambda _, x: up(x, W), lambda _, u: 2 * transpose(u)[0], w, x)


@custom_vmap
def with_vmap(x: jax.Array, w: jax.Array) -> jax.Array:
    return up(x, w)


@with_vmap.def_vmap
def _(size: int, mapped: Any, x: jax.Array, w: jax.Array) -> Any:
    del size
    return jax.vmap(up, tuple(0 if one else None for one in mapped))(x, w), True


def bent(x: jax.Array, w: jax.Array) -> jax.Array:
    return up(x, w) ** 2


def saving_products(x: jax.Array, w: jax.Array) -> jax.Array:
    return jax.checkpoint(bent, policy=jax.checkpoint_policies.checkpoint_dots)(x, w)


PROGRAMS: dict[str, Callable[[jax.Array, jax.Array], Any]] = {
    "plain": up,
    "jit": jax.jit(up),
    "jit_inlined": jax.jit(up, inline=True),
    "scan": lambda x, w: lax.scan(lambda c, _: (same(c, w), up(c, w)), x, None, length=2),
    "scan_over": lambda x, w: lax.scan(lambda c, x: (c + 1, c * up(x, w)), 1.0, x[:, None]),
    "fori": lambda x, w: lax.fori_loop(0, 3, lambda _, c: same(c, w), x),
    "while": lambda x, w: lax.while_loop(
        lambda c: same(c[1], w).sum() + c[0] < 1e9 * (c[0] - 1),
        lambda c: (c[0] + 1, c[1]),
        (0.0, x),
    ),
    "cond": lambda x, w: lax.cond(x[0, 0, 0, 0] > 0, lambda: up(x, w), lambda: up(-x, w)),
    "switch": lambda x, w: lax.switch(
        jnp.int32(1), [lambda x: x[0], lambda x: up(x, w)[0, :5, :5], lambda x: x[1]], x
    ),
    "remat": jax.checkpoint(bent),
    "remat_policy": saving_products,
    "vmap_x": lambda x, w: jax.vmap(up, (0, None))(x[:, None], w),
    "vmap_w": lambda x, w: jax.vmap(up, (None, 0))(x, jnp.stack([w, 2 * w])),
    "vmap_both": lambda x, w: jax.vmap(up)(x[:, None], jnp.stack([w, 2 * w])),
    "custom_jvp": with_jvp,
    "custom_vjp": with_vjp,
    "linear_call": with_linear_call,
    "custom_vmap": with_vmap,
    "nested": lambda x, w: jax.jit(
        lambda x: lax.scan(lambda c, _: (c, jax.checkpoint(jax.jit(up))(c, w)), x, None, length=2)
    )(x),
}


def check_same(fun: Callable[..., Any], *args: Any) -> None:
    """Accelerated, `fun` gives the same numbers, and no dilated convolution is left."""
    program = jax.make_jaxpr(accelerate(fun))(*args)
    assert not left(program)
    got, expected = accelerate(fun)(*args), fun(*args)
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    jax.tree.map(check_equal, got, expected)


def total(fun: Callable[..., Any]) -> Callable[..., jax.Array]:
    """A scalar that depends on every entry of the result, and not linearly."""

    def loss(x: jax.Array, w: jax.Array) -> jax.Array:
        leaves = jax.tree.leaves(fun(x, w))
        weights = [
            jnp.arange(leaf.size, dtype=leaf.dtype).reshape(leaf.shape) % 3 for leaf in leaves
        ]
        return sum((leaf * weight).sum() for leaf, weight in zip(leaves, weights, strict=True))

    return loss


@pytest.mark.parametrize("name", PROGRAMS)
def test_values(name: str) -> None:
    check_same(PROGRAMS[name], X, W)


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - {"fori", "while", "custom_vmap"}))
def test_gradients_inside_and_outside(name: str) -> None:
    gradient = jax.grad(total(PROGRAMS[name]))
    check_same(gradient, X, W)
    check_equal(jax.grad(accelerate(total(PROGRAMS[name])))(X, W), gradient(X, W))
    outside = jax.make_jaxpr(jax.grad(accelerate(total(PROGRAMS[name]))))(X, W)
    assert not left(outside)


@pytest.mark.parametrize("name", ["plain", "scan", "cond", "custom_jvp", "custom_vmap", "remat"])
def test_mapped_and_compiled_on_either_side(name: str) -> None:
    fun, many = PROGRAMS[name], jnp.stack([X, 2 * X])
    expected = jax.vmap(fun, (0, None))(many, W)
    variants = (
        jax.vmap(accelerate(fun), (0, None)),
        accelerate(jax.vmap(fun, (0, None))),
        jax.jit(jax.vmap(accelerate(fun), (0, None))),
        accelerate(jax.jit(jax.vmap(fun, (0, None)))),
    )
    for variant in variants:
        jax.tree.map(check_equal, variant(many, W), expected)


def test_a_program_without_convolution_is_returned_itself() -> None:
    def program(x: jax.Array) -> jax.Array:
        body = jax.checkpoint(lambda c: jnp.maximum(jnp.sin(c), 0))
        return lax.scan(lambda c, _: (jax.jit(body)(c), None), x, None, length=3)[0]

    closed = jax.make_jaxpr(program)(X)
    assert rewrite(closed, PLATFORMS) is closed
    assert str(jax.make_jaxpr(accelerate(program))(X)) == str(closed)


def test_only_the_convolution_changes() -> None:
    closed = jax.make_jaxpr(lambda x, w: jnp.cos(up(jnp.sin(x), w)))(X, W)
    changed = rewrite(closed, PLATFORMS)
    first, *_, last = changed.jaxpr.eqns
    assert first is closed.jaxpr.eqns[0]
    assert last is closed.jaxpr.eqns[-1]
    assert changed.jaxpr.invars == closed.jaxpr.invars
    assert changed.out_avals == closed.out_avals
    assert [one.equation.primitive.name for one in convolutions(closed.jaxpr)] == [
        "conv_general_dilated"
    ]


def test_rewriting_again_changes_nothing() -> None:
    once = rewrite(jax.make_jaxpr(jax.jit(up))(X, W), PLATFORMS)
    assert rewrite(once, PLATFORMS) is once
    twice = jax.make_jaxpr(accelerate(accelerate(up)))(X, W)
    assert str(twice) == str(jax.make_jaxpr(accelerate(up))(X, W))


def test_parameters_of_what_is_around_are_kept() -> None:
    def program(x: jax.Array, w: jax.Array) -> Any:
        return lax.scan(lambda c, x: (c, up(x, w)), 0, x[:, None], unroll=2, reverse=True)

    (closed,) = (e for e in jax.make_jaxpr(program)(X, W).eqns if e.primitive.name == "scan")
    (changed,) = (
        e
        for e in rewrite(jax.make_jaxpr(program)(X, W), PLATFORMS).eqns
        if e.primitive.name == "scan"
    )
    kept = {name for name in closed.params if name != "jaxpr"}
    assert {name: changed.params[name] for name in kept} == {
        name: closed.params[name] for name in kept
    }


def test_the_result_is_the_same_object_and_does_not_keep_the_program_alive() -> None:
    """So JAX finds what it compiled again, and nothing leaks."""
    closed = jax.make_jaxpr(lambda x, w: up(x, w) + 1)(X, W)
    assert rewrite(closed, PLATFORMS) is rewrite(closed, PLATFORMS)
    alive = weakref.ref(closed.jaxpr)
    del closed
    jax.clear_caches()
    gc.collect()
    assert alive() is None


def test_a_compiled_function_is_compiled_once(caplog: pytest.LogCaptureFixture) -> None:
    traces = []

    @jax.jit
    def program(x: jax.Array, w: jax.Array) -> jax.Array:
        traces.append(None)
        return jax.nn.relu(up(x, w))

    fast, twice = accelerate(program), 2 * X
    with jax.log_compiles():
        fast(X, W)
        assert "Compiling jit(program)" in caplog.text
        caplog.clear()
        fast(X, W)
        fast(twice, W)
    assert len(traces) == 1
    assert "Compiling" not in caplog.text


def test_a_compiled_function_without_convolution_is_called_itself() -> None:
    calls = []

    def program(x: jax.Array) -> jax.Array:
        calls.append(None)
        return jax.nn.relu(x)

    fast = accelerate(program)
    fast(X)  # traced, to look
    traced = jax.make_jaxpr(fast)
    for _ in range(3):
        check_equal(fast(X), jnp.maximum(X, 0))
    assert len(calls) == 4
    assert "conv" not in str(traced(X))


def test_rules_of_functions_without_convolution_are_rewritten() -> None:
    """Only the derivative of the accelerated function has the convolution."""

    @jax.custom_vjp
    def nearest(x: jax.Array) -> jax.Array:
        return x.repeat(2, 1).repeat(2, 2)

    def backward(_: None, u: jax.Array) -> tuple[jax.Array]:
        ones = jnp.ones((2, 2, 1, 2))
        numbers = ("NHWC", "HWIO", "NHWC")
        return (
            lax.conv_general_dilated(
                u, ones, (2, 2), "VALID", dimension_numbers=numbers, feature_group_count=2
            ),
        )

    nearest.defvjp(lambda x: (nearest(x), None), backward)
    fast = accelerate(nearest)
    check_equal(fast(X), nearest(X))
    gradient = jax.grad(lambda x: (fast(x) ** 2).sum())
    assert not left(jax.make_jaxpr(gradient)(X))
    check_equal(gradient(X), 8 * X)


def test_a_remat_policy_takes_legs_for_convolutions() -> None:
    """With the policy that saves convolutions, none is computed again in the backward pass."""

    def legs(fun: Callable[..., Any]) -> int:
        gradient = jax.grad(lambda x: fun(x, W).sum())
        return str(jax.make_jaxpr(gradient)(X)).count("= jaxdeconv_accelerated[")

    recomputing = accelerate(jax.checkpoint(bent))
    assert (legs(accelerate(saving_products)), legs(recomputing)) == (2, 3)


def test_numbers_are_those_of_legs_not_of_convolutions() -> None:
    """Rounding differs on real data, so our algorithm has run."""
    rng = np.random.default_rng(0)
    x, w = (
        jnp.asarray(rng.normal(size=shape), jnp.float32)
        for shape in ((4, 16, 16, 64), (4, 4, 64, 64))
    )
    got, expected = accelerate(up)(x, w), up(x, w)
    assert (got != expected).any()
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-4)
