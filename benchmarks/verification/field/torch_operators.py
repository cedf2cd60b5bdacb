"""Modules and functions of torch, given NumPy arrays; their adjoints from torch too."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.verification.field.operator import Operator
from benchmarks.verification.pair import Map

__all__ = ["operators"]


def operators() -> Iterator[Operator]:
    """Layers without bias, with the transposed layer or autograd as adjoint."""
    torch: Any = importlib.import_module("torch")
    functional: Any = importlib.import_module("torch.nn.functional")
    for dtype in ("float32", "float64"):
        for name, forward, backward, shape in _maps(torch, functional, getattr(torch, dtype)):
            domain = np.zeros(shape, dtype)
            A = _through_numpy(torch, forward)
            At = _through_numpy(torch, backward or _autograd(torch, forward, shape))
            yield Operator(f"{name} {dtype}", "torch", A, At, domain)


Layers = Iterator[tuple[str, Callable, Callable | None, tuple[int, ...]]]


def _maps(torch: Any, functional: Any, dtype: Any) -> Layers:
    generator = torch.Generator().manual_seed(0)

    def weights(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    W, w = weights(12, 20), weights(4, 2, 3, 3)
    yield "linear", lambda v: functional.linear(v, W), lambda u: u @ W, (3, 20)
    yield (
        "conv2d",
        lambda v: functional.conv2d(v, w, stride=2, padding=1),
        lambda u: functional.conv_transpose2d(u, w, stride=2, padding=1),
        (1, 2, 9, 11),
    )
    k = weights(2, 3, 4)
    yield (
        "conv_transpose1d",
        lambda v: functional.conv_transpose1d(v, k, stride=3),
        lambda u: functional.conv1d(u, k, stride=3),
        (1, 2, 15),
    )
    yield "avg_pool2d", lambda v: functional.avg_pool2d(v, 3, 2), None, (1, 2, 9, 9)
    yield (
        "interpolate",
        lambda v: functional.interpolate(v, scale_factor=1.5, mode="bilinear"),
        None,
        (1, 1, 8, 10),
    )
    grid = torch.tanh(weights(1, 6, 7, 2))
    yield (
        "grid_sample",
        lambda v: functional.grid_sample(v, grid, align_corners=False),
        None,
        (1, 2, 8, 9),
    )
    yield "unfold", lambda v: functional.unfold(v, 3), None, (1, 2, 7, 8)
    yield "reflect pad", lambda v: functional.pad(v, (2, 1), "reflect"), None, (1, 2, 12)


def _through_numpy(torch: Any, function: Callable) -> Map:
    def called(x: np.ndarray) -> np.ndarray:
        return function(torch.from_numpy(np.ascontiguousarray(x))).detach().numpy()

    return called


def _autograd(torch: Any, function: Callable, shape: tuple[int, ...]) -> Callable:
    def backward(u: Any) -> Any:
        point = torch.zeros(*shape, dtype=u.dtype, requires_grad=True)
        (gradient,) = torch.autograd.grad(function(point), point, u)
        return gradient

    return backward
