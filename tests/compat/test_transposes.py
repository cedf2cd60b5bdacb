"""Every transposed convolution is the transpose of its framework's convolution.

Checked by `jax.linear_transpose`, by inner products in Python's integers, and by `verify`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import (
    convert_kernel,
    keras,
    lax,
    onnx,
    tensorflow,
    torch,
)
from jaxdeconv.verify import AdjointMismatch, assert_adjoint
from tests.compat.support import integers
from tests.support.checks import check_equal, exact_inner_product

SIZE, KERNEL, CHANNELS = (7, 6), (3, 2), (4, 6)

Map = Callable[[Any], Any]


def converted(framework: str, w: np.ndarray, groups: int = 1) -> np.ndarray:
    """The kernel for the transposed convolution, from that of the convolution."""
    ours = convert_kernel(w, source=framework, target="jaxdeconv", groups=groups)
    shared = {"groups": groups, "transposed": True}
    return convert_kernel(ours, source="jaxdeconv", target=framework, **shared)


def of_torch() -> tuple[Map, Map, Any]:
    w, shared = integers(6, 2, *KERNEL), {"stride": 2, "padding": (1, 0), "groups": 2}
    check_equal(converted("torch", w, 2), w)
    return (
        lambda v: torch.conv2d(v, w, **shared),
        lambda u: torch.conv_transpose2d(u, w, **shared, output_size=SIZE),
        (3, 4, *SIZE),
    )


def of_onnx() -> tuple[Map, Map, Any]:
    w, shared = integers(6, 2, *KERNEL), {"strides": [2, 3], "dilations": [2, 1], "group": 2}
    return (
        lambda v: onnx.Conv(v, w, pads=[1, 0, 2, 1], **shared),
        lambda u: onnx.ConvTranspose(u, w, pads=[1, 0, 2, 1], output_padding=[1, 2], **shared),
        (3, 4, *SIZE),
    )


def of_lax() -> tuple[Map, Map, Any]:
    w, numbers, pads = integers(*KERNEL, *CHANNELS), ("NHWC", "HWIO", "NHWC"), ((1, 0), (0, 2))
    shared = {"rhs_dilation": (1, 2), "dimension_numbers": numbers}
    consistent = {"transpose_kernel": True, "use_consistent_padding": True}
    return (
        lambda v: lax.conv_general_dilated(v, w, (2, 3), pads, **shared),
        lambda u: lax.conv_transpose(u, w, (2, 3), pads, **shared, **consistent),
        (3, 6, 7, 4),
    )


def of_keras() -> tuple[Map, Map, Any]:
    w, shared = integers(*KERNEL, *CHANNELS), {"strides": 2, "padding": "same"}
    return (
        lambda v: keras.conv(v, w, **shared),
        lambda u: keras.conv_transpose(u, w, **shared),
        (3, 8, 6, 4),
    )


def of_tensorflow() -> tuple[Map, Map, Any]:
    w, shared, v = (
        integers(*KERNEL, *CHANNELS),
        {"strides": [2, 3], "padding": "SAME"},
        (3, *SIZE, 4),
    )
    return (
        lambda x: tensorflow.convolution(x, w, **shared),
        lambda u: tensorflow.conv_transpose(u, w, v, **shared),
        v,
    )


PAIRS = {
    make.__name__.removeprefix("of_"): make
    for make in (
        of_torch,
        of_onnx,
        of_lax,
        of_keras,
        of_tensorflow,
    )
}


@pytest.mark.parametrize("name", PAIRS)
def test_transpose(name: str) -> None:
    forward, back, shape = PAIRS[name]()
    v = integers(*shape)
    kv = jax.jit(forward)(v)
    u = integers(*kv.shape, seed=1)
    (expected,) = jax.jit(jax.linear_transpose(forward, v))(u)
    got = jax.jit(back)(u)
    check_equal(got, expected)
    assert exact_inner_product(u, kv) == exact_inner_product(got, v) != 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_verified(name: str) -> None:
    forward, back, shape = PAIRS[name]()
    v = jax.ShapeDtypeStruct(shape, jnp.float32)
    assert_adjoint(jax.jit(forward), jax.jit(back), v, key=0)


def test_a_wrong_pair_is_found() -> None:
    """`lax.conv_transpose` with the kernel of the convolution, which is not in reverse order."""
    w, v = integers(*KERNEL, 4, 4), jax.ShapeDtypeStruct((3, *SIZE, 4), jnp.float32)
    numbers = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    with pytest.raises(AdjointMismatch):
        assert_adjoint(
            lambda v: lax.conv_general_dilated(v, w, (1, 1), "SAME", **numbers),
            lambda u: lax.conv_transpose(u, w, (1, 1), "SAME", **numbers),
            v,
            key=0,
        )
