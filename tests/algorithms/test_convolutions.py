"""oneDNN's convolution equals XLA's, and is used only where it is safe and fast."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from jaxdeconv import conv, conv_transpose, kernel_gradient, plan
from jaxdeconv.algorithms import ALGORITHMS, Problem, convolutions
from jaxdeconv.geometry import ConvGeometry
from tests.support.cases import integers
from tests.support.checks import check_equal
from tests.support.processes import printed_on

CALL = "__onednn$convolution"
V, W = integers((2, 9, 7, 6), np.float32), integers((3, 2, 3, 4), np.float32, seed=1)
KEYWORDS: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 2), (0, 1)), "groups": 2}

needs_onednn = pytest.mark.skipif(
    not convolutions.has_onednn(), reason="this jaxlib has no oneDNN: nothing calls it"
)


def problem(**changes: Any) -> Problem:
    geometry = ConvGeometry((9, 7), (3, 2), groups=2)
    float32 = np.dtype(np.float32)
    return dataclasses.replace(Problem("conv", geometry, 2, 6, 4, float32, float32), **changes)


@needs_onednn
@pytest.mark.parametrize(
    "padding", [((1, 2), (0, 1)), ((-1, 2), (0, -2)), ((9, 0), (-7, 9))], ids=str
)
@pytest.mark.parametrize("order", [(3, 2, 0, 1), (2, 3, 1, 0), (0, 1, 2, 3)], ids=str)
def test_the_two_convolutions_are_equal(padding: Any, order: tuple[int, ...]) -> None:
    """Padding may crop, even everything; the kernel's axes may have any order."""
    keywords: dict[str, Any] = {"strides": (2, 1), "padding": padding, "rhs_dilation": (1, 3)}
    out, into, *spatial = order
    kernel = W.transpose(np.argsort([*spatial, into, out]))
    expected = convolutions.by_xla(jnp.asarray(V), jnp.asarray(W), problem(), **keywords)
    got = convolutions.by_onednn(
        jnp.asarray(V), jnp.asarray(kernel), problem(), rhs_spec=order, **keywords
    )
    check_equal(got, expected)


@needs_onednn
def test_it_is_called_in_a_program_for_one_cpu() -> None:
    function = jax.jit(lambda v, w: conv(v, w, **KEYWORDS, algorithm="onednn"))
    assert CALL in function.lower(V, W).as_text()
    check_equal(function(V, W), conv(V, W, **KEYWORDS, algorithm="per_tap"))


def test_it_is_not_called_in_exported_programs() -> None:
    """The same leg by XLA's operations only, whichever algorithm was asked for."""
    algorithm = "onednn" if convolutions.has_onednn() else "auto"
    u = conv(V, W, **KEYWORDS)
    legs = (
        (lambda x, y: conv(x, y, **KEYWORDS, algorithm=algorithm), V, W),
        (lambda x, y: conv_transpose(x, y, **KEYWORDS, input_size=(9, 7)), u, W),
        (lambda x, y: kernel_gradient(x, y, **KEYWORDS, kernel_size=(3, 2)), u, V),
    )
    for leg, x, y in legs:
        exported = jax.export.export(jax.jit(leg), platforms=("cpu",))(x, y)
        assert CALL not in exported.mlir_module()
        check_equal(exported.call(x, y), leg(x, y))


@needs_onednn
def test_each_device_of_a_shard_map_may_call_it() -> None:
    mesh = Mesh(np.array(jax.devices()[:1]), ("batch",))
    spec = PartitionSpec("batch")
    function = jax.jit(
        jax.shard_map(
            lambda v, w: conv(v, w, **KEYWORDS, algorithm="onednn"),
            mesh=mesh,
            in_specs=(spec, PartitionSpec()),
            out_specs=spec,
        )
    )
    assert CALL in function.lower(V, W).as_text()
    check_equal(function(V, W), conv(V, W, **KEYWORDS))


@pytest.mark.parametrize(
    ("changes", "platform", "why"),
    [
        ({}, "gpu", "oneDNN is CPU only"),
        *(
            (
                {program: True},
                "cpu",
                "oneDNN's call can be neither exported nor partitioned among devices",
            )
            for program in ("exported", "partitioned")
        ),
        ({"dtype": np.dtype(np.float64)}, "cpu", "oneDNN is used in float32 only"),
        ({"accumulator": np.dtype(np.float64)}, "cpu", "oneDNN is used in float32 only"),
        ({"geometry": ConvGeometry((), ())}, "cpu", "oneDNN supports 1 to 3 dimensions"),
        (
            {"geometry": ConvGeometry((2,) * 4, (1,) * 4)},
            "cpu",
            "oneDNN supports 1 to 3 dimensions",
        ),
    ],
    ids=lambda x: None if isinstance(x, dict) else x,
)
def test_why_it_is_not_called(changes: dict[str, Any], platform: str, why: str) -> None:
    assert convolutions.onednn_is_missing(problem(**changes), platform) == why


def _broken(*_: Any) -> Any:
    raise NotImplementedError("no such custom call")


def _wrong(config: str, shape: tuple[int, ...], dtype: Any) -> Any:  # noqa: ARG001
    return lambda x, kernel: jnp.zeros(shape, dtype)  # noqa: ARG005


@pytest.mark.parametrize("call", [_broken, _wrong])
def test_a_jaxlib_where_the_call_fails_or_is_wrong_is_detected(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolutions, "_call", call)
    assert convolutions.has_onednn.__wrapped__() is False
    monkeypatch.setattr(convolutions, "has_onednn", lambda: False)
    missing = "this jaxlib's CPU backend has no oneDNN"
    assert convolutions.onednn_is_missing(problem(), "cpu") == missing


@needs_onednn
def test_it_is_detected_under_any_setting_of_the_caller() -> None:
    """Inside a trace, under a mesh and with all checks enabled."""
    convolutions.has_onednn.cache_clear()
    mesh = jax.make_mesh((1,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))

    def traced(x: Any) -> Any:
        assert convolutions.has_onednn()
        return x

    with jax.set_mesh(mesh), jax.enable_x64(True), jax.disable_jit():
        jax.make_jaxpr(traced)(1.0)


@needs_onednn
def test_the_plan_names_it() -> None:
    u, w = (
        jax.ShapeDtypeStruct((4, 32, 32, 64), "float32"),
        jax.ShapeDtypeStruct((4, 4, 64, 64), "float32"),
    )
    planned = plan("conv_transpose", u, w, stride=2, padding=1, platform="cpu")
    assert planned.algorithm.startswith("onednn")


@pytest.mark.parametrize(
    ("leg", "name", "geometry"),
    [
        (
            "conv_transpose",
            "onednn_phases",
            ConvGeometry((20, 32), (3, 3), (1, 2), ((0, 0), (2, 2)), 3, 74),
        ),
        (
            "kernel_gradient",
            "onednn",
            ConvGeometry((8, 11), (3, 2), (2, 3), ((4, 2), (4, 3)), (1, 3), 8),
        ),
    ],
    ids=["wrote out of bounds", "hung"],
)
def test_depthwise_paddings_that_it_computes_wrongly(
    leg: str, name: str, geometry: ConvGeometry
) -> None:
    """Heap corruption and an endless loop in oneDNN's depthwise kernels (jaxlib 0.10.2)."""
    if not convolutions.has_onednn():
        return
    float32 = np.dtype(np.float32)
    problem = Problem(leg, geometry, 1, geometry.groups, geometry.groups, float32, float32)
    algorithms = {one.name: one for one in ALGORITHMS[leg]}
    x, y = (integers(shape, seed=seed) for seed, shape in enumerate(problem.operand_shapes))
    always = "overlap_add" if leg == "conv_transpose" else "per_tap"
    expected = algorithms[always].apply(jnp.asarray(x), jnp.asarray(y), problem)
    called = jax.jit(lambda x, y: algorithms[name].apply(x, y, problem))
    for _ in range(20):
        check_equal(called(x, y), expected)


DEPTHWISE = """
import os
os.environ["ONEDNN_VERBOSE"] = "2"
import jax, jax.numpy as jnp, numpy as np
from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import ALGORITHMS, Problem

float32 = np.dtype("float32")
for kernel, padding in ((9, 4), (21, 0), (21, ((7, 15),)), (32, 8), (48, 0), (48, 24)):
    for dilation in (1, 2):
        geometry = ConvGeometry(120, kernel, 1, padding, dilation, 16)
        for leg, algorithms in ALGORITHMS.items():
            problem = Problem(leg, geometry, 1, 16, 16, float32, float32)
            for one in algorithms:
                if "onednn" in one.name and not one.reject(problem, "cpu"):
                    operands = [jnp.ones(shape) for shape in problem.operand_shapes]
                    jax.jit(lambda x, y: one.apply(x, y, problem))(*operands).block_until_ready()
"""


def test_onednn_never_falls_back_to_its_matrix_products() -> None:
    """That code corrupts the heap or hangs for long depthwise kernels (jaxlib 0.10.2)."""
    if not convolutions.has_onednn():
        return
    created = [line for line in printed_on(1, DEPTHWISE).splitlines() if ",create:" in line]
    made = [line for line in created if ",convolution," in line]
    assert made
    assert not [line for line in made if "gemm:" in line]


@pytest.mark.parametrize(
    ("leg", "geometry"),
    [
        ("conv", ConvGeometry(100, 48, groups=16)),
        ("conv_transpose", ConvGeometry((9, 100), (3, 48), groups=16)),
        ("kernel_gradient", ConvGeometry(100, 5, groups=16)),
    ],
)
def test_long_depthwise_kernels_are_left_to_others(leg: str, geometry: ConvGeometry) -> None:
    """For G, u is the kernel, and several images are several channels."""
    float32 = np.dtype(np.float32)
    problem = Problem(leg, geometry, 1, 16, 16, float32, float32)
    reasons = {one.name: one.reject(problem, "cpu") for one in ALGORITHMS[leg]}
    for name, reason in reasons.items():
        if name in ("onednn", "onednn_phases") and convolutions.has_onednn():
            assert reason == "oneDNN crashes for depthwise kernels longer than 32"
        assert reason or "onednn" not in name or name == "onednn_subpixel"
    assert not all(reasons.values())
    more = dataclasses.replace(problem, batch=2)
    others = [one.reject(more, "cpu") for one in ALGORITHMS[leg] if one.name == "onednn"]
    assert ("" in others) == (leg == "kernel_gradient" and convolutions.has_onednn())


@needs_onednn
@pytest.mark.parametrize(
    ("leg", "geometry", "channels", "why"),
    [
        ("conv", ConvGeometry((300, 300), 256), (2, 4), "oneDNN cannot compile kernels"),
        ("kernel_gradient", ConvGeometry((256, 256), 5, 1, 2), (4, 4), "oneDNN cannot compile"),
        ("conv", ConvGeometry((64, 64), 5), (1, 1), "oneDNN is slow for one channel"),
        ("conv_transpose", ConvGeometry(640, 31), (1, 1), "oneDNN is slow for one channel"),
        ("kernel_gradient", ConvGeometry(640, 31), (1, 1), ""),
        ("kernel_gradient", ConvGeometry(9, 3, groups=200), (400, 400), "oneDNN is slow for more"),
        ("conv", ConvGeometry(9, 3, groups=200), (400, 400), ""),
        ("conv", ConvGeometry(9, 3, groups=3000), (6000, 6000), "oneDNN is slow for more"),
        ("conv", ConvGeometry(9, 3, groups=3000), (3000, 3000), ""),
    ],
)
def test_it_is_not_used_where_it_crashes_or_is_slow(
    leg: str, geometry: ConvGeometry, channels: tuple[int, int], why: str
) -> None:
    float32 = np.dtype(np.float32)
    reason = convolutions.onednn_is_missing(
        Problem(leg, geometry, 1, *channels, float32, float32), "cpu"
    )
    assert reason.startswith(why) if why else not reason


@needs_onednn
def test_the_bands_of_a_large_image_are_computed() -> None:
    """One large image is refused as a kernel; cut into bands it is a batch of 16."""
    float32 = np.dtype(np.float32)
    problem = Problem(
        "kernel_gradient", ConvGeometry((256, 256), 5, 1, 2), 1, 4, 4, float32, float32
    )
    reasons = {one.name: one.reject(problem, "cpu") for one in ALGORITHMS["kernel_gradient"]}
    assert reasons["onednn"]
    assert not reasons["onednn_bands"]
