"""Precision of products, and exactness against integers."""

import functools
import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

from tests.verify.analysis.magnitude_cases import (
    MASK,
    MATRIX,
    PLACES,
    TIGHT,
    N,
    domain,
)
from tests.verify.analysis.support import magnitude

# --- precision of products


def product(precision=None, preferred=None):
    numbers = (((1,), (0,)), ((), ()))

    def fun(v):
        matrix = jnp.ones((3, N), v.dtype)
        return lax.dot_general(matrix, v, numbers, precision, preferred)

    return fun


@pytest.mark.parametrize(
    ("platform", "precision", "operand_bits"),
    [
        ("cpu", None, 24),
        ("gpu", None, 10),
        ("cuda", "high", 10),
        ("gpu", "highest", 24),
        ("tpu", None, 8),
        ("tpu", ("highest", "default"), 8),
        ("tpu", "highest", 24),
        ("cpu", lax.DotAlgorithmPreset.BF16_BF16_F32, 8),
        ("gpu", lax.DotAlgorithmPreset.TF32_TF32_F32, 10),
        ("gpu", lax.DotAlgorithmPreset.BF16_BF16_F32_X3, 14),
        ("gpu", lax.DotAlgorithmPreset.F32_F32_F32, 24),
    ],
)
def test_operands_are_rounded(platform: str, precision, operand_bits: int) -> None:
    size = magnitude(product(precision), domain(), platform)
    operands = 0 if operand_bits == 24 else 2 * math.log1p(2.0**-operand_bits)
    sums = (1 if platform == "cpu" else 2) * N * math.log1p(2.0**-24)
    assert size.gamma == pytest.approx(math.expm1(operands + sums))
    assert size.accumulators == 24


@pytest.mark.parametrize(
    ("dtype", "preferred", "bits"),
    [
        (np.float32, None, 24),
        (np.float16, None, 11),
        (jnp.bfloat16, None, 8),
        (jnp.bfloat16, jnp.float32, 8),  # v itself
        (np.int8, jnp.int32, 7),
        (np.int32, None, 31),
    ],
)
def test_accumulators(dtype, preferred, bits: int) -> None:
    size = magnitude(product(preferred=preferred), domain(dtype))
    assert size.accumulators == bits


def test_sums_in_float32_of_half_operands() -> None:
    """The operands hold 8 bits, the sums 24: small integers stay exact, however many."""
    many = jax.ShapeDtypeStruct((5000,), jnp.bfloat16)
    ones = jnp.ones(5000, jnp.bfloat16)

    def total(v, dtype):
        return jnp.dot(v, jnp.ones((5000,), v.dtype), preferred_element_type=dtype)

    wide = magnitude(lambda v: total(v, jnp.float32), many)
    narrow = magnitude(lambda v: total(v, None), many)
    assert wide.load(ones) <= 1 < narrow.load(ones)


@pytest.mark.usefixtures("x64")
def test_double_precision() -> None:
    size = magnitude(TIGHT["dot"], domain(np.float64))
    assert size.accumulators == 53
    assert size.apply(jnp.ones(N)).dtype == np.float64
    assert size.gamma == pytest.approx(N * 2.0**-53)


# --- integers: nothing rounds


@pytest.mark.parametrize(
    ("fun", "dyadic"),
    [
        (lambda v: v * np.float32(3), 0),
        (lambda v: v * np.float32(0.75) - v, 2),
        (lambda v: v / 8, 3),
        (lambda v: 4 * v, -2),
        (lambda v: MATRIX @ v, 4),
        (lambda v: v / 3, None),
        (lambda v: v * np.float32(np.inf), None),
        (jnp.fft.rfft, None),
    ],
)
def test_grid_of_the_constants(fun, dyadic: int | None) -> None:
    size = magnitude(fun, domain())
    assert size.dyadic == dyadic


def test_no_constants() -> None:
    assert magnitude(lambda v: v[::-1] - v, domain()).dyadic <= 0


def test_load_is_the_range_of_every_value() -> None:
    """Sums of up to 2^24 fit, whether they are the result or on the way to it."""
    for fun in (lambda v: v * 1023.0, lambda v: (v * 1023.0)[:0], lambda v: v * 1023.0 * 1024.0):
        size = magnitude(fun, domain())
        fits = jnp.full(N, 2.0**14)
        assert size.load(fits) <= 1 < size.load(1.01 * fits)


def test_load_of_what_cannot_be_exact() -> None:
    assert magnitude(lambda v: v / 3, domain()).load(jnp.ones(N)) == math.inf
    assert magnitude(product(), domain(), "gpu").load(jnp.full(N, 100.0)) <= 1
    assert magnitude(product(), domain(), "gpu").load(jnp.full(N, 3000.0)) > 1  # TF32


STEPS = [
    lambda v: v + v[::-1],
    lambda v: v - 3 * jnp.roll(v, 1),
    jnp.cumsum,
    lambda v: (jnp.arange(N * N, dtype=v.dtype).reshape(N, N) - 17) @ v,
    lambda v: v.at[PLACES].add(-v[:4]) / 2,
    lambda v: jnp.where(MASK, v, 20 * v),
    lambda v: lax.scan(lambda c, x: (x - 2 * c, c), jnp.zeros((), v.dtype), v)[1],
    lambda v: lax.fori_loop(0, 2, lambda i, c: c * 5 + v[i], v),
    jax.jit(lambda v: jnp.convolve(v, jnp.array([1, -2, 3], v.dtype), mode="same")),
]


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.sampled_from(range(len(STEPS))), min_size=1, max_size=4), st.integers(1, 999))
def test_load_of_random_compositions(steps, largest: int) -> None:
    """A load of at most 1 is exactness: float32 gives what float64 gives."""
    chain = [STEPS[index] for index in steps]
    size = magnitude(lambda v: functools.reduce(lambda x, f: f(x), chain, v), domain())
    v = np.random.default_rng(largest).integers(-largest, largest + 1, N).astype(np.float32)
    got = functools.reduce(lambda x, f: f(x), chain, jnp.asarray(v))
    with jax.enable_x64(True):
        truth = functools.reduce(lambda x, f: f(x), chain, jnp.asarray(v.astype(np.float64)))
    error = np.abs(np.asarray(got, np.float64) - np.asarray(truth))
    bound = np.asarray(size.apply(jnp.abs(v)), np.float64)
    assert size.load(jnp.abs(v)) > 1 or not error.any()
    assert (np.abs(truth) <= bound).all()
    assert (error <= size.gamma * bound).all()
