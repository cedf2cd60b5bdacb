"""Convolutions are numbered, counted and traced to their lines, whatever they are in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxdeconv
from jaxdeconv.compilers import program
from tests.compilers.support import NUMBERS, OPERANDS, upsample
from tests.support.processes import printed_on

S = jax.ShapeDtypeStruct


def found(fun, *args) -> list[program.Source]:
    return program.sources(*program.tagged(fun, args, {}, "cpu"))


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("strides", "padding", "lhs", "rhs", "features", "batches"),
    [
        ((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1, 1),
        ((2, 3), ((1, 2), (0, 1)), (1, 1), (1, 2), 1, 1),
        ((1, 1), ((3, 2), (2, 2)), (2, 3), (1, 1), 1, 1),
        ((2, 1), ((3, -1), (2, 2)), (3, 2), (2, 1), 2, 1),
        ((1, 2), ((1, 1), (1, 1)), (1, 1), (1, 1), 1, 2),
    ],
)
def test_useful_operations_are_the_products_of_stored_numbers(
    strides, padding, lhs, rhs, features, batches
) -> None:
    """Ones everywhere: every product is 1, and the sum of the result counts them."""

    def convolve(x, w):
        return lax.conv_general_dilated(
            x, w, strides, padding, lhs, rhs, NUMBERS, features, batches
        )

    ones = jnp.ones((2, 7, 6, 4)), jnp.ones((3, 2, 4 // features, 4))
    (source,) = found(convolve, *ones)
    assert source.flops == 2 * float(convolve(*ones).sum())


@pytest.mark.parametrize("leg", ["conv", "conv_transpose", "kernel_gradient"])
def test_our_own_legs_count_alike(leg) -> None:
    v, w = jnp.ones((2, 7, 6, 4)), jnp.ones((3, 2, 2, 6))
    more = {"stride": 2, "padding": ((1, 0), (2, 1)), "groups": 2}
    u = jaxdeconv.conv(v, w, **more)
    call = {
        "conv": lambda: found(lambda *a: jaxdeconv.conv(*a, **more), v, w),
        "conv_transpose": lambda: found(
            lambda *a: jaxdeconv.conv_transpose(*a, input_size=(7, 6), **more), u, w
        ),
        "kernel_gradient": lambda: found(
            lambda *a: jaxdeconv.kernel_gradient(*a, kernel_size=(3, 2), **more), u, v
        ),
    }[leg]
    (source,) = call()
    assert source.flops == 2 * float(u.sum())
    assert (source.leg, source.times, source.dtype) == (leg, 1, "f32")
    assert "test_program.py:" in source.where


def test_each_in_its_place() -> None:
    """In loops, compiled functions, checkpoints and custom rules; twice on one line is two."""

    @jax.custom_vjp
    def ruled(x, w):
        return upsample(x, w)

    ruled.defvjp(lambda x, w: (upsample(x, w), (x, w)), lambda saved, _: saved)

    def step(x, w):
        compiled = jax.jit(upsample)
        lax.scan(lambda c, _: (c, jax.checkpoint(upsample)(x, w)), 0, None, length=3)
        return compiled(x, w) + compiled(x, w), ruled(x, w)

    sources = found(step, *OPERANDS)
    assert [one.times for one in sources] == [3, 1, 1, 1]
    assert [one.tag for one in sources] == [0, 1, 2, 3]
    assert {one.where.rpartition("/")[2].partition(":")[0] for one in sources} == {"support.py"}
    assert {one.leg for one in sources} == {"conv_transpose"}
    assert {one.dtype for one in sources} == {"bf16"}
    assert sources[0].flops == 3 * sources[1].flops


def test_all_kinds_of_functions() -> None:
    nnx = pytest.importorskip("flax.nnx")
    model = nnx.ConvTranspose(3, 4, (4, 4), strides=(2, 2), rngs=nnx.Rngs(0))
    step = nnx.grad(lambda model, x: model(x).sum())
    assert [one.leg for one in found(step, model, S((2, 8, 8, 3), jnp.float32))] == [
        "conv_transpose",
        "kernel_gradient",
    ]
    assert not isinstance(model.kernel[...], jax.core.Tracer)
    done = jaxdeconv.accelerate(upsample)
    assert [one.leg for one in found(done, *OPERANDS)] == ["conv_transpose"]
    assert [one.flops for one in found(jnp.sin, 1.0)] == []


@pytest.mark.every_variant
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_lowered_for_another_platform(platform) -> None:
    """Without its compiler: algorithms too that are not for CPUs, and accelerated functions."""

    def forced(x, w):
        w = jnp.swapaxes(w, -1, -2)
        return jaxdeconv.conv_transpose(x, w, stride=2, padding="SAME", algorithm="native")

    for fun in (upsample, forced, jaxdeconv.accelerate(upsample, platforms=platform)):
        closed, _ = program.tagged(fun, OPERANDS, {}, platform)
        code = program.lowered(closed, platform)
        assert code.startswith(b"ML\xefR")
        assert b"jaxdeconv:0" in code
    with pytest.raises(ValueError, match="would multiply by inserted zeros; got algorithm='nat"):
        jax.eval_shape(forced, *OPERANDS)


def test_one_device_alone() -> None:
    printed = printed_on(
        2,
        "import jax, numpy as np\n"
        "from jax.sharding import PartitionSpec as P\n"
        "from jaxdeconv.compilers import program\n"
        "mesh = jax.make_mesh((2,), ('x',), axis_types=(jax.sharding.AxisType.Auto,))\n"
        "step = jax.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=P('x'), out_specs=P('x'))\n"
        "closed, _ = program.tagged(step, (np.ones(4, np.float32),), {}, 'cuda')\n"
        "try:\n"
        "    program.lowered(closed, 'cuda')\n"
        "except ValueError as error:\n"
        "    print(error)",
    )
    assert printed == (
        "step must be a program for one device; got devices=2. Pass what one device computes, such "
        "as the function under jax.shard_map.\n"
    )


def test_large_constants_are_part_of_the_program() -> None:
    kernel = np.arange(4 * 4 * 16 * 8, dtype=np.float32).reshape(4, 4, 16, 8)
    closed, times = program.tagged(
        lambda x: upsample(x, kernel), (S((1, 4, 4, 16), "float32"),), {}, "cuda"
    )
    assert len(program.sources(closed, times)) == 1
    assert len(program.lowered(closed, "cuda")) > kernel.nbytes
