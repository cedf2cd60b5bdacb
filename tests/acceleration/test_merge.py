"""Equations around a convolution are merged with it: same numbers, nothing computed twice.

The oracle is the program itself, by XLA, and NumPy for the layer that inserts its zeros.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from jaxdeconv.acceleration import accelerate, inspect
from tests.support.algorithms import runs_here
from tests.support.cases import integers
from tests.support.checks import check_equal

Fun = Callable[[jax.Array, jax.Array], jax.Array]

X = jnp.asarray(integers((2, 5, 4, 4), seed=1))
W = jnp.asarray(integers((3, 3, 4, 2), seed=2))
NUMBERS = ("NHWC", "HWIO", "NHWC")


def conv(x: jax.Array, w: jax.Array, **keywords: Any) -> jax.Array:
    keywords = {"window_strides": (1, 1), "padding": [(2, 1), (1, 2)]} | keywords
    return lax.conv_general_dilated(x, w, dimension_numbers=NUMBERS, **keywords)


def spread(x: jax.Array, *config: tuple[int, int, int]) -> jax.Array:
    """With zeros inserted along the axes after the first."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])


ZEROS = {
    "pad": lambda x, w: conv(spread(x, (0, 0, 1), (0, 0, 2)), w),
    "pad_all_around": lambda x, w: conv(spread(x, (3, 1, 1), (1, 2, 1)), w),
    "pad_and_crop": lambda x, w: conv(spread(x, (-1, 2, 1), (2, -3, 2)), w),
    "pad_twice": lambda x, w: conv(
        spread(spread(x, (1, 0, 1), (0, 0, 0)), (-1, 1, 1), (1, 1, 1)), w
    ),
    "set": lambda x, w: conv(jnp.zeros((2, 10, 8, 4)).at[:, ::2, ::2].set(x), w),
    "set_odd": lambda x, w: conv(jnp.zeros((2, 16, 8, 4)).at[:, 1::3, 1::2].set(x), w),
    "add": lambda x, w: conv(jnp.zeros((2, 10, 8, 4)).at[:, ::2, ::2].add(x), w),
    "set_rows": lambda x, w: conv(jnp.zeros((2, 10, 4, 4)).at[:, ::2].set(x), w),
    "grouped": lambda x, w: conv(
        spread(x, (0, 1, 1), (1, 0, 1)), w[:, :, :2], feature_group_count=2
    ),
    "dilated": lambda x, w: conv(spread(x, (1, 1, 1), (0, 0, 2)), w, rhs_dilation=(2, 1)),
    "strided": lambda x, w: conv(spread(x, (1, 1, 1), (0, 0, 2)), w, window_strides=(2, 3)),
    "dilated_again": lambda x, w: conv(spread(x, (1, 0, 1), (0, 0, 0)), w, lhs_dilation=(2, 2)),
    "kernel": lambda x, w: conv(x, lax.pad(w, 0.0, [(0, 1, 1), (1, 0, 0), *[(0, 0, 0)] * 2])),
    "both": lambda x, w: conv(
        spread(x, (0, 0, 1), (0, 0, 0)), lax.pad(w, 0.0, [(0, 0, 1), (0, 0, 2), *[(0, 0, 0)] * 2])
    ),
    "channels_first": lambda x, w: lax.conv_general_dilated(
        lax.pad(x.transpose(0, 3, 1, 2), 0.0, [(0, 0, 0)] * 2 + [(1, 2, 1), (0, 1, 1)]),
        w.transpose(3, 2, 0, 1),
        (1, 1),
        "VALID",
    ),
    "transposed_after": lambda x, w: conv(spread(x, (0, 0, 1), (0, 0, 1)).transpose(0, 2, 1, 3), w),
    "reversed": lambda x, w: conv(spread(x[:, ::-1], (0, 1, 1), (1, 0, 1))[:, :, ::-1], w),
    "axes_of_length_1": lambda x, w: jax.vmap(
        lambda x: conv(spread(x[None], (0, 1, 1), (1, 0, 1)), w)[0]
    )(x),
    "converted": lambda x, w: conv(
        spread(x.astype(jnp.bfloat16), (0, 1, 1), (1, 0, 1)).astype(jnp.float32), w
    ),
    "every_second": lambda x, w: conv(x, w)[:, ::2, 1::3],
    "cropped": lambda x, w: conv(x, w)[:, 1:-1, 2:],
    "cropped_and_reversed": lambda x, w: conv(x, w)[:, ::-2, 2::-1].transpose(0, 2, 1, 3),
    "one_row": lambda x, w: conv(x, w)[:, 2],
    "some_channels": lambda x, w: conv(x, w)[:, ::2, :, 1:],
    "reversed_kernel": lambda x, w: conv(x, w[::-1, ::-1]),
    "transposed_kernel": lambda x, w: lax.conv_transpose(
        x, w.transpose(0, 1, 3, 2), (2, 3), "SAME", transpose_kernel=True
    ),
    "padded_after": lambda x, w: lax.pad(
        conv(x, w), 0.0, [(0, 0, 0), (-1, 2, 0), (1, -2, 0), (0, 0, 0)]
    )[:, ::2],
}


def with_gradients(fun: Fun) -> Callable[..., Any]:
    """Values, gradients of a square, and the gradient in w of a square of the gradient in x."""

    def values(x: jax.Array, w: jax.Array) -> Any:
        loss = lambda x, w: (fun(x, w) ** 2).sum()  # noqa: E731
        twice = jax.grad(lambda w: (jax.grad(loss)(x, w)[:1] ** 2).sum())
        return fun(x, w), jax.grad(loss, (0, 1))(x, w), twice(w)

    return values


@pytest.mark.parametrize("name", ZEROS)
def test_values_and_gradients(name: str) -> None:
    fun: Fun = ZEROS[name]
    expected = jax.jit(with_gradients(fun))(X, W)
    for fast in (accelerate(with_gradients(fun)), with_gradients(accelerate(fun))):
        jax.tree.map(check_equal, jax.jit(fast)(X, W), expected)


# --- the layer as Equinox writes it since its change 1259: zeros first, then a plain convolution


def written_out(x: jax.Array, w: jax.Array, dtype: Any = None, **keywords: Any) -> jax.Array:
    return lax.conv_general_dilated(
        lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0)] * 2 + [(0, 0, 1), (0, 0, 2)]),
        w,
        window_strides=(1, 1),
        padding=[(2, 3), (1, 2)],
        preferred_element_type=dtype,
        **keywords,
    )


def dilated(x: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, w, (1, 1), [(2, 3), (1, 2)], lhs_dilation=(2, 3))


IMAGE = jnp.asarray(integers((2, 6, 7, 5), seed=3))
KERNEL = jnp.asarray(integers((4, 6, 4, 3), seed=4))


def legs_of(fun: Callable[..., Any], *args: Any) -> list[tuple[str, ...]]:
    """What becomes of each convolution, in any order."""
    found = inspect(fun, *args).replacements
    return sorted((one.leg, one.algorithm, one.what.split(", ")[0]) for one in found)


def gradients(fun: Fun) -> Callable[..., Any]:
    return jax.grad(lambda x, w: (fun(x, w) ** 2).sum(), (0, 1))


def test_zeros_written_out_become_the_legs_of_the_dilated_form() -> None:
    """Values and both gradients: the same legs by the same algorithms on the same arrays."""
    x, w = jnp.ones((4, 32, 16, 16)), jnp.ones((16, 32, 4, 4))
    for make in (lambda fun: fun, gradients, lambda fun: gradients(accelerate(fun))):
        found = [legs_of(make(fun), x, w) for fun in (written_out, dilated)]
        if not runs_here("onednn"):  # then K gains little over XLA's convolution, or nothing
            found = [[one for one in legs if one[0] not in ("", "conv")] for legs in found]
        assert found[0] == found[1] != []
    assert {leg for leg, *_ in legs_of(gradients(written_out), x, w)} == {
        "conv",
        "conv_transpose",
        "kernel_gradient",
    }


def numpy_transposed(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`written_out`, by its definition: every entry adds a kernel to the result."""
    n, _, height, width = x.shape
    full = np.zeros((n, w.shape[0], 2 * (height - 1) + 1 + 6, 3 * (width - 1) + 1 + 4))
    for i in range(height):
        for j in range(width):
            part = np.einsum("nc,ocab->noab", x[:, :, i, j], w[:, :, ::-1, ::-1])
            full[:, :, 2 * i : 2 * i + 4, 3 * j : 3 * j + 3] += part
    low = (3 - 2, 2 - 1)
    height, width = 2 * (height - 1) + 1 + 5 - 3, 3 * (width - 1) + 1 + 3 - 2
    return full[:, :, low[0] : low[0] + height, low[1] : low[1] + width]


def test_zeros_written_out_against_numpy() -> None:
    expected = numpy_transposed(np.asarray(IMAGE), np.asarray(KERNEL))
    check_equal(accelerate(written_out)(IMAGE, KERNEL), expected.astype(np.float32))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.int32])
def test_zeros_written_out_in_any_transform(dtype: Any) -> None:
    x, w = IMAGE.astype(dtype), KERNEL.astype(dtype)
    many = jnp.stack([x, 2 * x])
    loop = lambda x, w: lax.scan(lambda c, x: (c, written_out(x, w)), 0, x)[1]  # noqa: E731
    check_equal(accelerate(written_out)(x, w), written_out(x, w))
    check_equal(jax.jit(accelerate(loop))(many, w), loop(many, w))
    check_equal(
        jax.vmap(accelerate(written_out))(many, jnp.stack([w, -w])),
        jax.vmap(written_out)(many, jnp.stack([w, -w])),
    )
    if dtype != jnp.int32:
        for fast in (accelerate(gradients(loop)), gradients(accelerate(loop))):
            jax.tree.map(check_equal, jax.jit(fast)(many, w), gradients(loop)(many, w))


def test_integers_have_a_transpose() -> None:
    x, w = IMAGE.astype(jnp.int32), KERNEL.astype(jnp.int32)
    y = written_out(x, w)
    got = jax.linear_transpose(lambda x: accelerate(written_out)(x, w), x)(y)[0]
    real = jax.linear_transpose(lambda x: written_out(x, KERNEL), IMAGE)(y.astype(jnp.float32))[0]
    check_equal(got.astype(jnp.float32), real)


# --- what is not to be merged


def lines(program: Any, *args: Any) -> list[str]:
    """Names of the equations of an accelerated function, in order."""
    return [one.primitive.name for one in jax.make_jaxpr(accelerate(program))(*args).eqns]


def test_an_array_that_others_use_stays() -> None:
    """Its zeros are there for the others; the convolution does not see them."""

    def twice(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
        padded = spread(x, (0, 0, 1), (0, 0, 1))
        return padded * 2, conv(padded, w)

    assert lines(twice, X, W) == ["pad", "mul", "jaxdeconv_accelerated"]
    assert lines(ZEROS["pad"], X, W) == ["jaxdeconv_accelerated"]
    jax.tree.map(check_equal, accelerate(twice)(X, W), twice(X, W))
    (found,) = inspect(twice, X, W).replaced
    assert "lhs_dilation=(2, 2)" in found.what


def test_a_result_that_others_use_is_computed_whole() -> None:
    def both(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
        y = conv(x, w)
        return y[:, ::2], y

    assert lines(both, X, W) == ["jaxdeconv_accelerated", "slice"]
    jax.tree.map(check_equal, accelerate(both)(X, W), both(X, W))


@pytest.mark.parametrize("value", [1.0, jnp.nan, "traced"])
def test_padding_that_is_not_known_to_be_zero(value: Any) -> None:
    def padded(x: jax.Array, w: jax.Array) -> jax.Array:
        with_ = w.sum() if value == "traced" else jnp.asarray(value, x.dtype)
        return conv(lax.pad(x, with_, [(0, 0, 0), (0, 0, 1), (1, 0, 1), (0, 0, 0)]), w)

    assert "pad" in lines(padded, X, W)
    np.testing.assert_array_equal(accelerate(padded)(X, W), padded(X, W))


def test_indices_that_are_not_a_grid() -> None:
    for where in (jnp.array([0, 1, 3, 4, 7]), jnp.array([4, 3, 2, 1, 0])):
        fun: Fun = lambda x, w, where=where: conv(  # noqa: E731
            jnp.zeros((2, 9, 4, 4)).at[:, where].set(x, unique_indices=True), w
        )
        check_equal(accelerate(fun)(X, W), fun(X, W))
    diagonal: Fun = lambda x, w: conv(  # noqa: E731
        jnp.zeros((2, 9, 9, 4)).at[:, jnp.arange(4), jnp.arange(4)].set(x[:, 0]), w
    )
    check_equal(accelerate(diagonal)(X, W), diagonal(X, W))


def test_a_base_that_is_not_zero_stays() -> None:
    fun: Fun = lambda x, w: conv(jnp.ones((2, 10, 4, 4)).at[:, ::2].set(x), w)  # noqa: E731
    assert "scatter" in lines(fun, X, W)
    check_equal(accelerate(fun)(X, W), fun(X, W))


def test_a_nan_reaches_what_it_touches() -> None:
    """As in the program: inserted zeros are never multiplied by the NaN."""
    image = IMAGE.at[0, 2, 3, 1].set(jnp.nan)
    got, expected = accelerate(written_out)(image, KERNEL), written_out(image, KERNEL)
    np.testing.assert_array_equal(got, expected)
    assert 0 < np.isnan(got).sum() < got.size


# --- at random


@st.composite
def padded(draw: st.DrawFn) -> tuple[Fun, tuple[int, ...], tuple[int, ...]]:
    """Zeros around and within both operands, and a slice of the result."""
    size, kernel = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    configs = []
    for n in (size, kernel):
        interior = draw(st.integers(0, 2))
        whole = (n - 1) * (interior + 1) + 1
        low = draw(st.integers(1 - whole, 3))
        configs.append((low, draw(st.integers(1 - whole - min(low, 0), 3)), interior))
    steps = [draw(st.integers(1, 3)) for _ in range(3)]
    back = draw(st.tuples(*[st.booleans()] * 3))
    groups = draw(st.sampled_from([1, 2]))
    start, stride = draw(st.integers(0, 2)), draw(st.integers(1, 3))
    flip = [slice(None, None, -1) if one else slice(None) for one in back]

    def fun(x: jax.Array, w: jax.Array) -> jax.Array:
        x = lax.pad(x[:, :, flip[0]], jnp.float32(0), [(0, 0, 0)] * 2 + [configs[0]])
        w = lax.pad(w, jnp.float32(0), [(0, 0, 0)] * 2 + [configs[1]])[:, :, flip[1]]
        reach = (w.shape[2] - 1) * steps[1]
        y = lax.conv_general_dilated(
            x,
            w,
            (steps[2],),
            [(reach, reach + start)],
            lhs_dilation=(steps[0],),
            rhs_dilation=(steps[1],),
            feature_group_count=groups,
        )
        return y[:, :, start::stride][:, :, flip[2]]

    return fun, (2, 2 * groups, size), (2 * groups, 2, kernel)


def check_random(case: tuple[Fun, tuple[int, ...], tuple[int, ...]]) -> None:
    fun, *shapes = case
    x, w = (jnp.asarray(integers(shape, seed=seed)) for seed, shape in enumerate(shapes))
    y, pull_back = jax.vjp(fun, x, w)
    fast, pull_fast = jax.vjp(accelerate(fun), x, w)
    check_equal(fast, y)
    weights = jnp.asarray(integers(y.shape, seed=9))
    jax.tree.map(check_equal, pull_fast(weights), pull_back(weights))


@settings(max_examples=10)
@given(padded())
def test_random_geometries(case: Any) -> None:
    check_random(case)


@pytest.mark.slow
@settings(max_examples=150)
@given(padded())
def test_many_random_geometries(case: Any) -> None:
    check_random(case)
