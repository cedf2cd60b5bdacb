"""convert_kernel between every pair: equal outputs of the real frameworks, and round trips."""

import itertools
from typing import Any

import jax
import keras
import numpy as np
import pytest

from jaxdeconv import conv, conv_transpose
from jaxdeconv.compat import convert_kernel
from jaxdeconv.compat.kernels import CONV, CONV_TRANSPOSE
from jaxdeconv.nn import arrays
from tests.compat.real import CALLS, STRIDE
from tests.compat.support import integers, their_rules
from tests.support.checks import check_equal

SIZES = {1: ((5,), (3,)), 2: ((4, 3), (3, 2)), 3: ((3, 3, 4), (2, 3, 2))}
CASES = [
    pytest.param(*case, marks=pytest.mark.slow if case[1] > 2 else ())
    for case in itertools.product((1, 2, 3), (1, 2, 3, 4), (False, True))
]


def our_kernel(ndim: int, groups: int, transposed: bool) -> tuple[np.ndarray, np.ndarray]:
    """x and our kernel; 2 channels of x and 3 of y in every group."""
    size, kernel = SIZES[ndim]
    channels = (3, groups * 2) if transposed else (2, groups * 3)
    return integers(2, *size, groups * 2), integers(*kernel, *channels)


@pytest.mark.parametrize(("ndim", "groups", "transposed"), CASES)
def test_every_pair(ndim: int, groups: int, transposed: bool) -> None:
    """Every framework gives our result with the kernel converted from any other."""
    x, w = our_kernel(ndim, groups, transposed)
    shared = {"groups": groups, "transposed": transposed}
    leg = conv_transpose if transposed else conv
    expected = leg(x, w, groups=groups, stride=STRIDE if transposed else 1)
    stored = {"jaxdeconv": w}
    for name, call in CALLS.items():
        stored[name] = convert_kernel(w, source="jaxdeconv", target=name, **shared)
        with their_rules():
            check_equal(call(x, stored[name], groups, transposed), expected)
    for source, target in itertools.product(stored, stored):
        got = convert_kernel(stored[source], source=source, target=target, **shared)
        check_equal(got, stored[target])


@pytest.mark.usefixtures("torch")
def test_every_layout_is_among_the_real_calls() -> None:
    assert set(CONV) == set(CONV_TRANSPOSE) == {*CALLS, "jaxdeconv"}


@pytest.mark.parametrize("transposed", [False, True])
def test_traced_and_jax_arrays(transposed: bool) -> None:
    """Kind of array and dtype are kept; there and back is the identity, under jit and its vjp."""
    w = np.asarray(our_kernel(2, 2, transposed)[1], np.float16)

    def there_and_back(w: jax.Array) -> jax.Array:
        shared = {"groups": 2, "transposed": transposed}
        flax = convert_kernel(w, source="jaxdeconv", target="flax", **shared)
        return convert_kernel(flax, source="flax", target="jaxdeconv", **shared)

    assert isinstance(there_and_back(w), np.ndarray)
    check_equal(there_and_back(w), w)
    got, pull_back = jax.vjp(jax.jit(there_and_back), jax.numpy.asarray(w))
    check_equal(got, w)
    check_equal(pull_back(got)[0], w)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_arrays_of_a_torch_model(torch: Any, groups: int) -> None:
    """`nn.arrays`, which needs neither groups nor transposed, on a real state_dict."""
    model = torch.nn.Sequential(
        torch.nn.Conv1d(4, 8, 3, 2, groups=groups),
        torch.nn.ConvTranspose1d(8, 4, 4, 2, groups=groups, dilation=2, bias=False),
    )
    for parameter in model.parameters():
        parameter.data = torch.tensor(integers(*parameter.shape))
    x = integers(2, 9, 4)
    down = arrays.from_torch(model.state_dict(), "0.")
    up = arrays.from_torch(model.state_dict(), "1.")
    hidden = conv(x, down["kernel"], stride=2, groups=groups) + np.broadcast_to(
        down["bias"], (2, 4, 8)
    )
    got = conv_transpose(hidden, up["kernel"], stride=2, groups=groups, dilation=2)
    expected = model(torch.tensor(np.moveaxis(x, -1, 1).copy())).detach().numpy()
    check_equal(got, np.moveaxis(expected, 1, -1))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_arrays_of_keras_layers() -> None:
    x = integers(2, 5, 4, 6)
    down = keras.layers.Conv2D(4, (3, 2), groups=2)
    up = keras.layers.Conv2DTranspose(3, (2, 3), 2, use_bias=False)
    with their_rules():
        for layer, channels in ((down, 6), (up, 4)):
            layer.build((2, 5, 4, channels))
            layer.set_weights([integers(*one.shape) for one in layer.get_weights()])
        expected = np.asarray(up(down(x)))
    taken = arrays.from_keras(down.get_weights())
    hidden = conv(x, taken["kernel"], groups=2) + np.broadcast_to(taken["bias"], (2, 3, 3, 4))
    kernel = arrays.from_keras(up.get_weights())["kernel"]
    check_equal(conv_transpose(hidden, kernel, stride=2), expected)
