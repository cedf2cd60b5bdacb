"""What a wrong argument says: one message of each kind in full, fragments of the others."""

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv.continuous import ContinuousConv, Function, Quadrature, inner, order, sample
from tests.continuous.functions import BOX, HAT
from tests.support.bad_inputs import BadInputs, check_message

pytestmark = pytest.mark.every_variant

K = ContinuousConv(HAT, 2)

BAD: BadInputs = {
    "support_is_empty": (
        lambda: Function(jnp.cos, (1, 1)),
        ValueError,
        "Function: support must be (low, high), finite, with low < high; got support=(1, 1). "
        "Pass the interval outside which the function is zero.",
    ),
    "v_is_an_array": (
        lambda: K @ jnp.zeros(3),
        TypeError,
        "ContinuousConv.__matmul__: v must be a Function; got v=float32[3]. "
        "Pass Function(formula, support).",
    ),
    "formula_is_a_number": (
        lambda: Function(1.0, (0, 1)),
        TypeError,
        "Function: formula ...; got formula=1.0. ...",
    ),
    "support_is_infinite": (
        lambda: Function(jnp.cos, (0, float("inf"))),
        ValueError,
        "Function: support ...; got support=(0, inf). ...",
    ),
    "support_is_a_number": (
        lambda: Function(jnp.cos, 3),
        TypeError,
        "Function: support ... numbers; got support=3. ...",
    ),
    "support_is_traced": (
        lambda: jax.jit(lambda a: Function(jnp.cos, (0, a))(0.5))(1.0),
        TypeError,
        "Function: support ... numbers; got support=(0, ...",
    ),
    "break_outside": (
        lambda: Function(jnp.cos, (0, 1), breaks=[2]),
        ValueError,
        "Function: breaks ...; got breaks=[2], support=(0, 1). ...",
    ),
    "break_is_nan": (
        lambda: Function(jnp.cos, (0, 1), breaks=[float("nan")]),
        ValueError,
        "Function: breaks ...; got breaks=[nan], support=(0, 1). ...",
    ),
    "formula_of_another_shape": (
        lambda: Function(jnp.mean, (0, 1))(jnp.zeros(3)),
        ValueError,
        "formula ...; got given=(3,), returned=(). ...elementwise...",
    ),
    "kernel_is_a_plain_function": (
        lambda: ContinuousConv(jnp.cos),
        TypeError,
        "ContinuousConv: kernel must be a Function; got ...Function(formula, support).",
    ),
    "stride_0": (
        lambda: ContinuousConv(HAT, 0),
        ValueError,
        "ContinuousConv: stride ...; got stride=0. ...reverse...",
    ),
    "stride_is_a_name": (
        lambda: ContinuousConv(HAT, "2"),
        TypeError,
        "ContinuousConv: stride ... number; got stride='2'. ...",
    ),
    "u_is_an_array": (
        lambda: K.T @ jnp.zeros(3),
        TypeError,
        "ContinuousConvTranspose.__matmul__: u ...; got u=float32[3]. ...",
    ),
    "inner_of_a_number": (lambda: inner(HAT, 2), TypeError, "inner: g ...; got g=2. ..."),
    "no_nodes": (
        lambda: Quadrature(nodes=0),
        ValueError,
        "Quadrature: nodes ...; got nodes=0. ...",
    ),
    "stride_of_no_convolution": (
        lambda: sample(ContinuousConv(HAT, 1.5), HAT, 4),
        ValueError,
        "sample: the stride of K ... integer...; got stride=1.5. ...",
    ),
    "unknown_scheme": (
        lambda: sample(K, HAT, 4, "simpson"),
        ValueError,
        "sample: scheme ...; got scheme='simpson'. ...'midpoint', 'trapezoid'.",
    ),
    "no_intervals": (
        lambda: sample(K, HAT, 0),
        ValueError,
        "sample: intervals ...; got intervals=0. ...",
    ),
    "kernel_between_the_points": (
        lambda: sample(ContinuousConv(Function(jnp.ones_like, (0.1, 0.3))), BOX, 2),
        ValueError,
        "sample: intervals ...kernel...; got intervals=2. Pass more intervals.",
    ),
    "sample_of_a_kernel": (
        lambda: sample(HAT, HAT, 4),
        TypeError,
        "sample: K must be a ContinuousConv; got K=Function(formula=...",
    ),
    "order_of_zero": (
        lambda: order([1.0, 0.5], [1.0, 0.0]),
        ValueError,
        "order: spacings and errors ...; got spacings=[1.0, 0.5], errors=[1.0, 0.0]. ...",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    check_message(*BAD[name])
