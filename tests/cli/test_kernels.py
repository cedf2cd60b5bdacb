from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.cli import kernels

F32, I32, C64 = np.dtype("float32"), np.dtype("int32"), np.dtype("complex64")


def build(name, size=None, channels=3, groups=None, dtype=F32) -> tuple[np.ndarray, int]:
    return kernels.build(str(name), size, channels, groups, dtype, np.random.default_rng(0))


def test_blur() -> None:
    w, groups = build("blur", dtype=I32)
    assert groups == 3
    assert w.shape == (4, 4, 1, 3)
    for channel in range(3):
        np.testing.assert_array_equal(w[..., 0, channel], np.outer([1, 3, 3, 1], [1, 3, 3, 1]))
    assert build("blur", (3, 5))[0][..., 0, 0].sum() == 1


@pytest.mark.parametrize("size", [32, 33, 40, 64, 67, 68, (3, 67), (1024, 33), (1024, 1024)])
def test_long_kernels_are_what_they_say(size) -> None:
    """Binomials that no 64-bit integer holds; against the product of the means of pairs."""
    shape = (size, size) if isinstance(size, int) else size
    w = build("blur", size, dtype=np.dtype("float64"))[0][..., 0, 0]
    assert w.shape == shape
    np.testing.assert_allclose(w.sum(), 1, rtol=1e-12)
    rows = []
    for taps in shape:
        row = np.ones(1)
        for _ in range(taps - 1):
            row = np.convolve(row, [0.5, 0.5])
        rows.append(row)
    np.testing.assert_allclose(w, np.outer(*rows), rtol=1e-10, atol=1e-300)
    for name in ("bilinear", "gabor", "random"):
        for dtype in ("float16", "bfloat16", "float32", "complex64"):
            if max(shape) < 100:
                assert np.isfinite(build(name, size, dtype=jnp.dtype(dtype))[0]).all()


@pytest.mark.parametrize(
    ("name", "dtype", "size", "largest"),
    [
        ("blur", "int8", 6, 100),
        ("blur", "uint8", 6, 100),
        ("blur", "int16", (9, 11), 17640),
        ("blur", "uint16", (12, 10), 58212),
        ("blur", "int32", 18, 590976100),
        ("blur", "int64", (33, 34), 601080390 * 1166803110),
        ("bilinear", "int8", (11, 10), 108),
    ],
)
def test_integers_hold_the_kernel_or_refuse_it(name, dtype, size, largest) -> None:
    dtype = np.dtype(dtype)
    assert int(build(name, size, dtype=dtype)[0].max()) == largest
    larger = tuple(n + 1 for n in size) if isinstance(size, tuple) else size + 1
    larger = (66, 66) if dtype == "int64" else larger
    if dtype == "uint8":
        larger = (8, 6)
    with pytest.raises(ValueError, match=f"numbers of {name} to fit {dtype}"):
        build(name, larger, dtype=dtype)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float16"])
def test_gabor_and_random_are_small_whatever_their_size(dtype) -> None:
    for name in ("gabor", "random"):
        w = build(name, 90, dtype=np.dtype(dtype))[0].astype(np.float64)
        assert np.isfinite(w).all()
        assert w.any()


def test_too_long() -> None:
    with pytest.raises(ValueError, match="kernel_size must be at most 1024; got kernel_size=1025"):
        build("gabor", 1025)


def test_bilinear() -> None:
    np.testing.assert_array_equal(
        build("bilinear", (4, 3))[0][..., 0, 0], np.outer([0.25, 0.75, 0.75, 0.25], [0.5, 1, 0.5])
    )
    np.testing.assert_array_equal(
        build("bilinear", (4, 3), dtype=I32)[0][..., 0, 0], np.outer([1, 3, 3, 1], [2, 4, 2])
    )


def test_gabor_has_no_symmetry() -> None:
    w = build("gabor", 5)[0][..., 0, 0]
    assert abs(w).max() == 1
    assert abs(w - w[::-1, ::-1]).max() > 0.5
    assert abs(w + w[::-1, ::-1]).max() > 0.5
    assert abs(build("gabor", 5, dtype=I32)[0]).max() == 4
    assert build("gabor", 5, dtype=C64)[0].imag.any()


@pytest.mark.parametrize("dtype", [F32, I32, C64])
def test_random(dtype) -> None:
    w, _ = build("random", (3, 2), groups=1, dtype=dtype)
    assert w.shape == (3, 2, 3, 3)
    assert w.dtype == dtype
    assert w.all()
    assert len(np.unique(w)) > 4
    np.testing.assert_array_equal(w, build("random", (3, 2), groups=1, dtype=dtype)[0])


def test_mixing_averages_the_channels() -> None:
    w, groups = build("blur", groups=1)
    assert (w.shape, groups) == ((4, 4, 3, 3), 1)
    np.testing.assert_allclose(w.sum((0, 1, 2)), 1, rtol=1e-6)


def test_one_channel() -> None:
    w, groups = build("blur", channels=1)
    assert (w.shape, groups) == ((4, 4, 1, 1), 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kernel.npy"


def test_plane_file_serves_every_channel(file: Path) -> None:
    np.save(file, np.arange(6).reshape(2, 3))
    w, groups = build(file)
    assert (w.shape, groups, w.dtype) == ((2, 3, 1, 3), 3, F32)
    np.testing.assert_array_equal(w[..., 0, 2], np.arange(6).reshape(2, 3))
    assert build(file, groups=1)[0].shape == (2, 3, 3, 3)


def test_full_file_is_used_as_it_is(file: Path) -> None:
    full = np.random.default_rng(1).integers(-9, 9, (2, 3, 3, 5))
    np.save(file, full)
    w, groups = build(file, dtype=np.dtype("int8"))
    assert groups == 1
    np.testing.assert_array_equal(w, full)
    np.save(file, full[:, :, :1, :3])
    assert build(file)[1] == 3


@pytest.mark.parametrize(
    ("shape", "groups"),
    [
        ((3,), None),
        ((2, 2, 2), None),
        ((2, 2, 2, 4), None),
        ((2, 2, 4, 4), None),
        ((2, 2, 1, 4), 3),
        ((2, 2, 3, 3), 3),
        ((0, 2), None),
        ((2, 2, 3, 3), 0),
    ],
)
def test_wrong_shapes_name_the_allowed(shape, groups, file: Path) -> None:
    np.save(file, np.ones(shape))
    with pytest.raises(ValueError, match=r"\(kh, kw\), for every channel, or \(kh, kw, in/groups"):
        build(file, groups=groups)


@pytest.mark.parametrize(
    ("content", "dtype"),
    [(np.nan, F32), (1j, F32), (0.5, I32), (200, np.dtype("int8")), (1e9, np.dtype("float16"))],
)
def test_numbers_that_do_not_fit(content, dtype, file: Path) -> None:
    np.save(file, np.full((2, 2), content))
    with pytest.raises(TypeError) as caught:
        build(file, dtype=dtype)
    assert str(caught.value) == (
        f"the numbers in the kernel file must be finite and fit dtype {dtype}; got "
        f"kernel='{file}', file_dtype='{np.asarray(content).dtype}'. Pass another dtype, or "
        "convert the file."
    )


def test_unreadable(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one of blur, bilinear, gabor, random, or a readable"):
        build(file)
    np.save(file, np.array([[None]]))
    with pytest.raises(ValueError, match=r"readable \.npy file"):
        build(file)
    for content in (
        b"",
        b"PK\x03\x04broken",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', ",
        b"\x93NUMPY",
    ):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"readable \.npy file"):
            build(file)
    np.savez(tmp_path / "several.npz", np.ones(2))
    with pytest.raises(ValueError, match="holds several arrays"):
        build(tmp_path / "several.npz")


def test_groups_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match="groups must divide the number of channels"):
        build("blur", groups=2)
