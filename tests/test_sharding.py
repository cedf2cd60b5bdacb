"""Arrays sharded over eight devices, in a process of their own: the same numbers, exactly.

XLA partitions convolutions, and jaxlib 0.10.2 does that wrongly for some shardings (README,
"Limits"): there only the algorithms made of matrix products are claimed.
"""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
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
names = "per_tap", "overlap_add", "per_tap"
check(mesh, P("batch"), P(), names)
check(mesh, P(None, "space"), P(), names)
check(mesh, P("batch", "space"), P(), names)
check(mesh, P(None, None, None, "space"), P(None, None, "space"), names)
for leg, x, y in legs(*names)[2:]:
    spread = [jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in (x, y)]
    check_equal(jax.jit(leg)(*spread), leg(x, y))
"""


@pytest.mark.parametrize("part", [BATCH, PRODUCTS], ids=["batch", "products"])
def test_sharded_inputs_give_the_same_numbers(part: str) -> None:
    """The batch alone with any algorithm; with matrix products anything, on two mesh axes."""
    program = PROGRAM + part + "print('the same numbers')"
    assert printed_on(8, program) == "the same numbers\n"
