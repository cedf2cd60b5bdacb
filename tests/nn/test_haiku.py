"""Haiku: compared with its own layers; transforms, and tied kernels."""

import re
from collections.abc import Callable
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.nn import haiku as ours
from tests.support.cases import integers
from tests.support.checks import check_equal

X = integers((2, 6, 5, 4), seed=3)
KEY = jax.random.key(7)


def _transformed(make: Callable[[], hk.Module]) -> Any:
    def call(x: Any) -> Any:
        return make()(x)  # modules are made inside

    return hk.without_apply_rng(hk.transform(call))


def _value_and_grad(make: Callable[[], hk.Module], x: Any = X, flipped: bool = False) -> Any:
    """The initial parameters; then, with integers in their place, values and gradients.

    With `flipped` the kernel is that of Haiku's transposed layers.
    """
    layer = _transformed(make)

    def flip(params: Any) -> Any:
        axes = tuple(range(np.ndim(x) - 2))
        return {k: jnp.flip(p, axes) if flipped and k == "w" else p for k, p in params.items()}

    initial = layer.init(KEY, x)["layer"]
    params = flip({k: jnp.asarray(integers(p.shape)) for k, p in initial.items()})

    def loss(params: Any, x: Any) -> jax.Array:
        y = layer.apply({"layer": params}, x)
        return (y * (jnp.arange(y.size, dtype=y.dtype).reshape(y.shape) % 5)).sum()

    gradient, of_x = jax.grad(loss, argnums=(0, 1))(params, x)
    return initial, layer.apply({"layer": params}, x), flip(gradient), of_x


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": (2, 1), "padding": [(1, 2), (0, 1)], "rate": 1},
        {"rate": (1, 2), "padding": "VALID", "feature_group_count": 2},
        {"padding": hk.pad.causal},
        {"padding": (hk.pad.full, hk.pad.same)},
        {"data_format": "NCHW"},
    ],
    ids=lambda settings: re.sub(r" at 0x[0-9a-f]+", "", str(settings)),
)
def test_conv_is_haiku_conv(settings: dict[str, Any]) -> None:
    """The same key gives the same parameters; values and gradients are the same."""
    x = np.moveaxis(X, -1, 1) if "data_format" in settings else X
    results = (
        _value_and_grad(lambda kind=kind: kind(6, (3, 2), **settings, name="layer"), x)
        for kind in (ours.Conv2D, hk.Conv2D)
    )
    jax.tree.map(check_equal, *results)


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": "SAME"},
        {"padding": "VALID"},
        {"padding": "SAME", "output_shape": (11, 10)},
        {"padding": "VALID", "output_shape": (14, 11)},
    ],
    ids=str,
)
def test_conv_transpose_is_that_of_haiku(settings: dict[str, Any]) -> None:
    """Up to the flipped kernel; the initial one has the same numbers."""
    mine, theirs = (
        _value_and_grad(
            lambda kind=kind: kind(6, (3, 2), 2, **settings, name="layer"),
            flipped=kind is not mine_,
        )
        for mine_ in [ours.Conv2DTranspose]
        for kind in (mine_, hk.Conv2DTranspose)
    )
    jax.tree.map(check_equal, mine, theirs)


def test_channels_first() -> None:
    """The bias has Haiku's shape, the numbers are those of channels last."""
    first, last = (
        _value_and_grad(
            lambda f=f: ours.Conv2DTranspose(6, 3, 2, data_format=f, name="layer"),
            np.moveaxis(X, -1, 1) if f == "NCHW" else X,
        )
        for f in ("NCHW", "NHWC")
    )
    assert first[0]["b"].shape == (6, 1, 1)
    check_equal(jnp.moveaxis(first[1], 1, -1), last[1])


def _autoencoder(kind: Any, tied: bool) -> Any:
    def model(x: Any) -> Any:
        down = kind(6, (4, 3), stride=2, padding=[(1, 1), (1, 1)], feature_group_count=2)
        up = ours.ConvNDTranspose.like(
            down, 4, tied=tied, output_shape=(6, 5), with_bias=True, name="up"
        )
        return up(down(x))

    return hk.without_apply_rng(hk.transform(model))


@pytest.mark.parametrize("kind", [hk.Conv2D, ours.Conv2D], ids=["haiku", "ours"])
def test_tied_layers_have_one_kernel_and_learn_together(kind: Any) -> None:
    model, untied = (_autoencoder(kind, tied) for tied in (True, False))
    params = model.init(KEY, X)
    assert jax.tree.map(jnp.shape, params) == {
        "conv2_d": {"w": (4, 3, 2, 6), "b": (6,)},
        "up": {"b": (4,)},
    }
    copy = params | {"up": params["up"] | {"w": params["conv2_d"]["w"]}}
    np.testing.assert_allclose(model.apply(params, X), untied.apply(copy, X), rtol=1e-5, atol=1e-5)
    both, apart = (
        jax.jit(jax.grad(lambda p, m=m: jnp.square(m.apply(p, X)).sum()))(p)
        for m, p in ((model, params), (untied, copy))
    )
    total = apart["conv2_d"]["w"] + apart["up"]["w"]
    np.testing.assert_allclose(both["conv2_d"]["w"], total, rtol=2e-4, atol=1e-3)


def test_a_tied_layer_needs_its_convolution() -> None:
    model = _transformed(lambda: ours.ConvNDTranspose.like(ours.Conv1D(4, 3), 2))
    with pytest.raises(ValueError, match=r"ConvNDTranspose: the convolution .* called before"):
        model.init(KEY, jnp.ones((1, 5, 4)))


def test_dtype_follows_the_inputs_and_the_policy() -> None:
    layer = _transformed(lambda: ours.Conv1DTranspose(2, 3, 2, name="layer"))
    x = jnp.asarray(X[0])
    params = layer.init(KEY, x.astype(jnp.bfloat16))
    assert {p.dtype for p in jax.tree.leaves(params)} == {jnp.dtype("bfloat16")}
    whole = {"layer": {k: integers(p.shape) for k, p in layer.init(KEY, x)["layer"].items()}}
    half = jax.tree.map(lambda p: jnp.asarray(p, jnp.bfloat16), whole)
    check_equal(
        layer.apply(half, x.astype(jnp.bfloat16)), layer.apply(whole, x).astype(jnp.bfloat16)
    )


def test_jit_vmap_and_size_of_one_call() -> None:
    layer = hk.without_apply_rng(
        hk.transform(lambda x: ours.Conv2DTranspose(2, 3, 2, padding=1)(x, output_shape=(12, 9)))
    )
    params = layer.init(KEY, X)
    expected = layer.apply(params, X)
    assert expected.shape == (2, 12, 9, 2)
    np.testing.assert_allclose(jax.jit(layer.apply)(params, X), expected, rtol=1e-6, atol=1e-6)
    mapped = jax.vmap(lambda x: layer.apply(params, x))(X)
    np.testing.assert_allclose(mapped, expected, rtol=1e-6, atol=1e-6)
