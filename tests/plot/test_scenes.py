"""The steps of the arithmetic, against the matrix of the convolution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxdeconv import ConvGeometry
from jaxdeconv.plot import scenes
from jaxdeconv.reference import coordinates
from tests.support.strategies import geometries


def drawable(geometry: ConvGeometry) -> bool:
    sizes = (*geometry.input_size, *geometry.output_size)
    return geometry.ndim > 0 and 0 not in sizes and max(geometry.padded_size) <= 20


def final(scene: scenes.Scene, origin: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The output after the last step, without the cells that are cut off."""
    values = np.zeros(scene.target.kinds.shape)
    for cell, value in scene.sums(len(scene.steps)).items():
        values[cell] = value
    return values[tuple(slice(o, o + n) for o, n in zip(origin, size, strict=True))]


@settings(max_examples=60)
@given(geometries().filter(drawable), st.sampled_from(sorted(scenes.SCENES)), st.integers(0, 9))
def test_every_scene_ends_with_the_answer(geometry: ConvGeometry, leg: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.integers(-4, 5, geometry.kernel_size)
    matrix = coordinates.matrix(w[..., None, None], geometry)
    size = geometry.input_size if leg == "conv" else geometry.output_size
    signal = rng.integers(-4, 5, size)
    expected = (matrix if leg == "conv" else matrix.T) @ signal.ravel()
    scene = scenes.make(leg, geometry, signal, w)
    origin, shape = (0, 0), scene.target.kinds.shape
    if leg == "conv_transpose, overlap-add":  # the only one that draws the padding of its output
        origin = (0, *(max(0, low) for low, _ in geometry.padding))[-2:]
        shape = (1, *geometry.input_size)[-2:]
    assert final(scene, origin, shape).ravel().tolist() == expected.tolist()


@settings(max_examples=30)
@given(geometries().filter(drawable))
def test_no_step_reads_or_writes_outside_or_cropped_cells(geometry: ConvGeometry) -> None:
    for leg in scenes.SCENES:
        scene = scenes.make(leg, geometry, None, None)
        for step in scene.steps:
            for grid, cells in [(scene.source, step.reads), (scene.target, step.writes)]:
                assert all(row >= 0 <= column for row, column in cells)
                assert all(grid.kinds[cell] != scenes.CROPPED for cell in cells)


@given(geometries().filter(drawable))
def test_support_is_the_matrix_of_ones(geometry: ConvGeometry) -> None:
    ones = np.ones((*geometry.kernel_size, 1, 1), int)
    assert (scenes.support(geometry) == (coordinates.matrix(ones, geometry) != 0)).all()


def test_conv_reads_the_dilated_taps_of_the_padded_input() -> None:
    scene = scenes.make("conv", ConvGeometry(5, 2, stride=2, padding=1, dilation=3), None, [4, 6])
    assert scene.source.values.tolist() == [[0, 3, 0, 7, 4, 1, 0]]
    assert scene.source.kinds.tolist() == [["padding", *["data"] * 5, "padding"]]
    assert [step.reads for step in scene.steps] == [
        {(0, 0): 4, (0, 3): 6},
        {(0, 2): 4, (0, 5): 6},
    ]
    assert [step.writes for step in scene.steps] == [{(0, 0): 42}, {(0, 1): 6}]


def test_transpose_reads_a_stretched_input_with_the_flipped_kernel() -> None:
    geometry = ConvGeometry(3, 3, stride=2, padding=((1, 0),))
    scene = scenes.make("conv_transpose", geometry, [10], [1, 2, 3])
    assert scene.kernel.values.tolist() == [[3, 2, 1]]
    assert scene.source.kinds.tolist() == [["padding", "data", *["padding"] * 3]]
    scene = scenes.make("conv_transpose", ConvGeometry(5, 3, stride=2), [5, 7], [1, 2, 3])
    assert scene.source.values.tolist() == [[0, 0, 5, 0, 7, 0, 0]]
    assert scene.source.kinds[0, 3] == "inserted"
    assert scene.steps[2].reads == {(0, 2): 3, (0, 3): 2, (0, 4): 1}


def test_overlap_add_adds_up() -> None:
    geometry = ConvGeometry(4, 3, stride=2, padding=((0, 1),))
    scene = scenes.make("conv_transpose, overlap-add", geometry, [5, 7], [1, 2, 3])
    assert scene.sums(0) == {(0, 0): 5, (0, 1): 10, (0, 2): 15}
    assert scene.sums(1) == {(0, 0): 5, (0, 1): 10, (0, 2): 22, (0, 3): 14, (0, 4): 21}
    assert scene.target.kinds[0, 4] == "padding"


def test_cropped_cells_are_marked() -> None:
    scene = scenes.make("conv", ConvGeometry(6, 2, padding=((-2, -1),)), None, None)
    assert scene.source.kinds.tolist() == [["cropped"] * 2 + ["data"] * 3 + ["cropped"]]


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("conv", 5, None, None), TypeError, "geometry must be a ConvGeometry"),
        (
            ("gradient", ConvGeometry(5, 3), None, None),
            ValueError,
            "'conv', 'conv_transpose', 'conv_transpose, overlap-add'",
        ),
        (
            ("conv", ConvGeometry((5, 5, 5), 3), None, None),
            ValueError,
            "geometry must have one or two spatial dimensions",
        ),
        (("conv", ConvGeometry(2, 3), None, None), ValueError, "kernel must not be longer"),
        (
            ("conv", ConvGeometry((19, 5), 3, padding=1), None, None),
            ValueError,
            "the padded input must have at most 20 cells per dimension",
        ),
        (
            ("conv_transpose", ConvGeometry(5, 3), np.ones(5), None),
            ValueError,
            r"signal must hold real numbers, .* Pass an array of shape \(3,\)",
        ),
        (
            ("conv", ConvGeometry(5, 3), None, ["a", "b", "c"]),
            ValueError,
            "kernel must hold real numbers",
        ),
    ],
)
def test_what_cannot_be_drawn(arguments, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        scenes.make(*arguments)
