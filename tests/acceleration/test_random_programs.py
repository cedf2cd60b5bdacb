"""Random programs: the same numbers and gradients, accelerated inside or outside."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.acceleration import accelerate
from tests.acceleration.left import left
from tests.acceleration.random_programs import KERNEL, SHAPE, Part, program

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=SHAPE), jnp.float32)
W = jnp.asarray(RNG.normal(size=KERNEL) / 2, jnp.float32)


def with_gradients(part: Part) -> Callable[..., Any]:
    """The result, and the gradients of a scalar that weighs each of its entries."""
    weights = jnp.cos(jnp.arange(X.size, dtype=X.dtype)).reshape(SHAPE)

    def values(x: jax.Array, w: jax.Array) -> Any:
        y, pull_back = jax.vjp(part, x, w)
        return y, pull_back(weights)

    return values


def check(fast: Callable[..., Any], slow: Callable[..., Any]) -> None:
    """The same numbers up to rounding, and no stock convolution in `fast`."""
    assert not left(jax.make_jaxpr(fast)(X, W))
    got, expected = jax.jit(fast)(X, W), jax.jit(slow)(X, W)
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (got, expected)), strict=True):
        assert jax.typeof(one) == jax.typeof(other)
        scale = float(jnp.abs(other).max()) + 1.0
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("seed", range(4))
def test_around_the_gradient(seed: int) -> None:
    part = program(seed)
    check(accelerate(with_gradients(part)), with_gradients(part))


@pytest.mark.parametrize("seed", range(4, 6))
def test_inside_the_gradient(seed: int) -> None:
    """The rewritten program is differentiated, through its rules."""
    part = program(seed)
    check(with_gradients(accelerate(part)), with_gradients(part))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6, 26))
def test_many_programs(seed: int) -> None:
    part = program(seed, depth=3)
    check(accelerate(with_gradients(part)), with_gradients(part))
    check(with_gradients(accelerate(part)), with_gradients(part))


def test_the_programs_differ_and_hold_what_they_should() -> None:
    texts = [str(jax.make_jaxpr(program(seed))(X, W)) for seed in range(60)]
    assert len(set(texts)) > 50
    everything = "".join(texts)
    around = ("scan[", "cond[", "while[", "custom_vjp_call[", "custom_jvp_call[", "remat2[")
    for name in (*around, "jit[", "batch_group_count=2", "feature_group_count=4"):
        assert name in everything


def test_the_check_notices_a_wrong_program() -> None:
    part = program(0)
    with pytest.raises(AssertionError):
        check(accelerate(with_gradients(part)), with_gradients(lambda x, w: 1.001 * part(x, w)))
