"""Arrays of PyTorch and Keras in the layers, and arrays that do not fit."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxdeconv import nn
from jaxdeconv.compat import convert_kernel
from jaxdeconv.nn.arrays import from_keras, from_torch
from tests.support.bad_inputs import BadInputs, check_message
from tests.support.cases import integers
from tests.support.checks import check_equal


def torch_decoder(torch: Any) -> Any:
    """Grouped, dilated and strided, with sizes that need output_padding."""
    layers = {
        "down": torch.nn.Conv2d(3, 8, 3, stride=2, padding=1),
        "mix": torch.nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4),
        "up1": torch.nn.ConvTranspose2d(12, 6, 3, 2, padding=1, output_padding=1, groups=3),
        "up2": torch.nn.ConvTranspose2d(6, 4, (3, 2), dilation=(2, 3), padding=(1, 0), groups=2),
        "up3": torch.nn.ConvTranspose2d(4, 2, 4, 3, padding=2, dilation=2, bias=False),
    }
    model = torch.nn.Sequential()
    for name, layer in layers.items():
        if len(model):
            model.append(torch.nn.ReLU())
        model.add_module(name, layer)
    return model


class NnxDecoder(nnx.Module):
    """The same in Flax NNX, with PyTorch's parameters."""

    def __init__(self, state_dict: Any, rngs: nnx.Rngs) -> None:
        conv, up = nn.nnx.Conv, nn.nnx.ConvTranspose
        self.down = conv(3, 8, (3, 3), 2, padding=1, rngs=rngs)
        self.mix = conv(
            8, 12, (3, 3), padding=2, kernel_dilation=2, feature_group_count=4, rngs=rngs
        )
        self.up1 = up(
            12, 6, (3, 3), 2, padding=1, output_padding=1, feature_group_count=3, rngs=rngs
        )
        self.up2 = up(
            6, 4, (3, 2), padding=(1, 0), kernel_dilation=(2, 3), feature_group_count=2, rngs=rngs
        )
        self.up3 = up(4, 2, (4, 4), 3, padding=2, kernel_dilation=2, use_bias=False, rngs=rngs)
        for name in NAMES:
            nn.nnx.load(getattr(self, name), from_torch(state_dict, f"{name}."))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = jax.nn.relu(self.mix(jax.nn.relu(self.down(x))))
        return self.up3(jax.nn.relu(self.up2(jax.nn.relu(self.up1(x)))))


class EquinoxDecoder(eqx.Module):
    """The same in Equinox, whose arguments have PyTorch's names."""

    down: nn.equinox.Conv2d
    mix: nn.equinox.Conv2d
    up1: nn.equinox.ConvTranspose2d
    up2: nn.equinox.ConvTranspose2d
    up3: nn.equinox.ConvTranspose2d

    def __init__(self, state_dict: Any) -> None:
        conv, up, key = nn.equinox.Conv2d, nn.equinox.ConvTranspose2d, jax.random.key(0)
        layers = {
            "down": conv(3, 8, 3, 2, padding=1, key=key),
            "mix": conv(8, 12, 3, padding=2, dilation=2, groups=4, key=key),
            "up1": up(12, 6, 3, 2, padding=1, output_padding=1, groups=3, key=key),
            "up2": up(6, 4, (3, 2), dilation=(2, 3), padding=(1, 0), groups=2, key=key),
            "up3": up(4, 2, 4, 3, padding=2, dilation=2, use_bias=False, key=key),
        }
        for name, layer in layers.items():
            setattr(self, name, nn.equinox.load(layer, from_torch(state_dict, f"{name}.")))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = jax.nn.relu(self.mix(jax.nn.relu(self.down(x))))
        return self.up3(jax.nn.relu(self.up2(jax.nn.relu(self.up1(x)))))


NAMES = ("down", "mix", "up1", "up2", "up3")


@pytest.mark.slow
def test_a_torch_model_in_nnx_and_equinox(torch: Any) -> None:
    """Outputs and the gradient of every parameter, from one state_dict."""
    torch.manual_seed(0)
    model = torch_decoder(torch)
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 8)).astype(np.float32)
    expected = model(torch.from_numpy(x))
    (expected**2).mean().backward()
    state = model.state_dict()
    last = jnp.asarray(np.moveaxis(x, 1, -1))

    ours = NnxDecoder(state, nnx.Rngs(0))
    y, gradient = ours(last), nnx.grad(lambda m: jnp.square(m(last)).mean())(ours)
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(jnp.moveaxis(y, -1, 1), expected.detach(), **close)

    theirs = EquinoxDecoder(state)
    z = theirs(jnp.asarray(x))
    slope = eqx.filter_grad(lambda m: jnp.square(m(jnp.asarray(x))).mean())(theirs)
    np.testing.assert_allclose(z, expected.detach(), **close)
    for name in NAMES:
        weight = getattr(model, name).weight.grad
        kernel = from_torch({"weight": weight})["kernel"]
        np.testing.assert_allclose(getattr(gradient, name).kernel[...], kernel, **close)
        np.testing.assert_allclose(getattr(slope, name).weight, weight, **close)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_kernels_are_converted_as_by_compat(transposed: bool, groups: int) -> None:
    """One rule for both kinds of layer, grouped or not; `convert_kernel` must be told which."""
    w = integers((4, 6, 3, 2))
    expected = convert_kernel(
        w, source="torch", target="jaxdeconv", groups=groups, transposed=transposed
    )
    np.testing.assert_array_equal(from_torch({"weight": w})["kernel"], expected)
    w = integers((3, 2, 6, 4))
    expected = convert_kernel(w, source="keras", target="jaxdeconv", transposed=transposed)
    np.testing.assert_array_equal(from_keras([w])["kernel"], expected)


def test_every_form_of_a_models_parameters(torch: Any) -> None:
    """state_dict, named_parameters, the model and the layer, on which gradients are required."""
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ConvTranspose2d(4, 6, (3, 2), groups=2)
    )
    expected = from_torch({name: p.numpy() for name, p in model.state_dict().items()}, "1.")
    assert expected["kernel"].shape == (3, 2, 3, 4)
    assert expected["bias"].shape == (6,)
    for form in (
        dict(model.named_parameters()),
        model.named_parameters(),
        model.state_dict(),
        model,
    ):
        taken = from_torch(form, "1.")
        check_equal(taken["kernel"], expected["kernel"])
        check_equal(taken["bias"], expected["bias"])
    check_equal(from_torch(model[1])["kernel"], expected["kernel"])
    assert "bias" not in from_torch(torch.nn.Conv1d(1, 1, 1, bias=False))
    half = from_torch(model.bfloat16(), "1.")
    check_equal(half["kernel"], expected["kernel"].astype(jnp.bfloat16))
    layer = nn.nnx.ConvTranspose(4, 6, (3, 2), padding=0, feature_group_count=2, rngs=nnx.Rngs(0))
    nn.nnx.load(layer, half)
    check_equal(layer.kernel[...], half["kernel"].astype(np.float32))
    as_keras = from_keras([torch.nn.Parameter(torch.ones(3, 2, 6)), torch.ones(2).bfloat16()])
    check_equal(as_keras["bias"], np.ones(2, jnp.bfloat16))


def test_is_not_the_tensors_memory(torch: Any) -> None:
    """Later changes of PyTorch's parameters do not affect the layer."""
    down = torch.nn.Conv1d(1, 1, 1)
    layer = nn.nnx.Conv(1, 1, (1,), rngs=nnx.Rngs(0))
    nn.nnx.load(layer, from_torch(down))
    before = np.array(layer.kernel[...]), np.array(layer.bias[...])
    with torch.no_grad():
        down.weight += 1
        down.bias += 1
    check_equal(layer.kernel[...], before[0])
    check_equal(layer.bias[...], before[1])


BAD: BadInputs = {
    "a list of numbers": (
        lambda: from_torch([1, 2]),
        TypeError,
        "from_torch: state_dict ...; got state_dict='list'. ...model.state_dict()...",
    ),
    "none": (
        lambda: from_torch(None),
        TypeError,
        "from_torch: state_dict ...; got state_dict='NoneType'. ...model.state_dict()...",
    ),
    "batch norm": (
        lambda: from_torch({"weight": np.ones(2), "bias": np.ones(2)}),
        ValueError,
        "from_torch: weight ...; got weight=float64[2]. ...prefix...",
    ),
    "weight norm": (
        lambda: from_torch({"up.weight_g": np.ones(1), "up.weight_v": np.ones(1)}, "up."),
        ValueError,
        "from_torch: state_dict ...; got prefix='up.'. ...remove_weight_norm(layer)...",
    ),
    "no weight under the prefix": (
        lambda: from_torch({"up.weight": np.ones((1, 1, 1))}, "down."),
        ValueError,
        "from_torch: state_dict must have the key prefix + 'weight'; got prefix='down.'. "
        "Its keys that end in 'weight': ['up.weight'].",
    ),
    "no weights of Keras": (
        lambda: from_keras([]),
        ValueError,
        "from_keras: weights ...; got weights=0. ...get_weights()...",
    ),
}


@pytest.mark.every_variant
@pytest.mark.parametrize("name", BAD)
def test_no_convolution(name: str) -> None:
    check_message(*BAD[name])


def test_layers_of_torch_that_are_no_convolution(torch: Any) -> None:
    """The same two, from PyTorch itself, and its newer form of the weight norm."""
    with pytest.raises(
        ValueError, match=r"^from_torch: weight must be the weight of a convolution"
    ):
        from_torch(torch.nn.BatchNorm1d(2))
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(1, 1, 1))
    with pytest.raises(ValueError, match=r"parametrize.remove_parametrizations\(layer, 'weight'\)"):
        from_torch(layer)


@pytest.mark.parametrize(
    "arrays",
    [
        {"kernel": np.ones((3, 2, 4))},
        {"kernel": np.ones((3, 4, 2)), "bias": np.ones(4)},
        {"kernel": np.ones((3, 2, 4)), "bias": np.ones(2), "scale": np.ones(2)},
    ],
    ids=["no bias", "swapped", "too many"],
)
def test_arrays_that_do_not_fit(arrays: Any) -> None:
    layer = nn.nnx.ConvTranspose(4, 2, 3, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="arrays must have the names and shapes"):
        nn.nnx.load(layer, arrays)
    other = nn.equinox.ConvTranspose1d(4, 2, 3, key=jax.random.key(0))
    with pytest.raises(ValueError, match="arrays must have the names and shapes"):
        nn.equinox.load(other, arrays)
