"""oneDNN's convolution equals XLA's, and is used only where it is safe and fast."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from jaxdeconv import conv, conv_transpose, kernel_gradient, plan
from jaxdeconv.algorithms import Problem, convolutions, dnnl
from jaxdeconv.geometry import ConvGeometry
from tests.support.cases import integers
from tests.support.checks import check_equal

CALL = "jaxdeconv_onednn"
V, W = integers((2, 9, 7, 6), np.float32), integers((3, 2, 3, 4), np.float32, seed=1)
KEYWORDS: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 2), (0, 1)), "groups": 2}

needs_onednn = pytest.mark.skipif(bool(dnnl.missing()), reason=dnnl.missing())


def problem(**changes: Any) -> Problem:
    geometry = ConvGeometry((9, 7), (3, 2), groups=2)
    float32 = np.dtype(np.float32)
    return dataclasses.replace(Problem("conv", geometry, 2, 6, 4, float32, float32), **changes)


@needs_onednn
@pytest.mark.parametrize("padding", [((1, 2), (0, 1)), ((-1, 2), (0, -2))], ids=str)
def test_the_two_convolutions_are_equal(padding: Any) -> None:
    """Padding may crop."""
    keywords: dict[str, Any] = {"strides": (2, 1), "padding": padding, "rhs_dilation": (1, 3)}
    v, w = jnp.asarray(V), jnp.asarray(W)
    expected = convolutions.by_xla(v, w, problem(), **keywords)
    check_equal(convolutions.by_onednn(v, w, problem(), **keywords), expected)


@needs_onednn
def test_it_is_called_in_a_program_for_one_cpu() -> None:
    function = jax.jit(lambda v, w: conv(v, w, **KEYWORDS, algorithm="onednn"))
    assert CALL in function.lower(V, W).as_text()
    check_equal(function(V, W), conv(V, W, **KEYWORDS, algorithm="per_tap"))


def test_it_is_not_called_in_exported_programs() -> None:
    """The same leg by XLA's operations only, whichever algorithm was asked for."""
    algorithm = "auto" if dnnl.missing() else "onednn"
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


FLOAT64 = np.dtype(np.float64)
WIDE = "oneDNN is used in float32, and in bfloat16 with sums in float32"
APART = "a call of oneDNN can be neither exported nor divided among devices"
DIMENSIONS = "oneDNN has 1 to 3 spatial dimensions"


@pytest.mark.parametrize(
    ("changes", "platform", "why"),
    [
        ({}, "gpu", "oneDNN is CPU only"),
        ({"exported": True}, "cpu", APART),
        ({"partitioned": True}, "cpu", APART),
        ({"dtype": FLOAT64}, "cpu", WIDE),
        ({"accumulator": FLOAT64}, "cpu", WIDE),
        ({"batch": None}, "cpu", "the batch must be known"),
        ({"geometry": ConvGeometry((), ())}, "cpu", DIMENSIONS),
        ({"geometry": ConvGeometry((2,) * 4, (1,) * 4)}, "cpu", DIMENSIONS),
    ],
    ids=lambda x: None if isinstance(x, dict) else x,
)
def test_why_it_is_not_called(changes: dict[str, Any], platform: str, why: str) -> None:
    assert convolutions.onednn_is_missing(problem(**changes), platform) == why


@needs_onednn
def test_the_plan_names_it() -> None:
    u, w = (
        jax.ShapeDtypeStruct((4, 32, 32, 64), "float32"),
        jax.ShapeDtypeStruct((4, 4, 64, 64), "float32"),
    )
    planned = plan("conv_transpose", u, w, stride=2, padding=1, platform="cpu")
    assert planned.algorithm.startswith("onednn")
