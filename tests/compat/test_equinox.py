"""Against Equinox's own layers: values and gradients, every argument drawn at random."""

import functools
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from jaxdeconv.compat import equinox
from tests.compat.support import check_same, check_same_gradients, integers, ints, seeds

NAMES = ("SAME", "same", "SAME_LOWER", "VALID")


def draw(seed: int, transposed: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """A layer's arguments, and x, weight and perhaps bias."""
    rng = np.random.default_rng([7, seed])
    ndim, groups = (int(rng.integers(1, 4)) for _ in range(2))
    kernel, stride = ints(rng, 1, 3, ndim), ints(rng, 1, 3, ndim)
    dilation = ints(rng, 1, 2, ndim)
    mode = ("ZEROS", "circular", "Reflect", "REPLICATE")[seed % 4]
    if transposed:
        mode = "circular" if seed % 4 == 3 else "ZEROS"
    pairs = list(zip(ints(rng, 0, 2, ndim), ints(rng, 0, 2, ndim), strict=True))
    name = NAMES[(seed // 8 * 2 + seed % 2) % 4]
    padding: Any = (name, pairs, 1, ints(rng, 0, 2, ndim))[seed // 2 % 4]
    if transposed and mode == "circular":
        padding = ("SAME", "same_lower")[seed // 4 % 2]
    size = ints(rng, 5, 7 if ndim < 3 else 5, ndim)
    arguments = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": mode,
    }
    if transposed and mode == "ZEROS":
        arguments["output_padding"] = tuple(int(rng.integers(0, s)) for s in stride)
    ins, outs = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    arrays = [integers(ins, *size), integers(outs, ins // groups, *kernel)]
    if seed % 3:
        arrays.append(integers(outs, *(1,) * ndim))
    return arguments, arrays


def real(name: str, arguments: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """The layer as a function of its input and its parameters."""
    x, weight, *bias = arrays
    channels = (x.shape[0], weight.shape[0])
    layer = eqx.filter_eval_shape(
        getattr(eqx.nn, name),
        x.ndim - 1,
        *channels,
        weight.shape[2:],
        use_bias=bool(bias),
        key=jax.random.key(0),
        **arguments,
    )

    def apply(x: Any, weight: Any, bias: Any = None) -> Any:
        filled = eqx.tree_at(lambda one: one.weight, layer, weight)
        if bias is not None:
            filled = eqx.tree_at(lambda one: one.bias, filled, bias)
        return filled(x)

    return apply


CALLS = {"Conv": equinox.conv, "ConvTranspose": equinox.conv_transpose}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", seeds(16))
def test_values(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvTranspose")
    ours = functools.partial(CALLS[name], **arguments)
    check_same(ours, real(name, arguments, arrays), *arrays)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", [16, 17])
def test_gradients(name: str, seed: int) -> None:
    arguments, arrays = draw(seed, name == "ConvTranspose")
    ours = functools.partial(CALLS[name], **arguments)
    check_same_gradients(ours, real(name, arguments, arrays), *arrays)
