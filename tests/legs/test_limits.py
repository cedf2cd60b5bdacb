"""Sizes too large to be computed with, and symbolic ones: refused while tracing, by name.

XLA ends the process where a size in bytes overflows 64 bits, and so does oneDNN where a dilation
overflows 32: no test can call these and look.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import export, lax

from jaxdeconv import (
    ConvGeometry,
    ConvOperator,
    accelerate,
    conv,
    conv_transpose,
    kernel_gradient,
    possible_input_sizes,
)
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.reference import coordinates
from tests.support.bad_inputs import z

v, w, u = z(9, 8, 2), z(3, 2, 2, 3), z(7, 7, 3)
HUGE = (2**30 + 1, 2**31 - 1, 2**31, 2**32 + 1, 2**40, 5717580618211388939, 2**63, 2**70, 10**30)

Call = Callable[..., Any]
CALLS: dict[str, Call] = {
    "conv": lambda **keywords: conv(v, w, **keywords),
    "conv_transpose": lambda **keywords: conv_transpose(u, w, **keywords),
    "kernel_gradient": lambda **keywords: kernel_gradient(
        u, v, **{"kernel_size": (3, 2)} | keywords
    ),
    "ConvGeometry": lambda **keywords: ConvGeometry((9, 8), **{"kernel_size": (3, 2)} | keywords),
    "ConvGeometry.from_output_size": lambda **keywords: ConvGeometry.from_output_size(
        (7, 7), **{"kernel_size": (3, 2)} | keywords
    ),
    "possible_input_sizes": lambda **keywords: possible_input_sizes(
        (7, 7), **{"kernel_size": (3, 2)} | keywords
    ),
    "ConvOperator": lambda **keywords: ConvOperator(w, (9, 8, 2), **keywords),
}
TRANSPOSES = ("conv_transpose", "ConvGeometry.from_output_size")
GEOMETRIES = ("ConvGeometry", "ConvGeometry.from_output_size", "possible_input_sizes")

REFUSED = [
    *((name, argument) for name in CALLS for argument in ("stride", "dilation", "padding")),
    *((name, argument) for name in TRANSPOSES for argument in ("input_size", "output_padding")),
    *((name, "kernel_size") for name in ("kernel_gradient", *GEOMETRIES)),
    *((name, "groups") for name in CALLS if name not in GEOMETRIES),
]


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize(("name", "argument"), REFUSED)
def test_huge_is_refused_by_name(name: str, argument: str, huge: int) -> None:
    for value in (huge, (1, huge)):
        if argument == "groups" and value != huge:
            continue
        pattern = rf"^{re.escape(name)}: .*{argument}.*; got .*{argument}=.*{huge}"
        with pytest.raises(ArgumentValueError, match=pattern):
            CALLS[name](**{argument: value})


@pytest.mark.parametrize("name", CALLS)
def test_huge_cropping_is_refused(name: str) -> None:
    with pytest.raises(ArgumentValueError, match=rf"^{re.escape(name)}: padding must be between"):
        CALLS[name](padding=((0, 0), (2**40, -(2**40))))


@pytest.mark.parametrize("name", [name for name in CALLS if name != "ConvOperator"])
def test_a_huge_span_is_refused(name: str) -> None:
    """Neither the dilation nor the kernel is too large, but the dilated kernel is."""
    message = r"dilation \* \(kernel_size - 1\) \+ 1 must be at most 1073741824 in every dimension"
    with pytest.raises(
        ArgumentValueError, match=f"^{re.escape(name)}: {message}; got dilation=1073"
    ):
        CALLS[name](dilation=2**30)


@pytest.mark.parametrize("huge", [2**63, 10**30])
def test_sizes_that_cannot_be_indexed(huge: int) -> None:
    with pytest.raises(ArgumentValueError, match=r"^ConvGeometry: input_size must be at most 9223"):
        ConvGeometry((9, huge), 1)
    with pytest.raises(ArgumentValueError, match=r"^possible_input_sizes: output_size must be at"):
        possible_input_sizes(huge, 1)
    with pytest.raises(ArgumentValueError, match=r"^ConvGeometry: the padded input must have at"):
        ConvGeometry(2**63 - 5, 1, padding=huge % 7 + 9)


def test_results_that_cannot_be_indexed() -> None:
    """2**60 bytes and more, however they come about; less is left to the memory that there is."""
    volume, point = z(2**9, 2**9, 2**9, 1), z(1, 1, 1, 1, 1)
    pattern = r"^conv_transpose: v must have at most 2\*\*60 bytes.* v_shape=\(1, 137170518017, .*"
    with pytest.raises(ArgumentValueError, match=pattern + r"stride=\(268435456, "):
        conv_transpose(volume, point, stride=2**28)
    with pytest.raises(
        ArgumentValueError, match=r"^conv: v must have at most .* got v_shape=\(1, 214"
    ):
        conv(v, w, padding=2**30)
    pattern = (
        r"^kernel_gradient: v must have at most .* got v_shape=\(1, 107374182\d, 107374182\d, "
    )
    wide = jax.ShapeDtypeStruct((2**30, 2**30, 2), jnp.float32)
    with pytest.raises(ArgumentValueError, match=pattern):
        jax.eval_shape(lambda u, v: kernel_gradient(u, v, kernel_size=(1, 1)), wide, wide)
    line = jax.ShapeDtypeStruct((2**40, 1), jnp.float32)
    result = jax.eval_shape(lambda v: conv(v, z(3, 1, 1)), line)
    assert result.shape == (2**40 - 2, 1)


def test_the_largest_that_are_taken() -> None:
    """Right to the limit, against the index relation."""
    x, kernel = jnp.arange(1.0, 6).reshape(5, 1), jnp.array([2.0, 3, 5]).reshape(3, 1, 1)
    far = {"stride": 2**30}
    assert conv(x, kernel, **far).tolist() == [[2.0 * 1 + 3 * 2 + 5 * 3]]
    assert conv_transpose(x[:1], kernel, **far).ravel().tolist() == [2.0, 3.0, 5.0]
    got = kernel_gradient(x[:1], x, kernel_size=(3,), **far)
    assert got.ravel().tolist() == [1.0, 2.0, 3.0]
    span = {"dilation": 2**29 - 1, "padding": 2**29 - 1}
    geometry = ConvGeometry(5, 3, **span)
    x, kernel = x.astype(jnp.int8), kernel.astype(jnp.int8)  # its copy with padding takes 1 GiB
    assert (
        conv(x, kernel, **span).tolist() == coordinates.conv(x[None], kernel, geometry)[0].tolist()
    )


@pytest.mark.parametrize(
    "window",
    [
        {"window_strides": (2**40,), "padding": ((0, 0),)},
        {"window_strides": (1,), "padding": ((2**40, 2**40),), "rhs_dilation": (2**40,)},
        {"window_strides": (1,), "padding": ((2**40, -(2**40)),)},
    ],
)
def test_accelerate_leaves_what_no_leg_takes(window: dict[str, Any]) -> None:
    def program(x, w):
        return lax.conv_general_dilated(x, w, dimension_numbers=("NWC", "WIO", "NWC"), **window)

    x, kernel = jnp.arange(1.0, 9).reshape(1, 8, 1), jnp.array([2.0, 3, 5]).reshape(3, 1, 1)
    assert (accelerate(program)(x, kernel) == program(x, kernel)).all()


WAY_OUT = (
    "Symbolic spatial sizes and channels are not supported (a symbolic batch is): use jax.lax, or "
    "jaxdeconv.accelerate, which leaves such convolutions as they are."
)
SYMBOLIC: dict[str, tuple[str, Call]] = {
    "conv: v": ("2, 2*t, 3", lambda x: conv(x, z(3, 3, 2), stride=2, padding="SAME")),
    "conv: v, channels": ("2, 8, c", lambda x: conv(x, z(3, 3, 2))),
    "conv: w": ("k, 3, 2", lambda x: conv(z(2, 8, 3), x)),
    "conv: padding": ("2, t, 3", lambda x: conv(z(2, 8, 3), z(3, 3, 2), padding=x.shape[1])),
    "conv_transpose: u": ("2, t, 2", lambda x: conv_transpose(x, z(3, 3, 2), stride=2)),
    "conv_transpose: input_size": (
        "2, t, 2",
        lambda x: conv_transpose(z(2, 8, 2), z(3, 3, 2), input_size=(x.shape[1],)),
    ),
    "kernel_gradient: u": (
        "2, t, 2",
        lambda x: kernel_gradient(x, z(2, 8, 3), kernel_size=(3,)),
    ),
    "kernel_gradient: v": (
        "2, t, 2",
        lambda x: kernel_gradient(z(2, 8, 3), x, kernel_size=(3,)),
    ),
    "ConvGeometry: input_size": ("2, t, 2", lambda x: ConvGeometry(x.shape[1], 3)),
}


def exported(function: Call, shape: str) -> export.Exported:
    struct = jax.ShapeDtypeStruct(export.symbolic_shape(shape), jnp.float32)
    return export.export(jax.jit(function))(struct)


@pytest.mark.parametrize("name", SYMBOLIC)
def test_symbolic_is_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        exported(*reversed(SYMBOLIC[name]))
    assert str(caught.value).startswith(f"{name.partition(',')[0]} must ")
    assert str(caught.value).endswith(WAY_OUT)


def test_the_way_out() -> None:
    """A symbolic batch goes through the leg, a symbolic length through accelerate."""
    x, kernel = jnp.arange(36.0).reshape(2, 6, 3), z(3, 3, 2) + 1
    by_batch = exported(lambda x: conv(x, kernel, stride=2), "b, 6, 3")
    assert (by_batch.call(x) == conv(x, kernel, stride=2)).all()
    numbers = ("NWC", "WIO", "NWC")
    stock = accelerate(
        lambda x: lax.conv_general_dilated(x, kernel, (2,), "VALID", dimension_numbers=numbers)
    )
    assert (exported(stock, "2, 2*t, 3").call(x) == conv(x, kernel, stride=2)).all()
