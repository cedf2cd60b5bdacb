"""What is certain is so: a repair gives the expected entries back, and nothing else fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.diagnose import Cause, Diagnosis, diagnose
from jaxdeconv.verify.matrices import Entries

S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(3)


def entries(dense: np.ndarray) -> Entries:
    rows, cols = np.nonzero(dense)
    return Entries(rows, cols, dense[rows, cols], dense.shape)


def diagnosed(expected: np.ndarray, got: np.ndarray, dtype=np.float32) -> Diagnosis:
    n, m = expected.shape
    return diagnose(entries(expected), entries(got), S((n,), dtype), S((m,), dtype))


# --- a missing conjugate

FFTS = {"jax": (jnp.fft, S), "numpy": (np.fft, np.zeros)}


@pytest.mark.parametrize("library", FFTS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((20,), 0), ((32,), 0), ((20, 6), 0), ((6, 20), 1)], ids=str
)
@pytest.mark.every_variant
def test_a_missing_conjugate_of_a_padded_fft(shape, axis: int, library: str) -> None:
    """For an isometry it is the pseudo-inverse of conj(A); if A is symmetric, it is A itself."""
    fft, space = FFTS[library]
    report = verify.adjoint(
        lambda v: fft.fft(v, 32, axis=axis, norm="ortho"),
        lambda u: (
            fft.fft(u, axis=axis, norm="ortho")[: shape[0], : shape[-1]]
            if len(shape) == 2
            else fft.fft(u, norm="ortho")[: shape[0]]
        ),
        space(shape, np.complex64),
        key=0,
    )
    assert report.status == "fail"
    assert report.cause == "conjugate missing"
    assert report.certain == (shape != (32,))
    assert "inverse" not in report.explanation
    assert ("or forward map" in report.explanation) == (shape == (32,))


@pytest.mark.parametrize("cells", [256, 1024, 2048])
def test_a_real_circulant_without_the_conjugate(cells: int) -> None:
    """At is A itself: from all entries, or from a few columns of a matrix that is larger."""
    spectrum = np.fft.fft(RANDOM.integers(1, 9, cells)).astype(np.complex64)

    def circulant(v):
        return jnp.fft.ifft(spectrum * jnp.fft.fft(v)).real

    report = verify.adjoint(circulant, circulant, S((cells,), np.float32), key=0)
    assert (report.status, report.cause) == ("fail", "forward map instead of transpose")
    assert not report.certain  # the columns are mirrored, too
    assert "\n  or mirrored (" in report.explanation


def test_no_circulant_is_no_forward_map() -> None:
    """Mirrored about the diagonal, but with a factor for every column: not what A would be."""
    n, seen = 48, np.arange(20, 24)
    x, y = np.indices((n, n))
    kernel = RANDOM.integers(1, 9, n)
    factors = np.arange(1, n + 1)
    expected, got = kernel[(x - y) % n] * factors[y], kernel[(y - x) % n] * factors[y]
    v = S((n,), np.float32)
    found = diagnose(entries(expected), entries(got), v, v, cols=seen)
    causes = {found.cause, *(suspect.cause for suspect in found.alternatives)}
    assert Cause.FORWARD not in causes
    circulant = diagnose(
        entries(expected // factors[y]), entries(got // factors[y]), v, v, cols=seen
    )
    assert circulant.cause is Cause.FORWARD


# --- inverses


def test_a_pseudo_inverse_gives_the_map_back() -> None:
    forward = RANDOM.standard_normal((7, 5))
    found = diagnosed(forward.T, np.linalg.pinv(forward))
    assert (found.cause, found.certain) == (Cause.INVERSE, True)


def test_an_inverse_that_does_not_give_the_map_back_is_not_certain() -> None:
    """At A v = v, with any of many At: another fault may have led to it."""
    forward = RANDOM.standard_normal((7, 5))
    null = np.linalg.svd(forward.T)[2][5:]
    other = np.linalg.pinv(forward) + RANDOM.standard_normal((5, 2)) @ null
    found = diagnosed(forward.T, other)
    assert (found.cause, found.certain) == (Cause.INVERSE, False)
    assert "At A v = v" in found.text


def test_an_inverse_of_a_map_that_loses_cells_is_certain_all_the_same() -> None:
    """The pseudo-inverse of the pseudo-inverse is A, whatever its rank."""
    forward = RANDOM.integers(-3, 4, (7, 3)) @ RANDOM.integers(-3, 4, (3, 5)).astype(float)
    found = diagnosed(forward.T, np.linalg.pinv(forward))
    assert (found.cause, found.certain) == (Cause.INVERSE, True)


# --- rounding


def test_a_fault_is_recognised_through_rounding() -> None:
    expected = RANDOM.standard_normal((6, 6)) + 1j * RANDOM.standard_normal((6, 6))
    noise = 1e-8 * RANDOM.standard_normal((6, 6))
    found = diagnosed(expected, expected.conj() + noise, np.complex64)
    assert (found.cause, found.certain) == (Cause.CONJUGATE, True)
    assert diagnosed(expected, expected.conj() + 1e4 * noise, np.complex64).cause is None


def test_a_fault_of_small_entries_is_not_taken_for_rounding() -> None:
    """Nothing that leaves it as it is explains it, though large entries round by more."""
    large, small = (RANDOM.standard_normal((4, 4)) for _ in range(2))
    expected = np.block([[1e6 * large, 0 * large], [0 * small, 1e-3 * small]])
    got = expected.copy()
    got[4:, 4:] *= -1
    found = diagnosed(expected, got)
    assert found.cause in (Cause.SIGN, Cause.DEVICES)
    assert "-1 times" in found.text


# --- one device


def test_a_sign_of_some_weights_has_nothing_to_do_with_devices() -> None:
    expected = RANDOM.integers(1, 9, (8, 6)).astype(float)
    got = expected.copy()
    got[4:] *= -1
    found = diagnosed(expected, got)
    assert (found.cause, found.certain) == (Cause.SIGN, True)


def test_the_names_of_causes_fit_any_linear_map() -> None:
    foreign = ("kernel", "tap", "padding", "stride", "dilation", "channel", "group", "device")
    assert not [cause for cause in Cause if any(word in cause for word in foreign)]
