"""Functions of JAX: transforms, contractions, gathers, scans, images, rules, sparse matrices."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import sparse
from jax.sharding import Mesh, PartitionSpec

from benchmarks.verification.field.operator import Operator
from benchmarks.verification.pair import Map

__all__ = ["operators"]


def operators() -> Iterator[Operator]:
    """Most in float32; transforms in complex64 too, some in 64 bits."""
    for maker in (_transforms, _contractions, _indices, _scans, _images, _rules, _sparse, _large):
        yield from maker()


def _operator(
    name: str, A: Map, At: Map | None, *shape: int, dtype: str = "float32", **options: Any
) -> Operator:
    """With the transpose that JAX derives where none is given."""
    domain = jax.ShapeDtypeStruct(shape, dtype)
    backward = At or derived(A, domain)
    return Operator(f"{name} {dtype}", "JAX", A, backward, domain, **options)


def derived(A: Map, domain: Any) -> Map:
    """The adjoint, by `jax.linear_transpose`."""

    def backward(u: Any) -> Any:
        transposed = jax.linear_transpose(A, domain)
        return jax.tree.map(jnp.conj, transposed(jax.tree.map(jnp.conj, u))[0])

    return backward


def _constants(*shape: int, dtype: str = "float32") -> Array:
    rng = np.random.default_rng(int(np.prod(shape)))
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return jnp.asarray(values, dtype)


def _transforms() -> Iterator[Operator]:
    for n in (100, 1024, 8192):
        yield _operator(
            f"fft {n}",
            lambda v: jnp.fft.fft(v, norm="ortho"),
            lambda u: jnp.fft.ifft(u, norm="ortho"),
            n,
            dtype="complex64",
        )
    yield _operator(
        "fft2",
        lambda v: jnp.fft.fft2(v, norm="ortho"),
        lambda u: jnp.fft.ifft2(u, norm="ortho"),
        64,
        64,
        dtype="complex64",
    )
    for n in (61, 4096):
        yield _operator(f"rfft {n}", jnp.fft.rfft, None, n)
    yield _operator("irfft", lambda v: jnp.fft.irfft(v, 120), None, 61, dtype="complex64")
    yield _operator("dct", lambda v: jax.scipy.fft.dct(v, norm="ortho"), None, 90)
    yield _operator(
        "fft padded, cropped",
        lambda v: jnp.fft.fft(v, 32, norm="ortho"),
        lambda u: jnp.fft.ifft(u, norm="ortho")[:20],
        20,
        dtype="complex64",
    )
    yield _operator(
        "fft 4096",
        lambda v: jnp.fft.fft(v, norm="ortho"),
        lambda u: jnp.fft.ifft(u, norm="ortho"),
        4096,
        dtype="complex128",
        wide=True,
    )


def _contractions() -> Iterator[Operator]:
    for dtype in ("float32", "complex64"):
        M = _constants(40, 30, dtype=dtype)
        yield _operator(
            "matmul",
            lambda v, M=M: jnp.matmul(M, v, precision="highest"),
            lambda u, M=M: jnp.matmul(M.conj().T, u, precision="highest"),
            30,
            dtype=dtype,
        )
    T = _constants(4, 5, 6)
    yield _operator(
        "einsum",
        lambda v: jnp.einsum("ijk,jkl->il", T, v, precision="highest"),
        lambda u: jnp.einsum("ijk,il->jkl", T, u, precision="highest"),
        5,
        6,
        7,
    )
    yield _operator("tensordot", lambda v: jnp.tensordot(T, v, 2), None, 5, 6, 3)
    yield _operator("kron", lambda v: jnp.kron(v, T[0]), None, 3, 4)
    yield _operator("mean", lambda v: v - v.mean(0), lambda u: u - u.mean(0), 9, 8)
    w = _constants(3, 3, 2, 4)
    settings: dict[str, Any] = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    yield _operator(
        "conv_general_dilated",
        lambda v: lax.conv_general_dilated(v, w, (2, 1), "SAME", **settings),
        None,
        1,
        12,
        11,
        2,
    )
    yield _operator("convolve", lambda v: jnp.convolve(v, T[0, 0]), None, 200)


def _indices() -> Iterator[Operator]:
    rng = np.random.default_rng(2)
    index = rng.integers(0, 50, 80)

    def read(v: Array) -> Array:
        return v[index]

    def added(u: Array) -> Array:
        return jnp.zeros(50).at[index].add(u)

    yield _operator("gather", read, added, 50)
    yield _operator("scatter", added, read, 80)
    segments = np.sort(rng.integers(0, 12, 90))
    yield _operator(
        "segment_sum", lambda v: jax.ops.segment_sum(v, segments, 12), lambda u: u[segments], 90
    )
    columns = jnp.asarray(rng.integers(0, 7, (9, 4)))
    yield _operator(
        "take_along_axis",
        lambda v: jnp.take_along_axis(v, columns, 1),
        None,
        9,
        7,
    )
    yield _operator("dynamic_slice", lambda v: lax.dynamic_slice(v, (3,), (20,)), None, 50)
    yield _operator("diff", jnp.diff, None, 200)
    yield _operator("pad reflect", lambda v: jnp.pad(v, 3, "reflect"), None, 20)
    yield _operator("roll, flip, transpose", lambda v: jnp.roll(v, 2, 0)[::-1].T, None, 9, 7)
    yield _operator("tril", jnp.tril, jnp.tril, 12, 12)


def _scans() -> Iterator[Operator]:
    def filtered(x: Array, reverse: bool) -> Array:
        def step(state: Array, now: Array) -> tuple[Array, Array]:
            state = 0.9 * state + now
            return state, state

        return lax.scan(step, jnp.zeros((), x.dtype), x, reverse=reverse)[1]

    for n in (50, 3000):
        yield _operator(f"scan {n}", lambda v: filtered(v, False), lambda u: filtered(u, True), n)
    yield _operator("cumsum", lax.cumsum, lambda u: lax.cumsum(u, reverse=True), 5000)
    yield _operator(
        "associative_scan",
        functools.partial(lax.associative_scan, jnp.add),
        lambda u: lax.associative_scan(jnp.add, u, reverse=True),
        16,
    )
    L = _constants(12, 12) / 12 + jnp.eye(12)
    yield _operator(
        "fori_loop",
        lambda v: lax.fori_loop(0, 5, lambda _, x: jnp.matmul(L, x, precision="highest"), v),
        lambda u: lax.fori_loop(0, 5, lambda _, x: jnp.matmul(L.T, x, precision="highest"), u),
        12,
    )
    yield _operator(
        "vmap of scan",
        jax.vmap(functools.partial(filtered, reverse=False)),
        jax.vmap(functools.partial(filtered, reverse=True)),
        4,
        40,
    )
    yield _operator(
        "heat equation, 20 steps",
        lambda v: lax.fori_loop(0, 20, lambda _, x: _heat(x), v),
        lambda u: lax.fori_loop(0, 20, lambda _, x: _heat(x), u),
        60,
    )
    yield _operator(
        "solve", lambda v: jnp.linalg.solve(L, v), lambda u: jnp.linalg.solve(L.T, u), 12
    )
    yield _operator(
        "solve_triangular",
        lambda v: jax.scipy.linalg.solve_triangular(L, v),
        lambda u: jax.scipy.linalg.solve_triangular(L, u, trans=1),
        12,
    )


def _heat(x: Array) -> Array:
    padded = jnp.pad(x, 1)
    return x + 0.2 * (padded[2:] - 2 * x + padded[:-2])


def _images() -> Iterator[Operator]:
    for shape in ((20, 9), (5, 30)):
        yield _operator(
            f"image.resize to {shape[0]} x {shape[1]}",
            lambda v, shape=shape: jax.image.resize(v, shape, "linear", precision="highest"),
            None,
            12,
            13,
        )
    rows = np.random.default_rng(4).uniform(0, 10, (2, 25))
    yield _operator(
        "map_coordinates",
        lambda v: jax.scipy.ndimage.map_coordinates(v, list(map(jnp.asarray, rows)), order=1),
        None,
        12,
        11,
    )
    yield _operator(
        "avg_pool",
        lambda v: lax.reduce_window(v, 0.0, lax.add, (3, 3), (2, 2), "SAME") / 9,
        None,
        13,
        14,
    )
    x = jnp.linspace(0, 1, 40) ** 2
    knots = jnp.linspace(0, 1, 15)
    yield _operator("interp", lambda v: jnp.interp(x, knots, v), None, 15)


def _rules() -> Iterator[Operator]:
    M = _constants(9, 7)

    @jax.custom_vjp
    def product(v: Array) -> Array:
        return jnp.matmul(M, v, precision="highest")

    def backward(_: None, u: Array) -> tuple[Array]:
        return (jnp.matmul(M.T, u, precision="highest"),)

    product.defvjp(lambda v: (product(v), None), backward)
    point = jnp.zeros(7)
    yield _operator("custom_vjp", product, lambda u: jax.vjp(product, point)[1](u)[0], 7)

    def curve(x: Array) -> Array:
        return jnp.sin(jnp.matmul(M, x, precision="highest"))

    at = jnp.linspace(0.1, 1.0, 7)
    yield _operator(
        "jvp and vjp",
        lambda v: jax.jvp(curve, (at,), (v,))[1],
        lambda u: jax.vjp(curve, at)[1](u)[0],
        7,
    )
    yield _operator("jit, checkpoint", jax.jit(jax.checkpoint(lambda v: M @ v)), None, 7)
    mesh = Mesh(np.asarray(jax.devices()[:1]), ("x",))

    def shared(function: Callable, inside: Any, outside: Any) -> Map:
        return jax.shard_map(function, mesh=mesh, in_specs=inside, out_specs=outside)

    rows, whole = PartitionSpec("x"), PartitionSpec()
    yield _operator(
        "shard_map",
        shared(lambda v: lax.psum(v.sum(0), "x"), rows, whole),
        shared(lambda u: jnp.broadcast_to(lax.pcast(u, "x", to="varying"), (8, 5)), whole, rows),
        8,
        5,
    )
    yield _operator(
        "pure_callback",
        lambda v: jax.pure_callback(
            np.cumsum, jax.ShapeDtypeStruct((30,), np.float32), v, vmap_method="sequential"
        ),
        lambda u: jnp.cumsum(u[::-1])[::-1],
        30,
    )


def _sparse() -> Iterator[Operator]:
    rng = np.random.default_rng(7)
    kept = rng.random((200, 150)) < 0.03
    for dtype in ("float32", "complex64"):
        M = sparse.BCOO.fromdense(jnp.where(kept, _constants(200, 150, dtype=dtype), 0))
        back = sparse.BCOO((M.data.conj(), M.indices), shape=M.shape).T
        yield _operator(
            "BCOO",
            lambda v, M=M: M @ v,
            lambda u, back=back: back @ u,
            150,
            dtype=dtype,
        )


def _large() -> Iterator[Operator]:
    M = _constants(4000, 4000)
    yield _operator(
        "dense 4000 x 4000",
        lambda v: jnp.matmul(M, v, precision="highest"),
        lambda u: jnp.matmul(M.T, u, precision="highest"),
        4000,
        seconds=40.0,
    )
    for n in (10**5, 10**6):
        yield _operator(f"diff {n}", lambda v: v[1:] - v[:-1], _diff_back, n)
    yield _operator("sum of 3000", lambda v: v.sum(1), None, 2, 3000, dtype="bfloat16")
    D = _constants(300, 300, dtype="float32").astype(jnp.bfloat16)
    yield _operator("dense 300", lambda v: D @ v, lambda u: D.T @ u, 300, dtype="bfloat16")


def _diff_back(u: Array) -> Array:
    padded = jnp.pad(u, 1)
    return padded[:-1] - padded[1:]
