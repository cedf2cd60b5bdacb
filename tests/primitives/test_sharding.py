"""Arrays sharded over eight devices, in a process of their own: the same numbers, exactly.

XLA divides convolutions among devices, and jaxlib (0.10 to 0.12) does that wrongly for some
shardings (README, "Limits"): so the legs are divided by `jaxdeconv.sharding`, or use none.
"""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.cases import integers
from tests.support.checks import check_equal

assert len(jax.devices()) == 8
keywords = dict(stride=2, padding=((0, 1), (1, 0)), groups=2)
v, w = integers((8, 8, 6, 4)), integers((3, 2, 2, 4), seed=1)
u = integers(conv(v, w, **keywords).shape, seed=2)


def legs(k, kt, g):
    return (
        (lambda v, w: conv(v, w, **keywords, algorithm=k), v, w),
        (lambda u, w: conv_transpose(u, w, **keywords, input_size=(8, 6), algorithm=kt), u, w),
        (lambda u, v: kernel_gradient(u, v, **keywords, kernel_size=(3, 2), algorithm=g), u, v),
    )


def check(mesh, first, second, names):
    for leg, x, y in legs(*names):
        sharded = [
            jax.device_put(a, NamedSharding(mesh, spec)) for a, spec in ((x, first), (y, second))
        ]
        check_equal(jax.jit(leg)(*sharded), leg(x, y))


P = PartitionSpec
devices = np.array(jax.devices())
"""

BATCH = """
mesh = Mesh(devices, ("batch",))
names = "auto", "auto", "auto"
for leg, x, y in legs(*names):
    spread = [a if a is w else jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in (x, y)]
    check_equal(jax.jit(leg)(*spread), leg(x, y))
"""

PRODUCTS = """
mesh = Mesh(devices.reshape(4, 2), ("batch", "space"))
for names in (("per_tap", "overlap_add", "per_tap"), ("native", "phases", "native")):
    check(mesh, P("batch"), P(), names)
    check(mesh, P(None, "space"), P(), names)
    check(mesh, P("batch", "space"), P(), names)
    check(mesh, P(None, None, None, "space"), P(None, None, "space"), names)
for leg, x, y in legs(*names)[2:]:
    spread = [jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in (x, y)]
    check_equal(jax.jit(leg)(*spread), leg(x, y))
"""

LAYERS = """
mesh = Mesh(devices.reshape(2, 4), ("x", "y"))
rows, inner, outer = P(None, "x"), P(None, None, "y"), P(None, None, None, "y")
V, U = integers((4, 32, 32, 64)), integers((4, 32, 32, 64), seed=1)
W = integers((3, 3, 64, 64), seed=2)
small = integers((8, 8, 8, 4)), integers((8, 8, 8, 4), seed=1)
for name, phases in (("auto", "auto"), ("native", "phases")):
    for leg, arrays, specs in (
        (lambda v, w: conv(v, w, padding=1, algorithm=name), (V, W), (rows, outer)),
        (lambda u, w: conv_transpose(u, w, padding=1, algorithm=phases), (U, W), (rows, inner)),
        (
            lambda u, v: kernel_gradient(u, v, kernel_size=(3, 3), padding=1, algorithm=name),
            (U, V),
            (outer, rows),
        ),
        (
            lambda u, v: kernel_gradient(u, v, kernel_size=(3, 3), padding=1, groups=2),
            small,
            (P("x"), P("x")),
        ),
    ):
        put = [jax.device_put(a, NamedSharding(mesh, s)) for a, s in zip(arrays, specs)]
        check_equal(jax.jit(leg)(*put), jax.jit(leg)(*arrays))
"""

BORDERS = """
mesh = Mesh(devices, ("x",))
rows = NamedSharding(mesh, P(None, "x"))
for mode in ("circular", "reflect", "replicate", "symmetric"):
    for size, pads in (((64,), ((1, 1),)), ((32, 8), ((2, 1), (0, 3))), ((16,), ((20, 3),))):
        w = integers((*(3,) * len(size), 2, 4), seed=1)
        keywords = dict(padding=pads, padding_mode=mode)
        v = integers((2, *size, 2))
        u = integers(conv(v, w, **keywords).shape, seed=2)
        legs = (
            (lambda v, w: conv(v, w, **keywords), v, w),
            (lambda u, w: conv_transpose(u, w, input_size=size, **keywords), u, w),
            (lambda u, v: kernel_gradient(u, v, kernel_size=w.shape[:-2], **keywords), u, v),
        )
        for leg, x, y in legs:
            put = [
                jax.device_put(a, rows) if a is not w and a.shape[1] % 8 == 0 else a for a in (x, y)
            ]
            check_equal(jax.jit(leg)(*put), jax.jit(leg)(x, y))
"""


GRADIENTS = """
def weighted(leg, c):
    return lambda x, y: jnp.sum(leg(x, y) * c)


def check_both(got, expected):
    jax.tree.map(check_equal, got, expected)


def cases():
    for leg, x, y in legs("auto", "auto", "auto"):
        whole = leg(x, y)
        c = integers(whole.shape if x is u and y is v else whole.shape[1:], seed=3)
        specs = tuple(P() if a is w else P("batch") for a in (x, y))
        yield leg, c, (x, y), specs, jax.grad(weighted(leg, c), (0, 1))(x, y)
"""

MAPPED = (
    GRADIENTS
    + """
VARIANTS = {
    "plain": lambda leg: leg,
    "remat": jax.checkpoint,
    "vmap": lambda leg: lambda x, y: jax.vmap(leg)(pair(x), pair(y)).sum(0),
    "vmap of x": lambda leg: lambda x, y: jax.vmap(leg, (0, None))(pair(x), y).sum(0),
    "scan": lambda leg: lambda x, y: jax.lax.scan(lambda c, _: (c, leg(x, y)), 0, None, 1)[1][0],
}


def pair(x):
    return jnp.stack([x, 0 * x])


mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
for leg, c, xy, specs, expected in cases():
    for name, variant in VARIANTS.items():
        local = weighted(variant(leg), c)
        for checking in (True, False) if name == "plain" else (True,):
            total = jax.shard_map(
                lambda x, y: jax.lax.psum(local(x, y), "batch"),
                mesh=mesh, in_specs=specs, out_specs=P(), check_vma=checking,
            )
            check_equal(total(*xy), weighted(leg, c)(*xy))
            check_both(jax.jit(jax.grad(total, (0, 1)))(*xy), expected)
        inside = jax.shard_map(
            jax.grad(local, (0, 1)), mesh=mesh, in_specs=specs, out_specs=specs
        )
        check_both(inside(*xy), expected)
"""
)

TYPED = (
    GRADIENTS
    + """
mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Explicit,))
with jax.set_mesh(mesh):
    for leg, c, xy, specs, expected in cases():
        x, y = (jax.device_put(a, NamedSharding(mesh, s)) for a, s in zip(xy, specs))
        for call in (leg, jax.jit(leg)):
            result = call(x, y)
            check_equal(result, leg(*xy))
            assert jax.typeof(result).sharding.spec[0] == (None if y.shape == v.shape else "batch")
        gradient = jax.grad(weighted(leg, c), (0, 1))
        check_both(gradient(x, y), expected)
        check_both(jax.jit(gradient)(x, y), expected)
"""
)


@pytest.mark.parametrize(
    "part",
    [BATCH, PRODUCTS, pytest.param(MAPPED, marks=pytest.mark.slow), TYPED],
    ids=["batch", "products", "mapped", "typed"],
)
def test_sharded_inputs_give_the_same_numbers(part: str) -> None:
    """The batch alone with any algorithm; with matrix products anything, on two mesh axes.

    By XLA; by `jax.shard_map`, where the gradient of what devices share must be their sum; by the
    types of the arrays.
    """
    check_on_eight_devices(part)


def test_layers_on_two_mesh_axes() -> None:
    """Layouts in which XLA's own convolution is wrong in nearly all entries."""
    check_on_eight_devices(LAYERS)


def test_borders_are_folded_back() -> None:
    """Padding modes, of rows of which the devices hold unequal parts once they are padded."""
    check_on_eight_devices(BORDERS)


def check_on_eight_devices(part: str) -> None:
    program = PROGRAM + part + "print('the same numbers')"
    assert printed_on(8, program) == "the same numbers\n"
