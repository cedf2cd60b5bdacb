"""The dense convolutions that the algorithms stand on: XLA's, and oneDNN's where jaxlib has it.

jaxlib's CPU backend for x86-64 carries oneDNN, the library with which PyTorch convolves, and XLA
has a custom call for it, `__onednn$convolution`. XLA itself sends convolutions elsewhere: to a
library that reaches half of the speed of a product of matrices at 64 channels, and to loops that
reach a fiftieth where there are many groups. So the call is made here.

It is no documented interface. Therefore it is made only after it has computed one small
convolution rightly in this process (`has_onednn`), only in float32, and never in programs that are
exported or divided among devices by XLA: there other algorithms serve.

References: XLA's service/cpu/onednn_convolution and onednn_config.proto; oneDNN's developer guide.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import jax
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms.problem import Problem
from jaxdeconv.algorithms.windows import crop_axis, pad_with_zeros

Pads: TypeAlias = Sequence[tuple[int, int]]
Convolve: TypeAlias = Callable[..., Array]
"""`by_xla` or `by_onednn`: they take the same arguments, but for the dilated input."""


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
) -> Array:
    """`lax.conv_general_dilated`, accumulating as the problem says; `numbers`: canonical arrays.

    Negative padding is cropped before: XLA on a CPU (jaxlib 0.10 and 0.11) reads outside of the
    signal if one side of an axis has negative padding and the other has not.
    """
    padding = list(padding)
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
        feature_group_count=problem.geometry.groups,
        precision=problem.precision,
        preferred_element_type=problem.accumulator,
    )


def by_onednn(
    x: Array,
    kernel: Array,
    problem: Problem,
    *,
    strides: Sequence[int],
    padding: Pads,
    rhs_dilation: Sequence[int],
    rhs_spec: Sequence[int] | None = None,
) -> Array:
    """The same by oneDNN, in float32.

    `rhs_spec` says, in the manner of `lax.ConvDimensionNumbers`, which axes of the kernel are its
    output and input channels and its spatial dimensions: it is repacked in any case, so that any
    order is as good. Any other order of the signal's axes falls into oneDNN's slowest loop.
    """
    numbers = _canonical(x.ndim - 2)
    if rhs_spec is not None:
        numbers = numbers._replace(rhs_spec=tuple(rhs_spec))
    taps = [kernel.shape[axis] for axis in numbers.rhs_spec[2:]]
    # one tap has no dilation: oneDNN's depthwise kernel writes beyond its arrays if it has one
    rhs_dilation = [d if k > 1 else 1 for k, d in zip(taps, rhs_dilation, strict=True)]
    strides, padding, size = list(strides), list(padding), []
    for dim, n in enumerate(x.shape[1:-1]):
        reach = rhs_dilation[dim] * (taps[dim] - 1) + 1
        size.append((n + sum(padding[dim]) - reach) // strides[dim] + 1)
        if size[dim] == 1 < strides[dim]:
            # one place has no stride: with one, oneDNN's kernel for one channel takes the second
            # image from a wrong place
            strides[dim] = 1
            padding[dim] = (padding[dim][0], reach - n - padding[dim][0])
    depthwise = problem.geometry.groups > 1 and kernel.shape[numbers.rhs_spec[1]] == 1
    if not _pads(taps, padding, rhs_dilation, depthwise=depthwise):
        x = pad_with_zeros(x, padding)
        padding = [(0, 0)] * len(padding)
    shape = (x.shape[0], *size, kernel.shape[numbers.rhs_spec[0]])
    config = _config(strides, padding, rhs_dilation, problem.geometry.groups, numbers)
    convolved: Array = _call(config, shape, x.dtype)(x, kernel)
    return convolved


def _pads(taps: Sequence[int], padding: Pads, dilation: Sequence[int], *, depthwise: bool) -> bool:
    """Whether oneDNN may pad by itself.

    It does not crop. And padding by more than the kernel, or of a dilated or long depthwise kernel,
    makes it fall back to the code of which `LONGEST` tells.
    """
    delicate = depthwise and (max(dilation) > 1 or max(taps) > LONGEST_PADDED)
    most = [0 if delicate else (k - 1) * d for k, d in zip(taps, dilation, strict=True)]
    return all(min(pair) >= 0 and max(pair) <= m for pair, m in zip(padding, most, strict=True))


def _canonical(ndim: int) -> lax.ConvDimensionNumbers:
    signal = (0, ndim + 1, *range(1, ndim + 1))
    return lax.ConvDimensionNumbers(signal, (ndim + 1, ndim, *range(ndim)), signal)


def _call(config: str, shape: tuple[int, ...], dtype: Any) -> Callable[..., Any]:
    return jax.ffi.ffi_call(
        "__onednn$convolution",
        jax.ShapeDtypeStruct(shape, dtype),
        custom_call_api_version=2,
        legacy_backend_config=config,
    )


def _config(
    strides: Sequence[int],
    padding: Pads,
    dilation: Sequence[int],
    groups: int,
    numbers: lax.ConvDimensionNumbers,
) -> str:
    """XLA's `BackendConfig` with a `OneDnnConvolutionConfig`, as protocol buffers print it."""

    def strings(values: Iterable[int]) -> list[str]:  # as which they print 64-bit integers
        return [str(value) for value in values]

    def layout(first: str, second: str, spec: Sequence[int]) -> dict[str, Any]:
        return {first: str(spec[0]), second: str(spec[1]), "spatial_dims": strings(spec[2:])}

    window = {
        "strides": strings(strides),
        "pad_left": strings(low for low, _ in padding),
        "pad_right": strings(high for _, high in padding),
        "window_dilations": strings(dilation),
    }
    config = {
        "dims": str(len(numbers.lhs_spec)),
        "input": {"data": layout("batch_dim", "feature_dim", numbers.lhs_spec)},
        "kernel": {"filter": layout("output_feature_dim", "input_feature_dim", numbers.rhs_spec)},
        "output": {"data": layout("batch_dim", "feature_dim", numbers.out_spec)},
        "window": window,
        "feature_groups": str(groups),
    }
    return json.dumps({"onednn_conv_config": config})


def onednn_is_missing(problem: Problem, platform: str) -> str:
    """Why `by_onednn` cannot be called for a problem; '' if it can."""
    if platform != "cpu":
        return "oneDNN serves CPUs alone"
    if problem.exported or problem.partitioned:
        return "oneDNN's call can be neither exported nor divided among devices"
    if problem.dtype != np.float32 or problem.accumulator != np.float32:
        return "oneDNN is called in float32 alone"
    if not 1 <= problem.geometry.ndim <= 3:
        return "oneDNN has 1 to 3 dimensions"
    depthwise = _is_depthwise(problem)
    if depthwise and max(_extent(problem)) > LONGEST:
        return f"oneDNN crashes at depthwise kernels longer than {LONGEST}"
    rows_alone = problem.leg == "kernel_gradient" and problem.geometry.ndim == 1
    if problem.in_channels == problem.out_channels == 1 and not rows_alone:
        return "oneDNN is slow at one channel"
    if _ins(problem) < FEW_CHANNELS and math.prod(_extent(problem)) > MANY_TAPS:
        return f"oneDNN cannot compile kernels of more than {MANY_TAPS} taps for so few channels"
    most = MANY_GROUPS[problem.leg]
    if not depthwise and problem.geometry.groups > most:
        return f"oneDNN is slow at more than {most} groups of several channels"
    return "" if has_onednn() else "this jaxlib's CPU backend has no oneDNN"


LONGEST = 32
"""For longer depthwise kernels oneDNN falls back to products of matrices, in code that corrupts the
heap or never returns (jaxlib 0.10.2; ONEDNN_VERBOSE=2 calls it "gemm")."""

LONGEST_PADDED = 9
"""The same, where it is to pad."""

MANY_GROUPS = {"conv": 2048, "conv_transpose": 2048, "kernel_gradient": 128}
"""Of several channels each, as `vmap` over both operands makes them: from here on oneDNN takes ten
to a hundred times as long. It has fast kernels for any number of depthwise groups."""

MANY_TAPS = 2**14
"""For kernels of 2^16 taps and one channel oneDNN "could not create a primitive" (jaxlib 0.10.2),
and ends the process. So it is given no more than a quarter of that."""

FEW_CHANNELS = 4
"""With so many input channels oneDNN takes another way, without that fault."""


def _is_depthwise(problem: Problem) -> bool:
    """Whether oneDNN would see one input and one output channel per group."""
    return problem.geometry.groups > 1 and _ins(problem) == problem.out_per_group == 1


def _ins(problem: Problem) -> int:
    """Input channels of a group as oneDNN would see them: to G they are the images."""
    return problem.batch_size if problem.leg == "kernel_gradient" else problem.in_per_group


def _extent(problem: Problem) -> tuple[int, ...]:
    """Size of what oneDNN would see as the kernel: to G it is u."""
    geometry = problem.geometry
    return geometry.output_size if problem.leg == "kernel_gradient" else geometry.kernel_size


@functools.cache
def has_onednn() -> bool:
    """Whether this jaxlib answers the call, and rightly; takes some 50 ms, once in a process.

    Asked in a thread of its own: there no trace, mesh or setting of the caller's is in force.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_try_onednn).result()


def _try_onednn() -> bool:
    x = np.arange(24, dtype=np.float32).reshape(1, 6, 4)
    kernel = np.arange(1, 25, dtype=np.float32).reshape(3, 2, 4)
    padded = np.pad(x, ((0, 0), (1, 0), (0, 0))).reshape(7, 2, 2)
    taps = kernel.reshape(3, 2, 2, 2)
    expected = [np.einsum("tgc,tcgo->go", padded[y : y + 5 : 2], taps).ravel() for y in (0, 2)]
    config = _config([2], [(1, 0)], [2], 2, _canonical(1))
    try:
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            call = jax.jit(_call(config, (1, 2, 4), np.float32))
            return bool(np.array_equal(call(x, kernel)[0], expected))
    except Exception:  # whatever a jaxlib without the call raises: then there is none
        return False
