"""One interface to the four frameworks: a layer as a function of its parameters and a signal."""

from collections.abc import Callable
from typing import Any, TypeAlias

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxdeconv import nn
from tests.support.cases import Case

Params: TypeAlias = dict[str, Any]
Apply: TypeAlias = Callable[[Params, Any], jax.Array]
"""(parameters, signal `(batch, *spatial, channels)`) -> result; jaxdeconv's kernel and a bias."""

FLAX_NAMES = {"stride": "strides", "dilation": "kernel_dilation", "groups": "feature_group_count"}
HAIKU_NAMES = {"dilation": "rate", "groups": "feature_group_count", "input_size": "output_shape"}


def _renamed(names: dict[str, str], keywords: dict[str, Any]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in keywords.items()}


def of_nnx(transposed: bool, case: Case, bias: bool = True, **keywords: Any) -> Apply:
    kind = nn.nnx.ConvTranspose if transposed else nn.nnx.Conv

    def apply(params: Params, x: Any) -> jax.Array:
        layer = kind(  # made where it is set: Flax does not set modules of another trace
            *_channels(transposed, case),
            case.geometry.kernel_size,
            use_bias=bias,
            kernel_init=jax.nn.initializers.zeros,
            rngs=nnx.Rngs(0),
            **_renamed(FLAX_NAMES, keywords),
        )
        nn.nnx.load(layer, params)
        return layer(x)

    return apply


def of_linen(transposed: bool, case: Case, bias: bool = True, **keywords: Any) -> Apply:
    _, out_channels = _channels(transposed, case)
    layer = (nn.linen.ConvTranspose if transposed else nn.linen.Conv)(
        out_channels, case.geometry.kernel_size, use_bias=bias, **_renamed(FLAX_NAMES, keywords)
    )
    initial = layer.init(jax.random.key(0), _signal(transposed, case))["params"]
    return lambda params, x: layer.apply({"params": nn.linen.load(initial, params)}, x)


def of_equinox(transposed: bool, case: Case, bias: bool = True, **keywords: Any) -> Apply:
    layer = (nn.equinox.ConvTranspose if transposed else nn.equinox.Conv)(
        case.geometry.ndim,
        *_channels(transposed, case),
        case.geometry.kernel_size,
        use_bias=bias,
        key=jax.random.key(0),
        **keywords,
    )

    def apply(params: Params, x: Any) -> jax.Array:
        loaded = nn.equinox.load(layer, params)
        return jnp.moveaxis(loaded(jnp.moveaxis(x, -1, 1)), 1, -1)

    return apply


def of_haiku(transposed: bool, case: Case, bias: bool = True, **keywords: Any) -> Apply:
    _, out_channels = _channels(transposed, case)
    kind = nn.haiku.ConvNDTranspose if transposed else nn.haiku.ConvND

    @hk.without_apply_rng
    @hk.transform
    def layer(x: Any) -> jax.Array:
        return kind(
            case.geometry.ndim,
            out_channels,
            case.geometry.kernel_size,
            with_bias=bias,
            name="layer",
            **_renamed(HAIKU_NAMES, keywords),
        )(x)

    initial = layer.init(jax.random.key(0), _signal(transposed, case))["layer"]
    return lambda params, x: layer.apply({"layer": nn.haiku.load(initial, params)}, x)


SHELLS = {"nnx": of_nnx, "linen": of_linen, "equinox": of_equinox, "haiku": of_haiku}


def parameters(transposed: bool, case: Case) -> Params:
    """Small integers, so that sums are exact."""
    _, w, _ = case.data()
    _, out_channels = _channels(transposed, case)
    return {"kernel": w, "bias": np.arange(out_channels, dtype=np.float32) % 5 - 2}


def _channels(transposed: bool, case: Case) -> tuple[int, int]:
    """in_channels and out_channels of the layer."""
    v, _, u = (shape[-1] for shape in case.shapes)
    return (u, v) if transposed else (v, u)


def _signal(transposed: bool, case: Case) -> jax.Array:
    v, _, u = case.shapes
    return jnp.zeros(u if transposed else v)
