"""Equations that hold programs: entered under every name that JAX has had for their parameters.

The equations are real ones of the JAX at hand; those of other versions are imitated.
"""

import dataclasses
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import hijax
from jax.extend.core import JaxprEqn, Primitive

from jaxdeconv.verify.analysis import Unbounded, programs
from tests.verify.analysis.support import classify, magnitude

pytestmark = pytest.mark.every_variant

V = jax.ShapeDtypeStruct((3,), np.float32)
TABLE = np.array([1, 2, 3], np.float32)


def equations(fun: Any, *args: Any) -> list[JaxprEqn]:
    return jax.make_jaxpr(fun)(*args).jaxpr.eqns


def named(fun: Any, primitive: str) -> JaxprEqn:
    """The one equation of a primitive in a function of V."""
    (eqn,) = [eqn for eqn in equations(fun, V) if eqn.primitive.name == primitive]
    return eqn


def test_constants_of_a_program() -> None:
    """As many values as variables for them, in programs with and without values of their own."""
    closed = jax.make_jaxpr(lambda x: x + TABLE)(V)
    body, consts = programs.opened(closed)
    assert [np.asarray(value).tolist() for value in consts] == [TABLE.tolist()]
    assert (len(body.constvars), len(body.invars)) == (1, 1)
    eqn = named(jax.checkpoint(lambda x: x + TABLE), "remat2")
    body, consts = programs.opened(programs.callee(eqn))
    assert len(consts) == len(body.constvars)
    assert len(body.invars) == len(eqn.invars)


@jax.custom_jvp
def custom_jvp(x):
    return 2 * x


@jax.custom_vjp
def custom_vjp(x):
    return 2 * x


@jax.custom_batching.custom_vmap
def batched(x):
    return 2 * x


batched.def_vmap(lambda _size, mapped, x: (2 * x, mapped[0]))
custom_jvp.defjvp(lambda x, t: (custom_jvp(*x), 2 * t[0]))
custom_vjp.defvjp(lambda x: (2 * x, None), lambda _, u: (2 * u,))


@pytest.mark.parametrize(
    "fun",
    [
        jax.jit(lambda x: 2 * x),
        jax.checkpoint(lambda x: 2 * x),
        custom_jvp,
        custom_vjp,
        batched,
        lax.composite(lambda x: 2 * x, "double"),
    ],
)
def test_calls_are_entered(fun) -> None:
    (eqn,) = equations(fun, V)
    body = programs.callee(eqn)
    assert body is not None
    assert [inner.primitive.name for inner in programs.opened(body)[0].eqns] == ["mul"]


def test_primitives_that_say_themselves_what_they_do() -> None:
    base = getattr(hijax, "HiPrim", None) or hijax.VJPHiPrimitive

    class Doubled(base):
        def __init__(self, aval: Any) -> None:
            self.in_avals, self.out_aval, self.params = (aval,), aval, {}
            super().__init__()

        def expand(self, x: Any) -> Any:
            return x + x

    def fun(x: Any) -> Any:
        return Doubled(jax.typeof(x))(x)

    assert [eqn.primitive.name for eqn in equations(fun, V)] == ["call_hi_primitive"]
    assert classify(fun, V).kind == "linear"
    assert magnitude(fun, V).apply(TABLE).tolist() == pytest.approx([2, 4, 6])


def test_plain_primitives_are_not() -> None:
    (eqn,) = equations(jnp.negative, V)
    inner = programs.callee(eqn)  # `jit` of jax.numpy
    (plain,) = programs.opened(inner)[0].eqns if inner is not None else (eqn,)
    assert programs.callee(plain) is None


@pytest.mark.parametrize("way", ["registered", "by its attribute"])
def test_primitives_that_say_what_they_do(way: str) -> None:
    halved: Any = Primitive("halved")
    halved.def_abstract_eval(lambda x, **_: jax.core.ShapedArray((x.shape[0] // 2,), x.dtype))
    (eqn,) = equations(lambda x: halved.bind(x, first=1), jax.ShapeDtypeStruct((4,), np.float16))
    assert programs.callee(eqn) is None
    if way == "registered":
        programs.register(halved, lambda first: lambda x: x[first : first + 2])
    else:
        halved.as_function = lambda first: lambda x: x[first : first + 2]
    body, _ = programs.opened(programs.callee(eqn))
    assert [inner.primitive.name for inner in body.eqns] == ["slice"]
    assert body.outvars[0].aval.dtype == np.float16


# --- control


def scanned(x):
    """Constants, carries that change and one that does not, slices; the last comes first."""

    def body(carry, cut):
        moving, still, count = carry
        return (moving * cut + x.sum(), still, count + 1), (moving, cut * still)

    init = (x[0], x[1], 0)
    return lax.scan(body, jax.tree.map(jnp.asarray, init), x, reverse=True)


def looped(x):
    return lax.while_loop(lambda c: c[0] < x[1], lambda c: (c[0] + x[2], c[1] * x), (x[0], x))


def branched(x):
    index = lax.optimization_barrier(1)
    return lax.switch(index, [lambda x: x, lambda x: 2 * x, lambda x: 3 * x], x)


def mapped(x):
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("i")
    return jax.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=spec, out_specs=spec)(x)


def solved(x):
    inverse = TABLE[::-1]
    return lax.custom_linear_solve(
        lambda v: v / inverse, x, lambda _, b: b * inverse, lambda _, b: b * inverse
    )


def test_scan() -> None:
    eqn = named(lambda x: scanned((x, x)[1]), "scan")
    scan = programs.control(eqn)
    assert isinstance(scan, programs.Scan)
    assert (scan.length, scan.reverse) == (3, True)
    fixed, carry, cut = scan.split(eqn.invars)
    body, _ = programs.opened(scan.body)
    inside = scan.split(body.invars)
    assert [len(part) for part in (fixed, carry, cut)] == [len(part) for part in inside]
    assert [x.aval.shape for x in fixed + carry] == [x.aval.shape for x in inside[0] + inside[1]]
    assert {x.aval.shape for x in cut} == {(3,)}
    assert {x.aval.shape for x in inside[2]} == {()}
    for old, new in zip(inside[1], body.outvars, strict=False):
        assert (old.aval.shape, old.aval.dtype) == (new.aval.shape, new.aval.dtype)


def test_while() -> None:
    eqn = named(looped, "while")
    loop = programs.control(eqn)
    assert isinstance(loop, programs.While)
    test_fixed, body_fixed, carry = loop.split(eqn.invars)
    shapes = [x.aval.shape for x in carry]
    assert shapes == [(), (3,)]
    for program, fixed in ((loop.test, test_fixed), (loop.body, body_fixed)):
        inner = [x.aval.shape for x in programs.opened(program)[0].invars]
        assert inner == [*(x.aval.shape for x in fixed), *shapes]


def test_branches() -> None:
    branches = programs.control(named(branched, "cond"))
    assert isinstance(branches, programs.Branches)
    first, second, third = branches.programs
    assert branches.taken(1) is second
    assert branches.taken(np.int32(-5)) is first
    assert branches.taken(9) is third


def test_manual() -> None:
    manual = programs.control(named(mapped, "shard_map"))
    assert isinstance(manual, programs.ShardMap)
    assert (manual.axes, manual.check_vma) == (("i",), True)
    assert manual.in_specs == manual.out_specs == (jax.sharding.PartitionSpec("i"),)
    assert manual.mesh.shape == {"i": 1}


def test_solve() -> None:
    eqn = named(solved, "custom_linear_solve")
    solve = programs.control(eqn)
    assert isinstance(solve, programs.Solve)
    body, _ = programs.opened(solve.solve)
    assert len(solve.split(eqn.invars)) == len(body.invars)
    assert "mul" in [inner.primitive.name for inner in body.eqns]


def test_solve_takes_its_own_constants() -> None:
    """After those of the matrix and of its transpose, before those of the transposed solve."""
    lengths = SimpleNamespace(matvec=1, vecmat=2, solve=1, transpose_solve=3)
    bodies = SimpleNamespace(solve="the program")
    names = ["m", "t", "t", "s", "r", "r", "r", "b"]
    solve = programs.control(
        imitated("custom_linear_solve", const_lengths=Counted(**vars(lengths)), jaxprs=bodies)
    )
    assert solve.split(names) == ["s", "b"]


@dataclasses.dataclass
class Counted:
    """Like the named tuple of JAX."""

    matvec: int
    vecmat: int
    solve: int
    transpose_solve: int

    def __iter__(self):
        return iter(dataclasses.astuple(self))


def imitated(name: str, **params: Any) -> Any:
    return SimpleNamespace(primitive=SimpleNamespace(name=name), params=params)


class Tree:
    """Like the trees of operands that JAX has since 0.11."""

    def __init__(self, *parts: list[Any]) -> None:
        self.unpack = lambda: parts


COMMON = {"jaxpr": "the program", "length": 7, "reverse": False, "unroll": 1}


@pytest.mark.parametrize(
    "params",
    [
        {"num_consts": 2, "num_carry": 1},
        {"ft_in": Tree([None, None], [None], [None] * 3), "ft_out": Tree([None], [])},
    ],
    ids=["numbers", "trees"],
)
def test_scan_of_every_version(params: dict[str, Any]) -> None:
    scan = programs.control(imitated("scan", **COMMON, **params))
    assert scan == programs.Scan("the program", 2, 1, 7, False)
    assert scan.split(list("abcdef")) == (["a", "b"], ["c"], ["d", "e", "f"])


@pytest.mark.parametrize("name", ["manual_axes", "newly_manual_axes"])
def test_shard_map_of_every_version(name: str) -> None:
    common = {"jaxpr": "the program", "mesh": "the mesh", "in_specs": [1, 2], "out_specs": [3]}
    eqn = imitated("shard_map", **common, check_vma=False, **{name: frozenset("i")})
    assert programs.control(eqn) == programs.ShardMap(
        "the program", "the mesh", ("i",), (1, 2), (3,), False
    )


@pytest.mark.parametrize("fun", [scanned, looped, branched, mapped, solved])
def test_nothing_is_claimed_of_what_cannot_be_read(fun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of parameters under names that no known version has."""
    readers = {
        name: lambda params, read=read: read({f"new_{key}": x for key, x in params.items()})
        for name, read in programs._READERS.items()
    }
    monkeypatch.setattr(programs, "_READERS", readers)
    verdict = classify(fun, V)
    assert verdict.kind == "opaque"
    with pytest.raises(Unbounded) as raised:
        magnitude(fun, V)
    assert str(raised.value).startswith(f"the rounding of {verdict.primitive} ")


# --- as derivatives leave them: with residuals, with parts of the carry gone


def curved(v):
    """Three ways for an argument to enter a loop, each bent."""

    def body(carry, x):
        a, b = carry
        return (jnp.sin(a) * x, b + a * a), (a * x, b)

    (a, b), (c, d) = lax.scan(body, (v[0], 2 * v[1]), v)
    return jnp.stack([a, b, c.sum(), (d * TABLE).sum()])


DERIVED = {
    "jvp": lambda v: jax.jvp(curved, (jnp.asarray(TABLE),), (v,))[1],
    "linearize": jax.linearize(curved, jnp.asarray(TABLE))[1],
    "vjp": lambda u: jax.vjp(curved, jnp.asarray(TABLE))[1](u)[0],
    "vjp of a fori_loop": jax.vjp(
        lambda x: lax.fori_loop(0, 2, lambda i, c: c * x[i], x), jnp.asarray(TABLE)
    )[1],
    "of remat": lambda u: jax.vjp(jax.checkpoint(curved), jnp.asarray(TABLE))[1](u)[0],
    "vmap": jax.vmap(lambda x: lax.scan(lambda c, t: (c * t + x, c - x), x, TABLE)),
}


@pytest.mark.parametrize("name", DERIVED)
def test_loops_as_derivatives_leave_them(name: str) -> None:
    fun = DERIVED[name]
    domain = jax.ShapeDtypeStruct((4 if name in ("vjp", "of remat") else 3,), np.float32)
    assert classify(fun, domain).kind == "linear"
    flat = lambda tree: np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)])  # noqa: E731
    eye = np.eye(domain.shape[0], dtype=np.float32)
    matrix = np.stack([flat(fun(jnp.asarray(row))) for row in eye], axis=1)
    v = np.array([1, -2, 3, -4][: domain.shape[0]], np.float32)
    size = magnitude(fun, domain)
    bound, least = flat(size.apply(v)), np.abs(matrix) @ np.abs(v)
    assert (bound >= least * (1 - 1e-5)).all()
    assert 0 < size.gamma < 1e-4
