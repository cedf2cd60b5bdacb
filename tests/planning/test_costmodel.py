"""The costs are complete, predictions are what the formula says, and the right costs are taken."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import jax
import jaxlib.version
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv, plan
from jaxdeconv.algorithms import ALGORITHMS, Problem, Work
from jaxdeconv.planning import calibration, costmodel, processor, tuning_cache
from jaxdeconv.planning.processor import Processor

FLOAT32 = np.dtype(np.float32)
PROBLEM = Problem("conv", ConvGeometry((9, 8), 3, 2, 1), 2, 4, 6, FLOAT32, FLOAT32)
WORK = Work(m=40, k=36, n=6, moved=100, calls=2)
V, W = jax.ShapeDtypeStruct((2, 9, 8, 4), FLOAT32), jax.ShapeDtypeStruct((3, 3, 4, 6), FLOAT32)


@pytest.mark.every_variant
@pytest.mark.parametrize("name", costmodel.shipped_names())
def test_shipped_costs(name: str) -> None:
    """Whole, of algorithms that are there; and those that compute everything are among them."""
    for leg, by_name in costmodel.shipped(name).items():
        assert {*by_name} <= {one.name for one in ALGORITHMS[leg]}
        assert {"native", "depthwise"} <= {*by_name}
        for cost in by_name.values():
            assert len(cost.linear) == len(WORK.features) + 1
            assert all(c >= 0 for c in cost.linear)
            assert max(cost.linear) > 0
            coordinates = len(costmodel.coordinates(PROBLEM, WORK))
            assert cost.points.shape == (len(cost.weights), coordinates)


@pytest.mark.parametrize(
    ("leg", "name"),
    [
        (leg, one.name)
        for leg, many in ALGORITHMS.items()
        for one in many
        if one.name not in ("block_diagonal", "fft")  # for TPUs; predicted by a rule
    ],
)
def test_every_algorithm_was_measured(leg: str, name: str) -> None:
    """On one CPU at least: on others it is used on request."""
    assert any(name in costmodel.shipped(cpu)[leg] for cpu in costmodel.shipped_names())


def test_far_from_everything_the_work_decides() -> None:
    far = np.full((1, 13), 1e3)
    cost = costmodel.Cost((1e-9, 0, 0, 0, 1e-6, 0, 1e-3), 0.0, far, np.array([5.0]))
    assert cost.seconds(PROBLEM, WORK) == pytest.approx(1e-9 * 40 * 36 * 6 + 1e-4 + 1e-3)


def test_on_a_measured_problem_the_measurement_decides() -> None:
    here = np.array([costmodel.coordinates(PROBLEM, WORK)])
    cost = costmodel.Cost((0, 0, 0, 0, 0, 0, 1e-3), 0.1, here, np.array([math.log(3.0)]))
    assert cost.seconds(PROBLEM, WORK) == pytest.approx(3e-3 * math.exp(0.1))


def test_a_factor_of_e_is_a_step_of_one_scale() -> None:
    one = costmodel.coordinates(PROBLEM, WORK)
    more = costmodel.coordinates(PROBLEM, Work(m=40 * math.e, k=36, n=6, moved=100, calls=2))
    steps = np.subtract(more, one)
    assert np.count_nonzero(steps) == 1
    near = costmodel.similarity(np.array([one]), np.asarray(more))
    assert near == pytest.approx(math.exp(-(steps.max() ** 2) / 2))


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    """Costs are read once, and here each test has its own."""
    yield
    tuning_cache.forget()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of a user's who has calibrated nothing yet."""
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JAXDECONV_COSTS")
    tuning_cache.forget()


def document(offset: float) -> str:
    """Costs that can be told by their offset."""
    table = costmodel.shipped("amd")
    cost = table["conv"]["native"]
    table["conv"]["native"] = costmodel.Cost(cost.linear, offset, cost.points, cost.weights)
    return calibration.document(table, "test")


def offset() -> float:
    tuning_cache.forget()  # as in a later process
    return costmodel.table()["conv"]["native"].offset


def nearest_offset() -> float:
    return costmodel.shipped(costmodel.nearest())["conv"]["native"].offset


@pytest.mark.usefixtures("fresh")
def test_without_a_calibration_those_of_the_nearest_cpu() -> None:
    assert offset() == nearest_offset()


@pytest.mark.usefixtures("fresh")
def test_a_calibration_of_this_cpu_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tuning_cache.write(costmodel.path(), document(7.5))
    assert offset() == 7.5
    monkeypatch.setenv("JAXDECONV_COSTS", "amd")
    assert offset() == costmodel.shipped("amd")["conv"]["native"].offset


@pytest.mark.usefixtures("fresh")
def test_a_calibration_is_of_one_cpu_and_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for another CPU, number of cores, jax, jaxlib, oneDNN, or other shipped costs."""
    tuning_cache.write(costmodel.path(), document(7.5))
    here = processor.processor()
    for other in (Processor("Z80", "", False, here.cores), Processor(here.model, "", False, 999)):
        with monkeypatch.context() as patch:
            patch.setattr(processor, "processor", lambda other=other: other)
            assert offset() == nearest_offset()
    for module in (jax, jaxlib.version):
        with monkeypatch.context() as patch:
            patch.setattr(module, "__version__", "9.9")
            assert offset() == nearest_offset()
    with monkeypatch.context() as patch:
        patch.setattr(processor, "DISTRIBUTION", "numpy")  # another version, or none
        assert offset() == nearest_offset()
    with monkeypatch.context() as patch:
        patch.setattr("zlib.crc32", len)
        assert offset() == nearest_offset()
    assert offset() == 7.5


DAMAGED = {
    "nothing": "",
    "half": document(7.5)[:5000],
    "another kind": "[]",
    "no costs": "{}",
    "a leg missing": json.dumps({"costs": {"conv": {}}}),
    "no number": document(7.5).replace("7.5", '"x"'),
    "not finite": document(7.5).replace("7.5", "NaN"),
    "a point too short": document(7.5).replace('"points":[', '"points":[1,'),
}


@pytest.mark.every_variant
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_calibration_is_ignored(text: str) -> None:
    path = costmodel.path()
    tuning_cache.write(path, text)
    with pytest.warns(UserWarning, match="jaxdeconv: ignored .*calibration.*, which cannot be"):
        assert offset() == nearest_offset()


def test_costs_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.json").write_text(document(7.5))
    monkeypatch.setenv("JAXDECONV_COSTS", str(tmp_path / "mine.json"))
    assert offset() == 7.5
    for wrong in ("zen", str(tmp_path / "none.json"), str(tmp_path)):
        monkeypatch.setenv("JAXDECONV_COSTS", wrong)
        tuning_cache.forget()
        with pytest.raises(ValueError) as error:
            plan("conv", V, W, platform="cpu")
        text = str(error.value)
        assert text.startswith(
            "plan: the environment variable JAXDECONV_COSTS must be one of 'amd', 'intel'"
        )
        assert f"; got JAXDECONV_COSTS={wrong!r}. Unset it, and the costs of the n" in text


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("vendor", "avx512", "name"),
    [
        ("GenuineIntel", True, "intel"),
        ("GenuineIntel", False, "amd"),
        ("AuthenticAMD", True, "amd"),
        ("AuthenticAMD", False, "amd"),
        ("", False, "amd"),
    ],
)
def test_the_nearest_cpu(
    vendor: str, avx512: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "processor", lambda: Processor("x", vendor, avx512, 2))
    monkeypatch.setattr(costmodel, "shipped_names", lambda: ("amd", "intel"))
    assert costmodel.nearest() == name
    monkeypatch.setattr(costmodel, "shipped_names", lambda: ("amd",))
    assert costmodel.nearest() == "amd"


CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu avx2 avx512f

processor\t: 1
vendor_id\t: Other
"""


def test_what_linux_says_of_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_LINUX", tmp_path / "cpuinfo")
    read = processor.processor.__wrapped__
    unknown = read()
    assert unknown.model
    assert (unknown.vendor, unknown.avx512) == ("", False)
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    here = read()
    assert here == Processor("Intel(R) Xeon(R) Processor", "GenuineIntel", True, here.cores)
    assert here.cores >= 1
    assert str(Processor("Z80", "", False, 1)) == "Z80, 1 core"


def test_an_algorithm_that_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is never planned, says why, and can be forced."""
    table = costmodel.shipped("amd")
    chosen = plan("conv", V, W, platform="cpu").algorithm
    del table["conv"][chosen]
    (tmp_path / "costs.json").write_text(calibration.document(table, "test"))
    monkeypatch.setenv("JAXDECONV_COSTS", str(tmp_path / "costs.json"))
    tuning_cache.forget()
    planned = plan("conv", V, W, platform="cpu")
    supported = [one for one in planned.candidates if one.supported]
    unmeasured = next(one for one in supported if one.algorithm == chosen)
    assert planned.algorithm != chosen
    assert math.isnan(unmeasured.seconds)
    (line,) = (line for line in str(planned).splitlines() if line.split()[0:1] == [chosen])
    assert line.split()[1] == "-"
    assert line.endswith("on request: not measured")
    forced = jax.jit(lambda v, w: conv(v, w, algorithm=chosen))
    assert forced.lower(V, W)
    assert plan("conv", V, W, algorithm=chosen, platform="cpu").algorithm == chosen
