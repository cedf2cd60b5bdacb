"""Wherever JAX can put a leg, it is divided, and right: without an all-gather where ours."""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import functools
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.cases import integers
from tests.support.checks import check_equal

kw = dict(padding=((1, 1), (1, 0)), groups=2)
v, w = integers((4, 8, 6, 4)), integers((3, 2, 2, 4), seed=1)
c = integers(conv(v, w, **kw).shape, seed=2)


def step(v, w):
    return jnp.sum(conv_transpose(conv(v, w, **kw), w, input_size=(8, 6), **kw) * v)


def gathers(compiled):
    text = compiled.as_text()
    return "all-gather" in text or "all-to-all" in text
"""

AUTOMATIC = """
mesh = jax.make_mesh((4, 2), ("h", "g"), axis_types=(AxisType.Auto,) * 2)
on = functools.partial(NamedSharding, mesh)
put = tuple(
    jax.device_put(x, on(spec))
    for x, spec in ((v, P(None, "h", None, "g")), (w, P(None, None, None, "g")))
)
gradient = jax.grad(step, (0, 1))
VARIANTS = {
    "eager": (gradient, False),
    "jit": (gradient, True),
    "remat": (jax.grad(jax.checkpoint(step), (0, 1)), True),
    "vmap": (lambda v, w: jax.vmap(gradient)(jnp.stack([v, 2 * v]), jnp.stack([w, w])), False),
    "vmap of v": (lambda v, w: jax.vmap(gradient, (0, None))(jnp.stack([v, 2 * v]), w), False),
    "scan": (
        lambda v, w: jax.lax.scan(lambda c, _: (c, gradient(v, w)), 0, None, 2)[1], True,
    ),
    "cond": (
        lambda v, w: jax.lax.cond(w.sum() > 0, gradient, lambda v, w: (2 * v, 3 * w), v, w), True,
    ),
    "jvp of grad": (lambda v, w: jax.jvp(gradient, (v, w), (v, w))[1], True),
    "constraint": (
        lambda v, w: jax.lax.with_sharding_constraint(
            conv(v, w, **kw), on(P("h", None, None, "g"))), False,
    ),
    "outputs that are sharded otherwise": (
        lambda v, w: conv(v, w, **(kw | dict(padding=0))), False,
    ),
}
for name, (function, whole) in VARIANTS.items():
    expected = jax.jit(function)(v, w)
    if name == "eager":
        got = function(*put)
    else:
        compiled = jax.jit(function).lower(*put).compile()
        got = compiled(*put)
        assert not (whole and gathers(compiled)), name
    jax.tree.map(functools.partial(check_equal, what=name), got, expected)
print("the same numbers")
"""

EXPLICIT = """
mesh = jax.make_mesh((4, 2), ("h", "g"), axis_types=(AxisType.Explicit,) * 2)
expected = step(v, w), jax.grad(step, (0, 1))(v, w), conv(v, w, **kw)
with jax.set_mesh(mesh):
    on = functools.partial(NamedSharding, mesh)
    signal, kernel = P(None, "h", None, "g"), P(None, None, None, "g")
    put = jax.device_put(v, on(signal)), jax.device_put(w, on(kernel))
    u = conv(*put, **kw)
    check_equal(u, expected[2])
    assert jax.typeof(u).sharding.spec == signal
    back = conv_transpose(u, put[1], input_size=(8, 6), **kw)
    assert jax.typeof(back).sharding.spec == signal
    G = kernel_gradient(u, put[0], kernel_size=(3, 2), **kw)
    assert jax.typeof(G).sharding.spec == kernel
    for function, right in ((step, expected[0]), (jax.grad(step, (0, 1)), expected[1])):
        compiled = jax.jit(function).lower(*put).compile()
        jax.tree.map(check_equal, compiled(*put), right)
        assert not gathers(compiled)
    # 9 rows over 4 devices: a type cannot say it
    uneven = kw | dict(padding=((2, 1), (1, 0)))
    u = conv(*put, **uneven)
    check_equal(u, conv(v, w, **uneven))
    assert jax.typeof(u).sharding.spec == P(None, None, None, "g")
    check_equal(conv_transpose(u, put[1], input_size=(8, 6), **uneven),
                conv_transpose(np.asarray(u), w, input_size=(8, 6), **uneven))
    # exported as it is: nothing in it but operations of XLA
    exported = jax.export.export(jax.jit(jax.grad(step, (0, 1))))(*put)
    jax.tree.map(check_equal, jax.jit(exported.call)(*put), expected[1])
print("the same numbers")
"""

OTHERWISE = """
# by XLA, with products of matrices alone: exported, some axes manual, some explicit
mesh = jax.make_mesh((4, 2), ("h", "g"), axis_types=(AxisType.Auto,) * 2)
on = functools.partial(NamedSharding, mesh)
put = tuple(
    jax.device_put(x, on(spec))
    for x, spec in ((v, P(None, "h", None, "g")), (w, P(None, None, None, "g")))
)
gradient = jax.jit(jax.grad(step, (0, 1)))
expected = gradient(v, w)
exported = jax.export.export(gradient)(*put)
jax.tree.map(check_equal, jax.jit(exported.call)(*put), expected)

partly = jax.shard_map(
    lambda v, w: jax.lax.psum(step(v, w), "h"), mesh=mesh, in_specs=(P("h"), P()), out_specs=P(),
    axis_names={"h"},
)
check_equal(jax.jit(partly)(*put), step(v, w))
jax.tree.map(check_equal, jax.jit(jax.grad(partly, (0, 1)))(*put), expected)

mixed = jax.make_mesh((4, 2), ("h", "g"), axis_types=(AxisType.Explicit, AxisType.Auto))
with jax.set_mesh(mixed):
    put = tuple(
        jax.device_put(x, NamedSharding(mixed, spec)) for x, spec in ((v, P("h")), (w, P()))
    )
    jax.tree.map(check_equal, gradient(*put), expected)
print("the same numbers")
"""


@pytest.mark.every_variant
@pytest.mark.parametrize(
    "part", [AUTOMATIC, EXPLICIT, OTHERWISE], ids=["automatic", "explicit", "otherwise"]
)
def test_divided_legs_are_right(part: str) -> None:
    assert printed_on(8, PROGRAM + part) == "the same numbers\n"
