"""pylops, as its users call it: `Op.matvec`, `Op.rmatvec`, flat NumPy arrays of the Op's dtype."""

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pylops
from pylops import avo, medical, signalprocessing, waveeqprocessing

from benchmarks.verification.field.operator import Operator

__all__ = ["operators"]

_REAL, _BOTH = ("float64", "float32"), ("float64", "float32", "complex128", "complex64")
_SLOW = 40.0  # seconds
_ARGUED = {
    "Conj complex128": "conj is linear over the reals only",
    "Conj complex64": "conj is linear over the reals only",
}

Make = Callable[[str], Any]


def operators() -> Iterator[Operator]:
    """Every operator in the dtypes that it is used in; wavelets where PyWavelets is installed."""
    for name, (make, dtypes) in itertools.chain(_BASIC.items(), _SIGNAL.items(), _WAVES.items()):
        if name.startswith("DWT") and not importlib.util.find_spec("pywt"):
            continue
        for dtype in dtypes:
            yield _operator(f"{name} {dtype}", make(dtype))


def _operator(name: str, op: Any) -> Operator:
    domain = np.zeros(op.shape[1], _domain_dtype(name, op))
    return Operator(name, "pylops", op.matvec, op.rmatvec, domain, _SLOW, _ARGUED.get(name, ""))


def _domain_dtype(name: str, op: Any) -> np.dtype:
    """The Op's, but real where the model is: real transforms, modelling in frequency."""
    real = name.startswith(_REAL_MODELS)
    return np.zeros(0, op.dtype).real.dtype if real else np.dtype(op.dtype)


_REAL_MODELS = ("FFT real", "FFT2D real", "FFTND real", "MDC", "PhaseShift", "Shift real")


def _ramp(*shape: int, dtype: str = "float64") -> np.ndarray:
    """1, 2, 3, ... over a third: no symmetry, no whole numbers."""
    return (np.arange(1, 1 + np.prod(shape)).reshape(shape) / 3).astype(dtype)


def _matrix(m: int, n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(m * n)
    values = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal((m, n))
    return values.astype(dtype)


def _mult(m: int, n: int, dtype: str) -> Any:
    return pylops.MatrixMult(_matrix(m, n, dtype), dtype=dtype)


def _directions(dtype: str) -> np.ndarray:
    angle = np.linspace(0.1, 1.2, 12 * 10).reshape(12, 10)
    return np.stack([np.cos(angle), np.sin(angle)]).astype(dtype)


def _spread(dtype: str) -> Any:
    table = np.random.default_rng(0).integers(0, 16, (6, 12, 9)).astype(float)
    return pylops.Spread((6, 12), (9, 16), table=table, dtype=dtype)


def _kernel(dtype: str, *shape: int) -> np.ndarray:
    return _ramp(*shape, dtype=dtype)


_POINTS = np.array([1.4, 8.2, 30.1])
_BASIC: dict[str, tuple[Make, tuple[str, ...]]] = {
    "MatrixMult": (lambda t: _mult(30, 21, t), _BOTH),
    "MatrixMult otherdims": (
        lambda t: pylops.MatrixMult(_matrix(9, 7, t), otherdims=(5,), dtype=t),
        _REAL,
    ),
    "Identity": (lambda t: pylops.Identity(40, 30, dtype=t), _BOTH),
    "Zero": (lambda t: pylops.Zero(20, 30, dtype=t), _REAL),
    "Diagonal": (lambda t: pylops.Diagonal(_kernel(t, 50), dtype=t), _BOTH),
    "FirstDerivative": (lambda t: pylops.FirstDerivative(100, dtype=t), _BOTH),
    "FirstDerivative axis 0": (
        lambda t: pylops.FirstDerivative((12, 10), axis=0, sampling=0.3, dtype=t),
        _REAL,
    ),
    "FirstDerivative order 5": (
        lambda t: pylops.FirstDerivative(60, order=5, edge=True, dtype=t),
        _REAL,
    ),
    "FirstDerivative forward": (
        lambda t: pylops.FirstDerivative(60, kind="forward", dtype=t),
        _REAL,
    ),
    "SecondDerivative": (lambda t: pylops.SecondDerivative(80, dtype=t), _REAL),
    "SecondDerivative edge": (
        lambda t: pylops.SecondDerivative((9, 11), axis=1, edge=True, dtype=t),
        _REAL,
    ),
    "Laplacian": (lambda t: pylops.Laplacian((14, 11), weights=(1, 0.5), dtype=t), _REAL),
    "Gradient": (lambda t: pylops.Gradient((10, 13), sampling=(0.1, 3.0), dtype=t), _REAL),
    "FirstDirectionalDerivative": (
        lambda t: pylops.FirstDirectionalDerivative((12, 10), _directions(t), dtype=t),
        _REAL,
    ),
    "SecondDirectionalDerivative": (
        lambda t: pylops.SecondDirectionalDerivative((12, 10), _directions(t), dtype=t),
        _REAL,
    ),
    "CausalIntegration": (lambda t: pylops.CausalIntegration(70, sampling=0.1, dtype=t), _REAL),
    "CausalIntegration trapezoidal": (
        lambda t: pylops.CausalIntegration(
            70, sampling=0.1, kind="trapezoidal", removefirst=True, dtype=t
        ),
        _REAL,
    ),
    "Smoothing1D": (lambda t: pylops.Smoothing1D(5, 60, dtype=t), _REAL),
    "Smoothing2D": (lambda t: pylops.Smoothing2D((3, 5), (12, 14), dtype=t), _REAL),
    "SmoothingND": (
        lambda t: pylops.SmoothingND((3, 3, 3), (6, 7, 5), axes=(0, 1, 2), dtype=t),
        ("float64",),
    ),
    "Flip": (lambda t: pylops.Flip((7, 9), axis=0, dtype=t), _BOTH),
    "Roll": (lambda t: pylops.Roll((7, 9), axis=1, shift=3, dtype=t), _REAL),
    "Pad": (lambda t: pylops.Pad((7, 9), ((1, 2), (0, 3)), dtype=t), _REAL),
    "Restriction": (lambda t: pylops.Restriction(40, [3, 5, 8, 30], dtype=t), _BOTH),
    "Sum": (lambda t: pylops.Sum((7, 9), axis=0, dtype=t), _REAL),
    "Symmetrize": (lambda t: pylops.Symmetrize(30, dtype=t), _REAL),
    "Transpose": (lambda t: pylops.Transpose((4, 5, 6), (2, 0, 1), dtype=t), _REAL),
    "Spread": (_spread, _REAL),
    "LinearRegression": (lambda t: pylops.LinearRegression(_ramp(30, dtype=t), dtype=t), _REAL),
    "Regression": (lambda t: pylops.Regression(_ramp(20, dtype=t), 3, dtype=t), _REAL),
    "Real": (lambda t: pylops.Real(30, dtype=t), ("complex128", "complex64")),
    "Imag": (lambda t: pylops.Imag(30, dtype=t), ("complex128", "complex64")),
    "Conj": (lambda t: pylops.Conj(30, dtype=t), ("complex128", "complex64")),
    "VStack": (
        lambda t: pylops.VStack([_mult(9, 12, t), pylops.Flip(12, dtype=t)], dtype=t),
        _REAL,
    ),
    "HStack": (lambda t: pylops.HStack([_mult(9, 12, t), _mult(9, 5, t)], dtype=t), _REAL),
    "Block": (
        lambda t: pylops.Block(
            [[_mult(9, 12, t), _mult(9, 5, t)], [_mult(4, 12, t), _mult(4, 5, t)]], dtype=t
        ),
        _REAL,
    ),
    "BlockDiag": (
        lambda t: pylops.BlockDiag([_mult(9, 12, t), pylops.FirstDerivative(11, dtype=t)], dtype=t),
        _REAL,
    ),
    "Kronecker": (lambda t: pylops.Kronecker(_mult(5, 4, t), _mult(3, 6, t), dtype=t), _REAL),
    "product, sum and scaling": (
        lambda t: 2.5 * _mult(9, 12, t) @ pylops.FirstDerivative(12, dtype=t) + _mult(9, 12, t),
        _REAL,
    ),
}

_SIGNAL: dict[str, tuple[Make, tuple[str, ...]]] = {
    "Convolve1D": (
        lambda t: signalprocessing.Convolve1D(60, _kernel(t, 7), offset=3, dtype=t),
        _REAL,
    ),
    "Convolve1D axis 0, fft": (
        lambda t: signalprocessing.Convolve1D(
            (40, 3), _kernel(t, 5), offset=1, axis=0, method="fft", dtype=t
        ),
        _REAL,
    ),
    "Convolve2D": (
        lambda t: signalprocessing.Convolve2D((12, 14), _kernel(t, 3, 5), (1, 2), dtype=t),
        _REAL,
    ),
    "ConvolveND": (
        lambda t: signalprocessing.ConvolveND(
            (6, 7, 5), _kernel(t, 3, 2, 3), (1, 0, 1), axes=(0, 1, 2), dtype=t
        ),
        _REAL,
    ),
    "NonStationaryConvolve1D": (
        lambda t: signalprocessing.NonStationaryConvolve1D(
            60, _kernel(t, 3, 7), [10, 30, 50], dtype=t
        ),
        _REAL,
    ),
    "NonStationaryFilters1D": (
        lambda t: signalprocessing.NonStationaryFilters1D(_kernel(t, 60), 7, [10, 30, 50], dtype=t),
        _REAL,
    ),
    "FFT": (lambda t: signalprocessing.FFT(50, nfft=64, dtype=t), ("complex128", "complex64")),
    "FFT real": (lambda t: signalprocessing.FFT(50, nfft=64, real=True, dtype=t), _REAL),
    "FFT 2048": (lambda t: signalprocessing.FFT(2048, dtype=t), ("complex128", "complex64")),
    "FFT2D": (lambda t: signalprocessing.FFT2D((12, 14), dtype=t), ("complex128", "complex64")),
    "FFT2D real": (lambda t: signalprocessing.FFT2D((12, 14), real=True, dtype=t), _REAL),
    "FFTND": (
        lambda t: signalprocessing.FFTND((5, 6, 7), axes=(0, 1, 2), dtype=t),
        ("complex128", "complex64"),
    ),
    "Shift": (lambda t: signalprocessing.Shift((40,), 2.5, real=True, dtype=t), _REAL),
    "DCT": (lambda t: signalprocessing.DCT((9, 12), type=2, dtype=t), _REAL),
    "DWT": (lambda t: signalprocessing.DWT(64, wavelet="db2", level=2, dtype=t), _REAL),
    "DWT2D": (lambda t: signalprocessing.DWT2D((16, 16), wavelet="haar", level=2, dtype=t), _REAL),
    "Bilinear": (
        lambda t: signalprocessing.Bilinear(
            np.array([[1.2, 3.4, 7.9], [0.5, 2.2, 6.1]]), (10, 9), dtype=t
        ),
        _REAL,
    ),
    "Interp linear": (lambda t: signalprocessing.Interp(40, _POINTS, dtype=t)[0], _REAL),
    "Interp nearest": (
        lambda t: signalprocessing.Interp(40, _POINTS, kind="nearest", dtype=t)[0],
        _REAL,
    ),
    "Interp sinc": (
        lambda t: signalprocessing.Interp(40, _POINTS, kind="sinc", dtype=t)[0],
        _REAL,
    ),
    "Interp cubic spline": (
        lambda t: signalprocessing.Interp(40, _POINTS, kind="cubic_spline", dtype=t)[0],
        ("float64",),
    ),
    "Fredholm1": (
        lambda t: signalprocessing.Fredholm1(_kernel(t, 4, 5, 6), nz=3, dtype=t),
        _BOTH,
    ),
    "Radon2D": (
        lambda t: signalprocessing.Radon2D(
            np.arange(20) * 0.01, np.arange(8) * 1.0, np.linspace(-0.01, 0.01, 7), dtype=t
        ),
        _REAL,
    ),
    "Radon3D": (
        lambda t: signalprocessing.Radon3D(
            np.arange(10) * 0.01,
            np.arange(4) * 1.0,
            np.arange(5) * 1.0,
            np.linspace(-0.01, 0.01, 3),
            np.linspace(-0.01, 0.01, 4),
            dtype=t,
        ),
        ("float64",),
    ),
    "ChirpRadon2D": (
        lambda t: signalprocessing.ChirpRadon2D(
            np.arange(20) * 0.01, np.arange(9) * 1.0, 0.01, dtype=t
        ),
        _REAL,
    ),
    "FourierRadon2D": (
        lambda t: signalprocessing.FourierRadon2D(
            np.arange(16) * 0.01, np.arange(8) * 1.0, np.linspace(-0.01, 0.01, 7), 16, dtype=t
        ),
        _REAL,
    ),
    "Sliding1D": (
        lambda t: signalprocessing.Sliding1D(_mult(10, 6, t), 24, 34, 10, 2, tapertype="cosine"),
        _REAL,
    ),
    "Patch2D": (
        lambda t: signalprocessing.Patch2D(
            _mult(30, 20, t), (12, 15), (13, 14), (5, 6), (1, 2), (4, 5), tapertype=None
        ),
        _REAL,
    ),
    "Seislet": (
        lambda t: signalprocessing.Seislet(np.full((8, 16), 0.2), level=2, dtype=t),
        _REAL,
    ),
    "PWSprayer2D": (
        lambda t: signalprocessing.PWSprayer2D((10, 12), np.full((10, 12), 0.3), dtype=t),
        _REAL,
    ),
}

_WAVES: dict[str, tuple[Make, tuple[str, ...]]] = {
    "MDC": (
        lambda t: waveeqprocessing.MDC(
            _matrix(60, 4, t).reshape(10, 6, 4), nt=19, nv=3, dt=0.1, dr=0.5, twosided=True
        ),
        ("complex128", "complex64"),
    ),
    "PhaseShift": (
        lambda t: waveeqprocessing.PhaseShift(
            1500.0,
            20.0,
            16,
            np.fft.rfftfreq(16, 0.01),
            np.fft.fftshift(np.fft.fftfreq(8, 5.0)),
            dtype=t,
        ),
        _REAL,
    ),
    "BlendingContinuous": (
        lambda t: waveeqprocessing.BlendingContinuous(
            20, 3, 4, 0.01, np.array([0, 0.05, 0.13, 0.2]), dtype=t
        ),
        _REAL,
    ),
    "AVOLinearModelling": (
        lambda t: avo.AVOLinearModelling(np.arange(0, 30, 5.0), vsvp=0.5, nt0=9, dtype=t),
        _REAL,
    ),
    "PoststackLinearModelling": (
        lambda t: avo.PoststackLinearModelling(_kernel(t, 7) - 1, 30),
        _REAL,
    ),
    "PrestackLinearModelling": (
        lambda t: avo.PrestackLinearModelling(_kernel(t, 7) - 1, np.arange(0, 30, 6.0), nt0=15),
        ("float64",),
    ),
    "MRI2D": (
        lambda t: medical.MRI2D(
            (12, 16), (np.arange(192).reshape(12, 16) % 3 > 0).astype(float), dtype=t
        ),
        ("complex128", "complex64"),
    ),
}
