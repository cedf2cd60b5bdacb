"""The line that breaks linearity is named; compositions at random never do better than they are."""

import functools
import inspect

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from jax import lax

from tests.verify.analysis.support import classify

pytestmark = pytest.mark.every_variant

REAL = jax.ShapeDtypeStruct((4,), np.float32)
INTEGER = jax.ShapeDtypeStruct((4,), np.int32)
MASK = np.array([True, False, True, True])
PLACES = np.array([2, 0, 2])
C = np.array([1.0, -2.0, 3.0, 0.5], np.float32)
MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) + 9 * np.eye(4, dtype=np.float32)


def line_of(fun, text: str) -> str:
    """'file:line' of the one line of a function that holds a text."""
    lines, first = inspect.getsourcelines(fun)
    (number,) = [first + i for i, line in enumerate(lines) if text in line]
    return f"{__file__}:{number} "


def breaks_in_a_loop(v):
    def body(carry, x):
        carry = carry + x
        carry = carry * x  # here
        return carry, x

    return lax.scan(body, jnp.float32(0), v)[0]


def breaks_under_jit(v):
    v = v[::-1]
    return jax.jit(lambda v: jnp.clip(v, 0, 1))(v)  # here


def adds_a_bias(v):
    v = v * 2
    v = v + C  # here
    return v @ MATRIX


def breaks_twice(v):
    v = v + 1
    return jnp.tanh(v)  # here


@pytest.mark.parametrize(
    ("fun", "primitive"),
    [
        (breaks_in_a_loop, "mul"),
        (breaks_under_jit, "max"),
        (adds_a_bias, "add"),
        (breaks_twice, "tanh"),
    ],
)
def test_the_line_is_named(fun, primitive: str) -> None:
    classify(lambda v: jnp.clip(v, 0, 1), REAL)  # JAX traces `clip` once: not this line
    verdict = classify(fun, REAL)
    assert verdict.primitive == primitive
    assert verdict.source is not None
    assert verdict.source.startswith(line_of(fun, "# here"))
    assert verdict.source in verdict.text
    assert primitive in verdict.text


def test_no_line_of_the_user() -> None:
    verdict = classify(jnp.sin, REAL)
    assert verdict.source is None
    assert verdict.text.endswith("sin at an unknown line")


def through_bfloat16(v):
    return v.astype(jnp.bfloat16).astype(np.float32)


def test_remarks() -> None:
    assert "rounding of convert_element_type to bfloat16" in classify(through_bfloat16, REAL).text
    assert "cut by stop_gradient" in classify(lax.stop_gradient, REAL).text
    assert "rounding" not in classify(lambda v: v * 2, REAL).text


# --- at random: compositions of known type, and what probing says of them

STEPS = {
    "linear": [
        lambda v: v[::-1],
        lambda v: v * 2,
        lambda v: v + jnp.roll(v, 1),
        jnp.cumsum,
        lambda v: jnp.where(MASK, v, 0),
        lambda v: v.at[PLACES].add(v[:3]),
        jax.jit(lambda v: v - 3 * v[::-1]),
        lambda v: lax.scan(lambda c, x: (c + x, c - x), jnp.zeros_like(v[0]), v)[1],
        lambda v: lax.fori_loop(0, 2, lambda i, c: c + c[i], v),
    ],
    "affine": [
        lambda v: v + jnp.ones_like(v),
        lambda v: jnp.where(MASK, v, 1),
        lambda v: lax.scan(lambda c, x: (c + x, c), jnp.ones_like(v[0]), v)[1],
    ],
    "non-linear": [lambda v: v * v, jnp.abs, lambda v: jnp.maximum(v, 0), lambda v: v * v[0]],
}
ORDER = ["linear", "affine", "non-linear"]
step = st.sampled_from([(kind, index) for kind in ORDER for index in range(len(STEPS[kind]))])


def composed(steps):
    functions = [STEPS[kind][index] for kind, index in steps]
    return lambda v: functools.reduce(lambda x, function: function(x), functions, v)


def differs(fun, v: np.ndarray) -> bool:
    """Whether integers show that a function is not linear."""
    double = not np.array_equal(fun(jnp.asarray(2 * v)), 2 * fun(jnp.asarray(v)))
    return double or bool(np.any(fun(jnp.asarray(0 * v))))


@settings(max_examples=25)
@given(st.lists(step, min_size=1, max_size=4), st.integers(0, 999))
@example([("affine", 0), ("linear", 1), ("non-linear", 2)], 0)
def test_random_compositions(steps, seed: int) -> None:
    """Never better than the worst step, and never 'linear' where integers contradict it."""
    fun = composed(steps)
    kind = classify(fun, INTEGER).kind
    assert ORDER.index(kind) == max(ORDER.index(step) for step, _ in steps)
    v = np.random.default_rng(seed).integers(-9, 10, 4).astype(np.int32)
    assert kind != "linear" or not differs(fun, v)
