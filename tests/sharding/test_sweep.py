"""Random legs in random layouts on eight devices: the numbers of one device, and no all-gather.

Every program computes a leg and its two derivatives, which are the other two legs.
"""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import re, sys
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.sharding.random_layouts import draw
from tests.support.cases import integers

ROLES = ("vwu", "uwv", "uvw")  # of the operands and the result of each leg


def legs(one):
    kw, geometry = one.keywords, one.geometry
    return (
        lambda v, w: conv(v, w, **kw),
        lambda u, w: conv_transpose(u, w, input_size=geometry.input_size, **kw),
        lambda u, v: kernel_gradient(u, v, kernel_size=geometry.kernel_size, **kw),
    )


def with_gradients(leg):
    def both(x, y, cotangent):
        result, back = jax.vjp(leg, x, y)
        return result, *back(cotangent)

    return both


def check(case, sensible):
    one = draw(np.random.default_rng(case), sensible)
    leg, roles = legs(one)[case % 3], ROLES[case % 3]
    mesh = Mesh(np.array(jax.devices()).reshape(tuple(one.mesh.values())), tuple(one.mesh))
    data = [integers(one.shapes[role], seed=i) for i, role in enumerate(roles)]
    on_mesh = [NamedSharding(mesh, one.specs[role]) for role in roles]
    first, second, last = on_mesh
    out = (last, first, second) if sensible else None
    expected = jax.jit(with_gradients(leg))(*data)
    put = list(map(jax.device_put, data, on_mesh))
    divided = jax.jit(with_gradients(leg), out_shardings=out).lower(*put).compile()
    for role, got, right in zip((roles[2], *roles[:2]), divided(*put), expected):
        wrong = int((np.asarray(got) != np.asarray(right)).sum())
        assert not wrong, f"{case}, {role}: {wrong} of {right.size} entries are wrong; {one}"
    gathered = re.findall(r"all-gather|all-to-all", divided.as_text())
    assert not (gathered and sensible), f"{case}: {gathered}; {one}"


for case in range(FIRST, LAST):
    check(case, SENSIBLE)
print("the same numbers")
"""


@pytest.mark.parametrize("sensible", [True, False], ids=["sensible", "any"])
def test_forty_layouts(sensible: bool) -> None:
    check(0, 40, sensible)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(40, 300, 20))
@pytest.mark.parametrize("sensible", [True, False], ids=["sensible", "any"])
def test_three_hundred_layouts(sensible: bool, first: int) -> None:
    check(first, first + 20, sensible)


def check(first: int, last: int, sensible: bool) -> None:
    constants = f"FIRST, LAST, SENSIBLE = {first}, {last}, {sensible}\n"
    assert printed_on(8, constants + PROGRAM) == "the same numbers\n"
