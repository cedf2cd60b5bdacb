"""Inside `jax.shard_map`, blocks in and blocks out: the numbers and gradients of one device."""

from typing import Any

import jax
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxdeconv import conv
from jaxdeconv.errors import ArgumentValueError
from tests.support.cases import integers
from tests.support.processes import printed_on

PROGRAM = """
import jax, jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.cases import integers
from tests.support.checks import check_equal

mesh = jax.make_mesh((4, 2), ("h", "b"), axis_types=(AxisType.Auto,) * 2)
v, w = integers((4, *size, 4)), integers((3, 2, 4 // kw.get("groups", 1), 6), seed=1)
u = integers(conv(v, w, **kw).shape, seed=2)
whole = {"v": v, "u": u, "w": w}
here = kw | dict(spatial_axes=("h", None), input_size=size)
spec = {"v": P("b", "h"), "u": P("b", "h"), "w": P()}


def in_blocks(x, role):  # the last one of anything
    extra = -x.shape[1] % 4 if role != "w" else 0
    return jnp.pad(x, [(0, 0), (0, extra), (0, 0), (0, 0)], constant_values=7)


def cells(x, role):
    return x if role == "w" else x[:, : whole[role].shape[1]]


def total_gradient(u, v):
    return jax.lax.psum(kernel_gradient(u, v, kernel_size=(3, 2), **here), "b")


LEGS = (
    ("vwu", lambda v, w: conv(v, w, **here), lambda v, w: conv(v, w, **kw)),
    (
        "uwv",
        lambda u, w: conv_transpose(u, w, **here),
        lambda u, w: conv_transpose(u, w, input_size=size, **kw),
    ),
    ("uvw", total_gradient, lambda u, v: kernel_gradient(u, v, kernel_size=(3, 2), **kw)),
)
for (*roles, role), blocks, leg in LEGS:
    data = [in_blocks(whole[r], r) for r in roles]
    specs = tuple(spec[r] for r in roles)
    plain = [whole[r] for r in roles]
    expected = jax.jit(leg)(*plain)
    c = integers(in_blocks(expected, role).shape, seed=3)
    right = jax.jit(jax.grad(lambda *xy: (leg(*xy) * cells(c, role)).sum(), (0, 1)))(*plain)
    for checked in (True, False):
        divided = jax.shard_map(
            blocks, mesh=mesh, in_specs=specs, out_specs=spec[role], check_vma=checked
        )
        compiled = jax.jit(divided).lower(*data).compile()
        assert "all-gather" not in compiled.as_text() and "all-to-all" not in compiled.as_text()
        got = compiled(*data)
        check_equal(cells(got, role), expected, role)
        assert not got.sum() - expected.sum()  # zeros behind the end
        got = jax.jit(jax.grad(lambda x, y: (divided(x, y) * c).sum(), (0, 1)))(*data)
        for r, one, other in zip(roles, got, right):
            check_equal(cells(one, r), other, f"gradient of {role} in {r}, {checked}")


def loss(conv, v, w):
    return (jax.vmap(conv, (None, 0))(v, jnp.stack([w, 2 * w])) ** 2).sum()


def second(f, v):
    return jax.jit(lambda v, w: jax.jvp(jax.grad(f, 1), (v, w), (v, w)))(v, w)


total = jax.shard_map(
    lambda v, w: jax.lax.psum(loss(LEGS[0][1], v, w), ("h", "b")),
    mesh=mesh, in_specs=(spec["v"], spec["w"]), out_specs=P(),
)
got, right = second(total, in_blocks(v, "v")), second(lambda *vw: loss(LEGS[0][2], *vw), v)
jax.tree.map(check_equal, got, right)
print("the same numbers")
"""

CASES = (
    ((12, 6), {"padding": 1}),
    ((16, 5), {"stride": 2, "padding": ((0, 1), (1, 0)), "groups": 2}),
    ((10, 4), {"stride": (3, 1), "padding": ((4, 3), (1, 1)), "dilation": (2, 1)}),
    ((8, 4), {"stride": 2, "padding": ((3, 3), (1, 1)), "padding_mode": "reflect"}),
    ((13, 4), {"padding": ((2, 1), (1, 1)), "padding_mode": "circular"}),
)


@pytest.mark.parametrize(("size", "keywords"), CASES)
def test_blocks_are_as_the_whole(size: tuple[int, ...], keywords: dict[str, Any]) -> None:
    """The legs, their gradients, and twice differentiated under `vmap`."""
    assert printed_on(8, f"size, kw = {size}, {keywords}\n" + PROGRAM) == "the same numbers\n"


def test_wrong_blocks_are_refused() -> None:
    mesh = jax.make_mesh((1,), ("h",), axis_types=(AxisType.Auto,))
    v, w = integers((1, 8, 2)), integers((3, 2, 2))

    def inside(**keywords: object) -> None:
        spec = PartitionSpec(None, "h")
        jax.shard_map(lambda v: conv(v, w, **keywords), mesh=mesh, in_specs=spec, out_specs=spec)(v)

    with pytest.raises(ArgumentValueError, match=r"conv: input_size must be given with"):
        inside(spatial_axes=("h",))
    with pytest.raises(ArgumentValueError, match=r"conv: v must be a block of \(9,\) cells"):
        inside(spatial_axes=("h",), input_size=9)
    with pytest.raises(ArgumentValueError, match=r"conv: spatial_axes must have one entry"):
        inside(spatial_axes=("h", None), input_size=8)
    for axes in (3, {"h"}, "z", ("h",) * 2):
        with pytest.raises(ArgumentValueError, match=r"conv: spatial_axes must"):
            inside(spatial_axes=axes, input_size=9)
    with pytest.raises(ArgumentValueError, match=r"conv: algorithm must not be 'derived' with"):
        inside(spatial_axes=("h",), input_size=8, algorithm="derived")
    with pytest.raises(ArgumentValueError, match=r"conv: spatial_axes must be mesh axes"):
        conv(v, w, spatial_axes=("h",), input_size=8)
    with pytest.raises(ArgumentValueError, match=r"conv: input_size must be the spatial size of v"):
        conv(v, w, input_size=9)
