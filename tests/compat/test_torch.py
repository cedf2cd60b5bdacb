"""Against torch itself: its OpInfo samples, the modules' output_size, and a random sweep."""

import importlib
from typing import Any

import jax
import numpy as np
import pytest

from jaxdeconv.compat import torch
from tests.compat.support import integers, ints, seeds
from tests.support.checks import check_equal

real = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch makes a copy

SAMPLES = {"conv1d": 10, "conv2d": 30, "conv3d": 20}
SAMPLES |= {"conv_transpose1d": 10, "conv_transpose2d": 12, "conv_transpose3d": 10}


def check(name: str, arrays: list[np.ndarray], *args: Any, **keywords: Any) -> None:
    """Values and gradients in every array, float64 and integer-valued, so exactly."""
    tensors = [real.tensor(array, requires_grad=True) for array in arrays]
    expected = getattr(real.nn.functional, name)(*tensors, *args, **keywords)
    cotangent = integers(*expected.shape, dtype=arrays[0].dtype)
    expected.backward(real.tensor(cotangent))

    def values(arrays: Any, cotangent: Any) -> Any:
        function = getattr(torch, name)
        y, pull_back = jax.vjp(lambda *given: function(*given, *args, **keywords), *arrays)
        return y, *pull_back(cotangent)

    got = jax.jit(values)(arrays, cotangent)
    for one, other in zip(got, (expected, *(t.grad for t in tensors)), strict=True):
        check_equal(one, other.detach().numpy())


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", SAMPLES)
def test_opinfo(name: str) -> None:
    """All of torch's own samples: their shapes and arguments, with integer values."""
    invocations = importlib.import_module("torch.testing._internal.common_methods_invocations")
    (info,) = (one for one in invocations.op_db if one.name == f"nn.functional.{name}")
    samples = list(info.sample_inputs("cpu", real.float64, requires_grad=False))
    assert len(samples) == SAMPLES[name]
    for sample in samples:
        given = [sample.input, *sample.args]
        tensors = [one for one in given if isinstance(one, real.Tensor)]
        assert all(one is None for one in given[len(tensors) : 3])
        rest = given[len(tensors) :]
        arrays = [integers(*one.shape, seed=i, dtype=float) for i, one in enumerate(tensors)]
        check(name, arrays, *rest, **sample.kwargs)


def draw(seed: int, transposed: bool) -> tuple[int, list[np.ndarray], dict[str, Any]]:
    """Number of dimensions, input, weight and perhaps bias, and the other arguments."""
    rng = np.random.default_rng([11, seed])
    ndim, groups = (int(rng.integers(1, 4)) for _ in range(2))
    kernel, stride, dilation = ints(rng, 1, 3, ndim), ints(rng, 1, 3, ndim), ints(rng, 1, 2, ndim)
    size = ints(rng, 5, 7 if ndim < 3 else 5, ndim)
    in_channels, out_channels = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    arguments: dict[str, Any] = {
        "stride": stride if seed % 2 else (stride[0],),
        "padding": ints(rng, 0, 2, ndim),
        "dilation": dilation,
        "groups": groups,
    }
    weight = (
        (in_channels, out_channels // groups)
        if transposed
        else (out_channels, in_channels // groups)
    )
    if transposed:
        steps = stride if seed % 2 else stride[:1] * ndim
        below = [max(s, d) for s, d in zip(steps, dilation, strict=True)]
        arguments["output_padding"] = tuple(int(rng.integers(0, n)) for n in below)
    elif seed % 4 == 0:
        arguments |= {"stride": 1, "padding": ("same", "valid")[seed // 4 % 2]}
    batch = (2,) if seed % 3 else ()
    arrays = [
        (*batch, in_channels, *size),
        (*weight, *kernel),
        *([(out_channels,)] if seed % 5 else []),
    ]
    return ndim, [integers(*shape, dtype=float) for shape in arrays], arguments


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("seed", seeds(12))
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_sweep(name: str, seed: int) -> None:
    ndim, arrays, arguments = draw(seed, name == "conv_transpose")
    check(f"{name}{ndim}d", arrays, **arguments)


@pytest.mark.parametrize("size", [(8, 11), (9, 13), (2, 3, 9, 12)])
def test_output_size_is_the_modules(size: tuple[int, ...]) -> None:
    layer = real.nn.ConvTranspose2d(4, 3, (3, 4), stride=(2, 3), padding=(1, 2), bias=False)
    x, weight = integers(2, 4, 4, 5)[:, :, :4, :4], integers(4, 3, 3, 4)
    layer.weight.data = real.tensor(weight)
    smallest = layer(real.tensor(x)).shape[2:]
    size = (*size[:-2], *(int(n) + i + 1 for i, n in enumerate(smallest)))
    expected = layer(real.tensor(x), output_size=size).detach().numpy()
    got = torch.conv_transpose2d(x, weight, stride=(2, 3), padding=(1, 2), output_size=size)
    check_equal(got, expected)


@pytest.mark.usefixtures("x64")
def test_complex_is_not_conjugated() -> None:
    x, weight = (
        integers(*shape, seed=1, dtype=complex) + 1j * integers(*shape, seed=2)
        for shape in ((2, 4, 5), (4, 3, 2))
    )
    expected = real.conv_transpose1d(real.tensor(x), real.tensor(weight), stride=2)
    check_equal(torch.conv_transpose1d(x, weight, stride=2), expected.numpy())
