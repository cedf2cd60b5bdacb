"""Equinox: compared with its own layers; transformations and storage of modules."""

import io
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import convert_kernel
from jaxdeconv.nn import equinox as ours
from jaxdeconv.nn.initializers import bilinear
from tests.support.bad_inputs import check_message
from tests.support.cases import integers
from tests.support.checks import check_equal

X = integers((4, 6, 5), seed=3)
KEY = jax.random.key(7)


def _with_integers(layer: Any) -> Any:
    """The layer with parameters on which every sum is exact."""
    values, rest = eqx.partition(layer, eqx.is_inexact_array)
    leaves, tree = jax.tree.flatten(values)
    filled = [jnp.asarray(integers(leaf.shape, seed=i)) for i, leaf in enumerate(leaves)]
    return eqx.combine(jax.tree.unflatten(tree, filled), rest)


def _value_and_grad(layer: Any) -> Any:
    def loss(pair: Any) -> jax.Array:
        y = pair[0](pair[1])
        return (y * (jnp.arange(y.size, dtype=y.dtype).reshape(y.shape) % 5)).sum()

    gradient, of_x = eqx.filter_grad(loss)((layer, jnp.asarray(X)))
    return layer(jnp.asarray(X)), gradient.weight, gradient.bias, of_x


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": (2, 1), "padding": [(1, 2), (0, 1)], "dilation": (1, 2)},
        {"padding": 1, "groups": 2, "padding_mode": "CIRCULAR"},
        {"padding": "SAME_LOWER", "padding_mode": "REFLECT"},
        {"padding": (1, 0), "padding_mode": "REPLICATE", "stride": 2},
    ],
    ids=str,
)
def test_conv_is_equinox_conv(settings: dict[str, Any]) -> None:
    """The same key gives the same parameters; values and gradients are the same."""
    mine, theirs = (
        kind(4, 6, (3, 2), **settings, key=KEY) for kind in (ours.Conv2d, eqx.nn.Conv2d)
    )
    check_equal(mine.weight, theirs.weight)
    check_equal(mine.bias, theirs.bias)
    jax.tree.map(check_equal, *(_value_and_grad(_with_integers(c)) for c in (mine, theirs)))


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": 1, "output_padding": 1},
        {"padding": [(1, 0), (2, 1)], "groups": 2},
        {"padding": "VALID", "dilation": (2, 1)},
        {"padding": "SAME"},
        {"padding": "SAME_LOWER", "groups": 2},
    ],
    ids=str,
)
def test_conv_transpose_is_that_of_equinox(settings: dict[str, Any]) -> None:
    """`convert_kernel` gives the weight; without output_padding both mean the same size."""
    theirs = _with_integers(eqx.nn.ConvTranspose2d(4, 6, (3, 2), 2, **settings, key=KEY))
    groups = settings.get("groups", 1)
    mine = ours.ConvTranspose2d(4, 6, (3, 2), 2, **settings, key=KEY)
    kernel = convert_kernel(
        theirs.weight, source="equinox", target="jaxdeconv", groups=groups, transposed=True
    )
    mine = ours.load(mine, {"kernel": kernel, "bias": theirs.bias.ravel()})
    values, grads = zip(
        *((y, (*rest,)) for y, *rest in map(_value_and_grad, (mine, theirs))), strict=True
    )
    check_equal(*values)
    back = convert_kernel(
        grads[1][0], source="equinox", target="torch", groups=groups, transposed=True
    )
    check_equal(grads[0][0], back)  # the weight here is laid out as PyTorch's
    jax.tree.map(check_equal, grads[0][1:], grads[1][1:])


def test_initial_parameters_are_those_of_equinox() -> None:
    """The same numbers where the shapes agree: equal channels, no groups."""
    mine, theirs = (
        kind(4, 4, 3, 2, key=KEY) for kind in (ours.ConvTranspose2d, eqx.nn.ConvTranspose2d)
    )
    check_equal(mine.weight, theirs.weight)
    check_equal(mine.bias, theirs.bias)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "complex64"])
def test_dtypes(dtype: str) -> None:
    for mine, theirs in (
        (ours.Conv1d, eqx.nn.Conv1d),
        (ours.ConvTranspose1d, eqx.nn.ConvTranspose1d),
    ):
        layers = [kind(4, 4, 3, dtype=jnp.dtype(dtype), key=KEY) for kind in (mine, theirs)]
        check_equal(layers[0].weight, layers[1].weight)
        assert layers[0](jnp.ones((4, 5), dtype)).dtype == jnp.dtype(dtype)


def test_dtypes_are_not_mixed_silently() -> None:
    layer = ours.ConvTranspose1d(4, 2, 3, key=KEY)
    with pytest.raises(TypeError, match=r"ConvTranspose1d: .*dtype"):
        layer(jnp.ones((4, 5), jnp.bfloat16))


@pytest.mark.parametrize("kind", [eqx.nn.Conv2d, ours.Conv2d], ids=["equinox", "ours"])
def test_like_is_the_transpose(kind: Any) -> None:
    down = kind(4, 6, (3, 2), 2, padding=(1, 0), groups=2, use_bias=False, key=KEY)
    down = _with_integers(down)
    up = ours.ConvTranspose.like(down, input_size=(6, 5))
    u = integers(down(jnp.asarray(X)).shape, seed=5)
    (expected,) = jax.linear_transpose(down, jnp.asarray(X))(jnp.asarray(u))
    check_equal(up(jnp.asarray(u)), expected)
    assert up.weight is down.weight
    assert up.bias is None


def test_a_tied_pair_learns_together() -> None:
    down = ours.Conv2d(4, 6, 3, 2, padding=1, key=KEY)
    shared = ours.tied(down, input_size=(6, 5), use_bias=True)
    count = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(shared, eqx.is_inexact_array)))
    assert count == down.weight.size + down.bias.size + 4

    @eqx.filter_jit
    def step(shared: Any, x: Any) -> Any:
        def loss(shared: Any) -> jax.Array:
            conv, transpose = shared()
            return jnp.square(transpose(conv(x)) - x).mean()

        value, gradient = eqx.filter_value_and_grad(loss)(shared)
        return value, eqx.apply_updates(shared, jax.tree.map(lambda g: -0.01 * g, gradient))

    losses = []
    for _ in range(3):
        value, shared = step(shared, jnp.asarray(X))
        losses.append(float(value))
    assert losses[0] > losses[1] > losses[2]
    conv, transpose = shared()
    assert transpose.weight is conv.weight
    assert bool((conv.weight != down.weight).any())


def test_filters_serialisation_and_vmap() -> None:
    layer = ours.ConvTranspose2d(
        4, 2, [3, 3], [2, 1], padding=[(1, 1), (0, 1)], input_size=[11, 6], key=KEY
    )
    x = jnp.asarray(X)
    expected = layer(x)
    stream = io.BytesIO()
    eqx.tree_serialise_leaves(stream, layer)
    stream.seek(0)
    blank = jax.tree.map(jnp.zeros_like, layer)
    loaded = eqx.tree_deserialise_leaves(stream, blank)
    check_equal(eqx.filter_jit(lambda layer, x: layer(x))(loaded, x), expected)
    batch = jnp.stack([x, 2 * x])
    check_equal(jax.vmap(layer)(batch), layer(batch))
    keys = jax.random.split(KEY, 3)
    ensemble = eqx.filter_vmap(lambda key: ours.ConvTranspose2d(4, 2, 3, key=key))(keys)
    ys = eqx.filter_vmap(lambda layer, x: layer(x), in_axes=(eqx.if_array(0), None))(ensemble, x)
    assert ys.shape == (3, 2, 8, 7)


def test_mask_is_no_parameter() -> None:
    """An optimiser that follows `is_inexact_array` must not change it."""
    mask = np.arange(4 * 2 * 9).reshape(4, 2, 3, 3) % 2 == 0
    layer = ours.ConvTranspose2d(4, 2, 3, mask=mask, key=KEY)
    shapes = [x.shape for x in jax.tree.leaves(eqx.filter(layer, eqx.is_inexact_array))]
    assert shapes == [(4, 2, 3, 3), (2, 1, 1)]
    with pytest.raises(TypeError, match="ConvTranspose2d: mask must be boolean"):
        ours.ConvTranspose2d(4, 2, 3, mask=mask.astype(np.float32), key=KEY)


def test_weight_init_sees_the_layout_of_the_initialisers() -> None:
    layer = ours.ConvTranspose2d(
        3, 3, 4, 2, padding=1, use_bias=False, weight_init=bilinear(2), key=KEY
    )
    y = layer(jnp.ones((3, 5, 5)))
    assert bool((y[:, 1:-1, 1:-1] == 1).all())


def test_bad_calls() -> None:
    layer = ours.ConvTranspose2d(4, 2, 3, 2, padding=1, key=KEY)
    check_message(
        lambda: layer(jnp.ones((3, 5, 5))),
        ValueError,
        "ConvTranspose2d: x must have the 4 channels that the layer was made for; got "
        "x=float32[3,5,5]. Pass it as (*batch, channels, *spatial), or make a layer for its "
        "channels.",
    )
    with pytest.raises(ValueError, match="Possible, per dimension: 11, 12; 9, 10"):
        layer(jnp.asarray(X), input_size=13)
