"""Keywords of other libraries: an error that names ours."""

from typing import Any

import jax
import pytest

from jaxdeconv import (
    ConvGeometry,
    ConvOperator,
    autotune,
    conv,
    conv_transpose,
    kernel_gradient,
    plan,
    possible_input_sizes,
)
from jaxdeconv.errors import ArgumentTypeError
from tests.support.bad_inputs import check_message, z

v, w, u = z(2, 8, 7, 4), z(3, 3, 4, 6), z(2, 6, 5, 6)

CALLS: dict[str, Any] = {
    "conv": lambda **keywords: conv(v, w, **keywords),
    "conv_transpose": lambda **keywords: conv_transpose(u, w, **keywords),
    "kernel_gradient": lambda **keywords: kernel_gradient(u, v, kernel_size=(3, 3), **keywords),
    "plan": lambda **keywords: plan("conv", v, w, **keywords),
    "autotune": lambda **keywords: autotune("conv_transpose", u, w, **keywords),
    "ConvGeometry": lambda **keywords: ConvGeometry((8, 7), 3, **keywords),
    "ConvOperator": lambda **keywords: ConvOperator(w, (8, 7, 4), **keywords),
    "possible_input_sizes": lambda **keywords: possible_input_sizes(5, 3, **keywords),
}
LEGS = ("conv", "conv_transpose", "kernel_gradient")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("strides", "stride"),
        ("window_strides", "stride"),
        ("kernel_dilation", "dilation"),
        ("rhs_dilation", "dilation"),
        ("dilation_rate", "dilation"),
    ],
)
@pytest.mark.parametrize("name", CALLS)
def test_ours_is_named(name: str, theirs: str, ours: str) -> None:
    message = f"{name}: there is no keyword {theirs}; got {theirs}=2. Use {ours}=."
    check_message(lambda: CALLS[name](**{theirs: 2}), TypeError, message)


@pytest.mark.parametrize("name", [*LEGS, "plan", "autotune"])
@pytest.mark.parametrize(
    ("theirs", "ours"), [("feature_group_count", "groups"), ("data_format", "dimension_numbers")]
)
def test_ours_is_named_by_the_legs(name: str, theirs: str, ours: str) -> None:
    message = f"{name}: there is no keyword {theirs}; got {theirs}=2. Use {ours}=."
    check_message(lambda: CALLS[name](**{theirs: 2}), TypeError, message)


REMEDIES = [
    (
        "conv",
        "lhs_dilation",
        "Call conv_transpose with stride=: that puts zeros between the cells.",
    ),
    (
        "plan",
        "lhs_dilation",
        "Call conv_transpose with stride=: that puts zeros between the cells.",
    ),
    ("conv_transpose", "lhs_dilation", "Use stride=, that of conv, whose transpose this is."),
    ("autotune", "lhs_dilation", "Use stride=, that of conv, whose transpose this is."),
    (
        "conv_transpose",
        "output_shape",
        "Use input_size=, the spatial sizes alone, without batch and channels.",
    ),
    (
        "conv",
        "output_shape",
        "Leave it out: the size of the result follows from the other arguments.",
    ),
    ("kernel_gradient", "output_shape", "Use kernel_size=, the spatial sizes alone."),
    (
        "conv",
        "batch_group_count",
        "Call jaxdeconv.compat.lax.conv_general_dilated, which has it.",
    ),
    (
        "conv_transpose",
        "transpose_kernel",
        "Leave it out: w is the kernel of conv, neither flipped nor swapped.",
    ),
    ("conv", "pading", "Did you mean padding=?"),
    (
        "ConvGeometry",
        "bias",
        "It takes input_size, kernel_size, stride, padding, dilation, groups.",
    ),
]


@pytest.mark.parametrize(("name", "theirs", "remedy"), REMEDIES)
def test_remedy(name: str, theirs: str, remedy: str) -> None:
    message = f"{name}: there is no keyword {theirs}; got {theirs}=2. {remedy}"
    check_message(lambda: CALLS[name](**{theirs: 2}), TypeError, message)


def test_before_anything_else_is_checked() -> None:
    """Also where a keyword that is needed is missing, because the other stands in its place."""
    with pytest.raises(ArgumentTypeError, match=r"Use kernel_size=\.$"):
        kernel_gradient(u, v, kernel_shape=(3, 3))


@pytest.mark.parametrize("tune", [plan, autotune])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            (2, 8, 7, 4),
            w,
            "v must be an array or a jax.ShapeDtypeStruct; got v=(2, 8, 7, 4). Pass for example "
            "jax.ShapeDtypeStruct((2, 8, 7, 4), 'float32').",
        ),
        (
            v,
            [3, 3, 4, 6],
            "w must be an array or a jax.ShapeDtypeStruct; got w=[3, 3, 4, 6]. Pass for example "
            "jax.ShapeDtypeStruct((3, 3, 4, 6), 'float32').",
        ),
        (
            None,
            w,
            "v must be an array or a jax.ShapeDtypeStruct; got v=None. Pass for example "
            "jax.ShapeDtypeStruct((8, 64, 64, 3), 'float32').",
        ),
    ],
)
def test_shapes_in_the_place_of_arrays(tune: Any, x: Any, y: Any, message: str) -> None:
    check_message(lambda: tune("conv", x, y), TypeError, f"{tune.__name__}: {message}")


def test_structs_are_taken() -> None:
    struct = jax.ShapeDtypeStruct(v.shape, v.dtype)
    assert plan("conv", struct, w) == plan("conv", v, w)
