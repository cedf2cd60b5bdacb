"""Every layout against the channels-last answer, and axes brought there and back."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.arguments.layout import (
    Layout,
    kernel_from_canonical,
    kernel_to_canonical,
    signal_from_canonical,
    signal_to_canonical,
)
from tests.support.cases import integers
from tests.support.checks import check_equal

LAYOUTS = (
    ("NHWC", "HWIO", "NHWC"),
    ("NCHW", "OIHW", "NCHW"),
    ("NCHW", "IOHW", "NHWC"),
    ("CNWH", "WOHI", "HNCW"),
    ("HWNC", "OHWI", "CWHN"),
)


@pytest.mark.parametrize("dimension_numbers", LAYOUTS, ids="-".join)
def test_axes_there_and_back(dimension_numbers: tuple[str, str, str]) -> None:
    layout = Layout.parse(dimension_numbers, 4)
    spatial = "".join(letter for letter in dimension_numbers[1] if letter not in "IO")
    x = jnp.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    canonical, batch = signal_to_canonical("v", x, layout.v)
    check_equal(canonical, jnp.einsum(f"{dimension_numbers[0]}->N{spatial}C", x))
    check_equal(signal_from_canonical(canonical, layout.v, batch), x)
    kernel = kernel_to_canonical(x, layout.w)
    check_equal(kernel, jnp.einsum(f"{dimension_numbers[1]}->{spatial}IO", x))
    check_equal(kernel_from_canonical(kernel, layout.w), x)


@pytest.mark.parametrize("dimension_numbers", LAYOUTS[1:], ids="-".join)
def test_legs_in_every_layout(dimension_numbers: tuple[str, str, str]) -> None:
    """The answer of lax in that layout; and the other legs by moving axes to channels last."""
    lhs, rhs, out = dimension_numbers
    order = [letter for letter in rhs if letter not in "IO"]
    sizes = {"N": 2, "C": 4, "H": 6, "W": 5, "I": 2, "O": 6, order[0]: 6, order[1]: 5}
    v = integers(tuple(sizes[letter] for letter in lhs))
    w = integers(
        tuple({"I": 2, "O": 6, order[0]: 3, order[1]: 2}[letter] for letter in rhs), seed=1
    )
    keywords = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "groups": 2}
    u = conv(v, w, **keywords, dimension_numbers=dimension_numbers)
    by_lax = lax.conv_general_dilated(
        v, w, (2, 1), ((1, 0), (0, 2)), dimension_numbers=dimension_numbers, feature_group_count=2
    )
    check_equal(u, by_lax)
    spatial = "".join(order)
    plain_v = np.einsum(f"{lhs}->N{spatial}C", v)
    plain_w = np.einsum(f"{rhs}->{spatial}IO", w)
    plain_u = np.einsum(f"{out}->N{spatial}C", np.asarray(u))
    back = conv_transpose(u, w, **keywords, input_size=(6, 5), dimension_numbers=dimension_numbers)
    expected = conv_transpose(plain_u, plain_w, **keywords, input_size=(6, 5))
    check_equal(back, np.einsum(f"N{spatial}C->{lhs}", np.asarray(expected)))
    gradient = kernel_gradient(
        u, v, kernel_size=(3, 2), **keywords, dimension_numbers=dimension_numbers
    )
    expected = kernel_gradient(plain_u, plain_v, kernel_size=(3, 2), **keywords)
    check_equal(gradient, np.einsum(f"{spatial}IO->{rhs}", np.asarray(expected)))


def test_conv_dimension_numbers_object() -> None:
    numbers = lax.conv_dimension_numbers((2, 4, 6, 5), (6, 4, 3, 2), ("NCHW", "OIHW", "NCHW"))
    assert Layout.parse(numbers, 4) == Layout.parse(("NCHW", "OIHW", "NCHW"), 4)


def test_default_is_channels_last() -> None:
    assert Layout.parse(None, 5) == Layout.parse(("NDHWC", "DHWIO", "NDHWC"), 5)
    assert Layout.parse(None, 2).ndim == 0


@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (1, 0, 2)])
@pytest.mark.parametrize("dimension_numbers", [None, ("CNW", "OWI", "WNC")])
def test_any_number_of_batch_axes(batch: tuple[int, ...], dimension_numbers) -> None:
    """N stands for all of them, wherever it stands."""
    v, w = integers((*batch, 7, 2)), integers((3, 2, 4), seed=1)
    u = conv(v.reshape(-1, 7, 2), w, stride=2).reshape(*batch, 3, 4)
    moved = w if dimension_numbers is None else w.transpose(2, 0, 1)

    def place(x, axes: str):
        """`(*batch, spatial, channels)` -> the order of `axes`."""
        if dimension_numbers is None:
            return x
        nb = len(batch)
        position = {"N": list(range(nb)), "W": [nb], "C": [nb + 1]}
        return jnp.transpose(x, [axis for letter in axes for axis in position[letter]])

    keywords = {"stride": 2, "dimension_numbers": dimension_numbers}
    check_equal(conv(place(v, "CNW"), moved, **keywords), place(u, "WNC"))
    back = conv_transpose(place(u, "WNC"), moved, **keywords)
    expected = conv_transpose(u.reshape(-1, 3, 4), w, stride=2).reshape(v.shape)
    check_equal(back, place(expected, "CNW"))
    gradient = kernel_gradient(place(u, "WNC"), place(v, "CNW"), kernel_size=(3,), **keywords)
    expected = kernel_gradient(u.reshape(-1, 3, 4), v.reshape(-1, 7, 2), kernel_size=(3,), stride=2)
    check_equal(gradient, expected if dimension_numbers is None else expected.transpose(2, 0, 1))
