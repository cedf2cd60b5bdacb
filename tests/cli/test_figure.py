import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxdeconv import plot, reference
from jaxdeconv.cli import figure
from tests.cli.helpers import small_job


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--padding-mode reflect --padding 2",
        "--padding -2,0,1,1",
        "--kernel-size 9 --padding 0,1",
        "--dilation 3 --stride 5",
        "--groups 1 --kernel random --dtype complex64",
    ],
)
def test_small_matrix_and_its_transpose(words) -> None:
    job = small_job("--size", "30", *words.split())
    small = job.small(job.w[:, :, :1, :1], groups=1, outputs=2)
    k = figure.matrix_of(small)
    np.testing.assert_allclose(figure.transpose_of(small), k.T, rtol=1e-5)
    assert k.any()
    if small.padding_mode == "zeros":
        expected = reference.coordinates.matrix(small.w, small.geometry)
        np.testing.assert_allclose(k, expected, rtol=1e-6)


def test_kernel_and_matrix_show_their_numbers() -> None:
    axes = Figure().subplots(1, 2)
    plot.kernel(axes[0], [[0.0, 1.5], [-2.0, 4.0]], "w")
    plot.matrix(axes[1], np.eye(20), "K")
    assert [text.get_text() for text in axes[0].texts] == ["1.5", "-2", "4"]
    assert [text.get_color() for text in axes[0].texts] == ["black", "black", "white"]
    assert axes[0].get_title() == "w\n2 x 2"
    assert not axes[1].texts
    assert axes[1].get_title() == "K\n20 x 20"


def test_cells_have_whole_numbers() -> None:
    axes = Figure().subplots(1, 1)
    plot.matrix(axes, np.ones((3, 80)), "K")
    assert all(tick.is_integer() for tick in (*axes.get_xticks(), *axes.get_yticks()))
