"""Super-resolution by 2: steps, time and memory, with and without the polyphase preconditioner.

    python -m benchmarks.superresolution [--size 512] [--damp 1e-4]

The photograph (scikit-image's astronaut, three channels) is blurred by a Gaussian of 7 x 7 taps and
halved in size, per channel; damped least squares then recovers the original, until the residual of
the normal equations is 1e-6 of its initial value. SciPy's lsqr gets the sparse matrix of the same
operator, and stops at the same residual (by a limit of iterations that is searched for, untimed).
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg
from skimage import data, transform

from jaxdeconv.operators import ConvOperator, lstsq

TOLERANCE = 1e-6


def operator(size: int) -> ConvOperator:
    """Blur and halve a `(size, size, 3)` photograph."""
    taps = np.exp(-(np.arange(-3.0, 4) ** 2) / 4)
    kernel = np.outer(taps, taps) / np.outer(taps, taps).sum()
    w = jnp.asarray(np.repeat(kernel[..., None, None], 3, axis=-1), jnp.float32)
    return ConvOperator(w, (size, size, 3), stride=2, padding=3, groups=3)


def photograph(size: int) -> jax.Array:
    """`(size, size, 3)`, between 0 and 1."""
    image = data.astronaut() / 255
    if size != image.shape[0]:
        image = transform.resize(image, (size, size), anti_aliasing=True)
    return jnp.asarray(image, jnp.float32)


def relative_residual(matrix: Any, u: np.ndarray, v: np.ndarray, damp: float) -> float:
    """Residual of the normal equations in double precision, by the sparse matrix."""
    right = matrix.T @ u
    residual = matrix.T @ (u - matrix @ v) - damp * v
    return float(np.linalg.norm(residual) / np.linalg.norm(right))


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the fastest of three calls after one that compiles, and the result."""
    result = jax.block_until_ready(function())
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        result = jax.block_until_ready(function())
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def scipy_solution(matrix: Any, u: np.ndarray, damp: float) -> tuple[float, int, np.ndarray]:
    """Seconds, steps and v of lsqr, stopped when it first reaches the tolerance."""
    limit = 8
    while True:
        start = time.perf_counter()
        v, _, steps, *_ = scipy.sparse.linalg.lsqr(
            matrix, u, damp=np.sqrt(damp), atol=0, btol=0, conlim=0, iter_lim=limit
        )
        seconds = time.perf_counter() - start
        if relative_residual(matrix, u, v, damp) <= TOLERANCE or limit > 1000:
            return seconds, steps, v
        limit = int(limit * 1.2) + 1


def peak() -> float:
    """Peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--damp", type=float, default=1e-4)
    options = parser.parse_args()
    K, truth = operator(options.size), photograph(options.size)
    u = K @ truth
    print(f"{K}, damp {options.damp:g}, {jax.devices()[0].platform}, load {os.getloadavg()[0]:.1f}")
    found = {}
    for name in (None, "polyphase"):
        seconds, solution = timed(
            lambda name=name: lstsq(
                K, u, damp=options.damp, preconditioner=name, tolerance=TOLERANCE
            )
        )
        found[f"lstsq, preconditioner {name}"] = (
            seconds,
            int(solution.steps),
            np.asarray(solution.value, np.float64).ravel(),
            peak(),
        )
    start = time.perf_counter()
    matrix, flat = K.as_scipy_sparse().astype(np.float64), np.asarray(u, np.float64).ravel()
    built = time.perf_counter() - start
    found["scipy lsqr"] = (*scipy_solution(matrix, flat, options.damp), peak())
    print(f"{'':32}{'seconds':>9}{'steps':>7}{'residual':>10}{'error':>9}{'peak MiB':>10}")
    for name, (seconds, steps, v, mebibytes) in found.items():
        residual = relative_residual(matrix, flat, v, options.damp)
        error = np.linalg.norm(v - np.ravel(truth)) / np.linalg.norm(truth)
        print(f"{name:32}{seconds:9.3f}{steps:7}{residual:10.1e}{error:9.4f}{mebibytes:10.0f}")
    print(f"sparse matrix: {matrix.nnz} entries, {built:.1f} s to build (not counted)")


if __name__ == "__main__":
    main()
