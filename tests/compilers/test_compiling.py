"""The compilers themselves. Where one is not installed, the reason of the skip says so."""

import jax
import jax.numpy as jnp
import pytest

import jaxdeconv
from jaxdeconv import compilers
from jaxdeconv.compilers import compiling, installing, targets
from tests.compilers.support import OPERANDS, upsample


def at_hand(platform: str) -> pytest.MarkDecorator:
    """Run where the compiler for a platform is."""
    name = {"cuda": "h100", "tpu": "v5e"}[platform]
    return pytest.mark.skipif(
        not installing.folder(platform).exists(),
        reason=f"DID NOT RUN: no compiler here; python -m jaxdeconv compilers install {name}",
    )


def step(w, x):
    """A training step: forwards, and both gradients."""
    loss, slopes = jax.value_and_grad(lambda w, x: (upsample(x, w) ** 2).sum(), (0, 1))(w, x)
    return loss, slopes


@at_hand("cuda")
@pytest.mark.every_variant
@pytest.mark.parametrize("target", ["h100", "a100"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_training_step_for_a_gpu(target, dtype) -> None:
    x = jax.ShapeDtypeStruct((8, 16, 16, 64), dtype)
    w = jax.ShapeDtypeStruct((4, 4, 64, 32), dtype)
    found = compilers.explain(step, w, x, target=target)
    letters = {"float32": "f32", "bfloat16": "bf16"}[dtype]
    legs = [one.leg for one in found.sources]
    assert sorted(legs) == ["conv", "conv_transpose", "kernel_gradient"]
    stock = found.programs[0]
    for number, tally in enumerate(stock.convolutions):
        (kernel,) = (one for one in tally.kernels if one.flops)
        assert (kernel.kind[:5], kernel.dtype) == ("cuDNN", letters)
        zeros = found.wasted(stock, number)
        assert (0.7 < zeros < 0.8) if legs[number] == "conv_transpose" else (0 < zeros < 0.15)
    assert stock.temporary_bytes > 0
    assert stock.others.flops + stock.convolving.flops >= stock.total.flops
    assert 1e-6 < stock.total.seconds < 1e-3


@at_hand("cuda")
@pytest.mark.every_variant
@pytest.mark.parametrize("algorithm", ["native", "subpixel"])
def test_a_forced_algorithm_for_a_gpu(algorithm) -> None:
    def forced(x, w):
        return jaxdeconv.conv_transpose(
            x, jnp.swapaxes(w, 2, 3), stride=2, padding="SAME", algorithm=algorithm
        )

    found = compilers.explain(forced, *OPERANDS)
    assert len(found.programs) == 1  # it is a leg already
    assert found.programs[0].convolutions[0].flops > 0


@at_hand("tpu")
def test_for_a_tpu() -> None:
    found = compilers.explain(upsample, *OPERANDS, target="v5e")
    (tally,) = found.programs[0].convolutions
    assert [one.kind for one in tally.kernels if one.flops] == ["convolution"]
    assert tally.seconds > 0
    assert found.wasted(found.programs[0], 0) < 0.3


@at_hand("cuda")
def test_a_program_that_the_compiler_refuses() -> None:
    """Integers, which cuDNN does not convolve, and accelerate does."""
    x, w = (jax.ShapeDtypeStruct(one.shape, "int32") for one in OPERANDS)
    found = compilers.explain(upsample, x, w)
    assert [bool(one.error) for one in found.programs] == [True, False]
    assert "as it is: the compiler refuses it: " in str(found)
    assert found.programs[1].convolutions[0].flops > 0


@at_hand("cuda")
def test_no_program() -> None:
    (found,) = compiling.optimized([b"no program"], targets.find("h100"))
    assert found.error
    assert not found.hlo


def test_a_worker_that_fails(tmp_path, monkeypatch) -> None:
    """The folder of the compiler is there and holds none."""
    monkeypatch.setenv("JAXDECONV_COMPILERS", str(tmp_path))
    installing.folder("cuda").mkdir()
    with pytest.raises(ValueError, match=r"whose compiler says: .*topology not implemented"):
        compiling.optimized([b""], targets.find("h100"))
