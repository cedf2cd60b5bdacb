"""What stands in the pictures, and what the file holds."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from jaxdeconv import ConvGeometry, ConvOperator, plot
from jaxdeconv.reference import coordinates
from tests.support.bad_inputs import check_message

GEOMETRY = ConvGeometry(5, 3, stride=2, padding=1)
W = np.array([1, 2, 4])


def axes_of():
    return Figure(figsize=(6, 3)).add_subplot()


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_arithmetic_of_conv() -> None:
    axes = axes_of()
    plot.arithmetic(axes, GEOMETRY, 1, signal=[5, 6, 7, 8, 9], kernel=W)
    assert axes.get_title() == (
        "u = $K$ v: step 2 of 3\nkernel 3, stride 2, padding [(1, 1)], dilation 1"
    )
    expected = ["input v", "0", "5", "6", "1", "7", "2", "8", "4", "9", "0"]
    expected += ["kernel w", "1", "2", "4", "output u", "34", "", str(6 + 14 + 32)]
    assert texts(axes) == expected
    colours = [to_hex(patch.get_facecolor()) for patch in axes.patches]
    white, blue, orange = "#ffffff", "#a6cee3", "#fdbf6f"
    source = [white, blue, orange, orange, orange, blue, white]
    assert colours == source + [orange] * 3 + ["#cdebb0", white, "#7cc36e"]
    assert axes.patches[0].get_linestyle() != "-" == axes.patches[1].get_linestyle()


def test_arithmetic_of_overlap_add_says_what_is_added() -> None:
    axes = axes_of()
    plot.arithmetic(
        axes, GEOMETRY, -1, leg="conv_transpose, overlap-add", signal=[1, 2, 3], kernel=W
    )
    assert axes.get_title().startswith("v = $K^T$ u, by overlap-add: step 3 of 3\n")
    laid = [1, 2, 4 + 2, 4, 8 + 3, 6, 12]
    expected = [*map(str, laid[:4]), "11", "+3", "6", "+6", "12", "+12"]
    assert sorted(texts(axes)[-10:]) == sorted(expected)


def test_steps_from_both_ends() -> None:
    first, last = axes_of(), axes_of()
    plot.arithmetic(first, GEOMETRY, 2)
    plot.arithmetic(last, GEOMETRY, -1)
    assert texts(first) == texts(last)


@pytest.mark.parametrize("leg", ["conv", "conv_transpose", "conv_transpose, overlap-add"])
@pytest.mark.parametrize(
    "geometry",
    [GEOMETRY, ConvGeometry((4, 3), 2, stride=(2, 1), padding=((1, 0), (-1, 2)))],
    ids=str,
)
def test_nothing_overlaps_or_leaves_the_axes(leg: str, geometry: ConvGeometry) -> None:
    """The cells of all grids are apart, and inside the limits of the axes."""
    axes = axes_of()
    plot.arithmetic(axes, geometry, leg=leg)
    corners = [tuple(np.round(patch.get_xy(), 6)) for patch in axes.patches]
    assert len(corners) == len(set(corners))
    x, y = np.array(corners).T
    assert x.min() >= axes.get_xlim()[0]
    assert x.max() + 1 <= axes.get_xlim()[1]
    assert y.min() >= axes.get_ylim()[1]
    assert y.max() + 1 <= axes.get_ylim()[0]


def test_animation_has_a_frame_for_every_step(tmp_path: Path) -> None:
    path = plot.animate(GEOMETRY, tmp_path / "conv.gif", kernel=W, seconds=0.5)
    with Image.open(path) as picture:
        assert picture.n_frames == 3
        assert picture.info["loop"] == 0
        frames, times = [], []
        for index in range(3):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")))
            times.append(picture.info["duration"])
    assert times == [500, 500, 2000]
    assert all((frames[i] != frames[i + 1]).any() for i in range(2))
    assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 5


def boxes(axes) -> set[tuple[float, float, float, float, str]]:
    return {
        (*box.get_xy(), box.get_width(), box.get_height(), box.get_linestyle())
        for box in axes.patches
    }


def test_matrix_marks_the_supports() -> None:
    axes, w = axes_of(), np.array([1, 0, 4]).reshape(3, 1, 1)
    plot.matrix(axes, coordinates.matrix(w, GEOMETRY), geometry=GEOMETRY)
    assert boxes(axes) == {(0.5, 0.5, 3, 1, "-"), (1.5, 0.5, 1, 1, ":")}
    axes = axes_of()
    plot.matrix(axes, coordinates.matrix(w, GEOMETRY), geometry=GEOMETRY, row=0, column=1)
    assert boxes(axes) == {(-0.5, -0.5, 2, 1, "-"), (0.5, -0.5, 1, 2, ":")}


def test_matrix_of_two_dimensions_has_a_box_per_row_of_the_kernel() -> None:
    geometry, axes = ConvGeometry((3, 3), 2), axes_of()
    matrix = coordinates.matrix(np.arange(1, 5).reshape(2, 2, 1, 1), geometry)
    plot.matrix(axes, matrix, geometry=geometry, row=1, column=4)
    solid = {(0.5, 0.5, 2, 1, "-"), (3.5, 0.5, 2, 1, "-")}
    assert boxes(axes) == solid | {(3.5, -0.5, 1, 4, ":")}


def test_messages_in_full() -> None:
    """One of each class; fragments of the others below."""
    check_message(
        lambda: plot.arithmetic(axes_of(), GEOMETRY, 3),
        ValueError,
        "arithmetic: step must be one of the 3 steps; got step=3. Pass 0 to 2.",
    )
    check_message(
        lambda: plot.animate(GEOMETRY, "picture.gif", seconds="1"),
        TypeError,
        "animate: seconds must be a number; got seconds='1'. Pass 0.7.",
    )


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.arithmetic(axes_of(), GEOMETRY, leg="inverse"), "leg must be a known name"),
        (lambda: plot.animate(GEOMETRY, "picture.mp4"), "path must end in .gif"),
        (lambda: plot.animate(GEOMETRY, "picture.gif", seconds=0), "seconds must be finite"),
        (
            lambda: plot.matrix(axes_of(), np.eye(3), geometry=GEOMETRY),
            r"geometry must fit the shape of the matrix.*matrix_of_geometry=\(3, 5\)",
        ),
        (lambda: plot.matrix(axes_of(), np.eye(3), row=1), "row and column need geometry"),
        (
            lambda: plot.matrix(axes_of(), np.eye(3, 5), geometry=GEOMETRY, column=5),
            "column must be in the matrix.* Pass 0 to 4",
        ),
    ],
)
def test_wrong_values(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def shown(axes) -> np.ndarray:
    """The numbers that a picture is coloured by."""
    return np.ma.filled(axes.images[0].get_array().astype(float), 0)


GREY = np.array([[0.0, 1, 2], [3, 4, 8]])


@pytest.mark.parametrize("x", [GREY, GREY[..., None], GREY[None, ..., None], jnp.asarray(GREY)])
def test_a_grey_image_in_every_form(x) -> None:
    axes = axes_of()
    plot.image(axes, x, "v")
    np.testing.assert_array_equal(shown(axes), GREY / 8)
    assert axes.get_title() == "v\n2 x 3, values 0 to 8"


def test_images_of_many_channels_and_of_colours() -> None:
    axes = axes_of()
    plot.image(axes, np.stack([GREY, 0 * GREY], axis=-1))
    np.testing.assert_array_equal(shown(axes), GREY / 16)
    axes = axes_of()
    plot.image(axes, np.stack([GREY, 0 * GREY, 8 - GREY], axis=-1)[None])
    assert shown(axes).shape == (2, 3, 3)


def test_an_image_with_numbers_that_are_none() -> None:
    """They stay out of the range, and blank."""
    axes = axes_of()
    x = GREY.copy()
    x[0, 0], x[1, 2] = np.nan, np.inf
    plot.image(axes, jnp.asarray(x, jnp.bfloat16))
    assert axes.get_title() == "\n2 x 3, values 1 to 4"
    np.testing.assert_array_equal(shown(axes)[1, :2], [2 / 3, 1])
    axes = axes_of()
    plot.image(axes, np.full((2, 2), np.nan))
    assert axes.get_title() == "\n2 x 2, no finite values"


W4 = np.arange(2 * 3 * 2 * 4.0).reshape(2, 3, 2, 4) - 6.5


def test_a_kernel_as_an_operator_has_it() -> None:
    K = ConvOperator(jnp.asarray(W4, jnp.float32), (5, 6, 2))
    for options, i, o in (({}, 0, 0), ({"channels": (1, -1)}, 1, 3)):
        axes = axes_of()
        plot.kernel(axes, K.w, "w", **options)
        np.testing.assert_array_equal(shown(axes), W4[:, :, i, o])
        assert axes.get_title() == f"w\n2 x 3, w[..., {i}, {o}]"
        assert texts(axes) == [f"{value:.3g}" for value in W4[:, :, i, o].ravel()]


def test_kernels_of_one_channel_and_of_one_dimension() -> None:
    for w, row, title in (
        (W4[:, :, :1, :1], W4[:, :, 0, 0], "2 x 3"),
        (W4[0], W4[:1, :, 0, 0], "1 x 3, w[..., 0, 0]"),
        (W4[0, :, 0, 0], W4[:1, :, 0, 0], "1 x 3"),
        (W4[:, :, 0, 0], W4[:, :, 0, 0], "2 x 3"),
    ):
        axes = axes_of()
        plot.kernel(axes, w)
        np.testing.assert_array_equal(shown(axes), row)
        assert axes.get_title() == f"\n{title}"


def test_a_kernel_with_numbers_that_are_none() -> None:
    axes = axes_of()
    plot.kernel(axes, [1.0, -2, np.nan, np.inf])
    assert axes.images[0].get_clim() == (-2, 2)
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
        ("1", "black"),
        ("-2", "white"),
        ("nan", "black"),
        ("inf", "black"),
    ]


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("draw", "kind", "message"),
    [
        (lambda axes: plot.image(axes, np.zeros((2, 8, 8, 3))), ValueError, "x must be one image"),
        (lambda axes: plot.image(axes, np.zeros(5)), ValueError, "x must have two spatial axes"),
        (lambda axes: plot.image(axes, 1j * np.zeros((2, 3))), TypeError, "x must be real"),
        (lambda axes: plot.kernel(axes, [["a"]]), TypeError, "w must hold numbers"),
        (lambda axes: plot.image(axes, np.zeros((0, 3))), ValueError, "x must not be empty"),
        (
            lambda axes: jax.jit(lambda x: plot.image(axes, x))(GREY),
            TypeError,
            "x must have values to be drawn, but it is traced",
        ),
        (
            lambda axes: plot.kernel(axes, np.zeros((3, 3, 3, 1, 1))),
            ValueError,
            "w must have one or two spatial axes",
        ),
        (
            lambda axes: plot.kernel(axes, W4, channels=(2, 0)),
            ValueError,
            "channels must be an input and an output channel of w.* There are 2 and 4",
        ),
        (
            lambda axes: plot.kernel(axes, W4, channels=1),
            TypeError,
            "channels must be two integers",
        ),
        (lambda axes: plot.matrix(axes, W4), ValueError, "entries must be a matrix"),
    ],
)
def test_what_cannot_be_drawn(draw, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        draw(axes_of())
