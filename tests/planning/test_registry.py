"""Algorithms of one's own: in plans, by name, measured; and what is refused."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdeconv
from jaxdeconv import autotune, conv, plan, register_algorithm, unregister_algorithm
from jaxdeconv.algorithms import ALGORITHMS, Algorithm, AlgorithmName, Work, per_tap
from jaxdeconv.planning import tuning_cache
from tests.support.bad_inputs import check_message

CONTRIBUTING = Path(jaxdeconv.__file__).parents[1] / "CONTRIBUTING.md"

V, W = np.ones((2, 9, 9, 4), np.float32), np.ones((3, 3, 4, 8), np.float32)
RESULT = conv(V, W, algorithm="derived")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path))
    monkeypatch.setattr("jaxdeconv.planning.measuring._SECONDS_EACH", 1e-4)
    before = dict(ALGORITHMS)
    yield
    assert before == ALGORITHMS
    tuning_cache.forget()


def doubled(**changes: Any) -> Algorithm:
    """An algorithm that can be told from all others by its numbers."""

    def apply(v: Any, w: Any, problem: Any) -> jax.Array:
        return 2 * per_tap.CONV.apply(v, w, problem)

    return dataclasses.replace(per_tap.CONV, name="doubled", apply=apply, **changes)


def test_used_by_name_until_it_is_unregistered() -> None:
    registration = register_algorithm("conv", doubled())
    assert jnp.array_equal(conv(V, W, algorithm="doubled"), 2 * RESULT)
    assert jnp.array_equal(conv(V, W), RESULT)
    assert plan("conv", V, W, algorithm="doubled").algorithm == "doubled"
    registration.unregister()
    with pytest.raises(ValueError, match="conv: algorithm must be one that can compute this conv"):
        conv(V, W, algorithm="doubled")


def test_without_a_predicted_time_auto_takes_the_others() -> None:
    ours = str(plan("conv", V, W, platform="cpu"))  # in which nan equals nan
    promising = dataclasses.replace(doubled(), work=lambda _: Work(1, 1, 1))
    with register_algorithm("conv", promising):
        for platform in ("cpu", "cuda", "tpu"):
            planned = plan("conv", V, W, platform=platform)
            candidates = [one for one in planned.candidates if not one.on_request]
            possible = [one.algorithm for one in candidates if one.supported]
            assert possible[-1] == "doubled"
            assert "doubled" in str(planned)
    assert str(plan("conv", V, W, platform="cpu")) == ours


def test_with_the_least_predicted_time_auto_takes_it_in_eager_calls_too() -> None:
    assert jnp.array_equal(conv(V, W), RESULT)  # compiled, by another
    with register_algorithm("conv", doubled(seconds=lambda _: 1e-12)):
        assert plan("conv", V, W, platform="cpu").algorithm == "doubled"
        assert plan("conv", V, W, platform="cuda").algorithm != "doubled"
        assert jnp.array_equal(conv(V, W), 2 * RESULT)
    assert jnp.array_equal(conv(V, W), RESULT)


def test_where_it_rejects_the_plan_goes_on() -> None:
    never = doubled(seconds=lambda _: 1e-12, reject=lambda *_: "not today")
    with register_algorithm("conv", never):
        assert plan("conv", V, W).algorithm != "doubled"
        with pytest.raises(ValueError, match="can compute this conv: not today; got"):
            conv(V, W, algorithm="doubled")


def test_measured_to_be_the_fastest_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"doubled": 1e-9}
    measure = "jaxdeconv.planning.measuring.measure"
    monkeypatch.setattr(measure, lambda one, _: seconds.get(one.name, 1.0))
    with register_algorithm("conv", doubled()):
        assert autotune("conv", V, W).algorithm == "doubled"
        assert jnp.array_equal(conv(V, W), 2 * RESULT)
    assert jnp.array_equal(conv(V, W), RESULT)


REFUSED = {
    "leg": (
        lambda: register_algorithm("deconv", doubled()),
        ValueError,
        "register_algorithm: leg must be a known name; got leg='deconv'. Pass one of 'conv', "
        "'conv_transpose', 'kernel_gradient'.",
    ),
    "taken": (
        lambda: register_algorithm("conv", dataclasses.replace(doubled(), name="auto")),
        ValueError,
        "register_algorithm: algorithm must have a name of its own among those of conv; got "
        "name='auto'. Taken are 'auto', 'derived', 'onednn', 'native', "
        "'block_diagonal', 'im2col', 'row_im2col', 'fft', 'per_tap', 'depthwise'.",
    ),
    "no algorithm": (
        lambda: register_algorithm("conv", abs),  # type: ignore[arg-type]
        TypeError,
        "register_algorithm: algorithm must be a jaxdeconv.algorithms.Algorithm; got "
        "algorithm=<built-in function abs>. Pass Algorithm(name, apply, reject, work).",
    ),
    "name": (
        lambda: register_algorithm("conv", dataclasses.replace(doubled(), name="")),
        TypeError,
        "register_algorithm: the algorithm's name must be a word; got name=''. Pass for example "
        "'winograd'.",
    ),
    "field": (
        lambda: register_algorithm("conv", dataclasses.replace(doubled(), work=3)),  # type: ignore[arg-type]
        TypeError,
        "register_algorithm: the algorithm's work must be a function; got work=3. See "
        "jaxdeconv.algorithms.Algorithm.",
    ),
    "ours": (
        lambda: unregister_algorithm("conv", "per_tap"),
        ValueError,
        "unregister_algorithm: name must be that of an algorithm registered for conv; got "
        "name='per_tap'. Registered are none.",
    ),
}


@pytest.mark.every_variant
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    check_message(*REFUSED[name])


def test_the_same_name_twice_is_refused() -> None:
    with (
        register_algorithm("conv", doubled()),
        pytest.raises(ValueError, match="a name of its own"),
    ):
        register_algorithm("conv", doubled())


def test_the_example_for_contributors_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", CONTRIBUTING.read_text(), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(program, scope)
    v, w, u = (scope[name] for name in "vwu")
    assert jnp.array_equal(u, conv(v, w, stride=2, algorithm="derived"))
    assert "stacked" in capsys.readouterr().out


def test_the_names_that_editors_offer_are_all() -> None:
    offered, _ = get_args(AlgorithmName)
    named = {one.name for many in ALGORITHMS.values() for one in many}
    assert {*get_args(offered)} == named | {"auto", "derived"}
