"""Flax Linen: compared with Flax's own layers; init and apply, and tied kernels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, serialization

from jaxdeconv.nn.linen import Conv, ConvTranspose
from tests.support.cases import integers
from tests.support.checks import check_equal

X = integers((2, 6, 5, 4), seed=3)
KEY = jax.random.key(7)


def _value_and_grad(layer: linen.Module, x: Any = X) -> Any:
    """The initial parameters; then, with integers in their place, values and gradients."""
    initial = layer.init(KEY, x)
    params = {k: integers(p.shape, seed=i) for i, (k, p) in enumerate(initial["params"].items())}

    def loss(params: Any, x: Any) -> jax.Array:
        y = layer.apply({"params": params}, x)
        return (y * (jnp.arange(y.size, dtype=y.dtype).reshape(y.shape) % 5)).sum()

    return initial, layer.apply({"params": params}, x), jax.grad(loss, argnums=(0, 1))(params, x)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strides": (2, 1), "padding": [(1, 2), (0, 1)], "kernel_dilation": (1, 2)},
        {"padding": 1, "feature_group_count": 2},
        {"padding": "CIRCULAR", "strides": 2},
    ],
    ids=str,
)
def test_conv_is_flax_conv(settings: dict[str, Any]) -> None:
    """The same key gives the same parameters; values and gradients are the same."""
    ours, theirs = (_value_and_grad(layer(6, (3, 2), **settings)) for layer in (Conv, linen.Conv))
    jax.tree.map(check_equal, ours, theirs)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv_transpose_is_that_of_flax(padding: str) -> None:
    """With `transpose_kernel=True`; with equal channels the initial kernel is the same."""
    settings = {"kernel_size": (3, 4), "strides": (2, 3), "padding": padding}
    ours = _value_and_grad(ConvTranspose(4, **settings))
    theirs = _value_and_grad(linen.ConvTranspose(4, **settings, transpose_kernel=True))
    jax.tree.map(check_equal, ours, theirs)


class Autoencoder(linen.Module):
    """A convolution and its transpose, with one kernel or with two."""

    conv: type = Conv
    tied: bool = True
    use_bias: bool = True

    @linen.compact
    def __call__(self, x: Any) -> Any:
        down = self.conv(6, (4, 3), strides=2, padding=1, feature_group_count=2)
        up = ConvTranspose.like(down, 4, tied=self.tied, input_size=(6, 5), use_bias=self.use_bias)
        return up(down(x))


@pytest.mark.parametrize("conv", [Conv, linen.Conv], ids=["ours", "flax"])
def test_tied_layers_have_one_kernel_and_learn_together(conv: Any) -> None:
    model = Autoencoder(conv)
    variables = model.init(KEY, X)
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == {
        "Conv_0": {"kernel": (4, 3, 2, 6), "bias": (6,)},
        "ConvTranspose_0": {"bias": (4,)},
    }
    untied = Autoencoder(conv, tied=False)
    params = variables["params"]
    copy = params | {"ConvTranspose_0": params["Conv_0"] | params["ConvTranspose_0"]}
    np.testing.assert_allclose(
        model.apply(variables, X), untied.apply({"params": copy}, X), rtol=1e-5, atol=1e-5
    )

    def gradient(model: Any, params: Any) -> Any:
        return jax.jit(jax.grad(lambda p: jnp.square(model.apply({"params": p}, X)).sum()))(params)

    both, apart = gradient(model, params), gradient(untied, copy)
    total = apart["Conv_0"]["kernel"] + apart["ConvTranspose_0"]["kernel"]
    np.testing.assert_allclose(both["Conv_0"]["kernel"], total, rtol=2e-4, atol=1e-3)


def test_a_tied_layer_needs_its_convolution() -> None:
    class Model(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            return ConvTranspose.like(Conv(4, 3), 2)(x)

    with pytest.raises(ValueError, match=r"ConvTranspose: the convolution .* called before"):
        Model().init(KEY, jnp.ones((1, 5, 4)))


def test_half_computation_with_single_parameters() -> None:
    settings = {"features": 2, "kernel_size": (3, 3), "strides": 2}
    params = ConvTranspose(**settings, dtype=jnp.bfloat16).init(KEY, X)["params"]
    assert {p.dtype for p in params.values()} == {jnp.dtype("float32")}
    whole = {k: integers(p.shape) for k, p in params.items()}
    half, wide = (
        ConvTranspose(**settings, dtype=dtype).apply({"params": whole}, X)
        for dtype in (jnp.bfloat16, None)
    )
    check_equal(half, wide.astype(jnp.bfloat16))
    layer = ConvTranspose(**settings, param_dtype=jnp.float16)
    params = layer.init(KEY, X.astype(np.float16))["params"]
    assert {p.dtype for p in params.values()} == {jnp.dtype("float16")}


def test_parameters_travel_through_bytes_and_transforms() -> None:
    layer = ConvTranspose(2, [3, 3], [2, 1], padding=[(1, 1), (0, 1)], input_size=[11, 6])
    variables = layer.init(KEY, X)
    expected = layer.apply(variables, X)
    back = serialization.from_bytes(variables, serialization.to_bytes(variables))
    check_equal(jax.jit(layer.apply)(back, X), expected)
    ensemble = jax.vmap(layer.init, (0, None))(jax.random.split(KEY, 3), X)
    assert jax.vmap(layer.apply, (0, None))(ensemble, X).shape == (3, *expected.shape)
    rematted = linen.remat(ConvTranspose)(2, (3, 3), (2, 1), [(1, 1), (0, 1)], input_size=(11, 6))
    check_equal(rematted.apply(variables, X), expected)


def test_size_of_one_call() -> None:
    layer = ConvTranspose(2, (3, 3), 2, padding=1)
    variables = layer.init(KEY, X)
    assert layer.apply(variables, X, input_size=(12, 9)).shape == (2, 12, 9, 2)
    with pytest.raises(ValueError, match="Possible, per dimension: 11, 12; 9, 10"):
        layer.apply(variables, X, input_size=13)


def test_like_refuses_a_dilated_input() -> None:
    with pytest.raises(ValueError, match="conv must not dilate its input"):
        ConvTranspose.like(linen.Conv(1, (3,), input_dilation=2), 1)
