"""Sizes against counting, names against XLA's rules, and the slides' formula as a special case."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from jaxdeconv import ConvGeometry, conv, possible_input_sizes
from tests.support.strategies import geometries

positive = st.integers(1, 6)


def count_positions(n: int, k: int, s: int, low: int, high: int, d: int) -> int:
    """Lay the kernel at 0, s, 2s, ... and count how often its last tap is inside."""
    return sum(1 for y in range(n + low + high) if s * y + d * (k - 1) < n + low + high)


@given(geometry=geometries(max_ndim=4))
def test_output_size_counts_positions(geometry: ConvGeometry) -> None:
    counted = tuple(
        count_positions(n, k, s, low, high, d)
        for n, k, s, (low, high), d in zip(
            geometry.input_size,
            geometry.kernel_size,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    )
    assert geometry.output_size == counted


@given(n=st.integers(1, 30), f=positive, s=positive, p=st.integers(0, 4))
def test_floor_rule_of_the_slides(n: int, f: int, s: int, p: int) -> None:
    """floor((n + 2p - f)/s) + 1, wherever the filter fits."""
    expected = int(np.floor((n + 2 * p - f) / s)) + 1 if n + 2 * p >= f else 0
    assert ConvGeometry(n, f, stride=s, padding=p).output_size == (expected,)


@given(
    o=st.integers(0, 6),
    k=positive,
    s=positive,
    d=st.integers(1, 3),
    low=st.integers(-3, 4),
    high=st.integers(-3, 4),
)
def test_possible_input_sizes_is_the_preimage(
    o: int, k: int, s: int, d: int, low: int, high: int
) -> None:
    least = max(0, -low, -high, -low - high)
    preimage = [n for n in range(least, least + 80) if count_positions(n, k, s, low, high, d) == o]
    if preimage:
        (choices,) = possible_input_sizes(o, k, s, ((low, high),), d)
        assert list(choices) == preimage
    else:
        with pytest.raises(ValueError, match="no input size gives this output size"):
            possible_input_sizes(o, k, s, ((low, high),), d)


@given(o=st.integers(0, 6), k=positive, s=positive, d=st.integers(1, 3))
@pytest.mark.parametrize("name", ["SAME", "SAME_LOWER", "CAUSAL", "VALID"])
def test_possible_input_sizes_under_names(name: str, o: int, k: int, s: int, d: int) -> None:
    (choices,) = possible_input_sizes(o, k, s, name, d)
    preimage = [n for n in range(60) if ConvGeometry(n, k, s, name, d).output_size == (o,)]
    assert list(choices) == preimage


@given(n=st.integers(0, 12), k=positive, s=positive, d=st.integers(1, 3))
@pytest.mark.parametrize("name", ["SAME", "SAME_LOWER", "VALID"])
def test_names_follow_xla(name: str, n: int, k: int, s: int, d: int) -> None:
    geometry = ConvGeometry(n, k, s, name, d)
    assert geometry.padding == tuple(lax.padtype_to_pads((n,), (d * (k - 1) + 1,), (s,), name))
    if name != "VALID":
        assert geometry.output_size == (-(-n // s),)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
def test_causal_sees_no_future(stride: int, dilation: int) -> None:
    def u(v: jax.Array) -> jax.Array:
        w = jnp.ones((3, 1, 1))
        return conv(v[:, None], w, stride=stride, dilation=dilation, padding="causal")[:, 0]

    jacobian = jax.jacobian(u)(jnp.zeros(10))
    for y, row in enumerate(jacobian):
        seen = np.flatnonzero(row)
        assert seen.max() == stride * y
        assert len(u(jnp.zeros(10))) == -(-10 // stride)


@given(geometry=geometries(max_ndim=3))
def test_output_padding_and_input_size_say_the_same(geometry: ConvGeometry) -> None:
    keywords = {
        key: getattr(geometry, key)
        for key in ("kernel_size", "stride", "padding", "dilation", "groups")
    }
    by_size = ConvGeometry.from_output_size(
        geometry.output_size, input_size=geometry.input_size, **keywords
    )
    by_padding = ConvGeometry.from_output_size(
        geometry.output_size, output_padding=geometry.output_padding, **keywords
    )
    assert by_size == by_padding == geometry
    smallest = ConvGeometry.from_output_size(geometry.output_size, **keywords)
    assert smallest.output_padding == (0,) * geometry.ndim
    assert smallest.output_size == geometry.output_size


@pytest.mark.parametrize("name", ["SAME", "SAME_LOWER", "CAUSAL"])
def test_default_size_under_names_is_stride_times_size(name: str) -> None:
    geometry = ConvGeometry.from_output_size((4, 5), 3, stride=(2, 3), padding=name)
    assert geometry.input_size == (8, 15)


def test_torch_rule_is_the_default() -> None:
    geometry = ConvGeometry.from_output_size(4, 5, stride=3, padding=2, dilation=2)
    assert geometry.input_size == ((4 - 1) * 3 - 2 * 2 + 2 * (5 - 1) + 1,)


def test_is_a_static_argument() -> None:
    geometry = ConvGeometry((6, 5), 3, 2, 1)
    same = ConvGeometry([6, 5], (np.int64(3), 3), [2, 2], ((1, 1), 1))
    assert geometry == same
    assert hash(geometry) == hash(same)
    with pytest.raises(dataclasses.FrozenInstanceError):
        geometry.groups = 2  # type: ignore[misc]
    sizes = jax.jit(lambda x, geometry: x + geometry.output_size[0], static_argnums=1)
    assert sizes(1, geometry) == 1 + 3


def test_reads_as_a_sentence() -> None:
    assert str(ConvGeometry((6, 5), 3, 2, ((1, 0), 1), groups=2)) == (
        "input 6x5 -> output 3x3: kernel 3x3, stride 2x2, padding [(1, 0), (1, 1)], "
        "dilation 1x1, groups 2"
    )


def test_no_dimensions() -> None:
    geometry = ConvGeometry((), (), (), (), ())
    assert geometry == ConvGeometry((), 3, 2, 1)
    assert (geometry.ndim, geometry.output_size, geometry.output_padding) == (0, (), ())
    assert possible_input_sizes((), ()) == ()
