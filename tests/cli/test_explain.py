import itertools

import numpy as np
import pytest

from jaxdeconv import ConvGeometry, reference
from jaxdeconv.cli import arguments, explain, main


def explained(words: str) -> str:
    parsed = arguments.explain_parser().parse_args(arguments.join_negatives(words.split()))
    return explain.text(parsed)


def section(text: str, title: str) -> list[str]:
    """The lines under a title, without their indent."""
    lines = iter(text.splitlines())
    assert any(line.startswith(title) for line in lines), title
    return [line[4:] for line in itertools.takewhile(bool, lines)]


GUIDE = """\
input 5 -> output 3: kernel 3, stride 2, padding [(1, 1)], dilation 1, groups 1

Size of the output: o = floor((n + low + high - K) / s) + 1
    o = floor((5 + 1 + 1 - 3) / 2) + 1 = 3

Input sizes that give the same output size
    5, 6 -> 3;  here 5, which is output_padding 0 (5 = 5 + 0)
    K^T needs input_size or output_padding, to know which.

Index relation: tap t of output cell y reads input cell x
    x = 2*y + t - 1      0 <= y < 3,  0 <= t < 3,  0 <= x < 5

What each output reads
    x         -1   0   1   2   3   4   5
               0                       0
    u[0]      w1  w2  w3
    u[1]              w1  w2  w3
    u[2]                      w1  w2  w3
    (0: padding)

K as a matrix, 3 x 5  (w1 is w[0]; a dot is zero)
    w2 w3 .  .  .
    .  w1 w2 w3 .
    .  .  .  w1 w2

K^T, 5 x 3
    w2 .  .
    w3 w1 .
    .  w2 .
    .  w3 w1
    .  .  w2

K^T u by a convolution
    1. insert 1 zero between the cells of u: 3 -> 5 cells
    2. pad by (1, 1) = (K - 1 - low, n + low - 5): 5 -> 7 cells
    3. convolve with the flipped w at stride 1: 7 -> 5 cells
"""


def test_the_guides_case(capsys: pytest.CaptureFixture[str]) -> None:
    words = "explain --input 5 --kernel 3 --stride 2 --padding 1"
    assert main(words.split()) == 0
    assert capsys.readouterr().out == GUIDE


@pytest.mark.parametrize(
    ("words", "geometry"),
    [
        ("--input 5 --kernel 3 --stride 2 --padding 1", ConvGeometry(5, 3, 2, 1)),
        ("--input 6 --kernel 2 --stride 4", ConvGeometry(6, 2, 4)),
        (
            "--input 9 --kernel 3 --stride 3 --padding -1,2 --dilation 2",
            ConvGeometry(9, 3, 3, ((-1, 2),), 2),
        ),
        ("--input 4,5 --kernel 2,3 --stride 1,2", ConvGeometry((4, 5), (2, 3), (1, 2))),
        ("--input 3,3 --kernel 2 --padding 1,0,0,1", ConvGeometry((3, 3), 2, 1, ((1, 0), (0, 1)))),
        ("--input 7 --kernel 3 --padding CAUSAL", ConvGeometry(7, 3, 1, "CAUSAL")),
    ],
)
def test_matrices_are_those_of_coordinates(words, geometry) -> None:
    taps = np.arange(1, 1 + np.prod(geometry.kernel_size)).reshape(*geometry.kernel_size, 1, 1)
    names = {".": 0}
    for tap in np.ndindex(geometry.kernel_size):
        name = f"w{tap[0] + 1}" if geometry.ndim == 1 else f"w{tap[0]}{tap[1]}"
        names[name] = taps[tap].item()
    text = explained(words)
    assert str(geometry) in text
    for title, expected in (
        ("K as a matrix", reference.coordinates.matrix(taps, geometry)),
        ("K^T, ", reference.coordinates.matrix(taps, geometry).T),
    ):
        entries = [[names[word] for word in line.split()] for line in section(text, title)]
        np.testing.assert_array_equal(entries, expected)


def test_steps_of_the_transpose_are_those_of_the_dilated_input() -> None:
    geometry = ConvGeometry(9, 3, 3, ((-1, 2),), 2)
    ((before, after, between),) = reference.dilated._dilation(geometry)
    text = explained("--input 9 --kernel 3 --stride 3 --padding -1,2 --dilation 2")
    first, second, third = section(text, "K^T u by a convolution")
    assert f"insert {between} zeros between the cells of u: 2 -> 4" in first
    assert f"pad by ({before}, {after}) =" in second
    assert "its taps 2 apart: 13 -> 9 cells" in third


def test_what_no_output_reads_is_marked() -> None:
    text = explained("--input 9 --kernel 3 --stride 3 --padding -1,2 --dilation 2")
    cells, marks, *_, legend = section(text, "What each output reads")
    columns = {
        cells[end - 4 : end].strip(): marks[end - 4 : end].strip() for end in range(12, 56, 4)
    }
    assert columns == {
        **dict.fromkeys(["1", "3", "4", "5", "6", "8"], ""),
        **dict.fromkeys(["2", "7"], "-"),
        **dict.fromkeys(["9", "10"], "0"),
        "0": "cut",
    }
    assert legend == "(0: padding,  cut: cropped by negative padding,  -: read by no output)"


def test_two_dimensions_are_told_apart() -> None:
    text = explained("--input 4,5 --kernel 2,3 --stride 1,2 --dilation 1,2 --padding 0,1")
    assert section(text, "Index relation") == [
        "dimension 0: x = y + t      0 <= y < 3,  0 <= t < 2,  0 <= x < 4",
        "dimension 1: x = 2*y + 2*t - 1      0 <= y < 2,  0 <= t < 3,  0 <= x < 5",
    ]
    assert section(text, "Size of the output")[1] == (
        "dimension 1: o = floor((5 + 1 + 1 - 5) / 2) + 1 = 2,  K = 2*(3 - 1) + 1 = 5"
    )
    assert "What each output reads" not in text


def test_large_cases_say_so_and_print_the_rest() -> None:
    text = explained("--input 40 --kernel 3")
    assert section(text, "K as a matrix, 38 x 40") == [
        "too large to print: make the input smaller, up to 30 cells in all"
    ]
    assert section(text, "What each output reads") == [
        "too large to draw: make the input or the padding smaller"
    ]
    assert section(text, "K^T u by a convolution")
    assert "up to 25 cells in all" in explained("--input 5,6 --kernel 3")
    assert section(explained("--input 5,5 --kernel 3"), "K as a matrix")[0].startswith("w00")


def test_symbols_of_large_kernels_stay_distinct() -> None:
    text = explained("--input 1,12 --kernel 1,12")
    assert section(text, "K^T, ")[-1] == "w0,11"
