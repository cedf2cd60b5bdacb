"""`accelerate` of a divided training step: nothing of what stock JAX gathers is gathered."""

from tests.support.processes import printed_on

PROGRAM = """
import functools
import jax, jax.numpy as jnp, numpy as np
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import accelerate
from jaxdeconv.sharding import explain
from tests.support.cases import integers

layout = ("NHWC", "HWIO", "NHWC")


def loss(weights, x, y):
    plain, grouped, back = weights
    h = lax.conv_general_dilated(x, plain, (1, 1), "SAME", dimension_numbers=layout)
    h = lax.conv_general_dilated(
        h, grouped, (2, 2), "VALID", dimension_numbers=layout, feature_group_count=8
    )
    h = lax.conv_transpose(h, back, (2, 2), "SAME", dimension_numbers=layout)
    return ((h - y) ** 2).sum()


weights = integers((3, 3, 2, 8)), integers((2, 2, 1, 16), seed=1), integers((2, 2, 16, 2), seed=2)
x, y = integers((4, 32, 16, 2), seed=3), integers((4, 32, 16, 2), seed=4)
step = jax.value_and_grad(loss)
mesh = jax.make_mesh((4, 2), ("h", "b"), axis_types=(AxisType.Auto,) * 2)
images, whole = NamedSharding(mesh, P("b", "h")), NamedSharding(mesh, P())
put = jax.device_put((weights, x, y), ((whole,) * 3, images, images))
expected = jax.jit(step)(weights, x, y)
for name, function in (("stock", step), ("ours", accelerate(step))):
    compiled = jax.jit(function)
    told = explain(compiled, *put)
    print(name, len(told.legs), len(told.gathered) > 0)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), compiled(*put), expected)
"""


def test_a_step_is_divided_without_an_all_gather() -> None:
    """Three convolutions and their gradients, without that of the images: eight legs."""
    assert printed_on(8, PROGRAM) == "stock 0 True\nours 8 False\n"
