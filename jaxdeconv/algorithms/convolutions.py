"""The dense convolutions that algorithms are built on: XLA's, and oneDNN's if jaxlib has it.

jaxlib's CPU backend for x86-64 contains oneDNN, the library that PyTorch convolves with, and XLA
has a custom call for it, `__onednn$convolution`. But XLA itself uses another library, which reaches
half the speed of a matrix product at 64 channels, and loops that reach a fiftieth of it for many
groups. So the call is made here.

The call is undocumented, so it is probed once per process: it must compute a small convolution
correctly (`has_onednn`). It is used only in float32, and never in programs that are exported or
that XLA partitions among devices; there, other algorithms are used.

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
    rhs_spec: Sequence[int] | None = None,
) -> Array:
    """The same by oneDNN, in float32.

    `rhs_spec` says, as in `lax.ConvDimensionNumbers`, which axes of the kernel are its output
    channels, input channels and spatial dimensions. Any order is equally fast, as oneDNN repacks
    the kernel anyway. The signal must be channels last: any other order is oneDNN's slowest loop.
    """
    numbers = _canonical(x.ndim - 2)
    if rhs_spec is not None:
        numbers = numbers._replace(rhs_spec=tuple(rhs_spec))
    taps = [kernel.shape[axis] for axis in numbers.rhs_spec[2:]]
    # with one tap, dilation means nothing, but makes oneDNN's depthwise kernel write out of bounds
    rhs_dilation = [d if k > 1 else 1 for k, d in zip(taps, rhs_dilation, strict=True)]
    strides, padding, size = list(strides), list(padding), []
    for dim, n in enumerate(x.shape[1:-1]):
        reach = rhs_dilation[dim] * (taps[dim] - 1) + 1
        size.append((n + sum(padding[dim]) - reach) // strides[dim] + 1)
        if size[dim] == 1 < strides[dim]:
            # with one output position, the stride means nothing, but makes oneDNN's kernel for one
            # channel read the second image from a wrong address
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
    """Whether oneDNN may do the padding.

    It cannot crop. Padding by more than the kernel, or for a dilated or long depthwise kernel,
    makes it fall back to the faulty code described at `LONGEST`.
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
    """XLA's `BackendConfig` with a `OneDnnConvolutionConfig`, in protobuf's JSON format."""

    def strings(values: Iterable[int]) -> list[str]:  # its format for 64-bit integers
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
        return "oneDNN is CPU only"
    if problem.exported or problem.partitioned:
        return "oneDNN's call can be neither exported nor partitioned among devices"
    if problem.dtype != np.float32 or problem.accumulator != np.float32:
        return "oneDNN is used in float32 only"
    if not 1 <= problem.geometry.ndim <= 3:
        return "oneDNN supports 1 to 3 dimensions"
    depthwise = _is_depthwise(problem)
    if depthwise and max(_extent(problem)) > LONGEST:
        return f"oneDNN crashes for depthwise kernels longer than {LONGEST}"
    one_row = problem.leg == "kernel_gradient" and problem.geometry.ndim == 1
    if problem.in_channels == problem.out_channels == 1 and not one_row:
        return "oneDNN is slow for one channel"
    if _input_channels(problem) < FEW_CHANNELS and math.prod(_extent(problem)) > MANY_TAPS:
        return f"oneDNN cannot compile kernels of more than {MANY_TAPS} taps for few channels"
    most = MANY_GROUPS[problem.leg]
    if not depthwise and problem.geometry.groups > most:
        return f"oneDNN is slow for more than {most} groups of several channels"
    return "" if has_onednn() else "this jaxlib's CPU backend has no oneDNN"


LONGEST = 32
"""For longer depthwise kernels oneDNN falls back to matrix products, in code that corrupts the heap
or hangs (jaxlib 0.10.2; ONEDNN_VERBOSE=2 calls it "gemm")."""

LONGEST_PADDED = 9
"""The same, if it does the padding."""

MANY_GROUPS = {"conv": 2048, "conv_transpose": 2048, "kernel_gradient": 128}
"""For more groups of several channels each, as `vmap` over both operands makes them, oneDNN takes
ten to a hundred times as long. For depthwise groups it is fast, whatever their number."""

MANY_TAPS = 2**14
"""For kernels of 2^16 taps and one channel, oneDNN "could not create a primitive" and ends the
process (jaxlib 0.10.2). So a quarter of that is the limit."""

FEW_CHANNELS = 4
"""From this many input channels on, oneDNN uses other code, without that fault."""


def _is_depthwise(problem: Problem) -> bool:
    """Whether oneDNN would see one input and one output channel per group."""
    return problem.geometry.groups > 1 and _input_channels(problem) == problem.out_per_group == 1


def _input_channels(problem: Problem) -> int:
    """Input channels of a group as oneDNN would see them: for G they are the batch."""
    return problem.batch_size if problem.leg == "kernel_gradient" else problem.in_per_group


def _extent(problem: Problem) -> tuple[int, ...]:
    """Size of what oneDNN would see as the kernel: for G it is u."""
    geometry = problem.geometry
    return geometry.output_size if problem.leg == "kernel_gradient" else geometry.kernel_size


@functools.cache
def has_onednn() -> bool:
    """Whether the call works in this jaxlib. Takes some 50 ms, once per process.

    It is tried in a separate thread, where no trace, mesh or setting of the caller is active.
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
    except Exception:  # jaxlibs without the call raise different errors
        return False
