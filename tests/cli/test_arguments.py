import argparse

import pytest

from jaxdeconv.cli import arguments, values


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-1", -1), ("3,4", (3, 4)), (" 3 , -4,+5", (3, -4, 5))],
)
def test_integers(text, value) -> None:
    assert values.integers(text) == value


@pytest.mark.parametrize("text", ["", "x", "1.5", "1,", ",1", "1;2", "1 2", "(1, 2)"])
def test_not_integers(text) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be an integer"):
        values.integers(text)


def test_padding() -> None:
    assert values.padding("SAME_LOWER") == "SAME_LOWER"
    assert values.padding("valid") == "valid"
    assert values.padding("-1,2") == (-1, 2)
    with pytest.raises(argparse.ArgumentTypeError):
        values.padding("1:2")


@pytest.mark.parametrize(
    ("value", "ndim", "meaning"),
    [
        ("SAME", 2, "SAME"),
        (1, 2, 1),
        ((1, 2), 2, (1, 2)),
        ((1, 2), 1, ((1, 2),)),
        ((1, 2, -3, 4), 2, ((1, 2), (-3, 4))),
    ],
)
def test_low_high_in_turn(value, ndim, meaning) -> None:
    assert values.as_pairs(value, ndim) == meaning


def test_join_negatives() -> None:
    words = ["--padding", "-1,2", "--stride", "2", "--json", "--padding=-3"]
    assert arguments.join_negatives(words) == [
        "--padding=-1,2",
        "--stride",
        "2",
        "--json",
        "--padding=-3",
    ]
