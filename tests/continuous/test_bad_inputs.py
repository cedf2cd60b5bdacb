"""What a wrong argument says, in full."""

import re

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv.continuous import ContinuousConv, Function, Quadrature, inner, order, sample
from tests.continuous.functions import BOX, HAT
from tests.support.bad_inputs import BadInputs, check_message

pytestmark = pytest.mark.every_variant

K = ContinuousConv(HAT, 2)

BAD: BadInputs = {
    "formula_is_a_number": (
        lambda: Function(1.0, (0, 1)),
        TypeError,
        "Function: formula must be a function; got formula=1.0. Pass for example jax.numpy.cos.",
    ),
    "support_is_empty": (
        lambda: Function(jnp.cos, (1, 1)),
        ValueError,
        "Function: support must be (low, high), finite and with low < high; got support=(1, 1). "
        "Pass the interval outside which the function is zero.",
    ),
    "support_is_infinite": (
        lambda: Function(jnp.cos, (0, float("inf"))),
        ValueError,
        "Function: support must be (low, high), finite and with low < high; got "
        "support=(0, inf). Pass the interval outside which the function is zero.",
    ),
    "support_is_a_number": (
        lambda: Function(jnp.cos, 3),
        TypeError,
        "Function: support must hold numbers; got support=3. Pass a tuple of floats.",
    ),
    "support_is_traced": (
        lambda: jax.jit(lambda a: Function(jnp.cos, (0, a))(0.5))(1.0),
        TypeError,
        None,
    ),
    "break_outside": (
        lambda: Function(jnp.cos, (0, 1), breaks=[2]),
        ValueError,
        "Function: breaks must lie inside the support; got breaks=[2], support=(0, 1). "
        "Leave the others out.",
    ),
    "break_is_nan": (
        lambda: Function(jnp.cos, (0, 1), breaks=[float("nan")]),
        ValueError,
        "Function: breaks must lie inside the support; got breaks=[nan], support=(0, 1). "
        "Leave the others out.",
    ),
    "formula_of_another_shape": (
        lambda: Function(jnp.mean, (0, 1))(jnp.zeros(3)),
        ValueError,
        "formula must give an array of the shape that it takes; got taken=(3,), given=(). "
        "Write it with jax.numpy's elementwise functions.",
    ),
    "kernel_is_a_plain_function": (
        lambda: ContinuousConv(jnp.cos),
        TypeError,
        None,
    ),
    "stride_0": (
        lambda: ContinuousConv(HAT, 0),
        ValueError,
        "ContinuousConv: stride must be finite and above 0; got stride=0. "
        "To turn the axis round, turn the functions round.",
    ),
    "stride_is_a_name": (
        lambda: ContinuousConv(HAT, "2"),
        TypeError,
        "ContinuousConv: stride must be a number; got stride='2'. Pass 2.0.",
    ),
    "v_is_an_array": (
        lambda: K @ jnp.zeros(3),
        TypeError,
        "ContinuousConv.__matmul__: v must be a Function, which knows its support; got "
        "v=float32[3]. Pass Function(formula, support).",
    ),
    "u_is_an_array": (
        lambda: K.T @ jnp.zeros(3),
        TypeError,
        "ContinuousConvTranspose.__matmul__: u must be a Function, which knows its support; got "
        "u=float32[3]. Pass Function(formula, support).",
    ),
    "inner_of_a_number": (
        lambda: inner(HAT, 2),
        TypeError,
        "inner: g must be a Function, which knows its support; got g=2. "
        "Pass Function(formula, support).",
    ),
    "no_nodes": (
        lambda: Quadrature(nodes=0),
        ValueError,
        "Quadrature: nodes must be at least 1; got nodes=0. Pass 1 or more.",
    ),
    "stride_of_no_convolution": (
        lambda: sample(ContinuousConv(HAT, 1.5), HAT, 4),
        ValueError,
        "sample: the stride of K must be an integer to be the stride of a discrete convolution; "
        "got stride=1.5. Scale the axis of y.",
    ),
    "unknown_scheme": (
        lambda: sample(K, HAT, 4, "simpson"),
        ValueError,
        "sample: scheme must be a known name; got scheme='simpson'. "
        "Pass one of 'midpoint', 'trapezoid'.",
    ),
    "no_intervals": (
        lambda: sample(K, HAT, 0),
        ValueError,
        "sample: intervals must be at least 1; got intervals=0. Pass 1 or more.",
    ),
    "kernel_between_the_points": (
        lambda: sample(ContinuousConv(Function(jnp.ones_like, (0.1, 0.3))), BOX, 2),
        ValueError,
        "sample: intervals must be short enough for the kernel to meet a point of the grid; got "
        "intervals=2. Pass more intervals.",
    ),
    "sample_of_a_kernel": (
        lambda: sample(HAT, HAT, 4),
        TypeError,
        None,
    ),
    "order_of_zero": (
        lambda: order([1.0, 0.5], [1.0, 0.0]),
        ValueError,
        "order: spacings and errors must be positive, as many of the one as of the other, two or "
        "more; got spacings=[1.0, 0.5], errors=[1.0, 0.0]. Leave out what is zero: an error of "
        "zero has no order.",
    ),
}

BEGINNINGS = {
    "support_is_traced": "Function: support must hold numbers; got support=(0, ",
    "kernel_is_a_plain_function": "ContinuousConv: kernel must be a Function, which",
    "sample_of_a_kernel": "sample: K must be a ContinuousConv; got K=Function(formula=",
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    call, kind, message = BAD[name]
    if message is None:
        with pytest.raises(kind, match="^" + re.escape(BEGINNINGS[name])):
            call()
    else:
        check_message(call, kind, message)
