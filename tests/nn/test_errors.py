"""Errors of the layers: bad values, unknown keywords, an int as the kernel size of images."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx

from jaxdeconv import ConvGeometry, nn
from tests.nn.shells import FLAX_NAMES, HAIKU_NAMES, SHELLS, parameters
from tests.support.bad_inputs import check_message
from tests.support.cases import Case
from tests.support.checks import check_equal

pytestmark = pytest.mark.every_variant

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
NAMES: dict[str, dict[str, str]] = {
    "nnx": FLAX_NAMES,
    "linen": FLAX_NAMES,
    "equinox": {},
    "haiku": HAIKU_NAMES,
}

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "stride": ({"stride": 0}, ValueError, "{stride} ...; got {stride}=0. ...1..."),
    "stride_float": ({"stride": 1.5}, TypeError, "{stride} ...; got {stride}=1.5. ...int..."),
    "dilation": (
        {"dilation": (1, 2, 3)},
        ValueError,
        "{dilation} ...; got {dilation}=(1, 2, 3). ...length 2...",
    ),
    "groups": ({"groups": 7}, ValueError, "{groups} ...; got {groups}=7, .... ...divi..."),
    "padding": ({"padding": "SOME"}, ValueError, "padding ...; got padding='SOME'. ...SAME..."),
    "padding_mode": (
        {"padding_mode": "mirror"},
        ValueError,
        "padding_mode ...; got padding_mode='mirror'. ...circular...",
    ),
    "two_modes": (
        {"padding": "CIRCULAR", "padding_mode": "reflect"},
        ValueError,
        "padding and padding_mode ...; got padding='CIRCULAR', padding_mode='reflect'. ...SAME...",
    ),
    "two_sizes": (
        {"input_size": 8, "output_padding": 1},
        ValueError,
        "{input_size} and output_padding ...; got {input_size}=8, output_padding=1. ...one of...",
    ),
    "impossible_size": (
        {"input_size": 14},
        ValueError,
        "{input_size} ...; got {input_size}=.... ...11, 12; 9, 10...",
    ),
}


@pytest.mark.parametrize(("framework", "name"), [*itertools.product(SHELLS, BAD)])
def test_bad_values(framework: str, name: str) -> None:
    """The layer, and the framework's name for the argument."""
    case = Case("bad", ConvGeometry((11, 9), 3, stride=2, padding=1))
    keywords, kind, message = BAD[name]
    ours = ("stride", "dilation", "groups", "input_size")
    message = message.format(**{one: NAMES[framework].get(one, one) for one in ours})

    def call() -> jax.Array:
        layer = SHELLS[framework](True, case, **(case.keywords | keywords))
        return layer(parameters(True, case), case.data()[2])

    check_message(call, kind, f"Conv...Transpose: {message}")


def test_layers_of_fixed_dimensions_have_their_own_names() -> None:
    for framework, start in (
        ("equinox", "ConvTranspose2d: kernel_size"),
        ("haiku", "Conv2DTranspose: kernel_shape"),
    ):
        make = functools.partial(MAKE[framework], True, 8, (3, 3, 3))
        name = start.split()[-1]
        check_message(make, ValueError, f"{start} ...; got {name}=(3, 3, 3). ...length 2...")


FLAX_MEANT = {
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
    "nnx": FLAX_MEANT,
    "linen": FLAX_MEANT,
    "equinox": {"feature_group_count": "groups", "strides": "stride", "kernel_init": "weight_init"},
    "haiku": {"groups": "feature_group_count", "dilation": "rate", "bias": "with_bias"},
}


@pytest.mark.parametrize("framework", MAKE)
def test_keywords_of_others(framework: str) -> None:
    """The remedy is the framework's own keyword, whichever other one is written, in both layers."""
    make, kernel = MAKE[framework], (3, 3)
    for transposed, (word, meant) in itertools.product((False, True), MEANT[framework].items()):
        bad = functools.partial(make, transposed, 8, kernel, **{word: 2})
        check_message(bad, TypeError, f"Conv...: {word} ...; got {word}=2. ... {meant}.")
    size = NAMES[framework].get("input_size", "input_size")
    bad = functools.partial(make, True, 8, kernel, output_size=9)
    check_message(bad, TypeError, f"Conv...: output_size ...; got output_size=9. ... {size}.")
    bad = functools.partial(make, False, 8, kernel, sparsity=1)
    check_message(bad, TypeError, "Conv...: sparsity ...; got sparsity=1. ... padding_mode...")


@pytest.mark.parametrize("framework", ["nnx", "linen"])
def test_arguments_that_were_left_out_are_explained(framework: str) -> None:
    with pytest.raises(TypeError, match="Leave it out: the kernel is that of the forward conv"):
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
    """In Flax an int means one dimension, silently so for images; a tuple of one is accepted."""
    for transposed, name in ((False, "Conv"), (True, "ConvTranspose")):
        check_message(
            functools.partial(apply, framework, transposed, 3, jnp.ones((1, 6, 7, 4))),
            ValueError,
            f"{name}: kernel_size must have one entry per spatial axis of inputs: an int means one "
            "axis; got kernel_size=3, inputs=float32[1,6,7,4]. Pass kernel_size=(3, 3) for images, "
            "or (3,) for signals with 2 batch axes.",
        )
        with pytest.raises(ValueError, match=r"Pass kernel_size=\(3, 3, 3\) for volumes"):
            apply(framework, transposed, 3, jnp.ones((1, 6, 7, 5, 4)))
        for shape in ((7, 4), (2, 7, 4)):
            x = jnp.arange(float(jnp.prod(jnp.asarray(shape)))).reshape(shape)
            check_equal(apply(framework, transposed, 3, x), apply(framework, transposed, (3,), x))
        assert apply(framework, transposed, (3,), jnp.ones((2, 5, 7, 4))).shape == (2, 5, 7, 8)
    stock = linen.Conv(8, (3,))  # Flax, too, accepts several batch axes
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
