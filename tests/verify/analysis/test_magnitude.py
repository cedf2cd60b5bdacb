"""|A| |v| against the explicit matrix, gamma against float64, exactness against integers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive

from jaxdeconv.verify.analysis import Unbounded, programs
from tests.verify.analysis.magnitude_cases import (
    LOOSE,
    RANDOM,
    TIGHT,
    C,
    N,
    conv,
    domain,
    each,
    each_loose,
    each_tight,
    flat,
    magnitudes,
)
from tests.verify.analysis.support import magnitude

pytestmark = pytest.mark.every_variant


@each_tight
def test_magnitude_of_one_step(fun) -> None:
    v = RANDOM.normal(size=N).astype(np.float32)
    derived, expected = magnitudes(fun, v)
    np.testing.assert_allclose(derived, expected, rtol=4e-6, atol=0)
    assert (derived >= expected * (1 - 1e-13)).all()


@each_loose
def test_magnitude_of_several_steps_is_an_upper_bound(fun) -> None:
    v = RANDOM.normal(size=N).astype(np.float32)
    derived, expected = magnitudes(fun, v)
    rounded = 2.0**-7 if fun is LOOSE["half"] else 2.0**-22  # constants computed in float32
    assert (derived >= expected * (1 - rounded)).all()


# --- gamma


def largest_error(fun, approximate, dtype) -> float:
    """Of `approximate` in `dtype`, against `fun` in double precision, relative to the bound."""
    size = magnitude(fun, domain(dtype))
    assert size.gamma < 1
    vectors = np.random.default_rng(1).normal(size=(20, N)).astype(dtype)
    got = jax.jit(jax.vmap(approximate))(vectors)
    allowed = size.gamma * flat(jax.vmap(size.apply)(jnp.abs(vectors))).astype(np.float64)
    with jax.enable_x64(True):
        truth = flat(jax.jit(jax.vmap(fun))(vectors.astype(np.float64)))
    error = np.abs(flat(got).astype(truth.dtype) - truth)
    assert (error[allowed == 0] == 0).all()
    return float(np.max(error / np.where(allowed == 0, 1, allowed)))


@each
def test_no_error_exceeds_gamma(fun) -> None:
    assert largest_error(fun, fun, np.float32) <= 1


@pytest.mark.parametrize("name", ["dot", "conv", "cumsum", "cancels", "scan of a table", "div"])
@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16], ids=["float16", "bfloat16"])
def test_no_error_exceeds_gamma_in_half_precision(name: str, dtype) -> None:
    fun = (TIGHT | LOOSE)[name]
    assert largest_error(fun, fun, dtype) <= 1


@pytest.mark.parametrize("name", ["dot", "conv", "circulant", "cancels"])
def test_lost_digits_exceed_gamma(name: str) -> None:
    """The bound is no wider than it must be to see a function that works in half precision."""
    fun = (TIGHT | LOOSE)[name]
    assert largest_error(fun, lambda v: fun(v.astype(jnp.bfloat16).astype(v.dtype)), np.float32) > 1


@pytest.mark.parametrize(
    ("fun", "roundings"),
    [
        (lambda v: v[::-1], 0),
        (lambda v: v + v[::-1], 1),
        (lambda v: v * C, 1),
        (jnp.sum, N - 1),
        (TIGHT["dot"], N),
        (conv, 2 * 2),
        (lambda v: (v * C) @ C, N + 1),
        (TIGHT["scatter-add"], 2),
        (lambda v: lax.fori_loop(0, 5, lambda _, v: v + v[::-1], v), 5),
        (lambda v: lax.scan(lambda c, x: (c * x, c), v, np.ones((7, N), np.float32))[0], 7),
    ],
)
def test_roundings_are_counted(fun, roundings: int) -> None:
    expected = math.expm1(roundings * math.log1p(2.0**-24))
    assert magnitude(fun, domain()).gamma == pytest.approx(expected)


def test_colliding_sums_are_counted_from_the_places() -> None:
    places, zeros = np.arange(N, dtype=np.int32), jnp.zeros(9, np.float32)
    spread = magnitude(lambda v: zeros.at[places].add(-v), domain())
    piled = magnitude(lambda v: zeros.at[places * 0].add(-v), domain())
    assert spread.gamma < 2.0**-23 < piled.gamma
    assert piled.gamma == pytest.approx(N * 2.0**-24, rel=1e-3)


# --- trees, complex numbers, devices, primitives of one's own


def test_trees() -> None:
    tree = {"a": domain(), "b": (domain(n=2),)}
    size = magnitude(lambda t: (t["a"][:2] - 2 * t["b"][0], [t["b"][0]]), tree)
    first, (second,) = jax.jit(size.apply)({"a": -jnp.ones(N), "b": (jnp.array([1.0, 4.0]),)})
    np.testing.assert_allclose(first, [3, 9], rtol=1e-6)
    np.testing.assert_allclose(second, [1, 4], rtol=1e-6)


def test_complex() -> None:
    c = (C + 1j * C[::-1]).astype(np.complex64)
    v = RANDOM.normal(size=(2, N)).astype(np.float32)
    v = v[0] + 1j * v[1]
    for fun, matrix in ((lambda v: v * c, np.diag(c)), (lambda v: jnp.dot(c, v), c[None])):
        size = magnitude(fun, domain(np.complex64))
        bound = np.atleast_1d(size.apply(v))
        assert bound.dtype == jnp.result_type(float)
        np.testing.assert_allclose(bound, np.abs(matrix) @ np.abs(v), rtol=1e-5)
        truth = matrix.astype(np.complex128) @ v.astype(np.complex128)
        error = np.abs(np.asarray(fun(jnp.asarray(v))) - truth)
        assert (error <= size.gamma * bound).all()


@pytest.mark.parametrize("n", [1, 2, 5, 8, 12, 31, 97, 128, 360, 1009, 4096])
def test_fft(n: int) -> None:
    size = magnitude(jnp.fft.fft, domain(np.complex64, n))
    v = RANDOM.normal(size=(3, n)) + 1j * RANDOM.normal(size=(3, n))
    for row in (*v.astype(np.complex64), np.eye(1, n, n // 2, dtype=np.complex64)[0]):
        error = np.abs(np.asarray(jnp.fft.fft(row)) - np.fft.fft(row.astype(np.complex128)))
        assert (error <= size.gamma * np.asarray(size.apply(row))).all()


def test_across_devices() -> None:
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("i")

    def local(v):
        summed = lax.psum(-v, "i") + lax.ppermute(v, "i", [(0, 0)])
        return jnp.concatenate([summed, jnp.where(lax.axis_index("i") == 0, v * C, v)])

    sharded = jax.shard_map(local, mesh=mesh, in_specs=spec, out_specs=spec)
    size = magnitude(sharded, domain())
    v = jnp.arange(N, dtype=jnp.float32)
    np.testing.assert_allclose(size.apply(v), np.concatenate([2 * v, np.abs(C) * v]), rtol=1e-6)


def test_sums_over_devices_are_counted() -> None:
    """Derived without the devices: rounding errors of four summands, and what moves has none."""
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.sharding.AbstractMesh((4,), ("i",), axis_types=auto)
    spec = jax.sharding.PartitionSpec("i")
    bodies = {
        lambda v: lax.psum(v, "i"): 3,
        lambda v: lax.psum_scatter(v, "i", tiled=True): 3,
        lambda v: lax.all_gather(v, "i", tiled=True)[::-1]: 0,
        lambda v: lax.all_to_all(v, "i", 0, 0, tiled=True): 0,
    }
    for body, count in bodies.items():
        fun = jax.shard_map(body, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        size = magnitude(fun, domain(n=16))
        assert size.gamma == pytest.approx(math.expm1(count * math.log1p(2.0**-24)))


def test_registered_primitives_are_looked_into() -> None:
    hidden = Primitive("a_hidden_product")
    hidden.def_abstract_eval(lambda x, *_: x)
    with pytest.raises(Unbounded, match="rounding of a_hidden_product"):
        magnitude(lambda v: hidden.bind(v, C), domain())
    programs.register(hidden, lambda: lambda x, y: x * y)
    bound = magnitude(lambda v: hidden.bind(v, C), domain()).apply(jnp.ones(N))
    np.testing.assert_allclose(bound, np.abs(C), rtol=1e-6)


@pytest.mark.parametrize(
    ("fun", "primitive"),
    [
        (lambda v: v * v, "mul"),
        (lambda v: v @ v, "dot_general"),
        (lambda v: C / v, "div"),
        (jnp.sin, "sin"),
        (lambda v: jnp.where(v > 0, v, 0), "gt"),
        (lambda v: v.astype(jnp.int32), "convert_element_type"),
        (lambda v: v[v.astype(bool).astype(jnp.int32)], "convert_element_type"),
        (lambda v: lax.while_loop(lambda v: v[0] < 1, lambda v: 2 * v, v), "while"),
        (lambda v: jnp.linalg.solve(jnp.eye(N, dtype=v.dtype) * 2, v), "triangular_solve"),
        (lambda v: jax.pure_callback(np.asarray, domain(), v), "pure_callback"),
        (lambda v: v**2, "integer_pow"),
    ],
)
def test_unbounded(fun, primitive: str) -> None:
    with pytest.raises(Unbounded) as raised:
        magnitude(fun, domain())
    assert raised.value.primitive.startswith(primitive)
    assert primitive in str(raised.value)
