"""SciPy: sparse matrices, `LinearOperator`, transforms, filters and resamplings of arrays."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import fft, ndimage, signal, sparse
from scipy.interpolate import make_interp_spline
from scipy.sparse import linalg

from benchmarks.verification.field.operator import Operator
from benchmarks.verification.pair import Map

__all__ = ["operators"]

_REAL, _BOTH = ("float64", "float32"), ("float64", "float32", "complex64")


def operators() -> Iterator[Operator]:
    """Every operator, in float64, float32 and some in complex64."""
    for dtype in _BOTH:
        yield from _sparse(dtype)
        yield from _spectra(dtype)
    for dtype in _REAL:
        yield from _cosines(dtype)
        yield from _filters(dtype)
        yield from _recurrences(dtype)
    yield from _resamplings()
    yield from _solvers()


def _operator(name: str, A: Map, At: Map, *shape: int, dtype: str, **options: Any) -> Operator:
    return Operator(f"{name} {dtype}", "SciPy", A, At, np.zeros(shape, dtype), **options)


def _values(*shape: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(len(shape) + int(np.prod(shape)))
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def _sparse(dtype: str) -> Iterator[Operator]:
    kept = np.random.default_rng(3).random((300, 200)) < 0.02
    M = np.where(kept, _values(300, 200, dtype=dtype), 0).astype(dtype)
    for kind in (sparse.csr_array, sparse.csc_array, sparse.coo_array):
        S = kind(M)
        yield _operator(
            kind.__name__,
            lambda v, S=S: S @ v,
            lambda u, S=S: S.conj().T @ u,
            200,
            dtype=dtype,
        )
    L = linalg.aslinearoperator(M[:60, :40])
    yield _operator("aslinearoperator", L.matvec, L.rmatvec, 40, dtype=dtype)
    P = L @ linalg.aslinearoperator(M[100:140, 50:90]) + L
    yield _operator("LinearOperator, composed", P.matvec, P.rmatvec, 40, dtype=dtype)
    laplacian = sparse.diags_array(
        [np.ones(999, dtype), np.full(1000, -2, dtype), np.ones(999, dtype)], offsets=[-1, 0, 1]
    ).tocsr()
    D = (laplacian * np.array(0.1, dtype)).astype(dtype)
    yield _operator("diags", lambda v: D @ v, lambda u: D.T @ u, 1000, dtype=dtype)


def _spectra(dtype: str) -> Iterator[Operator]:
    if dtype != "complex64":
        for n in (40, 41):
            weight = np.full(n // 2 + 1, 0.5)
            weight[0] = 1
            if n % 2 == 0:
                weight[-1] = 1
            weight = (n * weight).astype(dtype)
            yield _operator(
                f"fft.rfft {n}",
                fft.rfft,
                lambda u, n=n, weight=weight: fft.irfft(weight * u, n),
                n,
                dtype=dtype,
            )
        return
    for n in (60, 4096):
        yield _operator(
            f"fft.fft {n}",
            lambda v: fft.fft(v, norm="ortho"),
            lambda u: fft.ifft(u, norm="ortho"),
            n,
            dtype=dtype,
        )
    yield _operator(
        "fft.fftn",
        lambda v: fft.fftn(v, norm="ortho"),
        lambda u: fft.ifftn(u, norm="ortho"),
        9,
        10,
        11,
        dtype=dtype,
    )


def _cosines(dtype: str) -> Iterator[Operator]:
    for kind, n in ((2, 50), (3, 50), (4, 50), (2, 8192)):
        yield _operator(
            f"fft.dct {kind} of {n}",
            lambda v, kind=kind: fft.dct(v, kind, norm="ortho"),
            lambda u, kind=kind: fft.idct(u, kind, norm="ortho"),
            n,
            dtype=dtype,
        )
    yield _operator(
        "fft.dstn",
        lambda v: fft.dstn(v, 2, norm="ortho"),
        lambda u: fft.idstn(u, 2, norm="ortho"),
        12,
        17,
        dtype=dtype,
    )


def _filters(dtype: str) -> Iterator[Operator]:
    w = _values(3, 5, dtype=dtype)
    flipped = np.ascontiguousarray(w[::-1, ::-1])
    for mode in ("constant", "wrap"):
        yield _operator(
            f"ndimage.convolve {mode}",
            lambda v, mode=mode: ndimage.convolve(v, w, mode=mode),
            lambda u, mode=mode: ndimage.convolve(u, flipped, mode=mode),
            14,
            17,
            dtype=dtype,
        )
    for mode in ("full", "valid"):
        back = "valid" if mode == "full" else "full"
        for n in ((16, 20), (64, 64)):
            yield _operator(
                f"signal.fftconvolve {mode} {n[0]} x {n[1]}",
                lambda v, mode=mode: signal.fftconvolve(v, w, mode),
                lambda u, back=back: signal.fftconvolve(u, flipped, back),
                *n,
                dtype=dtype,
            )
    yield _operator(
        "signal.convolve2d",
        lambda v: signal.convolve2d(v, w, "full"),
        lambda u: signal.correlate2d(u, w, "valid"),
        16,
        20,
        dtype=dtype,
    )
    h = _values(9, dtype=dtype)
    yield _operator(
        "signal.oaconvolve",
        lambda v: signal.oaconvolve(v, h, "full"),
        lambda u: signal.oaconvolve(u, h[::-1].copy(), "valid"),
        500,
        dtype=dtype,
    )
    yield _operator(
        "ndimage.gaussian_filter",
        lambda v: ndimage.gaussian_filter(v, 1.3, mode="wrap"),
        lambda u: ndimage.gaussian_filter(u, 1.3, mode="wrap"),
        20,
        24,
        dtype=dtype,
    )


def _recurrences(dtype: str) -> Iterator[Operator]:
    b, a = (np.asarray(c, dtype) for c in signal.butter(3, 0.2))
    yield _operator(
        "signal.lfilter",
        lambda v: signal.lfilter(b, a, v),
        lambda u: signal.lfilter(b, a, u[::-1])[::-1],
        400,
        dtype=dtype,
    )
    yield _operator(
        "signal.detrend",
        lambda v: signal.detrend(v, type="constant"),
        lambda u: signal.detrend(u, type="constant"),
        90,
        dtype=dtype,
    )


def _matrix(A: Map, *shape: int) -> np.ndarray:
    """Of a library's map whose adjoint it does not offer."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([np.asarray(A(unit)).ravel() for unit in units], 1)


def _by_matrix(name: str, A: Map, *shape: int) -> Operator:
    M = _matrix(A, *shape)
    return _operator(name, A, lambda u: (M.T @ u.ravel()).reshape(shape), *shape, dtype="float64")


def _resamplings() -> Iterator[Operator]:
    yield _by_matrix("ndimage.zoom", lambda v: ndimage.zoom(v, (1.5, 0.7), order=1), 12, 14)
    yield _by_matrix("ndimage.shift", lambda v: ndimage.shift(v, (0.3, -1.7), order=3), 9, 11)
    yield _by_matrix(
        "ndimage.rotate", lambda v: ndimage.rotate(v, 17.0, reshape=False, order=1), 12, 12
    )
    yield _by_matrix(
        "ndimage.affine_transform",
        lambda v: ndimage.affine_transform(v, np.array([[0.9, 0.2], [-0.1, 1.1]]), order=1),
        10,
        13,
    )
    yield _by_matrix("signal.resample", lambda v: signal.resample(v, 45), 30)
    yield _by_matrix("signal.resample_poly", lambda v: signal.resample_poly(v, 3, 2), 40)
    points = np.linspace(0.2, 18.3, 31)
    yield _by_matrix(
        "make_interp_spline", lambda v: make_interp_spline(np.arange(20.0), v, k=3)(points), 20
    )
    yield _by_matrix("signal.savgol_filter", lambda v: signal.savgol_filter(v, 7, 2), 50)


def _solvers() -> Iterator[Operator]:
    n = 150
    K = sparse.csc_array(
        sparse.diags_array(
            [np.full(n - 1, -1.0), 2.5 + np.arange(n) / n, np.full(n - 1, -0.7)],
            offsets=[-1, 0, 1],
        )
    )
    solver = linalg.splu(K)
    yield _operator("splu", solver.solve, lambda u: solver.solve(u, trans="H"), n, dtype="float64")
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.standard_normal((20, 20)))[0] for _ in range(2))
    hard = left @ np.diag(np.logspace(0, -4, 20)) @ right
    yield _operator(
        "np.linalg.solve, condition 1e4",
        lambda v: np.linalg.solve(hard, v),
        lambda u: np.linalg.solve(hard.T, u),
        20,
        dtype="float64",
    )
    S = K @ K.T
    yield _operator(
        "40 steps of CG",
        lambda v: linalg.cg(S, v, maxiter=40, rtol=0)[0],
        lambda u: linalg.cg(S, u, maxiter=40, rtol=0)[0],
        n,
        dtype="float64",
        argued="CG's steps depend on the right-hand side: not linear",
    )
