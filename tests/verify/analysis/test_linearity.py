"""The static typing: every rule on what holds and on what breaks it, then at random."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive

from jaxdeconv.verify.analysis import programs
from tests.verify.analysis.support import classify

pytestmark = pytest.mark.every_variant

REAL = jax.ShapeDtypeStruct((4,), np.float32)
COMPLEX = jax.ShapeDtypeStruct((4,), np.complex64)
INTEGER = jax.ShapeDtypeStruct((4,), np.int32)
SQUARE = jax.ShapeDtypeStruct((4, 4), np.float32)
MASK = np.array([True, False, True, True])
PLACES = np.array([2, 0, 2])
ZEROS = jnp.zeros(4, np.float32)
C = np.array([1.0, -2.0, 3.0, 0.5], np.float32)
MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) + 9 * np.eye(4, dtype=np.float32)


def scan(body, start, v):
    return lax.scan(body, jnp.asarray(start, v.dtype), v)


def repeat(steps, body):
    """A `while` loop over a constant counter."""
    return lambda v: lax.while_loop(
        lambda c: c[0] < steps, lambda c: (c[0] + 1, body(c[1])), (0, v)
    )[1]


def callback(v):
    return jax.pure_callback(lambda x: np.asarray(x) * 2, REAL, v)


def through_reference(v):
    reference = jax.new_ref(jnp.zeros_like(v))
    reference[...] = v * v
    return reference[...]


@jax.custom_jvp
def custom(v):
    return 3 * v


custom.defjvp(lambda primals, tangents: (custom(*primals), 0 * tangents[0]))


@jax.custom_vjp
def custom_square(v):
    return v * v


custom_square.defvjp(lambda v: (v * v, v), lambda v, u: (2 * v * u,))

LINEAR = {
    "reshape": lambda v: v.reshape(2, 2).T[::-1],
    "slice": lambda v: v[1:3],
    "concatenate": lambda v: jnp.concatenate([v, ZEROS[:2], -v]),
    "broadcast": lambda v: jnp.broadcast_to(v, (3, 4)).sum(0),
    "add": lambda v: v + 2 * v - v[::-1] + 0.0,
    "add zeros": lambda v: v + jnp.zeros_like(v) + np.zeros(4, np.float32),
    "add a computed zero": lambda v: v + jnp.sin(jnp.float32(0)),
    "mul": lambda v: v * C,
    "div": lambda v: v / C,
    "dot": lambda v: MATRIX @ v,
    "cumsum": lambda v: jnp.cumsum(v) + jnp.mean(v),
    "conv": lambda v: jnp.convolve(v, C, mode="same"),
    "pad": lambda v: jnp.pad(v, 2),
    "pad reflect": lambda v: jnp.pad(v, 2, mode="reflect"),
    "crop, whatever would be padded": lambda v: lax.pad(v, jnp.float32(1), [(-1, -1, 0)]),
    "where": lambda v: jnp.where(MASK, v, 0.0),
    "gather": lambda v: v[PLACES],
    "take inside": lambda v: jnp.take(v, PLACES),
    "scatter-add": lambda v: ZEROS.at[PLACES].add(v[:3]),
    "scatter": lambda v: v.at[1].set(0.0),
    "scatter-mul": lambda v: v.at[1].multiply(3.0),
    "dynamic_slice": lambda v: lax.dynamic_slice(v, (jnp.int32(1),), (2,)),
    "dynamic_update_slice": lambda v: lax.dynamic_update_slice(v, v[:2], (jnp.int32(1),)),
    "window": lambda v: lax.reduce_window(v, 0.0, lax.add, (2,), (1,), "SAME"),
    "resize": lambda v: jax.image.resize(v, (7,), "linear"),
    "roll": lambda v: jnp.roll(v, 1),
    "fft": lambda v: jnp.fft.irfft(jnp.fft.rfft(v) * np.array([1, 1j, 2], np.complex64)),
    "real part of a real input": lambda v: jnp.fft.fft(v).real,
    "solve": lambda v: jnp.linalg.solve(MATRIX, v),
    "cond": lambda v: lax.cond(C.sum() > 0, lambda v: 2 * v, lambda v: v, v),
    "untaken branch": lambda v: lax.cond(C.sum() > 0, lambda v: 2 * v, lambda v: v + 1, v),
    "fori_loop": lambda v: lax.fori_loop(0, 3, lambda i, c: c + v[i], jnp.float32(0)),
    "while": repeat(3, lambda v: v[::-1] * 2),
    "scan": lambda v: scan(lambda c, x: (c + x, 2 * c), 0, v),
    "scan over a table": lambda v: lax.scan(lambda c, t: (c * t, None), v, C)[0],
    "jit": jax.jit(lambda v: v[::-1]),
    "remat": jax.checkpoint(lambda v: v[::-1]),
    "custom_jvp": custom,
    "stop_gradient": lax.stop_gradient,
    "vmap": jax.vmap(lambda x: x * 2),
    "jvp of a non-linear function": lambda v: jax.jvp(jnp.sin, (jnp.asarray(C),), (v,))[1],
    "transpose": lambda v: jax.linear_transpose(lambda v: MATRIX @ v, REAL)(v)[0],
    "half": lambda v: (v.astype(jnp.bfloat16) * 2).astype(jnp.float32),
    "power one": lambda v: v**1,
    "barrier": lambda v: lax.optimization_barrier((v, C))[0],
}
ZERO = {
    "times zero": lambda v: v * 0,
    "scan from zero": lambda v: scan(lambda c, x: (c * x, c), 0, v),
    "masked": lambda v: jnp.where(~MASK, ZEROS, 0 * v),
    "a zero of a square": lambda v: ZEROS @ (v * v),
}
AFFINE = {
    "add": lambda v: v + 1,
    "bias": lambda v: MATRIX @ v + C,
    "pad": lambda v: jnp.pad(v, 2, constant_values=1.0),
    "where": lambda v: jnp.where(MASK, v, 1.0),
    "concatenate": lambda v: jnp.concatenate([v, C]),
    "take outside": lambda v: jnp.take(v, np.array([1, 9])),
    "scatter-add": lambda v: v.at[PLACES].add(1.0),
    "scatter": lambda v: v.at[1].set(2.0),
    "dynamic_update_slice": lambda v: lax.dynamic_update_slice(v, C[:2], (jnp.int32(1),)),
    "scan": lambda v: scan(lambda c, x: (c + x, x), 1, v),
    "scan adds its counter": lambda v: lax.fori_loop(0, 3, lambda i, c: c + i.astype(c.dtype), v),
    "while": repeat(2, lambda v: v + C),
    "a constant": lambda _: jnp.asarray(C),
    "linear and constant": lambda v: (v, C),
    "branch": lambda v: lax.fori_loop(
        0, 2, lambda i, c: lax.cond(i > 0, lambda c: c + 1, lambda c: c, c), v
    ),
}
NONLINEAR = {
    "log2": jnp.log2,
    "asin": lambda v: jax.jvp(jnp.asin, (v,), (v,))[1],
    "square": lambda v: v * v,
    "dot": lambda v: v @ v,
    "conv": lambda v: jnp.convolve(v, v),
    "power": lambda v: v**2,
    "divided by itself": lambda v: C / v,
    "norm": lambda v: v / jnp.sqrt(1 + jnp.sum(v)),
    "abs": jnp.abs,
    "relu": jax.nn.relu,
    "clip": lambda v: jnp.clip(v, -10, 10),
    "floor": jnp.floor,
    "sign": jnp.sign,
    "round": jnp.round,
    "to integers and back": lambda v: v.astype(jnp.int32).astype(jnp.float32),
    "max": jnp.max,
    "sort": jnp.sort,
    "where": lambda v: jnp.where(v > 0, v, 0),
    "gather at itself": lambda v: jnp.asarray(C)[jnp.argmax(v)],
    "slice at itself": lambda v: lax.dynamic_slice(v, (jnp.argmax(v),), (2,)),
    "scatter at itself": lambda v: v.at[jnp.argmax(v)].add(v[0]),
    "cond": lambda v: lax.cond(v[0] > 0, lambda v: 2 * v, lambda v: v, v),
    "while": lambda v: lax.while_loop(lambda v: v[0] < 9, lambda v: 2 * v, v),
    "scan": lambda v: scan(lambda c, x: (c * x, x), 1, v),
    "solve": lambda v: jnp.linalg.solve(jnp.diag(v), C),
    "custom_vjp": custom_square,
    "jit": jax.jit(jnp.sin),
    "scatter-mul": lambda v: v.at[0].multiply(v[1]),
}


def cases(*tables):
    named = [(name, fun, kind) for kind, table in tables for name, fun in table.items()]
    return pytest.mark.parametrize(
        ("fun", "kind"),
        [(fun, kind) for _, fun, kind in named],
        ids=[f"{k}: {n}" for n, _, k in named],
    )


@cases(("linear", LINEAR), ("zero", ZERO), ("affine", AFFINE), ("non-linear", NONLINEAR))
def test_every_rule(fun, kind: str) -> None:
    assert classify(fun, REAL).kind == kind


def test_matrices_and_trees() -> None:
    def fun(tree):
        return {"sum": (tree["a"] @ MATRIX)[0] + tree["b"][0], "b": tree["b"]}

    domain = {"a": SQUARE, "b": (REAL, REAL)}
    assert classify(fun, domain).kind == "linear"
    assert classify(lambda tree: tree["a"] @ tree["b"][0], domain).kind == "non-linear"


@pytest.mark.parametrize(
    ("fun", "kind"),
    [
        (lambda v: v * 1j, "linear"),
        (jnp.fft.fft, "linear"),
        (lambda v: jnp.conj(jnp.fft.fft(jnp.conj(v))), "linear"),
        (jnp.conj, "real-linear"),
        (lambda v: v + jnp.conj(v), "real-linear"),
        (jnp.real, "real-linear"),
        (lambda v: lax.complex(v.imag, v.real), "real-linear"),
        (jnp.fft.irfft, "real-linear"),
        (lambda v: jnp.conj(v) + 1j, "affine"),
        (lambda v: v * jnp.conj(v), "non-linear"),
        (jnp.abs, "non-linear"),
    ],
)
def test_complex(fun, kind: str) -> None:
    assert classify(fun, COMPLEX).kind == kind


@pytest.mark.parametrize(
    ("fun", "kind"),
    [
        (lambda v: 2 * v - v[::-1], "linear"),
        (lambda v: v.astype(jnp.float32) / 4, "linear"),
        (lambda v: lax.div(v, jnp.int32(2)), "non-linear"),
        (lambda v: v // 2, "non-linear"),
        (lambda v: v % 7, "non-linear"),
        (lambda v: (v != 0).astype(jnp.int32), "non-linear"),
    ],
)
def test_integers(fun, kind: str) -> None:
    assert classify(fun, INTEGER).kind == kind


@pytest.mark.parametrize(
    ("fun", "primitive"),
    [(callback, "pure_callback"), (through_reference, "new_ref")],
)
def test_opaque(fun, primitive: str) -> None:
    verdict = classify(fun, REAL)
    assert (verdict.kind, verdict.primitive) == ("opaque", primitive)


def test_booleans_are_no_vectors() -> None:
    assert classify(lambda v: v, jax.ShapeDtypeStruct((2,), bool)).kind == "opaque"


def test_constants_that_are_not_finite() -> None:
    assert classify(lambda v: v * np.float32(np.inf), REAL).kind == "non-linear"


def test_across_devices() -> None:
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("i")
    sharded = functools.partial(jax.shard_map, mesh=mesh, in_specs=spec, out_specs=spec)
    gathered = sharded(lambda v: v * lax.axis_index("i") + lax.ppermute(v, "i", [(0, 0)]))
    assert classify(lambda v: gathered(v.astype(jnp.int32)), INTEGER).kind == "linear"
    assert classify(sharded(lambda v: v + lax.psum(v, "i")), REAL).kind == "linear"
    assert classify(sharded(lambda v: lax.psum_scatter(v, "i", tiled=True)), REAL).kind == "linear"
    assert classify(sharded(lambda v: lax.all_gather(v, "i")[0]), REAL).kind == "linear"
    assert (
        classify(sharded(lambda v: lax.all_to_all(v, "i", 0, 0, tiled=True)), REAL).kind == "linear"
    )
    assert classify(sharded(lambda v: v - lax.pmax(v, "i")), REAL).kind == "non-linear"
    assert classify(sharded(lambda v: v + lax.axis_index("i")), INTEGER).kind == "affine"


def test_registered_primitives_are_looked_into() -> None:
    bilinear = Primitive("a_bilinear_map")
    bilinear.def_abstract_eval(lambda x, *_, **__: x)
    kinds = [classify(lambda v: bilinear.bind(v, C, scale=2.0), REAL).kind]
    programs.register(bilinear, lambda *, scale: lambda x, y: scale * x * y)
    kinds.append(classify(lambda v: bilinear.bind(v, C, scale=2.0), REAL).kind)
    kinds.append(classify(lambda v: bilinear.bind(v, v, scale=2.0), REAL).kind)
    assert kinds == ["opaque", "linear", "non-linear"]
