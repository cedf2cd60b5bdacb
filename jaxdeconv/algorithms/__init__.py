"""Fast ways to compute the legs, one file each; siblings know nothing of each other.

All take canonical arrays and a `Problem`, all compute exactly what `jaxdeconv.reference` defines,
and all hold one contract (`contract`). None inserts zeros into a signal on a CPU; `native` does on
a GPU where XLA knows no backward convolution and that is still predicted to be the fastest.

| algorithm | legs | idea |
|---|---|---|
| `onednn` | K, K^T, G | oneDNN's own passes, by its C API (extra `cpu`) |
| `onednn_swapped` | G | oneDNN's forward pass of v with u as the kernel |
| `native` | K, K^T, G | XLA's convolution, in the forms that it has kernels for |
| `phases`, `subpixel` | K^T | dense convolutions of u, one per phase of the stride |
| `onednn_subpixel` | K^T | the same with oneDNN's convolution |
| `overlap_add` | K^T | one product of matrices, then overlap-add |
| `im2col`, `row_im2col` | K, G | gather the windows, one product of matrices |
| `per_tap` | K, G | one product of matrices per kernel tap |
| `block_diagonal` | K, K^T, G | all groups as one convolution, for TPUs |
| `depthwise` | K, K^T, G | fused multiply-adds, for one channel per group; G: for few |
| `fft` | K, K^T, G | Fourier transforms, for large kernels; inexact, so on request alone |
"""

from typing import Literal, TypeAlias

from jaxdeconv.algorithms import (
    depthwise,
    fft,
    im2col,
    native,
    onednn,
    overlap_add,
    per_tap,
    phases,
)
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work

__all__ = ["ALGORITHMS", "Algorithm", "AlgorithmName", "Problem", "Work"]

AlgorithmName: TypeAlias = (
    Literal[
        "auto",
        "derived",
        "block_diagonal",
        "depthwise",
        "fft",
        "im2col",
        "native",
        "onednn",
        "onednn_subpixel",
        "onednn_swapped",
        "overlap_add",
        "per_tap",
        "phases",
        "row_im2col",
        "subpixel",
    ]
    | str  # a registered one; an editor still offers those above
)
"""What `algorithm=` may be; which leg has which is in the table above."""

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": (
        onednn.ONEDNN,
        native.CONV,
        native.DENSE_CONV,
        im2col.CONV,
        im2col.CONV_BY_ROWS,
        fft.FFTS["conv"],
        per_tap.CONV,
        depthwise.CONV,
    ),
    "conv_transpose": (
        onednn.ONEDNN,
        phases.ONEDNN_SUBPIXEL,
        native.CONV_TRANSPOSE,
        native.DENSE_CONV_TRANSPOSE,
        phases.PHASES,
        phases.SUBPIXEL,
        fft.FFTS["conv_transpose"],
        overlap_add.CONV_TRANSPOSE,
        depthwise.CONV_TRANSPOSE,
    ),
    "kernel_gradient": (
        onednn.ONEDNN,
        onednn.SWAPPED,
        native.KERNEL_GRADIENT,
        native.DENSE_KERNEL_GRADIENT,
        im2col.KERNEL_GRADIENT,
        im2col.KERNEL_GRADIENT_BY_ROWS,
        fft.FFTS["kernel_gradient"],
        per_tap.KERNEL_GRADIENT,
        depthwise.KERNEL_GRADIENT,
    ),
}
"""The candidates for every leg; for every problem there is one on every platform."""
