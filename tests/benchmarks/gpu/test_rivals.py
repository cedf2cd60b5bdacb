"""A wrong contestant or algorithm is not timed; stock's two forms are one map."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.cases import CASES, BenchCase
from benchmarks.gpu import algorithms, rivals
from benchmarks.gpu.rivals import MODES, Layer
from benchmarks.legs import leg_calls
from jaxdeconv import ConvGeometry, register_algorithm
from jaxdeconv.algorithms import ALGORITHMS, Algorithm, Problem
from jaxdeconv.algorithms.problem import always

TINY = BenchCase("tiny", "", ConvGeometry((5, 4), 3, 2, 1, 1, 2), 2, 3, 2)
NATIVE = next(one for one in ALGORITHMS["conv"] if one.name == "native")


def test_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong entry in the gradient form of stock: the others are right, and alone are timed."""
    right = rivals._vjp(TINY)
    wrong = lambda u, w: right(u, w).at[0, 0, 0, 0].add(9)  # noqa: E731
    monkeypatch.setattr(rivals, "_vjp", lambda _: wrong)
    found = rivals.compare(Layer(TINY, MODES[1]), 2, 1e-6, with_torch=False)
    assert found["errors"].keys() == {"ours", "stock"}
    assert found["wrong"].keys() == {"stock vjp"}
    for name in ("forward", "step"):
        assert found["passes"][name]["seconds"].keys() == {"ours", "stock"}
        assert found["passes"][name]["ratios"].keys() == {"stock"}
    assert found["algorithms"].keys() == {"conv", "conv_transpose", "kernel_gradient"}


def test_torch_takes_part() -> None:
    pytest.importorskip("torch")
    found = rivals.compare(Layer(TINY, MODES[0]), 1, 1e-6, with_torch=True)
    timed = {"ours", "stock", "stock vjp", "torch contiguous", "torch channels last"}
    assert found["errors"].keys() == timed
    assert found["passes"]["step"]["ratios"].keys() == timed - {"ours"}


def test_torch_without_cuda_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch_calls = pytest.importorskip("benchmarks.gpu.torch_calls")
    monkeypatch.setattr(torch_calls, "is_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = rivals.compare(Layer(TINY, MODES[0]), 1, 1e-6, with_torch=True)
    assert set(found["skipped"].values()) == {"this torch was built without CUDA"}
    assert "ours" in found["errors"]


def test_the_two_forms_of_stock_are_one_map() -> None:
    u, w = (
        jnp.asarray(np.random.default_rng(0).integers(-4, 5, shape), jnp.float32)
        for shape in (TINY.u_shape, TINY.w_shape)
    )
    assert (rivals._vjp(TINY)(u, w) == rivals.stock_function(TINY)(u, w)).all()


def test_data_are_what_the_dtype_holds() -> None:
    data = Layer(TINY, MODES[0]).data()
    for one in dataclasses.astuple(data):
        assert one.dtype == np.float32
        assert (one == one.astype(jnp.bfloat16).astype(np.float32)).all()


def test_a_race_leaves_out_a_wrong_algorithm() -> None:
    def apply(v: jax.Array, w: jax.Array, problem: Problem) -> jax.Array:
        return NATIVE.apply(v, w, problem).at[0, 0, 0, 0].add(9)

    call = leg_calls(TINY)[0]
    speeds = {"launch_seconds": 1.0, "bytes_per_second": 1.0, "vector_flops_per_second": 1.0}
    speeds["flops_per_second"] = {"f32 highest": 1.0}
    with register_algorithm("conv", Algorithm("planted", apply, always, NATIVE.work)):
        found = algorithms.race(algorithms.Race(call, MODES[1]), 1, 1e-6, speeds)
    assert found["wrong"].keys() == {"planted"}
    assert {"native", "stock", found["choice"]} <= found["seconds"].keys()
    assert found["roofline"].keys() == found["seconds"].keys()
    assert min(found["roofline"].values()) >= 1
    assert "native" in found["planned"]


def test_batches_are_multiplied() -> None:
    assert [one.batch for one in rivals.bench_cases(False, 3)] == [3 * one.batch for one in CASES]
    assert all(one.flops < 1e5 for one in rivals.bench_cases(True))
