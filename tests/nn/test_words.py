"""What a layer says of keywords that it lacks, and of an int for the kernel size of images."""

from collections.abc import Callable
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx

from jaxdeconv import nn
from tests.support.checks import check_equal

KEY = jax.random.key(0)


def of_nnx(transposed: bool, *args: Any, **keywords: Any) -> Any:
    return (nn.nnx.ConvTranspose if transposed else nn.nnx.Conv)(
        4, *args, rngs=nnx.Rngs(0), **keywords
    )


def of_linen(transposed: bool, *args: Any, **keywords: Any) -> Any:
    return (nn.linen.ConvTranspose if transposed else nn.linen.Conv)(*args, **keywords)


def of_equinox(transposed: bool, *args: Any, **keywords: Any) -> Any:
    kind = nn.equinox.ConvTranspose2d if transposed else nn.equinox.Conv2d
    return kind(4, *args, key=KEY, **keywords)


def of_haiku(transposed: bool, *args: Any, **keywords: Any) -> Any:
    kind = nn.haiku.Conv2DTranspose if transposed else nn.haiku.Conv2D
    return hk.transform(lambda: kind(*args, **keywords) and None).init(KEY)


MAKE: dict[str, Callable[..., Any]] = {
    "nnx": of_nnx,
    "linen": of_linen,
    "equinox": of_equinox,
    "haiku": of_haiku,
}
FLAX = {
    "groups": "feature_group_count",
    "stride": "strides",
    "dilation": "kernel_dilation",
    "rhs_dilation": "kernel_dilation",
    "kernel_shape": "kernel_size",
    "with_bias": "use_bias",
    "kernel_initializer": "kernel_init",
    "kernal_init": "kernel_init",
}
MEANT = {
    "nnx": FLAX,
    "linen": FLAX,
    "equinox": {"feature_group_count": "groups", "strides": "stride", "kernel_init": "weight_init"},
    "haiku": {"groups": "feature_group_count", "dilation": "rate", "bias": "with_bias"},
}
SIZES = {
    "nnx": "input_size",
    "linen": "input_size",
    "equinox": "input_size",
    "haiku": "output_shape",
}


@pytest.mark.parametrize("framework", MAKE)
def test_keywords_of_others(framework: str) -> None:
    """The framework's own word, whichever other one is written, in both layers."""
    kernel = (3, 3)
    for transposed in (False, True):
        for word, meant in MEANT[framework].items():
            with pytest.raises(TypeError) as raised:
                MAKE[framework](transposed, 8, kernel, **{word: 2})
            assert str(raised.value).endswith(
                f": {word} is not an argument of this layer; got {word}=2. Pass {meant}."
            )
            assert str(raised.value).startswith("Conv")
    with pytest.raises(TypeError, match=f"got output_size=9. Pass {SIZES[framework]}.$"):
        MAKE[framework](True, 8, kernel, output_size=9)
    with pytest.raises(TypeError, match=r"got sparsity=1. The arguments are .*padding_mode"):
        MAKE[framework](False, 8, kernel, sparsity=1)


@pytest.mark.parametrize("framework", ["nnx", "linen"])
def test_what_was_left_out_is_explained(framework: str) -> None:
    with pytest.raises(TypeError, match="Leave it out: the kernel is that of the forward map"):
        MAKE[framework](True, 8, (3, 3), transpose_kernel=True)
    with pytest.raises(TypeError, match="is a transposed one: ConvTranspose"):
        MAKE[framework](False, 8, (3, 3), input_dilation=2)


def apply(framework: str, transposed: bool, kernel_size: Any, x: jax.Array) -> jax.Array:
    layer = MAKE[framework](transposed, 8, kernel_size)
    if framework == "nnx":
        return layer(x)
    return layer.apply(layer.init(KEY, x), x)


@pytest.mark.parametrize("framework", ["nnx", "linen"])
def test_an_int_kernel_size_is_not_for_images(framework: str) -> None:
    """In Flax an int is one dimension, silently on images; the tuple that says so still is."""
    for transposed, name in ((False, "Conv"), (True, "ConvTranspose")):
        with pytest.raises(ValueError) as raised:
            apply(framework, transposed, 3, jnp.ones((1, 6, 7, 4)))
        assert str(raised.value) == (
            f"{name}: kernel_size must have one entry per spatial axis of inputs: an int is for "
            "one; got kernel_size=3, inputs=float32[1,6,7,4]. Pass kernel_size=(3, 3) for images, "
            "or (3,) for signals with 2 axes of batches."
        )
        with pytest.raises(ValueError, match=r"Pass kernel_size=\(3, 3, 3\) for volumes"):
            apply(framework, transposed, 3, jnp.ones((1, 6, 7, 5, 4)))
        for shape in ((7, 4), (2, 7, 4)):
            x = jnp.arange(float(jnp.prod(jnp.asarray(shape)))).reshape(shape)
            check_equal(apply(framework, transposed, 3, x), apply(framework, transposed, (3,), x))
        assert apply(framework, transposed, (3,), jnp.ones((2, 5, 7, 4))).shape == (2, 5, 7, 8)
    stock = linen.Conv(8, (3,))  # several axes of batches are Flax's own, and stay
    x = jnp.arange(2 * 5 * 7 * 4.0).reshape(2, 5, 7, 4) % 5
    variables = stock.init(KEY, x)
    ours = nn.linen.Conv(8, (3,)).apply(variables, x)
    with jax.numpy_rank_promotion("allow"):
        expected = stock.apply(variables, x)
    assert jnp.allclose(ours, expected, atol=1e-5)


def test_fields_of_a_subclass_are_known() -> None:
    class Scaled(nn.linen.Conv):
        scale: float = 1.0

    assert Scaled(8, (3, 3), scale=2.0).scale == 2.0
    with pytest.raises(TypeError, match="Scaled: scales is not an argument of this layer"):
        Scaled(8, (3, 3), scales=2.0)
    assert nn.linen.Conv(8, (3, 3)).clone(features=9).features == 9
