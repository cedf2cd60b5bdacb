"""Compilation in parallel, and samples of many calls, with a fake clock."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks.gpu.programs import Call, compile_all, ratio, time_in_turn


class World:
    """A device whose clock advances by what is queued when it is waited for."""

    def __init__(self) -> None:
        self.now, self.queued, self.waits = 0.0, 0.0, 0

    def call(self, seconds: float) -> Call:
        def start() -> None:
            self.queued += seconds

        def wait(_: object) -> None:
            self.now, self.queued = self.now + self.queued + 0.5, 0.0
            self.waits += 1

        return Call(start, wait)

    def clock(self) -> float:
        return self.now


def test_the_wait_vanishes_in_many_calls() -> None:
    """Half a second of each wait is not the function's."""
    world = World()
    samples = time_in_turn({"a": world.call(0.01), "b": world.call(0.02)}, 3, 100, world.clock)
    assert samples["a"] == pytest.approx([0.01] * 3, rel=0.01)
    assert ratio(samples["a"], samples["b"]) == pytest.approx(2, rel=0.01)


def test_a_slow_function_is_timed_once() -> None:
    world = World()
    samples = time_in_turn({"a": world.call(10), "b": world.call(1000)}, 3, 1, world.clock)
    assert len(samples["a"]) == 3
    assert samples["b"] == [1000.5]
    assert ratio(samples["a"], samples["b"]) == pytest.approx(95, rel=0.01)


def test_what_does_not_compile_is_refused_and_the_others_are_not() -> None:
    def wrong(_: jax.Array) -> jax.Array:
        raise ValueError("no such thing")

    x = jnp.arange(3.0)
    programs, refused = compile_all({"a": (lambda x: 2 * x, (x,)), "b": (wrong, (x,))})
    assert programs["a"].start().tolist() == [0, 2, 4]
    assert programs["a"].program(x + 1).tolist() == [2, 4, 6]
    assert "HloModule" in programs["a"].text
    assert refused == {"b": "ValueError: no such thing"}


def test_precision() -> None:
    x = jax.ShapeDtypeStruct((4, 4), "float32")
    programs, _ = compile_all({0: (jnp.matmul, (x, x))}, "highest")
    assert "operand_precision={highest,highest}" in programs[0].text
    programs, _ = compile_all({0: (jnp.matmul, (x, x))})
    assert "highest" not in programs[0].text
