"""The dense convolutions that algorithms are built on: XLA's and oneDNN's.

On CPUs XLA convolves by a library that reaches half the speed of a matrix product at 64 channels,
and by loops that reach a fiftieth of it for many groups. PyTorch convolves by oneDNN (`dnnl`).
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms import dnnl
from jaxdeconv.algorithms.problem import Problem
from jaxdeconv.algorithms.windows import crop_axis, pad_with_zeros

Pads: TypeAlias = Sequence[tuple[int, int]]
Convolve: TypeAlias = Callable[..., Array]
"""`by_xla` or `by_onednn`, which take the same arguments, except for a dilated input."""


def by_xla(
    x: Array,
    kernel: Array,
    problem: Problem,
    *,
    strides: Sequence[int],
    padding: Pads,
    rhs_dilation: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    numbers: lax.ConvDimensionNumbers | None = None,
    batch_groups: int = 1,
) -> Array:
    """`lax.conv_general_dilated`, accumulating as the problem says; canonical by default.

    `batch_groups` is its `batch_group_count`, in the place of the problem's groups.

    Negative padding is cropped beforehand: XLA on CPUs (jaxlib 0.10 and 0.11) reads outside the
    signal if only one side of an axis has negative padding. Not of G on a GPU: where no window
    reads the end of v, XLA knows cuDNN's backward convolution by it, and copies nothing.
    """
    padding = list(padding)
    if (problem.platform, problem.leg) != ("gpu", "kernel_gradient"):
        for dim, spacing in enumerate(lhs_dilation or [1] * len(padding)):
            x, padding[dim] = crop_axis(x, 1 + dim, padding[dim], spacing)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=strides,
        padding=padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=numbers or _canonical(x.ndim - 2),
        feature_group_count=problem.geometry.groups if batch_groups == 1 else 1,
        batch_group_count=batch_groups,
        precision=problem.precision,
        preferred_element_type=problem.convolution_dtype,
    )


def by_onednn(
    x: Array,
    kernel: Array,
    problem: Problem,
    *,
    strides: Sequence[int],
    padding: Pads,
    rhs_dilation: Sequence[int],
) -> Array:
    """The same by oneDNN, in the accumulator's dtype."""
    one = pass_over(
        x.shape,
        kernel.shape,
        problem,
        strides=strides,
        padding=padding,
        rhs_dilation=rhs_dilation,
    )
    return dnnl.call(pad_with_zeros(x, crops(padding)), kernel, one)


def pass_over(
    shape: Sequence[int],
    kernel: Sequence[int],
    problem: Problem,
    *,
    strides: Sequence[int],
    padding: Pads,
    rhs_dilation: Sequence[int],
) -> dnnl.Pass:
    """What oneDNN computes for `by_onednn`, from the shapes of x and of the kernel."""
    return cropped_pass(
        "conv",
        problem,
        (shape[0], shape[-1], kernel[-1]),
        shape[1:-1],
        kernel[:-2],
        strides,
        padding,
        rhs_dilation,
    )


def cropped_pass(
    leg: str,
    problem: Problem,
    counts: tuple[int, int, int],
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Pads,
    dilation: Sequence[int],
) -> dnnl.Pass:
    """A pass in a problem's dtypes and groups, over v without what negative padding takes off.

    `counts` are images, input channels and output channels.
    """
    sizes = zip(input_size, crops(padding), strict=True)
    return dnnl.Pass(
        leg,
        problem.dtype.name,
        problem.accumulator.name,
        *counts,
        tuple(n + low + high for n, (low, high) in sizes),
        tuple(kernel_size),
        tuple(stride),
        tuple((max(low, 0), max(high, 0)) for low, high in padding),
        tuple(dilation),
        problem.geometry.groups,
    )


def crops(padding: Pads) -> list[tuple[int, int]]:
    """What negative padding takes off at both ends, as padding: oneDNN does not crop."""
    return [(min(low, 0), min(high, 0)) for low, high in padding]


def onednn_is_missing(problem: Problem, platform: str) -> str:
    """Why oneDNN cannot be called for a problem; '' if it can."""
    if platform != "cpu":
        return "oneDNN is CPU only"
    if problem.exported or problem.partitioned:
        return "a call of oneDNN can be neither exported nor divided among devices"
    if problem.dtype.name not in ("float32", "bfloat16") or problem.accumulator != np.float32:
        return "oneDNN is used in float32, and in bfloat16 with sums in float32"
    if problem.batch is None:
        return "the batch must be known"
    if not 1 <= problem.geometry.ndim <= 3:
        return "oneDNN has 1 to 3 spatial dimensions"
    return dnnl.missing()


def _canonical(ndim: int) -> lax.ConvDimensionNumbers:
    signal = (0, ndim + 1, *range(1, ndim + 1))
    return lax.ConvDimensionNumbers(signal, (ndim + 1, ndim, *range(ndim)), signal)
