"""Every contestant computes the same numbers; wrong ones are rejected."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from benchmarks.cases import BenchCase, Data
from benchmarks.check import BOUND, Reference, WrongAnswer
from benchmarks.contestants import CONTESTANTS
from benchmarks.programs import PASSES, Answers, Unsupported
from jaxdeconv import ConvGeometry
from tests.support.cases import integers

pytest.importorskip("torch")
reference = importlib.import_module("benchmarks.torch_contestants").reference

TINY = (
    BenchCase("up", "", ConvGeometry((6, 7), (3, 4), 2, ((2, 0), (0, 2))), 2, 3, 2),
    BenchCase("up, groups", "", ConvGeometry(11, 3, 3, 1, 2, 2), 2, 3, 2),
    BenchCase("down, groups", "", ConvGeometry((7, 6), 3, 2, "SAME", 1, 2), 2, 3, 2, "conv"),
)
UNEVEN = (  # torch has no asymmetric padding
    BenchCase("crop high", "", ConvGeometry(6, 3, 1, ((0, 2),)), 2, 3, 2),
    BenchCase("crop low", "", ConvGeometry(6, 3, 1, ((2, 0),)), 2, 3, 2),
    BenchCase("grow", "", ConvGeometry(8, 3, 3, ((1, 1),)), 2, 3, 2),
    BenchCase("pad high", "", ConvGeometry(9, 4, 1, ((0, 3),)), 2, 3, 2, "conv"),
    BenchCase("pad high in vain", "", ConvGeometry(9, 3, 2, ((1, 2),)), 2, 3, 2, "conv"),
    BenchCase("crop", "", ConvGeometry(9, 3, 2, ((-1, 0),)), 2, 3, 2, "conv"),
)
FRAMEWORKS = ("flax", "equinox")


def integer_data(case: BenchCase) -> Data:
    """Small integers: every sum is exact, in any order."""
    shapes = (case.x_shape, case.w_shape, case.y_shape)
    return Data(*(integers(shape, np.float32, seed) for seed, shape in enumerate(shapes)))


def parts(answers: Answers) -> dict[str, np.ndarray]:
    return {field.name: getattr(answers, field.name) for field in dataclasses.fields(answers)}


def unsupported(case: BenchCase, name: str) -> str:
    """Why a contestant cannot run a case; empty if it can."""
    if name == "flax" and case.leg == "conv_transpose" and case.geometry.groups > 1:
        return "flax.nnx.ConvTranspose has no groups"
    if name == "torch channels last" and case.geometry.ndim == 1:
        return "torch has no channels-last memory layout in 1-D"
    return ""


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_same_numbers(case: BenchCase, name: str) -> None:
    if name in FRAMEWORKS:
        pytest.importorskip(name)
    if reason := unsupported(case, name):
        with pytest.raises(Unsupported, match=reason):
            CONTESTANTS[name](case, integer_data(case))
    else:
        check_numbers(case, name)


@pytest.mark.parametrize("name", ["torch contiguous", "stock"])
@pytest.mark.parametrize("case", UNEVEN, ids=lambda case: case.name)
def test_uneven_padding(case: BenchCase, name: str) -> None:
    check_numbers(case, name)


def check_numbers(case: BenchCase, name: str) -> None:
    data = integer_data(case)
    expected = parts(reference(case, data))
    program = CONTESTANTS[name](case, data)
    for part, got in parts(program.answers()).items():
        assert got.dtype == np.float32
        assert got.shape == expected[part].shape
        assert (got == expected[part]).all(), part
    program.forward()
    assert len(program.step()) == 3


def test_the_reference_against_the_definition() -> None:
    """One case by hand: v = K^T u and the two gradients, from the index relation."""
    case = TINY[0]
    data = integer_data(case)
    (low_x, _), (low_y, _) = case.geometry.padding
    y, dx = np.zeros(case.y_shape), np.zeros(case.x_shape)
    dw = np.zeros(case.w_shape)
    for i, j, a, b in np.ndindex(*case.geometry.output_size, *case.geometry.kernel_size):
        p, q = 2 * i + a - low_x, 2 * j + b - low_y
        if 0 <= p < y.shape[1] and 0 <= q < y.shape[2]:
            y[:, p, q] += data.x[:, i, j] @ data.w[a, b].T
            dx[:, i, j] += data.cotangent[:, p, q] @ data.w[a, b]
            dw[a, b] += data.cotangent[:, p, q].T @ data.x[:, i, j]
    got = reference(case, data)
    assert (got.y == y).all()
    assert (got.dx == dx).all()
    assert (got.dw == dw).all()


def test_torch_has_no_negative_padding() -> None:
    case = BenchCase("crop", "", ConvGeometry(9, 3, 2, ((-1, 0),)), 1, 1)
    with pytest.raises(Unsupported, match="negative padding"):
        CONTESTANTS["torch contiguous"](case, integer_data(case))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_that_is_not_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(Unsupported, match="is not installed"):
        CONTESTANTS[name](TINY[0], integer_data(TINY[0]))


@pytest.mark.parametrize("timed", [True, False])
def test_compile_cost(timed: bool) -> None:
    program = CONTESTANTS["stock"](TINY[0], integer_data(TINY[0]))
    for name in PASSES:
        cost = program.compile_cost(name, timed)
        assert (cost.seconds is not None and cost.seconds > 0) == timed
        assert cost.temp_bytes >= 0
    assert CONTESTANTS["torch contiguous"](TINY[0], integer_data(TINY[0])).compile_cost is None


@pytest.fixture(name="right", scope="module")
def reference_of_the_first() -> Reference:
    return Reference.of(TINY[0], TINY[0].data())


class TestReference:
    def test_right(self, right: Reference) -> None:
        rounded = Answers(*(a.astype(np.float32) for a in parts(right.right).values()))
        assert right.check("rounded", rounded, right.right) < BOUND

    @pytest.mark.parametrize("part", ["forward", "y", "dx", "dw"])
    def test_one_entry_off(self, right: Reference, part: str) -> None:
        spoiled = getattr(right.right, part).copy()
        spoiled.flat[-1] += 4 * BOUND * getattr(right.scale, part).max()
        with pytest.raises(WrongAnswer, match=r"planted: relative error 4\.0e-06, allowed 1e-06"):
            right.check("planted", dataclasses.replace(right.right, **{part: spoiled}))

    def test_shape(self, right: Reference) -> None:
        spoiled = dataclasses.replace(right.right, y=right.right.y[:, 1:])
        with pytest.raises(WrongAnswer, match=r"planted: y has shape \(2, 5, 7, 2\), right is"):
            right.check("planted", spoiled)

    def test_not_finite(self, right: Reference) -> None:
        spoiled = dataclasses.replace(right.right, dw=right.right.dw * np.nan)
        with pytest.raises(WrongAnswer, match="planted: dw is not finite"):
            right.check("planted", spoiled)

    def test_far_from_ours(self, right: Reference) -> None:
        ours = dataclasses.replace(right.right, y=right.right.y * 1.01)
        with pytest.raises(WrongAnswer, match="away from ours"):
            right.check("rival", right.right, ours)
