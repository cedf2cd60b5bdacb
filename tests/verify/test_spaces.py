"""Spaces: members as flat vectors and back, names of cells, what is no space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.verify.spaces import Space

S = jax.ShapeDtypeStruct
TREE = {"a": S((2, 3), jnp.bfloat16), "b": (S((), np.complex64), S((4,), np.float32))}


def test_members_and_back() -> None:
    space = Space.of(TREE | {"b": (S((), np.float16), S((4,), np.float32))}, "domain")
    block = np.arange(22.0).reshape(2, 11)
    members = space.members(block)
    assert members["a"].shape == (2, 2, 3)
    assert members["a"].dtype == jnp.bfloat16
    assert members["b"][0].tolist() == [6, 17]
    assert members["b"][1].tolist() == [[7, 8, 9, 10], [18, 19, 20, 21]]
    assert np.array_equal(space.block(members), block)
    assert space.member(block[1])["b"][0] == 17


def test_members_over_the_reals() -> None:
    space = Space.of(TREE, "domain").realified()
    block = np.arange(12.0)[None]
    assert space.size == 12
    assert space.members(block)["b"][0].tolist() == [6 + 7j]
    assert np.array_equal(space.block(space.members(block)), block)
    magnitudes = jax.tree.map(lambda leaf: np.full((1, *leaf.shape), leaf.size), space.tree)
    assert space.magnitudes(magnitudes).tolist() == [[6] * 6 + [1] * 2 + [4] * 4]


def test_names_of_cells() -> None:
    space = Space.of(TREE, "domain")
    assert [space.where(cell) for cell in (0, 5, 6, 10)] == [
        "['a'][0, 0]",
        "['a'][1, 2]",
        "['b'][0][]",
        "['b'][1][3]",
    ]
    assert space.realified().where(7) == "['b'][0][].imag"
    assert Space.of(S((2, 3), np.int8), "domain").where(4) == "[1, 1]"
    assert repr(space) == "(['a']bfloat16[2,3], ['b'][0]complex64[], ['b'][1]float32[4])"


@pytest.mark.parametrize(
    ("dtype", "kind", "bits", "wide"),
    [
        (np.int16, "integer", 16, np.int64),
        (np.uint8, "integer", 8, np.int64),
        (jnp.bfloat16, "real", 8, np.float64),
        (np.float16, "real", 11, np.float64),
        (np.float32, "real", 24, np.float64),
        (np.complex64, "complex", 24, np.complex128),
    ],
)
def test_kinds(dtype: type, kind: str, bits: int, wide: type) -> None:
    space = Space.of(S((3,), dtype), "domain")
    assert (space.kind, space.bits, space.wide) == (kind, bits, np.dtype(wide))


def test_unlike_spaces() -> None:
    space = Space.of(S((2, 3), np.float32), "domain")
    assert space.fits(Space.of(S((2, 3), jnp.bfloat16), "domain"))
    assert not space.fits(Space.of(S((3, 2), np.float32), "domain"))
    assert not space.fits(Space.of([S((2, 3), np.float32)], "domain"))


def test_no_dtype() -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        Space.of((2, 3), "domain")
    assert str(caught.value) == (
        "domain must be a pytree of shapes with dtypes (or of example arrays); got "
        "domain=(2, 3). Pass jax.ShapeDtypeStruct(shape, dtype), e.g. with dtype='float32'."
    )


def test_no_numbers() -> None:
    with pytest.raises(ArgumentTypeError, match="can be added and multiplied; got dtype='bool'"):
        Space.of(S((3,), bool), "codomain")


def test_no_leaf() -> None:
    with pytest.raises(ArgumentValueError, match=r"domain must have a leaf; got domain=\{\}"):
        Space.of({}, "domain")


def test_two_rings() -> None:
    with pytest.raises(ArgumentValueError, match="must not mix integers with floats"):
        Space.of((S((3,), np.int32), S((3,), np.float32)), "domain")
