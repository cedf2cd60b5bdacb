"""`accelerate` of a divided training step: nothing of what stock JAX gathers is gathered."""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import contextlib, functools
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


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


mesh = jax.make_mesh((4, 2), ("h", "b"), axis_types=(AxisType[KIND],) * 2)
images, whole = NamedSharding(mesh, P("b", "h")), NamedSharding(mesh, P())
put = jax.device_put((weights, x, y), ((whole,) * 3, images, images))
explicit = jax.set_mesh(mesh) if KIND == "Explicit" else contextlib.nullcontext()
"""

GATHERS = """
expected = jax.jit(step)(weights, x, y)
with explicit:
    for name, function in (("stock", step), ("ours", accelerate(step))):
        compiled = jax.jit(function)
        told = explain(compiled, *put)
        print(name, len(told.legs), len(told.gathered) > 0)
        jax.tree.map(close, compiled(*put), expected)
    # by the batch alone: there stock JAX's gradient of the grouped kernel is twice as large
    batch = NamedSharding(mesh, P("b"))
    put = jax.device_put((weights, x, y), ((whole,) * 3, batch, batch))
    jax.tree.map(close, compiled(*put), expected)
"""

VARIANTS = """
def pair(x):
    return jax.tree.map(lambda x: jnp.stack([x, 2 * x]), x)


def two(f):
    return lambda w, x, y: jax.lax.map(lambda k: f(jax.tree.map(lambda p: k * p, w), x, y),
                                       jnp.arange(1.0, 3.0))


variants = {
    "grad of accelerated": lambda f: jax.value_and_grad(accelerate(loss)),
    "accelerated grad": accelerate,
    "remat": lambda f: accelerate(jax.value_and_grad(jax.checkpoint(loss))),
    "map": lambda f: two(accelerate(f)),
    "jvp": lambda f: lambda *a: jax.jvp(accelerate(lambda w: f(w, *a[1:])), a[:1], a[:1])[1],
    "vmap": lambda f: jax.vmap(accelerate(f), (0, None, None)),
}
if KIND == "Explicit":
    del variants["vmap"]  # of kernels: JAX refuses it for its own convolutions, too
for name, variant in variants.items():
    args = (pair(weights), x, y) if name == "vmap" else (weights, x, y)
    on_mesh = (pair(put[0]), *put[1:]) if name == "vmap" else put
    reference = two(step) if name == "map" else variant(step)
    expected = jax.jit(reference)(*args)
    with explicit:
        jax.tree.map(close, jax.jit(variant(step))(*on_mesh), expected)
print("the same numbers")
"""

KINDS = pytest.mark.parametrize("kind", ["Auto", "Explicit"])


@KINDS
def test_a_step_is_divided_without_an_all_gather(kind: str) -> None:
    """Three convolutions and their gradients, without that of the images: eight legs."""
    program = f"KIND = {kind!r}\n" + PROGRAM + GATHERS
    assert printed_on(8, program) == "stock 0 True\nours 8 False\n"


@pytest.mark.slow
@KINDS
def test_variants_of_a_step(kind: str) -> None:
    program = f"KIND = {kind!r}\n" + PROGRAM + VARIANTS
    assert printed_on(8, program) == "the same numbers\n"
