"""`explain` tells what the compiled program exchanges, byte by byte."""

import re

import pytest

from jaxdeconv.sharding import explain
from tests.support.processes import printed_on

PROGRAM = """
import functools
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.sharding import explain
from benchmarks.sharding.layouts import draw


def on(mesh, shape, spec):
    return jax.ShapeDtypeStruct(shape, jnp.float32, sharding=NamedSharding(mesh, spec))


def programs(one):
    kw, geometry = one.keywords, one.geometry
    return (
        ("vw", functools.partial(conv, **kw)),
        ("uw", functools.partial(conv_transpose, input_size=geometry.input_size, **kw)),
        ("uv", functools.partial(kernel_gradient, kernel_size=geometry.kernel_size, **kw)),
    )
"""

EQUAL = """
sent = 0
for case in range(60):
    one = draw(np.random.default_rng(case), sensible=True)
    roles, leg = programs(one)[case % 3]
    mesh = jax.make_mesh(
        tuple(one.mesh.values()), tuple(one.mesh), axis_types=(AxisType.Auto,) * len(one.mesh)
    )
    told = explain(leg, *(on(mesh, one.shapes[role], one.specs[role]) for role in roles))
    expected = {"collective-permute": 0, "all-reduce": 0}
    hops = {"collective-permute": 0, "all-reduce": 0}
    for _, exchanges, _ in told.legs:
        for exchange in exchanges:
            kind = "all-reduce" if exchange.is_sum else "collective-permute"
            expected[kind] += exchange.bytes
            hops[kind] += exchange.hops
    for kind, count in expected.items():
        found = [x for x in told.collectives if x.kind == kind]
        assert sum(x.bytes for x in found) == count, (case, kind, count, found, one, told)
        assert len(found) == hops[kind], (case, kind, found, told)
    assert not told.gathered
    sent += sum(expected.values())
assert sent > 10_000
print("equal")
"""

TOLD = """
mesh = jax.make_mesh((4, 2), ("h", "c"), axis_types=(AxisType.Auto,) * 2)
v, w = on(mesh, (2, 32, 8, 4), P(None, "h", None, "c")), on(mesh, (3, 3, 4, 6), P(None, None, "c"))
print(explain(functools.partial(conv, padding=1), v, w))
v = on(mesh, (2, 32, 8, 4), P(None, "c", None, "h"))
w = on(mesh, (3, 3, 2, 6), P())
print(explain(jax.jit(functools.partial(conv, padding=1, groups=2)), v, w))
print(explain(jnp.negative, v))
"""

AGAIN = """
for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((4,), ("h",), axis_types=(kind,))
    v = jax.device_put(jnp.ones((1, 8, 8, 3)), NamedSharding(mesh, P(None, "h")))
    leg = jax.jit(functools.partial(conv, w=jnp.ones((3, 3, 3, 4)), padding=1))
    leg(v)
    first, second = explain(leg, v), explain(leg, v)
    assert str(first) == str(second)
    assert len(first.legs) == 1, first
print("told again")
"""


def test_told_is_what_is_compiled() -> None:
    """Halo cells times channels times bytes, as the permutations of the program; and its sums."""
    assert printed_on(8, PROGRAM + EQUAL) == "equal\n"


def test_what_is_told() -> None:
    plain, grouped, none = re.split(
        r"(?<=device\n)(?=conv:)|(?=no leg)", printed_on(8, PROGRAM + TOLD)
    )
    assert (
        plain
        == """\
conv: v (2, 32, 8, 4) as P(None, 'h', None, 'c'), w (3, 3, 4, 6) as P(None, None, 'c', None), \
u (2, 32, 8, 6) as P(None, 'h', None, None)
    halo of v along dimension 0 over h (4 devices): cells from before: 1, from behind: 1; \
hops: 2; 256 bytes per device
    u is summed over c (2 devices): 3072 bytes
collective operations of the compiled program:
    1 all-reduce, 3072 bytes per device
    2 collective-permute, 256 bytes per device
"""
    )
    resharded = (
        "v is resharded from P(None, 'c', None, 'h') to P(None, 'c', None, None): groups stay whole"
    )
    assert resharded in grouped
    assert "gathered by XLA" in grouped
    assert none == "no leg is divided\ncollective operations of the compiled program:\n    none\n"


def test_what_ran_before_is_told_too() -> None:
    """JAX does not compile it again by itself, and who divides is not asked."""
    assert printed_on(4, PROGRAM + AGAIN) == "told again\n"


def test_what_is_no_function() -> None:
    with pytest.raises(TypeError, match=r"^explain: fun must be callable"):
        explain(3)  # type: ignore[arg-type]
