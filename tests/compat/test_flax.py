"""Against Flax's own layers, Linen's and NNX's: values and gradients, every argument drawn."""

import functools
from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxdeconv.compat import flax as ours
from tests.compat.support import check_same, check_same_gradients, integers, ints, seeds

CALLS = {"Conv": ours.conv, "ConvTranspose": ours.conv_transpose}


def draw(seed: int, transposed: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The arguments, and inputs, kernel and perhaps bias."""
    rng = np.random.default_rng([19, seed])
    ndim, groups = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel, stride = ints(rng, 1, 3, ndim), ints(rng, 1, 3, ndim)
    size = ints(rng, 5, 7 if ndim < 3 else 5, ndim)
    ins, outs = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    pairs = list(zip(ints(rng, 2, 4, ndim), ints(rng, 2, 4, ndim), strict=True))
    ways: list[Any] = ["SAME", "VALID", "CIRCULAR", pairs, 2]
    arguments: dict[str, Any] = {
        "strides": stride if seed % 3 else stride[0],
        "kernel_dilation": ints(rng, 1, 2, ndim) if seed % 4 else None,
    }
    if transposed:
        arguments["transpose_kernel"] = bool(seed // 2 % 2)
        inner = (outs, ins) if seed // 2 % 2 else (ins, outs)
        channels, features = ins, outs
    else:
        ways += ["REFLECT", "CAUSAL" if ndim == 1 else "SAME"]
        arguments["feature_group_count"] = groups
        inner, channels, features = (ins, outs * groups), ins * groups, outs * groups
    arguments["padding"] = ways[seed % len(ways)]
    if not transposed and not isinstance(arguments["padding"], str):
        arguments["input_dilation"] = ints(rng, 1, 2, ndim)
    if seed % 5 == 0:
        arguments["mask"] = integers(*kernel, *inner, seed=3)
    batch = ((2,), (), (2, 3))[seed % 3]
    shapes = [(*batch, *size, channels), (*kernel, *inner), *([(features,)] if seed % 2 else [])]
    return arguments, [integers(*shape) for shape in shapes]


def linen(name: str, arguments: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """Linen's layer as a function of its input and its parameters."""
    kernel = arrays[1].shape
    features = kernel[-2] if arguments.get("transpose_kernel") else kernel[-1]
    layer = getattr(flax.linen, name)(features, kernel[:-2], use_bias=len(arrays) == 3, **arguments)

    def apply(inputs: Any, *parameters: Any) -> Any:
        named = dict(zip(("kernel", "bias"), parameters, strict=False))
        return layer.apply({"params": named}, inputs)

    return apply


def of_nnx(name: str, arguments: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """NNX's layer, likewise."""
    kernel = arrays[1].shape
    features = kernel[-2] if arguments.get("transpose_kernel") else kernel[-1]
    channels = (arrays[0].shape[-1], features)

    def apply(inputs: Any, kernel: Any, bias: Any = None) -> Any:
        settings = {"use_bias": bias is not None, "rngs": nnx.Rngs(0), **arguments}
        layer = getattr(nnx, name)(*channels, kernel.shape[:-2], **settings)
        layer.kernel[...] = kernel
        if bias is not None:
            layer.bias[...] = bias
        return layer(inputs)

    return apply


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", seeds(15))
def test_linen(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvTranspose")
    check_same(functools.partial(CALLS[name], **arguments), linen(name, arguments, arrays), *arrays)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nnx(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvTranspose")
    check_same(
        functools.partial(CALLS[name], **arguments), of_nnx(name, arguments, arrays), *arrays
    )


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", [17, 23])
def test_gradients(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvTranspose")
    call = functools.partial(CALLS[name], **arguments)
    check_same_gradients(call, linen(name, arguments, arrays), *arrays)


@pytest.mark.parametrize("transpose_kernel", [False, True])
@pytest.mark.parametrize(("k", "s", "n"), [(4, 1, 5), (5, 3, 4), (2, 3, 3), (7, 2, 2)])
def test_circular(k: int, s: int, n: int, transpose_kernel: bool) -> None:
    """Every number of cells that reach over the ends; even more than once around."""
    arguments = {"strides": s, "padding": "CIRCULAR", "transpose_kernel": transpose_kernel}
    arrays = [integers(n, 1), integers(k, 1, 1)]
    check_same(
        functools.partial(ours.conv_transpose, **arguments),
        linen("ConvTranspose", arguments, arrays),
        *arrays,
    )


def test_dtypes_are_promoted_as_in_flax() -> None:
    """The arrays to their common type, whole numbers to float32; `dtype` overrules."""
    x, kernel = jnp.ones((5, 2), jnp.bfloat16), jnp.ones((3, 2, 1), jnp.bfloat16)
    assert ours.conv_transpose(x, kernel).dtype == jnp.bfloat16
    assert ours.conv(x, kernel, dtype="float32").dtype == jnp.float32
    assert ours.conv(x, kernel, preferred_element_type="float32").dtype == jnp.float32
    whole = ours.conv(x.astype(jnp.int32), kernel.astype(jnp.int32))
    assert whole.dtype == jnp.float32
    with jax.numpy_dtype_promotion("standard"):
        assert ours.conv(x, kernel.astype(jnp.float32)).dtype == jnp.float32
