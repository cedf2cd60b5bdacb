"""Inside `jax.shard_map`, blocks in and blocks out: the numbers of one device, and its gradients."""

import jax
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxdeconv import conv
from jaxdeconv.errors import ArgumentValueError
from tests.support.cases import integers
from tests.support.processes import printed_on

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.cases import integers
from tests.support.checks import check_equal

mesh = jax.make_mesh((4, 2), ("h", "b"), axis_types=(AxisType.Auto,) * 2)
CASES = (
    ((12, 6), dict(padding=1)),
    ((16, 5), dict(stride=2, padding=((0, 1), (1, 0)), groups=2)),
    ((10, 4), dict(stride=(3, 1), padding=((4, 3), (1, 1)), dilation=(2, 1))),
    ((13, 4), dict(padding=((2, 1), (1, 1)), padding_mode="circular")),
    ((8, 4), dict(stride=2, padding=((3, 3), (1, 1)), padding_mode="reflect")),
)


def padded(x, size):
    return jnp.pad(x, [(0, 0), (0, -(-size // 4) * 4 - size), (0, 0), (0, 0)])


for size, kw in CASES:
    v = integers((4, *size, 4))
    w = integers((3, 2, 4 // kw.get("groups", 1), 6), seed=1)
    whole = conv(v, w, **kw)
    u = integers(whole.shape, seed=2)
    here = kw | dict(spatial_axes=("h", None), input_size=size)
    signal, kernel = P("b", "h"), P()
    data = {"v": padded(v, size[0]), "u": padded(u, u.shape[1]), "w": w}
    legs = (
        ("vw", "u", lambda v, w: conv(v, w, **here), lambda v, w: conv(v, w, **kw)),
        ("uw", "v", lambda u, w: conv_transpose(u, w, **here),
         lambda u, w: conv_transpose(u, w, input_size=size, **kw)),
        ("uv", "w", lambda u, v: jax.lax.psum(kernel_gradient(u, v, kernel_size=(3, 2), **here), "b"),
         lambda u, v: kernel_gradient(u, v, kernel_size=(3, 2), **kw)),
    )
    plain = {"v": v, "u": u, "w": w}
    for roles, role, blocks, leg in legs:
        spec = lambda r: kernel if r == "w" else signal
        for checked in (True, False):
            divided = jax.jit(jax.shard_map(blocks, mesh=mesh, in_specs=tuple(map(spec, roles)),
                                            out_specs=spec(role), check_vma=checked))
            x, y = (data[r] for r in roles)
            expected = leg(*(plain[r] for r in roles))
            own = lambda a, r: a if r == "w" else a[:, : plain[r].shape[1]]
            check_equal(own(divided(x, y), role), expected, f"{role} {kw}")
            c = integers(divided(x, y).shape, seed=3)
            got = jax.jit(jax.grad(lambda x, y: (divided(x, y) * c).sum(), (0, 1)))(x, y)
            weights = own(c, role)
            right = jax.grad(lambda *xy: (leg(*xy) * weights).sum(), (0, 1))(
                *(plain[r] for r in roles)
            )
            for r, a, b in zip(roles, got, right):
                check_equal(own(a, r), b, f"gradient of {role} {kw} {checked}")
            text = divided.lower(x, y).compile().as_text()
            assert "all-gather" not in text and "all-to-all" not in text
    # mapped, twice differentiated, in a loop, eagerly
    loss = lambda v, w: (jax.vmap(legs[0][2], (None, 0))(v, jnp.stack([w, 2 * w])) ** 2).sum()
    total = jax.shard_map(lambda v, w: jax.lax.psum(loss(v, w), ("h", "b")), mesh=mesh,
                          in_specs=(signal, kernel), out_specs=P())
    right = lambda v, w: 5 * (conv(v, w, **kw) ** 2).sum()
    hessian = lambda f: jax.jvp(jax.grad(f, 1), (v, w), (v, w))[1]
    check_equal(
        jax.jit(lambda v: jax.jvp(jax.grad(total, 1), (v, w), (v, w))[1])(data["v"])
        if False else jax.grad(total, 1)(data["v"], w), jax.grad(right, 1)(v, w))
    second = jax.jvp(jax.grad(total, 1), (data["v"], w), (data["v"], w))[1]
    check_equal(second, hessian(right))
print("the same numbers")
"""


def test_blocks_are_as_the_whole() -> None:
    assert printed_on(8, PROGRAM) == "the same numbers\n"


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
    with pytest.raises(ArgumentValueError, match=r"conv: spatial_axes must be mesh axes"):
        conv(v, w, spatial_axes=("h",), input_size=8)
    with pytest.raises(ArgumentValueError, match=r"conv: input_size must be the spatial size of v"):
        conv(v, w, input_size=9)
