"""Flax NNX: compared with Flax's own layers; transformations and storage of modules."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxdeconv.nn.nnx import Conv, ConvTranspose
from tests.support.bad_inputs import check_message
from tests.support.cases import integers
from tests.support.checks import check_equal

X = integers((2, 6, 5, 4), seed=3)


def _set(layer: nnx.Module, seed: int = 0) -> None:
    """Integers, so that every sum is exact."""
    layer.kernel[...] = jnp.asarray(integers(layer.kernel.shape, seed=seed))
    layer.bias[...] = jnp.asarray(integers(layer.bias.shape, seed=seed + 1))


def _value_and_grad(layer: nnx.Module, x: Any) -> Any:
    def loss(layer: nnx.Module, x: Any) -> jax.Array:
        y = layer(x)
        return (y * (jnp.arange(y.size, dtype=y.dtype).reshape(y.shape) % 5)).sum()

    return layer(x), nnx.grad(loss, argnums=(0, 1))(layer, x)


def _agree(ours: nnx.Module, theirs: nnx.Module, x: Any = X) -> None:
    jax.tree.map(check_equal, _value_and_grad(ours, x), _value_and_grad(theirs, x))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strides": 2, "padding": "VALID"},
        {"strides": (2, 1), "padding": [(1, 2), (0, 1)], "kernel_dilation": (1, 2)},
        {"padding": 1, "feature_group_count": 2},
        {"padding": "CIRCULAR", "strides": 2},
        {"padding": "REFLECT"},
    ],
    ids=str,
)
def test_conv_is_flax_conv(settings: dict[str, Any]) -> None:
    """The same key gives the same parameters; values and gradients are the same."""
    ours, theirs = (layer(4, 6, (3, 2), **settings, rngs=nnx.Rngs(7)) for layer in (Conv, nnx.Conv))
    jax.tree.map(check_equal, nnx.state(ours), nnx.state(theirs))
    _set(ours)
    _set(theirs)
    _agree(ours, theirs)


def test_one_dimensional_causal_conv() -> None:
    ours, theirs = (
        layer(4, 3, 3, padding="CAUSAL", kernel_dilation=2, rngs=nnx.Rngs(7))
        for layer in (Conv, nnx.Conv)
    )
    _set(ours)
    _set(theirs)
    _agree(ours, theirs, X[0])


@pytest.mark.parametrize("strides", [1, 2, (2, 3)], ids=str)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv_transpose_is_that_of_flax(strides: Any, padding: str) -> None:
    """With `transpose_kernel=True`, which stores the kernel as the layers here do."""
    ours = ConvTranspose(4, 6, (3, 4), strides, padding=padding, rngs=nnx.Rngs(7))
    theirs = nnx.ConvTranspose(
        4, 6, (3, 4), strides, padding=padding, transpose_kernel=True, rngs=nnx.Rngs(7)
    )
    _set(ours)
    _set(theirs)
    _agree(ours, theirs)


def test_initial_kernel_is_the_numbers_of_flax_with_the_right_fan() -> None:
    """Flax, with transpose_kernel=True, divides by the fan of the forward map."""
    keys = {"kernel_size": (3, 3), "strides": 2, "rngs": nnx.Rngs(7)}
    ours = ConvTranspose(4, 16, **keys)
    theirs = nnx.ConvTranspose(4, 16, **(keys | {"rngs": nnx.Rngs(7)}), transpose_kernel=True)
    np.testing.assert_allclose(ours.kernel[...], 2.0 * theirs.kernel[...], rtol=1e-6)
    ours = ConvTranspose(4, 4, **(keys | {"rngs": nnx.Rngs(7)}))
    theirs = nnx.ConvTranspose(4, 4, **(keys | {"rngs": nnx.Rngs(7)}), transpose_kernel=True)
    check_equal(ours.kernel[...], theirs.kernel[...])


def test_half_computation_with_single_parameters() -> None:
    layer = ConvTranspose(4, 2, (3, 3), 2, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    _set(layer)
    y, (gradient, _) = _value_and_grad(layer, jnp.asarray(X))
    assert y.dtype == jnp.bfloat16
    assert layer.kernel.dtype == gradient.kernel.dtype == jnp.float32
    wide = ConvTranspose(4, 2, (3, 3), 2, rngs=nnx.Rngs(0))
    _set(wide)
    check_equal(y, wide(X).astype(jnp.bfloat16))  # summed in float32, rounded once
    half = ConvTranspose(4, 2, (3, 3), 2, param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert half.kernel.dtype == half.bias.dtype == jnp.bfloat16


def test_preferred_element_type() -> None:
    layer = ConvTranspose(
        4,
        2,
        (3, 3),
        dtype=jnp.bfloat16,
        preferred_element_type=jnp.float32,
        rngs=nnx.Rngs(0),
    )
    assert layer(X).dtype == jnp.float32


@pytest.mark.parametrize("kind", [nnx.Conv, Conv], ids=["flax", "ours"])
def test_like_is_the_transpose_and_learns_with_its_convolution(kind: Any) -> None:
    """One `nnx.Param` in two layers: an optimiser step changes both."""
    down = kind(4, 6, (3, 2), strides=2, padding="VALID", feature_group_count=2, rngs=nnx.Rngs(0))
    _set(down)
    pair = nnx.List([down, ConvTranspose.like(down, input_size=(6, 5))])
    down.bias[...] = 0 * down.bias[...]
    u = integers(down(X).shape, seed=5)
    (expected,) = jax.linear_transpose(down, X)(u)
    check_equal(pair[1](u), expected)

    @nnx.jit
    def step(pair: Any, optimizer: nnx.Optimizer) -> None:
        def loss(pair: Any) -> jax.Array:
            return jnp.square(pair[1](pair[0](X)) - X).mean()

        optimizer.update(pair, nnx.grad(loss)(pair))

    before = down.kernel[...]
    optimizer = nnx.Optimizer(pair, optax.sgd(1e-6), wrt=nnx.Param)
    step(pair, optimizer)
    assert bool((down.kernel[...] != before).any())
    assert pair[1].kernel is pair[0].kernel
    free = ConvTranspose.like(down, tied=False, use_bias=True)
    check_equal(free.kernel[...], down.kernel[...])
    assert free.kernel is not down.kernel
    assert bool((free.bias[...] == 0).all())


def test_like_keeps_what_the_padding_says() -> None:
    down = Conv(2, 3, (3,), padding="CIRCULAR", strides=2, rngs=nnx.Rngs(0))
    assert ConvTranspose.like(down)(jnp.ones((1, 4, 3))).shape == (1, 8, 2)


def test_like_refuses_a_dilated_input() -> None:
    with pytest.raises(ValueError, match="conv must not dilate its input"):
        ConvTranspose.like(nnx.Conv(1, 1, 3, input_dilation=2, rngs=nnx.Rngs(0)))


def test_modules_split_merge_and_copy() -> None:
    """Lists are accepted like tuples, and the graph is hashable, unlike that of Flax's layers."""
    layer = ConvTranspose(
        4, 2, [3, 3], [2, 1], padding=[(1, 1), (0, 1)], input_size=[11, 6], rngs=nnx.Rngs(0)
    )
    graph, state = nnx.split(layer)
    hash(graph)
    expected = layer(X)
    check_equal(nnx.merge(graph, jax.tree.map(np.asarray, state))(X), expected)
    check_equal(nnx.jit(lambda layer, x: layer(x))(nnx.clone(layer), X), expected)
    np.testing.assert_allclose(nnx.vmap(lambda x: layer(x[None])[0])(X), expected, rtol=1e-6)


def test_layers_in_an_ensemble() -> None:
    """`nnx.vmap` over the constructor and the call."""
    ensemble = nnx.vmap(
        lambda key: ConvTranspose(4, 2, (3, 3), 2, rngs=nnx.Rngs(key)), in_axes=0, out_axes=0
    )(jax.random.split(jax.random.key(0), 3))
    y = nnx.vmap(lambda layer, x: layer(x), in_axes=(0, None))(ensemble, jnp.asarray(X))
    assert y.shape == (3, 2, 12, 10, 2)


def test_metadata_and_initialisers() -> None:
    layer = ConvTranspose(
        4,
        2,
        3,
        kernel_init=jax.nn.initializers.ones,
        bias_init=jax.nn.initializers.ones,
        kernel_metadata={"note": "here"},
        rngs=nnx.Rngs(0),
    )
    assert layer.kernel.note == "here"
    assert bool((layer.kernel[...] == 1).all() & (layer.bias[...] == 1).all())


def test_bad_calls() -> None:
    layer = ConvTranspose(4, 6, (3, 3), strides=2, padding=1, rngs=nnx.Rngs(0))
    check_message(
        lambda: layer(X[..., :3]),
        ValueError,
        "ConvTranspose: inputs ... 4 channels ...; got inputs=float32[2,6,5,3]. "
        "...(*batch, *spatial, channels)...",
    )
    check_message(
        lambda: layer(X[0, 0]),
        ValueError,
        "ConvTranspose: inputs ... 2 spatial axes ...; got inputs=float32[5,4]. "
        "...(*batch, *spatial, channels)...",
    )
    with pytest.raises(ValueError, match="Possible, per dimension: 11, 12; 9, 10"):
        layer(X, input_size=13)
