"""Against `jax.lax` itself: every argument, both meanings of padding, none of its convolutions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import lax
from tests.acceleration.left import left
from tests.compat.support import check_same, check_same_gradients, integers, ints, seeds
from tests.support.checks import check_equal

LAST = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NHWDC", "HWDIO", "NHWDC")}
ODD = {1: ("CNH", "OHI", "HNC"), 2: ("WNCH", "IHOW", "CHWN"), 3: ("NCDHW", "OIDHW", "NDHWC")}


def lay_out(x: np.ndarray, order: str, wanted: str) -> np.ndarray:
    """`x`, whose axes are named by `order`, with its axes as in `wanted`."""
    return np.ascontiguousarray(x.transpose([order.index(letter) for letter in wanted]))


def draw(seed: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Arguments of `conv_transpose`, lhs and rhs."""
    rng = np.random.default_rng([23, seed])
    ndim = int(rng.integers(1, 4))
    kernel, strides = ints(rng, 1, 3, ndim), ints(rng, 1, 3, ndim)
    in_channels, out_channels = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    forward = bool(seed % 2)
    consistent = seed % 4 > 1
    low, high = (0, 2) if consistent else (2, 4)
    pairs = list(zip(ints(rng, low, high, ndim), ints(rng, low, high, ndim), strict=True))
    padding: Any = ("SAME", pairs, "VALID", pairs)[seed // 4 % 4]
    numbers = (None, LAST[ndim], ODD[ndim])[seed % 3]
    x = integers(2, *ints(rng, 5, 6, ndim), in_channels)
    w = integers(
        *kernel, *((out_channels, in_channels) if forward else (in_channels, out_channels))
    )
    if numbers:
        signal, taps, _ = LAST[ndim]
        x, w = lay_out(x, signal, numbers[0]), lay_out(w, taps, numbers[1])
    if numbers and seed % 2:
        numbers = jax.lax.conv_dimension_numbers(x.shape, w.shape, numbers)
    arguments = {
        "strides": strides,
        "padding": padding,
        "rhs_dilation": None if seed % 5 == 0 else ints(rng, 1, 2, ndim),
        "dimension_numbers": numbers,
        "transpose_kernel": forward,
        "use_consistent_padding": consistent,
    }
    return arguments, [x, w]


@pytest.mark.parametrize("seed", seeds(18))
def test_conv_transpose(seed: int) -> None:
    arguments, arrays = draw(seed)
    theirs = functools.partial(jax.lax.conv_transpose, **arguments)
    check_same(functools.partial(lax.conv_transpose, **arguments), theirs, *arrays)


@pytest.mark.parametrize("seed", [18, 21])
def test_conv_transpose_gradients(seed: int) -> None:
    arguments, arrays = draw(seed)
    theirs = functools.partial(jax.lax.conv_transpose, **arguments)
    check_same_gradients(functools.partial(lax.conv_transpose, **arguments), theirs, *arrays)


def test_consistent_padding_may_be_a_list() -> None:
    """`jax.lax` refuses lists of lists, which mean the same as tuples."""
    x, w = integers(1, 5, 2), integers(3, 2, 1)
    arguments = {"strides": (2,), "use_consistent_padding": True}
    got = lax.conv_transpose(x, w, padding=[[1, 0]], **arguments)
    check_equal(got, np.asarray(jax.lax.conv_transpose(x, w, padding=((1, 0),), **arguments)))


GENERAL: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 4, 7, 6), (3, 4, 3, 2), {"padding": "SAME"}),
    "same_lower": ((2, 4, 7, 6), (3, 4, 2, 2), {"padding": "SAME_LOWER"}),
    "valid_strided": ((2, 4, 7, 6), (3, 4, 3, 2), {"padding": "VALID", "window_strides": (2, 3)}),
    "negative_padding": ((2, 4, 7), (3, 4, 2), {"padding": [(-1, 2)]}),
    "grouped": ((2, 6, 7), (4, 3, 2), {"padding": [(1, 0)], "feature_group_count": 2}),
    "depthwise": ((2, 4, 7), (4, 1, 3), {"padding": [(1, 1)], "feature_group_count": 4}),
    "batch_groups": ((4, 3, 7), (6, 3, 2), {"padding": [(1, 0)], "batch_group_count": 2}),
    "dilated_kernel": ((2, 4, 9), (3, 4, 3), {"padding": [(2, 1)], "rhs_dilation": (2,)}),
    "dilated_input": ((2, 4, 5), (3, 4, 3), {"padding": [(2, 1)], "lhs_dilation": (3,)}),
    "dilated_and_strided": (
        (2, 4, 5, 4),
        (3, 4, 3, 2),
        {"padding": [(2, 1), (0, 1)], "lhs_dilation": (3, 2), "window_strides": (2, 3)},
    ),
    "all_dilated_and_grouped": (
        (2, 4, 5),
        (6, 2, 3),
        {
            "padding": [(3, 1)],
            "lhs_dilation": (2,),
            "rhs_dilation": (3,),
            "window_strides": (2,),
            "feature_group_count": 2,
        },
    ),
    "layout": (
        (5, 2, 6, 4),
        (4, 3, 2, 3),
        {"padding": "SAME", "dimension_numbers": ("WNHC", "IWHO", "CHWN")},
    ),
}


@pytest.mark.parametrize("name", GENERAL)
def test_conv_general_dilated(name: str) -> None:
    lhs, rhs, arguments = GENERAL[name]
    arguments = {"window_strides": (1,) * (len(lhs) - 2), **arguments}
    ours = functools.partial(lax.conv_general_dilated, **arguments)
    theirs = functools.partial(jax.lax.conv_general_dilated, **arguments)
    arrays = integers(*lhs), integers(*rhs)
    check_same(ours, theirs, *arrays)
    assert [len(left(jax.make_jaxpr(f)(*arrays))) for f in (theirs, ours)] == [1, 0]


def test_conv_general_dilated_gradients() -> None:
    lhs, rhs, arguments = GENERAL["all_dilated_and_grouped"]
    ours = functools.partial(lax.conv_general_dilated, **arguments)
    theirs = functools.partial(jax.lax.conv_general_dilated, **arguments)
    check_same_gradients(ours, theirs, integers(*lhs), integers(*rhs))


@pytest.mark.parametrize("name", ["conv_general_dilated", "conv_transpose"])
def test_sums_in_a_wider_type(name: str) -> None:
    x = jnp.full((1, 2, 300) if name == "conv_general_dilated" else (1, 300, 2), 100, jnp.int8)
    w = jnp.full((1, 2, 3) if name == "conv_general_dilated" else (3, 2, 1), 100, jnp.int8)
    arguments: dict[str, Any] = {"preferred_element_type": jnp.int32}
    check_same(
        lambda *xs: getattr(lax, name)(*xs, (1,), "SAME", **arguments).astype(jnp.float32),
        lambda *xs: getattr(jax.lax, name)(*xs, (1,), "SAME", **arguments).astype(jnp.float32),
        x,
        w,
    )
