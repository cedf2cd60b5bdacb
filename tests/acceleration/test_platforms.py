"""On which platforms convolutions are replaced, seen from lowering: no device is needed."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxdeconv.acceleration import accelerate, inspect, report
from tests.support.cases import integers

LARGE = [
    jax.ShapeDtypeStruct(shape, "float32") for shape in ((64, 32, 32, 128), (4, 4, 128, 64))
]  # small ones take as long as a launch, whatever is done
X = jnp.asarray(integers((2, 5, 4, 4), seed=1))
W = jnp.asarray(integers((3, 3, 4, 4), seed=2))


def up(x: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_transpose(x, w, (2, 2), "SAME")


def written_out(x: jax.Array, w: jax.Array) -> jax.Array:
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (1, 1, 1), (1, 1, 1), (0, 0, 0)])
    return lax.conv_general_dilated(
        x, w[::-1], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def gradients(fun: Callable[..., Any]) -> Callable[..., Any]:
    return jax.grad(lambda x, w: (fun(x, w) ** 2).sum(), (0, 1))


def lowered(fun: Callable[..., Any], platform: str, *args: Any) -> str:
    """The program as XLA's compiler for a platform gets it."""
    text: str = jax.jit(fun).trace(*args).lower(lowering_platforms=(platform,)).as_text()
    return text


def convolutions(program: str) -> Counter[str]:
    """Its convolutions, without the names of their operands."""
    return Counter(
        line.partition("dim_numbers")[2]
        for line in program.splitlines()
        if "stablehlo.convolution" in line
    )


@pytest.mark.parametrize("platform", ["cuda", "tpu", "rocm"])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_programs_for_accelerators_are_left_as_they_are(platform: str, dtype: Any) -> None:
    x, w = X.astype(dtype), W.astype(dtype)
    fast = lowered(accelerate(up), platform, x, w)
    assert fast.partition("{")[2] == lowered(up, platform, x, w).partition("{")[2]
    for fun in (up, written_out):
        variants: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = (
            (accelerate(gradients(fun)), gradients(fun)),
            (gradients(accelerate(fun)), gradients(fun)),
            (jax.vmap(accelerate(fun), (0, None)), jax.vmap(fun, (0, None))),
        )
        for ours, stock in variants:
            args = (x[:, None], w) if stock is variants[-1][1] else (x, w)
            expected = convolutions(lowered(stock, platform, *args))
            assert sum(expected.values()) > 0
            program = lowered(ours, platform, *args)
            assert convolutions(program) == expected
            assert "dot_general" not in program


def test_they_are_replaced_on_cpus_and_where_asked_for() -> None:
    everywhere = accelerate(up, platforms=("cpu", "gpu", "tpu"))
    assert not convolutions(lowered(accelerate(up), "cpu", X, W))
    assert lowered(everywhere, "cuda", *LARGE) != lowered(up, "cuda", *LARGE)
    assert convolutions(lowered(everywhere, "cuda", X, W)) == convolutions(
        lowered(up, "cuda", X, W)
    )
    assert lowered(accelerate(up, platforms="tpu"), "cpu", X, W).count("convolution(") == 1
    assert accelerate(up, platforms="gpu").platforms == ("cuda", "rocm")


def test_one_export_for_two_platforms() -> None:
    exported = jax.export.export(jax.jit(accelerate(up)), platforms=("cpu", "cuda"))(X, W)
    assert (exported.call(X, W) == up(X, W)).all()
    assert exported.mlir_module().count("stablehlo.convolution") == 1


def test_the_report_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "default_platform", lambda: "rocm")
    assert str(inspect(up, X, W)).splitlines()[0] == "1 convolutions on rocm: 0 replaced"
    (left,) = inspect(up, X, W).left
    assert left.left == (
        "convolutions are replaced only on cpu, cuda, tpu: no gain is known on rocm; "
        "choose others by accelerate(fun, platforms=...)"
    )
    (forced,) = inspect(accelerate(up, platforms=("cpu", "rocm")), *LARGE).replaced
    assert forced.leg == "conv_transpose"


def test_a_symbolic_batch_is_left_on_a_gpu() -> None:
    """Nothing is predicted of it; on a CPU it is replaced all the same."""
    (batch,) = jax.export.symbolic_shape("b")
    x, w = LARGE
    x = jax.ShapeDtypeStruct((batch, *x.shape[1:]), x.dtype)
    for platform, zeros in (("cpu", False), ("cuda", True)):
        exported = jax.export.export(jax.jit(accelerate(up)), platforms=(platform,))(x, w)
        assert ("lhs_dilate = [2, 2]" in exported.mlir_module()) == zeros


def test_on_a_gpu_what_gains_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA inserts zeros for a kernel that is not flipped, and none for one that is."""
    monkeypatch.setattr(report, "default_platform", lambda: "cuda")
    (gains,) = inspect(up, *LARGE).replaced
    assert (gains.leg, gains.algorithm) == ("conv_transpose", "native")
    assert gains.gain > 1.5

    def flipped(x: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_transpose(x, w, (2, 2), "SAME", transpose_kernel=True)

    x, w = LARGE
    swapped = jax.ShapeDtypeStruct((*w.shape[:2], w.shape[3], w.shape[2]), "float32")
    (left,) = inspect(flipped, x, swapped).left
    assert left.left.startswith("XLA's own convolution should take ")


def test_a_call_elsewhere_is_the_function_itself() -> None:
    calls = []

    def counted(x: jax.Array) -> jax.Array:
        calls.append(isinstance(x, jax.core.Tracer))
        return up(x, W)

    accelerate(counted, platforms="tpu")(X)
    accelerate(counted)(X)
    assert calls == [False, True]


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        accelerate(up, platforms=("cpu", "metal"))
    assert str(error.value) == (
        "accelerate: platforms must be one or more of 'gpu', 'cpu', 'cuda', 'rocm', 'tpu'; got "
        "platforms=('cpu', 'metal'). Pass e.g. platforms=(\"cpu\", \"gpu\")."
    )
