import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxdeconv.cli import photograph
from jaxdeconv.errors import ArgumentValueError


def save(path: Path, cells: np.ndarray, **options) -> str:
    Image.fromarray(cells).save(path, **options)
    return str(path)


def test_the_one_that_is_always_there() -> None:
    v = photograph.load(None, 30)
    assert v.shape == (30, 26, 3)  # 600 x 512: the longer side is the height
    assert 0 <= v.min() < 0.1
    assert 0.9 < v.max() <= 1
    np.testing.assert_array_equal(v, photograph.load(None, 30))


def test_proportion_and_exact_size(tmp_path: Path) -> None:
    file = save(tmp_path / "wide.png", np.zeros((4, 10, 3), np.uint8))
    assert photograph.load(file, 5).shape == (2, 5, 3)
    assert photograph.load(file, 20).shape == (8, 20, 3)
    assert photograph.load(file, (3, 7)).shape == (3, 7, 3)
    assert photograph.load(file, 1).shape == (1, 1, 3)


def test_grey_has_one_channel(tmp_path: Path) -> None:
    cells = np.array([[0, 51], [102, 255]], np.uint8)
    v = photograph.load(save(tmp_path / "grey.png", cells), (2, 2))
    np.testing.assert_allclose(v[..., 0], cells / 255, atol=1e-12)


def test_transparent_is_white(tmp_path: Path) -> None:
    cells = np.zeros((2, 2, 4), np.uint8)
    cells[0, 0] = (255, 0, 0, 255)
    v = photograph.load(save(tmp_path / "rgba.png", cells), (2, 2))
    assert v.shape == (2, 2, 3)
    np.testing.assert_array_equal(v[0, 0], [1, 0, 0])
    np.testing.assert_array_equal(v[1, 1], [1, 1, 1])


def test_16_bits(tmp_path: Path) -> None:
    cells = np.array([[0, 10000], [20000, 40000]], np.uint16)
    v = photograph.load(save(tmp_path / "deep.png", cells), (2, 2))
    np.testing.assert_allclose(v[..., 0], cells / 40000, atol=1e-6)


def test_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    file = save(tmp_path / "turned.jpg", np.zeros((4, 8, 3), np.uint8), exif=exif)
    assert photograph.load(file, 8).shape == (8, 4, 3)


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\nbroken", None])
def test_unreadable(content, tmp_path: Path) -> None:
    file = tmp_path / "file.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match="the image must be a picture that Pillow can read"):
        photograph.load(str(file), 8)


def test_more_pixels_than_are_read(tmp_path: Path, monkeypatch) -> None:
    file = save(tmp_path / "large.png", np.zeros((30, 40), np.uint8))
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", 700
    )  # above which Pillow warns, up to twice that
    assert photograph.load(file, 8).shape == (6, 8, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(
        ValueError, match=r"at most 1000 pixels, and fit into memory; got image=.* Crop"
    ):
        photograph.load(file, 8)


@pytest.mark.parametrize(
    "error", [MemoryError(), struct.error("unpack"), IndexError("palette"), OverflowError("size")]
)
def test_whatever_a_reader_raises(error: Exception, tmp_path: Path, monkeypatch) -> None:
    def fail(*args: object) -> None:
        del args
        raise error

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(ArgumentValueError, match="the image must"):
        photograph.load(str(tmp_path / "x.png"), 8)


def test_too_many_cells() -> None:
    for size in (10**10, (4097, 4096), (1, 10**9)):
        with pytest.raises(ValueError, match="size must give at most 16777216 pixels"):
            photograph.load(None, size)


def test_impossible_size() -> None:
    with pytest.raises(ValueError, match="size must be at least 1 in every dimension"):
        photograph.load(None, (0, 4))
