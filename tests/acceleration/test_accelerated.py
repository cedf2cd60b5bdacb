"""When XLA's own convolution is kept, constant weights, and the object `accelerate` returns."""

import copy
import multiprocessing
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxdeconv.acceleration import accelerate, accelerated, constants, inspect
from tests.support.cases import integers
from tests.support.checks import check_equal

X = jnp.asarray(integers((2, 5, 4), seed=1))
W = jnp.asarray(integers((4, 4, 3), seed=2))


def up(x: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_transpose(x, w, (2,), "SAME")


@accelerate
def decorated(x: jax.Array) -> jax.Array:
    return up(x, W)


def text(fun: Any, *args: Any) -> str:
    """What the compiler gets."""
    return str(jax.jit(fun).lower(*args).as_text())


# --- never slower than stock


def test_what_xla_computes_faster_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """As predicted when the program is lowered, so after `vmap`."""
    assert "stablehlo.convolution" not in text(accelerate(up), X, W)
    monkeypatch.setattr(accelerated, "stock_seconds", lambda *_: 1e-9)
    monkeypatch.setattr(accelerated, "leg_seconds", lambda *_: 2e-3)
    jax.clear_caches()
    assert "stablehlo.convolution" in text(accelerate(up), X, W)
    assert "stablehlo.convolution" in text(jax.vmap(accelerate(up), (0, None)), X[:, None], W)
    (left,) = inspect(up, X, W).left
    assert left.left == "XLA's own convolution should take 1e-06 ms, ours 2 ms"
    monkeypatch.setattr(accelerated, "leg_seconds", lambda *_: 1.05e-9)
    assert inspect(up, X, W).replaced


# --- a kernel that is flipped is not flipped back


@pytest.mark.usefixtures("own_metadata")
def test_a_reversed_kernel_is_not_reversed() -> None:
    def transposed(u: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_transpose(u, w, (2,), "VALID", transpose_kernel=True)

    w = W.transpose(0, 2, 1)
    step = jax.grad(lambda u, w: (transposed(u, w) ** 2).sum(), (0, 1))
    for fun in (accelerate(transposed), accelerate(step)):
        assert "stablehlo.reverse" not in text(fun, X, w)
        assert " reverse(" not in jax.jit(fun).lower(X, w).compile().as_text()
    jax.tree.map(check_equal, accelerate(step)(X, w), step(X, w))


# --- weights that are closed over


def test_closed_over_weights_are_not_left_to_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever depends only on them is computed beforehand: no constant is left to reverse."""
    w = jnp.asarray(integers((6, 5, 8), seed=3)).transpose(2, 1, 0)

    def layer(x: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, w, (1,), [(3, 3)], (2,), dimension_numbers=("NCH", "HIO", "NCH")
        )

    x = jnp.asarray(integers((2, 5, 7), seed=4))
    expected = layer(x)
    fast = accelerate(layer), accelerate(jax.jit(layer))
    assert all("stablehlo.reverse" in text(fun, x) for fun in fast)
    monkeypatch.setattr(constants, "LARGE", 8)
    for fun in fast:
        jax.clear_caches()
        assert "stablehlo.reverse" not in text(fun, x)
        check_equal(jax.jit(fun)(x), expected)
        check_equal(fun(x), expected)
        check_equal(jax.jit(jax.grad(lambda x, fun=fun: (fun(x) ** 2).sum()))(x), 2 * _back(x, w))


def _back(x: jax.Array, w: jax.Array) -> jax.Array:
    layer = lambda x: lax.conv_general_dilated(  # noqa: E731
        x, w, (1,), [(3, 3)], (2,), dimension_numbers=("NCH", "HIO", "NCH")
    )
    return jax.vjp(layer, x)[1](layer(x))[0]


# --- inspect, for functions that are accelerated already


def test_what_is_accelerated_already_is_inspected() -> None:
    step = jax.grad(lambda x, w: (up(x, w) ** 2).sum(), (0, 1))
    stock = inspect(step, X, W)
    assert len(stock.replaced) == 3
    for fun in (accelerate(step), jax.jit(accelerate(step)), accelerate(jax.jit(step))):
        found = inspect(fun, X, W)
        assert [one.what for one in found.replaced] == [one.what for one in stock.replaced]
        assert str(found).splitlines()[0] == (
            str(stock).splitlines()[0] + "; all already accelerated"
        )
    inside = inspect(lambda x, w: accelerate(up)(x, w) + up(x, w), X, W)
    assert str(inside).splitlines()[0].endswith("; 1 already accelerated")
    assert repr(stock) == str(stock)


# --- the object itself


def remote(fun: Any) -> list[float]:
    return fun(X).ravel().tolist()


def test_text_copies_and_pickles() -> None:
    fast = accelerate(up)
    assert str(fast) == repr(fast) == "accelerate(up)"
    assert str(accelerate(up, platforms="tpu")) == "accelerate(up, platforms=('tpu',))"
    for one in (pickle.loads(pickle.dumps(fast)), copy.copy(fast), copy.deepcopy(fast)):
        assert one.__wrapped__ is up
        check_equal(one(X, W), up(X, W))
    assert pickle.loads(pickle.dumps(accelerate(up, platforms="gpu"))).platforms == (
        "cuda",
        "rocm",
    )
    assert pickle.loads(pickle.dumps(decorated)) is decorated


@pytest.mark.slow
def test_in_another_process() -> None:
    """In a new process, as under `spawn`, it is found by the name that it has replaced."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(remote, (decorated,)) == up(X, W).ravel().tolist()
