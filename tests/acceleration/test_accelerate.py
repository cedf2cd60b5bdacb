"""What `accelerate` preserves of a function: arguments of any kind, effects, types, state."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxdeconv.acceleration import accelerate, inspect
from jaxdeconv.acceleration.rewrite import convolutions
from tests.support.cases import integers
from tests.support.checks import check_equal
from tests.support.processes import printed_on

X = jnp.asarray(integers((1, 4, 2), seed=1))
W = jnp.asarray(integers((3, 2, 2), seed=2))


def up(x: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_transpose(x, w, (2,), "SAME")


def test_not_a_function_is_refused() -> None:
    for transform in (accelerate, inspect):
        with pytest.raises(TypeError) as error:
            transform(up(X, W))  # type: ignore[arg-type, operator]
        assert str(error.value) == (
            f"{transform.__name__}: fun must be callable; got fun=float32[1,8,2]. "
            "Pass the function itself, not its result."
        )


def test_as_a_decorator_of_functions_and_methods() -> None:
    class Layer:
        @accelerate
        def __call__(self, x: jax.Array) -> jax.Array:
            """The doc."""
            return up(x, W)

    check_equal(Layer()(X), up(X, W))
    assert Layer.__call__.__doc__ == "The doc."
    check_equal(accelerate(functools.partial(up, w=W))(X), up(X, W))


def test_static_arguments_and_leaves_of_any_kind() -> None:
    @functools.partial(jax.jit, static_argnums=1, static_argnames="mode")
    def scaled(x: jax.Array, factor: int, *, mode: str) -> jax.Array:
        return up(x, W) * (factor if mode == "times" else 1)

    fast = accelerate(scaled)
    check_equal(fast(X, 3, mode="times"), 3 * up(X, W))
    check_equal(fast(X, 3, mode="once"), up(X, W))

    def tree(given: dict[str, Any]) -> dict[str, Any]:
        return given | {"y": given["activation"](up(given["x"], W)), "none": None}

    given = {"x": X, "activation": jnp.abs, "name": "text", "rate": 0.5}
    got = accelerate(tree)(given)
    check_equal(got.pop("y"), jnp.abs(up(X, W)))
    check_equal(got.pop("x"), X)
    assert got == {"activation": jnp.abs, "name": "text", "rate": 0.5, "none": None}
    check_equal(accelerate(up)(np.asarray(X), np.asarray(W)), up(X, W))


@pytest.mark.parametrize("number", [3.0, jnp.float32(3), jnp.asarray(3.0)], ids=str)
def test_weak_types(number: Any) -> None:
    def fun(x: jax.Array, c: Any) -> Any:
        return up(x, W).sum() * c, c * 2

    variants = accelerate(jax.jit(fun)), jax.jit(accelerate(fun))
    for fast in variants:
        for one, other in zip(fast(X, number), jax.jit(fun)(X, number), strict=True):
            assert jax.typeof(one) == jax.typeof(other)
            check_equal(one, other)


def test_donation() -> None:
    def bigger(x: jax.Array) -> jax.Array:
        return x + up(x, W)[:, :4]

    expected = bigger(X)
    variants = (
        accelerate(jax.jit(bigger, donate_argnums=0)),
        jax.jit(accelerate(bigger), donate_argnums=0),
    )
    for fast in variants:
        given = X + 0
        check_equal(fast(given), expected)
        assert given.is_deleted()


@pytest.mark.parametrize(
    "compiled",
    [accelerate, lambda fun: jax.jit(accelerate(fun)), lambda fun: accelerate(jax.jit(fun))],
    ids=["accelerate", "jit outside", "jit inside"],
)
def test_effects_and_their_order(
    compiled: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    def noisy(x: jax.Array) -> jax.Array:
        def body(c: jax.Array, i: jax.Array) -> tuple[jax.Array, None]:
            jax.debug.print("before {}", i, ordered=True)
            y = up(c, W)
            jax.debug.print("after {}", i, ordered=True)
            return y[:, :4], None

        return lax.scan(body, x, jnp.arange(2))[0]

    check_equal(compiled(noisy)(X), up(up(X, W)[:, :4], W)[:, :4])
    jax.effects_barrier()
    assert capfd.readouterr().out == "before 0\nafter 0\nbefore 1\nafter 1\n"


def test_random_keys() -> None:
    def noise(key: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, used = jax.random.split(key)
        return key, up(x, W) + jax.random.randint(used, (1, 8, 2), -9, 9).astype(x.dtype)

    for key in (jax.random.key(7), jax.random.PRNGKey(7)):
        (one, y), (other, expected) = accelerate(noise)(key, X), noise(key, X)
        check_equal(y, expected)
        assert jax.typeof(one) == jax.typeof(other)
        assert (one == other).all()


def test_references_are_written_to() -> None:
    def count(total: Any, x: jax.Array) -> jax.Array:
        total[...] = total[...] + up(x, W).sum()
        return up(x, W)

    for fast in (accelerate(count), jax.jit(accelerate(count))):
        total = jax.new_ref(jnp.float32(1))
        check_equal(fast(total, X), up(X, W))
        check_equal(total[...], 1 + up(X, W).sum())


def test_symbolic_batch_in_an_export() -> None:
    (batch,) = jax.export.symbolic_shape("b")
    shape = jax.ShapeDtypeStruct((batch, 4, 2), jnp.float32)
    exported = jax.export.export(jax.jit(accelerate(up)))(shape, W)
    many = jnp.concatenate([X, 2 * X, -X])
    check_equal(exported.call(many, W), up(many, W))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, PartitionSpec as P
from jaxdeconv.acceleration import accelerate, inspect

mesh = jax.make_mesh((2,), ("i",), axis_types=(AxisType.Auto,))
x = jnp.asarray(np.random.default_rng(0).integers(-3, 4, (2, 4, 2)), jnp.float32)
w = jnp.asarray(np.random.default_rng(1).integers(-3, 4, (3, 2, 2)), jnp.float32)

def up(x, w):
    return jax.lax.conv_transpose(x, w, (2,), "SAME")

for check in (False, True):
    specs = dict(mesh=mesh, in_specs=(P("i"), P()), out_specs=P("i"), check_vma=check)
    fun = jax.shard_map(up, **specs)
    gradients = lambda fun: jax.grad(lambda x, w: (fun(x, w) ** 2).sum(), (0, 1))
    expected = fun(x, w), *gradients(fun)(x, w)
    inside = jax.shard_map(accelerate(up), **specs)
    for fast in (accelerate(fun), jax.jit(accelerate(fun)), inside):
        got = fast(x, w), *gradients(fast)(x, w)
        assert all((a == b).all() for a, b in zip(got, expected))
    found = inspect(gradients(fun), x, w)
    print(len(found.replaced), len(found.left))

nothing = jax.shard_map(
    lambda x, w: jax.lax.conv_general_dilated(x.mT, w.mT, (1,), [(-6, 5)]),
    mesh=mesh, in_specs=(P("i"), P()), out_specs=P("i"),
)
(zero,) = inspect(nothing, x, w).replaced
print(zero.leg, (accelerate(nothing)(x, w) == nothing(x, w)).all())
"""


@pytest.mark.slow
def test_shard_map() -> None:
    """Right and faster with and without its check, the gradients of all devices summed."""
    assert printed_on(2, SHARDED).splitlines() == [
        "3 0",
        "3 0",
        "zero True",
    ]


# --- the report


def test_the_report_says_what_is_found_replaced_left_and_gained() -> None:
    def fun(x: jax.Array, w: jax.Array) -> jax.Array:
        small = jnp.ones((1, 1, 4), jnp.float8_e4m3fn)
        lax.conv_general_dilated(small, small, (1,), "SAME")
        return lax.scan(lambda c, _: (c, up(x, w)), 0, None, length=2)[1]

    found = inspect(fun, jnp.ones((2, 64, 32)), jnp.ones((16, 32, 32)))
    left, replaced = found.replacements
    assert found.left == (left,)
    assert found.replaced == (replaced,)
    assert (replaced.inside, replaced.leg, left.leg) == (("scan",), "conv_transpose", "")
    assert replaced.what.startswith("float32[2,64,32] * [16,32,32] -> [2,128,32]")
    assert replaced.where.startswith(__file__)
    assert found.gain == replaced.gain > 1
    text = str(found)
    assert text.startswith("2 convolutions on cpu: 1 replaced, together ")
    assert "left as it is: float8_e4m3fn" in text
    assert f"conv_transpose by {replaced.algorithm}: " in text
    assert not list(convolutions(jax.make_jaxpr(jnp.sin)(X).jaxpr))
