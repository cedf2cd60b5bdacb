"""torch, the rival, in both memory layouts; on the CPU the reference answers in float64."""

from collections.abc import Callable
from typing import Any

import jax
import torch
from torch.nn import functional

from benchmarks.cases import BenchCase, Data
from benchmarks.programs import Answers, Function, Layout, Program, Unsupported

__all__ = ["canonical", "passes", "prepare", "reference"]

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_CONV_TRANSPOSE = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


def prepare(case: BenchCase, data: Data, memory: str) -> Program:
    """Torch as users call it, with all arrays in one memory layout.

    Args:
        case: what to run.
        data: the operands.
        memory: 'contiguous' or 'channels_last'.

    Raises:
        Unsupported: as `passes`, or torch runs on another device than JAX.
    """
    if jax.default_backend() != "cpu":
        raise Unsupported(f"torch runs on the CPU, JAX on the {jax.default_backend()}")
    forward, step = passes(case, data, memory)
    return Program(forward, step, lambda: canonical(forward(), *step()))


def passes(
    case: BenchCase,
    data: Data,
    memory: str,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[Callable[[], torch.Tensor], Callable[[], tuple[torch.Tensor, ...]]]:
    """The forward pass and the training step; on a GPU they return before they are done.

    Args:
        case: what to run.
        data: the operands.
        memory: 'contiguous' or 'channels_last'.
        device: of the tensors.
        dtype: of the tensors.

    Raises:
        Unsupported: torch has no such layout, or no such padding.
    """
    if memory == "channels_last" and case.geometry.ndim not in _CHANNELS_LAST:
        raise Unsupported("torch has no channels-last memory layout in 1-D")
    function = _function(case)
    x, w, cotangent = (a.to(device, dtype) for a in _tensors(data))
    if memory == "channels_last":
        last = _CHANNELS_LAST[case.geometry.ndim]
        x, w, cotangent = (a.to(memory_format=last) for a in (x, w, cotangent))
    x_leaf, w_leaf = x.clone().requires_grad_(), w.clone().requires_grad_()

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return function(x, w)

    def step() -> tuple[torch.Tensor, ...]:
        y = function(x_leaf, w_leaf)
        return (y, *torch.autograd.grad(y, (x_leaf, w_leaf), cotangent))

    return forward, step


def reference(case: BenchCase, data: Data) -> Answers:
    """The same maps by torch in float64, to check every contestant's answers."""
    x, w, cotangent = (a.double() for a in _tensors(data))
    y = _function(case)(x.requires_grad_(), w.requires_grad_())
    return canonical(y, y, *torch.autograd.grad(y, (x, w), cotangent))


def _tensors(data: Data) -> tuple[torch.Tensor, ...]:
    layout = Layout.channels_first()
    signals = (torch.from_numpy(layout.signal(a)) for a in (data.x, data.cotangent))
    x, cotangent = signals
    return x, torch.from_numpy(layout.kernel(data.w)), cotangent


def canonical(*tensors: torch.Tensor) -> Answers:
    """The results in the canonical layout; what NumPy has no dtype for, in float32."""
    layout = Layout.channels_first()
    float64 = torch.float64
    wide = (a.detach().cpu().to(float64 if a.dtype == float64 else torch.float32) for a in tensors)
    *signals, dw = (a.numpy() for a in wide)
    return Answers(*map(layout.signal_back, signals), layout.kernel_back(dw))


def _function(case: BenchCase) -> Function:
    return _conv(case) if case.leg == "conv" else _conv_transpose(case)


def _conv(case: BenchCase) -> Function:
    """Torch pads both sides equally: use that if it gives the same map, otherwise pad first."""
    geometry = case.geometry
    conv = _CONV[geometry.ndim]
    both = [low for low, _ in geometry.padding]
    settings = _settings(case)
    sizes = tuple(
        (n + 2 * low - k) // s + 1
        for n, low, k, s in zip(
            geometry.input_size, both, geometry.dilated_kernel_size, geometry.stride, strict=True
        )
    )
    if min(both) >= 0 and sizes == geometry.output_size:
        return lambda v, w: conv(v, w, padding=both, **settings)
    pads = [int(p) for pair in reversed(geometry.padding) for p in pair]
    return lambda v, w: conv(functional.pad(v, pads), w, **settings)


def _conv_transpose(case: BenchCase) -> Function:
    """Torch crops both sides equally: output_padding and a slice give the difference."""
    geometry = case.geometry
    conv_transpose: Callable[..., Any] = _CONV_TRANSPOSE[geometry.ndim]
    both = [min(pair) for pair in geometry.padding]
    if min(both) < 0:
        raise Unsupported("torch's transposed convolution has no negative padding")
    starts = [low - p for (low, _), p in zip(geometry.padding, both, strict=True)]
    missing = [
        start + n - ((o - 1) * s + k - 2 * p)
        for start, n, o, s, k, p in zip(
            starts,
            geometry.input_size,
            geometry.output_size,
            geometry.stride,
            geometry.dilated_kernel_size,
            both,
            strict=True,
        )
    ]
    settings = _settings(case) | {
        "padding": both,
        "output_padding": [max(0, cells) for cells in missing],
    }
    if not any(starts) and min(missing) >= 0:
        return lambda u, w: conv_transpose(u, w, **settings)
    sizes = zip(starts, geometry.input_size, strict=True)
    kept = (..., *(slice(start, start + n) for start, n in sizes))
    return lambda u, w: conv_transpose(u, w, **settings)[kept]


def _settings(case: BenchCase) -> dict[str, Any]:
    geometry = case.geometry
    return {
        "stride": geometry.stride,
        "dilation": geometry.dilation,
        "groups": geometry.groups,
    }
