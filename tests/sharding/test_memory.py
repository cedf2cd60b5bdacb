"""Memory of one device: that of its block, as the compiled program counts it."""

from tests.support.processes import printed_on

PROGRAM = """
import functools
import jax, jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.sharding.collectives import collectives

mesh = jax.make_mesh((2, 2, 2), ("x", "y", "z"), axis_types=(AxisType.Auto,) * 3)
blocks, whole = NamedSharding(mesh, P(None, "x", "y", "z")), NamedSharding(mesh, P())
v = jax.ShapeDtypeStruct((1, 128, 128, 128, 16), jnp.float32, sharding=blocks)
w = jax.ShapeDtypeStruct((3, 3, 3, 16, 16), jnp.float32, sharding=whole)


def stock(v, w):
    layout = ("NHWDC", "HWDIO", "NHWDC")
    return jax.lax.conv_general_dilated(v, w, (1,) * 3, "SAME", dimension_numbers=layout)


def stock_gradient(u, v):
    return jax.vjp(lambda w: stock(v, w), jnp.zeros(w.shape))[1](u)[0]


def cost(function, *arrays, result):
    compiled = jax.jit(function, out_shardings=result).lower(*arrays).compile()
    found = collectives(compiled.as_text())
    assert {one.kind for one in found} <= {"collective-permute", "all-reduce"}
    sent = sum(one.bytes for one in found if one.kind == "collective-permute")
    return compiled.memory_analysis().temp_size_in_bytes / 2**20, sent / 2**20


for ours, theirs, arrays, result in (
    (functools.partial(conv, padding=1), stock, (v, w), blocks),
    (functools.partial(conv_transpose, padding=1), stock, (v, w), blocks),
    (
        functools.partial(kernel_gradient, kernel_size=(3, 3, 3), padding=1),
        stock_gradient,
        (v, v),
        whole,
    ),
):
    memory, sent = cost(ours, *arrays, result=result)
    stock_memory, stock_sent = cost(theirs, *arrays, result=result)
    assert memory <= 2 * stock_memory, (memory, stock_memory)
    assert sent <= stock_sent < 1.6, (sent, stock_sent)
print("no more than twice")
"""


def test_a_volume_over_eight_devices() -> None:
    """128^3 cells of 16 channels over 2 x 2 x 2: all three legs beside XLA's own convolution."""
    assert printed_on(8, PROGRAM) == "no more than twice\n"
