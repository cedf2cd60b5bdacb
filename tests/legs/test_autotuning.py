"""Under `autotuning` every leg is measured once, where it is compiled, and follows the answer.

The times are planted: of the algorithms that could compute a leg, the one that is predicted to be
the slowest is said to be the fastest. So no plan is right by chance.
"""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxdeconv import accelerate, autotuning, conv, plan, register_algorithm
from jaxdeconv.acceleration import inspect
from jaxdeconv.algorithms import Algorithm, Problem
from jaxdeconv.algorithms import native as stock
from jaxdeconv.planning import autotuning as tuning
from jaxdeconv.planning import measuring, planner, tuning_cache
from tests.support.cases import integers
from tests.support.checks import check_equal
from tests.support.processes import printed_on

V, W = integers((2, 9, 7, 4)), integers((3, 2, 4, 6), seed=1)
U = integers((2, 4, 3, 6), seed=2)


class Planted:
    """Planted times, and what was asked.

    Attributes:
        measured: the problems that were measured, each once per algorithm.
        fastest: of each, the algorithm that was said to be the fastest.
        ran: the problems that were compiled, with the algorithm.
        leg: seconds of those algorithms; the others take twice as long.
        stock: seconds of XLA's own convolution.
        timed: how often those were asked.
    """

    def __init__(self) -> None:
        self.measured: list[Problem] = []
        self.fastest: dict[Problem, str] = {}
        self.ran: list[tuple[Problem, str]] = []
        self.leg, self.stock, self.timed = 1e-6, 1.0, 0

    def measure(self, one: Algorithm, problem: Problem) -> float:
        self.measured.append(problem)
        if problem not in self.fastest:
            candidates = planner.choose(problem, "cpu").candidates
            possible = [c.algorithm for c in candidates if c.supported and not c.on_request]
            self.fastest[problem] = possible[-1]
        return self.leg if one.name == self.fastest[problem] else 2 * self.leg

    def seconds(self, *_: Any) -> float:
        self.timed += 1
        return self.stock


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(measuring, "_SECONDS_EACH", 1e-4)
    tuning_cache.forget()
    yield tmp_path / "cache"
    tuning_cache.forget()


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Planted:
    planted, find = Planted(), planner.find

    def spy(problem: Problem, platform: str, algorithm: str) -> Algorithm:
        found = find(problem, platform, algorithm)
        planted.ran.append((problem, found.name))
        return found

    monkeypatch.setattr(measuring, "measure", planted.measure)
    monkeypatch.setattr(measuring, "seconds", planted.seconds)
    monkeypatch.setattr(planner, "find", spy)
    return planted


def up(u: Any, w: Any) -> Any:
    """A transposed convolution, in the words of `jax.lax`."""
    return lax.conv_transpose(u, w, (2, 2), "SAME", transpose_kernel=True)


def down(v: Any, w: Any) -> Any:
    return conv(v, w, stride=2)


def tuned_up() -> Callable[..., Any]:
    return accelerate(anew(up), autotune=True)


def anew(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of which JAX has compiled nothing."""
    return lambda x, y: function(x, y)  # noqa: PLW0108


def loss(v: Any, w: Any) -> Any:
    return jnp.sum(down(v, w) * U)


def _scan(v: Any, w: Any) -> Any:
    return lax.scan(lambda total, _: (total + down(v, w), None), jnp.zeros_like(U), None, 2)[0]


STEPS: dict[str, tuple[Callable[..., Any], int]] = {
    "eager": (down, 1),
    "jit": (jax.jit(down), 1),
    "jit in jit": (jax.jit(lambda v, w: jax.jit(down)(v, 2 * w)), 1),
    "grad": (jax.jit(jax.grad(loss, (0, 1))), 2),
    "value and grad": (jax.jit(jax.value_and_grad(loss, (0, 1))), 3),
    "vmap": (jax.jit(lambda v, w: jax.vmap(down, (None, 0))(v, jnp.stack([w, 2 * w]))), 1),
    "scan": (jax.jit(_scan), 1),
    "remat": (jax.jit(jax.grad(jax.checkpoint(loss), (0, 1))), 2),
    "cond": (jax.jit(lambda v, w: lax.cond(v.sum() > 0, down, lambda v, w: down(-v, w), v, w)), 1),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_leg_is_measured_and_follows(name: str, planted: Planted) -> None:
    step, count = STEPS[name]
    expected = step(V, W)
    assert not planted.measured
    planted.ran.clear()
    with autotuning() as tuned:
        got = step(V, W)
        again = step(V, W)
    jax.tree.map(check_equal, got, expected)
    jax.tree.map(check_equal, again, expected)
    assert len(planted.fastest) == len(tuned.legs) == count
    assert all(planted.fastest[problem] == ran for problem, ran in planted.ran)
    assert {problem for problem, _ in planted.ran} == {*planted.fastest}


ACCELERATED = {
    "eager": lambda f: f,
    "jit": jax.jit,
    "vmap": lambda f: lambda u, w: jax.vmap(f, (0, None))(u[None], w)[0],
    "scan": lambda f: jax.jit(
        lambda u, w: lax.scan(lambda c, _: (c, f(u, w)), 0, None, 2)[1].sum(0)
    ),
    "gradient": lambda f: jax.jit(jax.grad(lambda u, w: jnp.sum(f(u, w) ** 2), (0, 1))),
}


@pytest.mark.parametrize("name", ACCELERATED)
@pytest.mark.parametrize("function", [up, down])
def test_accelerate(function: Callable[..., Any], name: str, planted: Planted) -> None:
    """Convolutions of `jax.lax`, and legs that a step has already."""
    x = V if function is down else U
    expected = ACCELERATED[name](function)(x, W)
    planted.ran.clear()
    step = ACCELERATED[name](accelerate(function, autotune=True))
    jax.tree.map(check_equal, step(x, W), expected)
    assert planted.fastest
    assert planted.ran
    assert all(planted.fastest[problem] == ran for problem, ran in planted.ran)


def test_accelerate_follows_the_context(planted: Planted) -> None:
    step = jax.jit(accelerate(up))
    step(U, W)
    assert not planted.measured
    with autotuning():
        check_equal(step(U, W), up(U, W))
    assert planted.measured


@pytest.mark.parametrize(("seconds", "replaced"), [(0.8, False), (1.2, True)])
def test_xla_s_own_convolution_counts_as_it_was_measured(
    seconds: float, replaced: bool, planted: Planted
) -> None:
    planted.leg, planted.stock = 1.0, seconds
    step = accelerate(anew(up), autotune=True)
    check_equal(jax.jit(step)(U, W), up(U, W))
    assert planted.timed == 1
    (found,) = inspect(up, U, W).replacements
    assert bool(found.leg) == found.measured == replaced
    assert str(inspect(up, U, W)).count("(measured)") == 2 * replaced
    tuning_cache.forget()  # as in a later process
    (found,) = inspect(up, U, W).replacements
    assert bool(found.leg) == replaced
    jax.jit(accelerate(anew(up), autotune=True))(U, W)
    assert planted.timed == 1


def test_what_was_compiled_before_stays_outside(planted: Planted) -> None:
    step = jax.jit(anew(down))
    step(V, W)
    ((problem, predicted),) = planted.ran
    with autotuning():
        step(V, W)
    assert planted.ran[1:] == [(problem, planted.fastest[problem])]
    step(V, W)
    assert len(planted.ran) == 2
    jax.jit(anew(down))(V, W)  # a new one follows the file
    assert planted.ran[2:] == [(problem, planted.fastest[problem])]
    assert predicted != planted.fastest[problem]


def test_traced_inside_and_compiled_outside(planted: Planted) -> None:
    with autotuning():
        traced = jax.jit(anew(down)).trace(V, W)
    traced.lower()
    assert planted.measured


def test_a_decorator(planted: Planted) -> None:
    @autotuning()
    def step(v: Any, w: Any) -> Any:
        return down(v, w)

    with autotuning(False):
        check_equal(step(V, W), down(V, W))
        assert len(planted.fastest) == 1
        conv(V, W)
    assert len(planted.fastest) == 1
    assert step.__name__ == "step"


def test_off_inside_on(planted: Planted) -> None:
    with autotuning() as outer, autotuning(False) as inner:
        jax.jit(anew(down))(V, W)
    assert not planted.measured
    assert not outer.legs + inner.legs


def test_the_report(planted: Planted) -> None:
    with autotuning() as tuned:
        down(V, W)
    (one,) = tuned.legs
    assert one.predicted.reason == "least predicted time"
    assert one.measured.reason == "measured by autotune"
    assert one.measured.algorithm == planted.fastest[one.measured.problem]
    head, line = str(tuned).splitlines()
    assert head == "legs measured: 1"
    assert line.startswith("conv of float32[2, 9, 7, 4] and [3, 2, 4, 6], stride (2, 2): ")
    assert f"{one.measured.algorithm}, 0.001 ms measured, " in line
    assert line.endswith(f"instead of {one.predicted.algorithm}, 0.002 ms measured")
    left = [c for c in one.measured.candidates if c.supported and c.on_request]
    assert left
    assert all(c.seconds == np.inf for c in left)  # 'auto' never takes them
    with autotuning() as again:
        jax.jit(anew(down))(V, W)
    assert str(again) == "legs measured: 0"  # known already


LEFT: dict[str, Callable[[], Any]] = {
    "outside": lambda: jax.jit(anew(down))(V, W),
    "exported": lambda: autotuning()(jax.export.export(jax.jit(anew(down))))(V, W),
    "accelerated and exported": lambda: jax.export.export(jax.jit(tuned_up()))(U, W),
    "another platform": lambda: autotuning()(jax.jit(anew(down)).trace)(V, W).lower(
        lowering_platforms=("tpu",)
    ),
    "accelerated for another platform": lambda: (
        jax.jit(tuned_up()).trace(U, W).lower(lowering_platforms=("cuda",))
    ),
    "by name": lambda: autotuning()(conv)(V, W, stride=2, algorithm="per_tap"),
    "by definition": lambda: autotuning()(conv)(V, W, stride=2, algorithm="derived"),
    "a plan": lambda: autotuning()(plan)("conv", V, W),
    "traced alone": lambda: autotuning()(jax.make_jaxpr(anew(down)))(V, W),
}


@pytest.mark.every_variant
@pytest.mark.parametrize("name", LEFT)
def test_not_measured(name: str, planted: Planted) -> None:
    LEFT[name]()
    assert not planted.measured
    assert not planted.timed


def test_several_processes_are_not_measured(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would choose for itself, but they must run the same program."""
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    autotuning()(jax.jit(anew(down)))(V, W)
    jax.jit(tuned_up())(U, W)
    assert not planted.measured
    assert not planted.timed


SHARDED = """
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import autotuning, conv
from jaxdeconv.planning import measuring
from jaxdeconv.primitives import lowering
from tests.support.cases import integers
from tests.support.checks import check_equal

measuring._SECONDS_EACH = 1e-4
v, w = integers((4, 9, 4)), integers((3, 4, 6), seed=1)
expected = jax.jit(conv)(v, w)
on = lambda kind: jax.make_mesh((2,), ("d",), axis_types=(kind,))
put = lambda mesh: (jax.device_put(v, NamedSharding(mesh, P("d"))), w)


def sizes(fun, *args):
    with autotuning() as tuned:
        check_equal(np.asarray(jax.jit(fun)(*args)), expected)
    return [one.measured.problem.batch for one in tuned.legs]


automatic = on(AxisType.Auto)
print(sizes(conv, *put(automatic)))  # what one device computes
mapped = jax.shard_map(conv, mesh=automatic, in_specs=(P("d"), P()), out_specs=P("d"))
w = w[:, :, :4]
expected = jax.jit(conv)(v, w)
print(sizes(mapped, *put(automatic)))
explicit = on(AxisType.Explicit)
w = w[:, :, :2]
expected = jax.jit(conv)(v, w)
with jax.set_mesh(explicit):
    print(sizes(conv, *put(explicit)))
lowering.is_left_to_xla = lambda *_: True
w = w[:, :, :1]
expected = jax.jit(conv)(v, w)
print(sizes(conv, *put(automatic)))
"""


def test_on_several_devices_what_one_of_them_computes_is_measured() -> None:
    """By XLA's callback, in `jax.shard_map`, in explicit mode; not where XLA divides the leg."""
    assert printed_on(2, SHARDED).splitlines() == ["[2]", "[2]", "[2]", "[]"]


PROCESS = """
import jax, jax.numpy as jnp
from jaxdeconv import autotuning, conv, plan
from jaxdeconv.planning import measuring
measuring._SECONDS_EACH = 1e-4
v, w = jnp.ones((2, 9, 4)), jnp.ones((3, 4, 6))
with autotuning(measuring.is_on()) as tuned:
    u = jax.jit(conv)(v, w)
print(len(tuned.legs), plan("conv", v, w).reason, u.sum())
"""


def test_a_later_process_follows(cache: Path) -> None:
    def run(value: str) -> str:
        environment = os.environ | {"JAXDECONV_AUTOTUNE": value, "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-c", PROCESS]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert run("0") == "0 least predicted time 1008.0"
    assert run("1") == "1 measured by autotune 1008.0"
    (file,) = cache.iterdir()
    assert len(json.loads(file.read_text())["seconds"]) > 2
    assert run("1") == "0 measured by autotune 1008.0"
    assert run("") == "0 measured by autotune 1008.0"


def test_the_variable_is_0_or_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXDECONV_AUTOTUNE", "yes")
    with pytest.raises(ValueError, match=r"JAXDECONV_AUTOTUNE must be 0 or 1; got .*'yes'"):
        measuring._from_environment()


def test_really_measured() -> None:
    with autotuning() as tuned:
        got = jax.jit(jax.grad(loss, (0, 1)))(V, W)
    jax.tree.map(check_equal, got, jax.jit(jax.grad(anew(loss), (0, 1)))(V, W))
    assert {one.measured.problem.leg for one in tuned.legs} == {"conv_transpose", "kernel_gradient"}
    for one in tuned.legs:
        timed = [c.seconds for c in one.measured.candidates if c.supported and not c.on_request]
        assert all(0 < seconds < 10 for seconds in timed)
        assert len(timed) >= 2


def test_really_measured_beside_xla_s_own() -> None:
    step = jax.jit(tuned_up())
    check_equal(step(U, W), up(U, W))


@pytest.mark.usefixtures("x64")
def test_64_bits() -> None:
    with autotuning() as tuned:
        u = jax.jit(anew(down))(V.astype("float64"), W.astype("float64"))
    assert u.dtype == np.float64
    assert tuned.legs[0].measured.problem.dtype == np.float64


def test_two_threads_compile_the_same(planted: Planted) -> None:
    """One measures, the other one waits: two at once would measure each other."""
    results: list[Any] = []

    def run() -> None:
        with autotuning():
            results.append(jax.jit(anew(down))(V, W))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(results) == 4
    for result in results:
        check_equal(result, down(V, W))
    (problem,) = planted.fastest
    possible = [
        c for c in planner.choose(problem, "cpu").candidates if c.supported and not c.on_request
    ]
    assert len(planted.measured) == len(possible)


def test_an_algorithm_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = measuring.measure

    def failing(one: Algorithm, problem: Problem) -> float:
        if one.name != "per_tap":
            raise MemoryError("too large")
        return measure(one, problem)

    monkeypatch.setattr(measuring, "measure", failing)
    with pytest.warns(UserWarning, match=" cannot be measured: too large") as warned:
        u = autotuning()(down)(V, W)
    assert any("native cannot" in str(one.message) for one in warned)
    check_equal(u, down(V, W))
    assert plan("conv", V, W, stride=2).algorithm == "per_tap"


def test_where_all_fail_the_plan_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> float:
        raise MemoryError

    monkeypatch.setattr(measuring, "measure", failing)
    monkeypatch.setattr(measuring, "seconds", failing)
    with warnings.catch_warnings(), autotuning() as tuned:
        warnings.simplefilter("ignore")
        check_equal(jax.jit(accelerate(anew(up)))(U, W), up(U, W))
        jax.jit(anew(down))(V, W)
    assert not tuned.legs
    assert plan("conv", V, W, stride=2).reason == "least predicted time"


def test_a_directory_that_cannot_be_written(cache: Path, planted: Planted) -> None:
    cache.write_text("a file stands where the directory should be")
    with pytest.warns(UserWarning, match="cannot be"):
        autotuning()(down)(V, W)
    autotuning()(jax.jit(anew(down)))(V, W)
    ((problem, name),) = planted.fastest.items()
    assert planted.ran == [(problem, name)] * 2
    possible = [
        c for c in planner.choose(problem, "cpu").candidates if c.supported and not c.on_request
    ]
    assert len(planted.measured) == len(possible)  # once, though it could not be kept


def test_an_algorithm_that_calls_a_leg_is_measured() -> None:
    """It is measured in a thread of its own, where legs are not."""

    def apply(v: Any, w: Any, problem: Problem) -> Any:
        both = conv(jnp.concatenate([v, v]), w, stride=problem.geometry.stride)
        return both[: problem.batch_size]

    def reject(problem: Problem, _: str) -> str:
        return "" if problem.batch_size == len(V) else "it would call itself"

    expected = down(V, W)
    own = Algorithm("twice", apply, reject, stock.CONV.work)
    with register_algorithm("conv", own), autotuning() as tuned:
        check_equal(jax.jit(anew(down))(V, W), expected)
    candidates = tuned.legs[0].measured.candidates
    assert next(one for one in candidates if one.algorithm == "twice").seconds < 10


def test_accelerate_says_so() -> None:
    step = accelerate(up, autotune=True)
    assert repr(step) == "accelerate(up, autotune=True)"
    assert pickle.loads(pickle.dumps(step)).autotune
    assert not accelerate(up).autotune


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match=r"^autotuning: enabled must be a bool; got enabled=<f.*@"):
        autotuning(down)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^autotuning: enabled must be a bool; got enabled=1. Pa"):
        autotuning(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^accelerate: autotune must be a bool; got autotune='on"):
        accelerate(up, autotune="on")  # type: ignore[arg-type]


def test_a_partitioned_problem_is_not_measured(planted: Planted) -> None:
    problem = plan("conv", V, W).problem
    for changes in ({"partitioned": True}, {"exported": True}, {"batch": None}):
        tuning.settle(dataclasses.replace(problem, **changes), "cpu")
    assert not planted.measured
    tuning.settle(problem, "cpu")
    once = len(planted.measured)
    tuning.settle(problem, "cpu")
    assert once == len(planted.measured) > 0
