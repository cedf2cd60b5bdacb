"""Every match of a convolution gives XLA's own numbers, exactly."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

from jaxdeconv.acceleration.axes import simplify
from jaxdeconv.acceleration.leg_match import EmptySum, LegMatch, NoMatch
from jaxdeconv.acceleration.match import _matches, match
from jaxdeconv.acceleration.rewrite import convolutions
from jaxdeconv.acceleration.stock import stock_seconds
from tests.acceleration.drawn import Drawn, drawn
from tests.support.checks import check_equal


def check_match(case: Drawn, dtype: Any = np.float32) -> None:
    found = match(case.convolution(dtype), "cpu")
    assert isinstance(found, LegMatch | EmptySum)
    lhs, rhs = case.data(dtype)
    check_equal(found.apply(jnp.asarray(lhs), jnp.asarray(rhs)), case(lhs, rhs))


def all_matches(case: Drawn) -> list[LegMatch]:
    axes = [simplify(axis) for axis in case.convolution().axes]
    if None in axes:
        return []
    whole = tuple(axis for axis in axes if axis is not None)
    return [one for one in _matches(case.convolution(), whole) if one is not None]


@pytest.mark.slow
@settings(max_examples=60)
@given(drawn())
def test_any_convolution(case: Drawn) -> None:
    check_match(case)


@pytest.mark.slow
@settings(max_examples=15)
@given(drawn(max_ndim=1))
def test_every_match_of_any_convolution(case: Drawn) -> None:
    lhs, rhs = case.data()
    expected = case(lhs, rhs)
    for found in all_matches(case):
        check_equal(found.apply(jnp.asarray(lhs), jnp.asarray(rhs)), expected)


@pytest.mark.slow
@settings(max_examples=200)
@given(drawn(max_ndim=3, largest=4))
def test_very_many_convolutions(case: Drawn) -> None:
    check_match(case)


@settings(max_examples=8)
@given(drawn())
@pytest.mark.parametrize("dtype", [np.int32, np.complex64, jnp.bfloat16, np.float16])
def test_any_dtype(dtype: Any, case: Drawn) -> None:
    check_match(case, dtype)


def test_the_check_notices_wrong_matches() -> None:
    """Off by one cell, the other operand backwards, another role: none passes."""
    numbers = lax.ConvDimensionNumbers(*[(0, 1, 2)] * 3)
    keywords = {"window_strides": [2], "padding": [(1, 1)], "dimension_numbers": numbers}
    case = Drawn((2, 2, 6), (2, 2, 3), keywords)
    lhs, rhs = map(jnp.asarray, case.data())
    right = match(case.convolution(), "cpu")
    assert isinstance(right, LegMatch)
    check_equal(right.apply(lhs, rhs), case(lhs, rhs))
    (low, high), *_ = right.geometry.padding
    fields = dataclasses.asdict(right.geometry) | {"padding": ((low + 1, high - 1),)}
    shifted = dataclasses.replace(right, geometry=type(right.geometry)(**fields))
    for wrong, operand in ((shifted, rhs), (right, rhs[..., ::-1]), (right, rhs[::-1])):
        with pytest.raises(AssertionError, match="entries differ"):
            check_equal(wrong.apply(lhs, operand), case(lhs, rhs))


# --- the forms that programs hold, by name


def transposed(stride: int = 2, groups: int = 1, dilation: int = 1) -> Callable[..., jax.Array]:
    def layer(x: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x,
            w,
            (1, 1),
            [(3, 2), (1, 3)],
            lhs_dilation=(stride, stride),
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    return layer


def forward(stride: int = 1, groups: int = 1, dilation: int = 1) -> Callable[..., jax.Array]:
    def layer(x: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x,
            w,
            (stride, stride),
            [(1, 2), (0, 1)],
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NCHW", "OIHW", "NCHW"),
            feature_group_count=groups,
        )

    return layer


FORWARD = ["conv", "conv_transpose", "kernel_gradient"]
TRANSPOSED = ["conv_transpose", "conv", "kernel_gradient"]
FORMS = {
    "plain": (forward(), (2, 64, 14, 14), (64, 64, 3, 3), FORWARD),
    "strided": (forward(2), (2, 64, 15, 15), (64, 64, 3, 3), FORWARD),
    "dilated": (forward(dilation=2), (2, 64, 14, 14), (64, 64, 3, 3), FORWARD),
    "grouped": (forward(2, 2), (2, 64, 15, 15), (64, 32, 3, 3), FORWARD),
    "depthwise": (forward(2, 64), (2, 64, 14, 14), (64, 1, 3, 3), FORWARD),
    "transposed": (transposed(), (2, 14, 14, 64), (4, 4, 64, 32), TRANSPOSED),
    "transposed_dilated": (transposed(3, 1, 2), (2, 9, 9, 32), (3, 3, 32, 32), TRANSPOSED),
    "transposed_grouped": (transposed(2, 2), (2, 14, 14, 64), (4, 4, 32, 32), TRANSPOSED),
    "transposed_depthwise": (transposed(2, 64), (2, 14, 14, 64), (4, 4, 1, 64), TRANSPOSED),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_and_their_gradients_by_name(name: str) -> None:
    """The layer, its gradient in the input, its gradient in the kernel: all with its own kernel."""
    layer, x_shape, w_shape, legs = FORMS[name]
    x, w = jnp.ones(x_shape), jnp.ones(w_shape)
    programs = (
        jax.make_jaxpr(layer)(x, w),
        jax.make_jaxpr(jax.vjp(lambda x: layer(x, w), x)[1])(layer(x, w)),
        jax.make_jaxpr(jax.vjp(lambda w: layer(x, w), w)[1])(layer(x, w)),
    )
    found = [match([*convolutions(one.jaxpr)][-1].convolution, "cpu") for one in programs]
    matches = [one for one in found if isinstance(one, LegMatch)]
    assert [one.leg for one in matches] == legs
    assert len({one.geometry.kernel_size for one in matches}) == 1


def test_stride_and_dilation_of_the_input_with_a_common_factor_become_a_plain_convolution() -> None:
    keywords = {"window_strides": [2], "padding": [(1, 1)], "lhs_dilation": [2]}
    numbers = lax.ConvDimensionNumbers(*[(0, 1, 2)] * 3)
    case = Drawn((2, 3, 9), (3, 3, 4), keywords | {"dimension_numbers": numbers})
    found = match(case.convolution(), "cpu")
    assert isinstance(found, LegMatch)
    assert found.geometry.stride == found.geometry.dilation == (1,)
    check_match(case)


def test_cropped_to_nothing_is_zero() -> None:
    numbers = lax.ConvDimensionNumbers(*[(0, 1, 2)] * 3)
    keywords = {"window_strides": [1], "padding": [(-9, 12)], "dimension_numbers": numbers}
    case = Drawn((2, 3, 4), (3, 3, 2), keywords)
    assert isinstance(match(case.convolution(), "cpu"), EmptySum)
    check_match(case)


def test_what_no_leg_takes_is_left_with_a_reason() -> None:
    x = jnp.ones((1, 1, 4), jnp.float8_e4m3fn)
    jaxpr = jax.make_jaxpr(lambda x: lax.conv_general_dilated(x, x, (1,), "SAME"))(x)
    (found,) = convolutions(jaxpr.jaxpr)
    assert found.left == "float8_e4m3fn and float8_e4m3fn to float8_e4m3fn is not supported"
    assert isinstance(match(found.convolution, "cpu"), NoMatch)


def test_what_stock_takes_on_a_gpu_depends_on_whether_the_kernel_is_flipped() -> None:
    layer, _, w_shape, _ = FORMS["transposed"]
    x, w = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((64, 32, 32, 64), w_shape))
    (found,) = convolutions(jax.make_jaxpr(layer)(x, w).jaxpr)
    for platform, ratio in {"cpu": 1, "tpu": 1, "cuda": 4}.items():
        matched = match(found.convolution, platform)
        assert isinstance(matched, LegMatch)
        assert (matched.leg, matched.geometry.kernel_size) == ("conv_transpose", (4, 4))
        flipped, not_flipped = (
            stock_seconds(found.convolution, platform, matched.leg, flipped)
            for flipped in (True, False)
        )
        assert ratio * flipped == pytest.approx(not_flipped, rel=0.5)


def test_a_preferred_type_widens() -> None:
    numbers = lax.ConvDimensionNumbers(*[(0, 1, 2)] * 3)
    keywords = {"window_strides": [1], "padding": [(1, 1)], "dimension_numbers": numbers}
    case = Drawn((2, 3, 9), (3, 3, 3), keywords | {"preferred_element_type": np.float32})
    check_match(case, jnp.bfloat16)
