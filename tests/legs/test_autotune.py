"""Measured once, remembered by later processes; whatever stands in the file, plans go on."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxdeconv import accelerate, autotune, compat, conv, conv_transpose, plan
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.planning.planner import Plan
from jaxdeconv.planning.tuning_cache import Measured
from jaxdeconv.reference import coordinates
from tests.support.cases import CASES
from tests.support.checks import check_equal

CASE = next(case for case in CASES if case.name == "stride")
KEYWORDS = CASE.keywords | {"input_size": CASE.geometry.input_size}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("jaxdeconv.planning.measuring._SECONDS_EACH", 1e-4)
    tuning_cache.forget()
    yield tmp_path / "cache"
    tuning_cache.forget()


def structs() -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    _, w, u = CASE.data()
    return jax.ShapeDtypeStruct(u.shape, u.dtype), jax.ShapeDtypeStruct(w.shape, w.dtype)


def possible(planned: Plan) -> list[str]:
    """The algorithms that 'auto' may take, best first."""
    return [one.algorithm for one in planned.candidates if one.supported and not one.spreads]


def test_measured_and_remembered(cache: Path) -> None:
    u, w = structs()
    before = plan("conv_transpose", u, w, **KEYWORDS)
    after = autotune("conv_transpose", u, w, **KEYWORDS)
    assert before.reason == "least predicted time"
    assert after.reason == "measured by autotune"
    supported = {one.algorithm for one in before.candidates if one.supported}
    timed = {one.algorithm for one in after.candidates if one.seconds < np.inf}
    assert timed == supported
    plannable = [one for one in after.candidates if not one.spreads]
    assert after.algorithm == min(plannable, key=lambda one: one.seconds).algorithm
    (file,) = cache.iterdir()
    assert set(json.loads(file.read_text())["seconds"]) == supported
    tuning_cache.forget()  # as in a later process
    assert plan("conv_transpose", u, w, **KEYWORDS) == after


def test_the_leg_follows() -> None:
    """The slowest by prediction, once it is remembered as the fastest, is what runs."""
    _, w, u = CASE.data()
    planned = plan("conv_transpose", *structs(), **KEYWORDS)
    slowest = possible(planned)[-1]
    tuning_cache.remember(planned.problem, "cpu", Measured({slowest: 1e-6, planned.algorithm: 1.0}))
    assert plan("conv_transpose", *structs(), **KEYWORDS).algorithm == slowest
    got = jax.jit(lambda u, w: conv_transpose(u, w, **KEYWORDS))(u, w)
    check_equal(got, coordinates.transpose(u, w, CASE.geometry))


def lax_transpose(u, w, dilated=jax.lax.conv_general_dilated):
    """What `conv_transpose` computes in these tests, in the words of `jax.lax`."""
    spatial = range(1, u.ndim - 1)
    stride = CASE.geometry.stride
    pads = [
        (k - 1 - low, n + low - 1 - s * (o - 1))
        for k, n, (low, _), s, o in zip(
            CASE.geometry.kernel_size,
            CASE.geometry.input_size,
            CASE.geometry.padding,
            stride,
            u.shape[1:-1],
            strict=True,
        )
    ]
    flipped = jax.numpy.flip(w, [axis - 1 for axis in spatial]).swapaxes(-1, -2)
    numbers = ("NHWC", "HWIO", "NHWC")
    return dilated(u, flipped, (1, 1), pads, lhs_dilation=stride, dimension_numbers=numbers)


def by_gradient(u, w):
    v = np.zeros((u.shape[0], *CASE.geometry.input_size, w.shape[-2]), u.dtype)
    keywords = CASE.keywords
    return jax.vjp(lambda v: conv(v, w, **keywords), v)[1](u)[0]


EAGER = {
    "public": lambda u, w: conv_transpose(u, w, **KEYWORDS),
    "gradient": by_gradient,
    "vmap": lambda u, w: jax.vmap(lambda u: conv_transpose(u, w, **KEYWORDS))(u[None])[0],
    "accelerate": accelerate(lax_transpose),
    "compat.lax": lambda u, w: lax_transpose(u, w, compat.lax.conv_general_dilated),
}


@pytest.mark.parametrize("name", EAGER)
def test_eager_calls_follow_though_they_were_compiled_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every algorithm is made to give a multiple of its own: the numbers tell which one ran."""
    _, w, u = CASE.data()
    right = coordinates.transpose(u, w, CASE.geometry)
    names = [one.name for one in ALGORITHMS["conv_transpose"]]
    find = planner.find

    def marked(problem, platform, algorithm):
        found = find(problem, platform, algorithm)
        factor = 2 + names.index(found.name) if problem.leg == "conv_transpose" else 1
        return dataclasses.replace(found, apply=lambda x, y, p: factor * found.apply(x, y, p))

    monkeypatch.setattr(planner, "find", marked)
    planned = plan("conv_transpose", u, w, **KEYWORDS)
    found = possible(planned)
    check_equal(EAGER[name](u, w), right * (2 + names.index(found[0])))
    for fastest in (found[-1], found[1]):
        seconds = {one: 1e-9 if one == fastest else 2e-9 for one in found}
        tuning_cache.remember(planned.problem, "cpu", Measured(seconds))
        check_equal(EAGER[name](u, w), right * (2 + names.index(fastest)))


def test_autotune_itself_changes_what_an_eager_call_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    _, w, u = CASE.data()
    ran = []
    find = planner.find

    def spy(problem, platform, algorithm):
        ran.append(find(problem, platform, algorithm).name)
        return find(problem, platform, algorithm)

    monkeypatch.setattr(planner, "find", spy)
    planned = plan("conv_transpose", u, w, **KEYWORDS)
    slowest = possible(planned)[-1]
    monkeypatch.setattr(
        "jaxdeconv.planning.measuring.measure", lambda one, _: 2.0 - (one.name == slowest)
    )
    conv_transpose(u, w, **KEYWORDS)
    conv_transpose(u, w, **KEYWORDS)  # compiled already
    assert autotune("conv_transpose", u, w, **KEYWORDS).algorithm == slowest
    conv_transpose(u, w, **KEYWORDS)
    assert ran == [planned.algorithm, slowest]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seconds": 3}', '{"seconds": {"phases": "x"}}'])
def test_a_corrupt_file_is_ignored_with_a_warning(cache: Path, text: str) -> None:
    u, w = structs()
    autotune("conv_transpose", u, w, **KEYWORDS)
    (file,) = cache.iterdir()
    file.write_text(text)
    tuning_cache.forget()
    with pytest.warns(UserWarning, match="jaxdeconv: ignored .*, which cannot be read"):
        assert plan("conv_transpose", u, w, **KEYWORDS).reason == "least predicted time"


def test_unknown_names_in_a_file_are_no_plan() -> None:
    planned = plan("conv_transpose", *structs(), **KEYWORDS)
    tuning_cache.remember(planned.problem, "cpu", Measured({"removed in this version": 1e-9}))
    assert str(plan("conv_transpose", *structs(), **KEYWORDS)) == str(planned)


def test_a_rejected_algorithm_is_never_chosen() -> None:
    """Even if a file says that it is the fastest: here `native`, which would insert zeros."""
    planned = plan("conv_transpose", *structs(), **KEYWORDS)
    seconds = {"native": 1e-9, "overlap_add": 1.0, "phases": 2.0}
    tuning_cache.remember(planned.problem, "cpu", Measured(seconds))
    followed = plan("conv_transpose", *structs(), **KEYWORDS)
    assert (followed.algorithm, followed.reason) == ("overlap_add", "measured by autotune")


def test_two_processes_write_at_once(cache: Path) -> None:
    """Many writers of the same file: it is whole at every moment."""
    planned = plan("conv_transpose", *structs(), **KEYWORDS)
    program = (
        "import pickle, sys\n"
        "from jaxdeconv.planning.tuning_cache import Measured, remember\n"
        "problem = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "for i in range(300): remember(problem, 'cpu', Measured({'phases': 1.0 + i}))\n"
    )
    command = [sys.executable, "-c", program, pickle.dumps(planned.problem).hex()]
    writers = [subprocess.Popen(command, env=os.environ) for _ in range(2)]
    while any(writer.poll() is None for writer in writers):
        found = tuning_cache.recall(planned.problem, "cpu")  # a warning, if torn, would be an error
        assert found is None or found.algorithm == "phases"
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [file.suffix for file in cache.iterdir()] == [".json"]


def test_a_directory_that_cannot_be_written(cache: Path) -> None:
    cache.write_text("a file stands where the directory should be")
    with pytest.warns(UserWarning, match="cannot be"):
        autotune("conv_transpose", *structs(), **KEYWORDS)


def test_other_platforms_do_not_follow() -> None:
    planned = plan("conv_transpose", *structs(), **KEYWORDS)
    tuning_cache.remember(planned.problem, "cpu", Measured({"overlap_add": 1e-9}))
    assert plan("conv_transpose", *structs(), platform="tpu", **KEYWORDS).reason.endswith(
        "not measured"
    )


def test_a_platform_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^autotune: platform must be left out: what is timed"):
        autotune("conv_transpose", *structs(), platform="cpu", **KEYWORDS)


def test_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^autotune: algorithm must be left out: all of them"):
        autotune("conv_transpose", *structs(), algorithm="phases", **KEYWORDS)
