"""torch with cuDNN, in both memory layouts. Import it only where torch is installed."""

import contextlib
from collections.abc import Callable

import torch

from benchmarks.cases import BenchCase, Data
from benchmarks.gpu.card import is_gpu
from benchmarks.gpu.programs import Call
from benchmarks.programs import PASSES, Answers, Unsupported
from benchmarks.torch_contestants import canonical, passes

__all__ = ["calls", "settings"]


def settings(tf32: bool) -> contextlib.AbstractContextManager[None]:
    """While entered, cuDNN measures its algorithms, and float32 is multiplied in TF32 or not."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    return torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=tf32)


def calls(
    case: BenchCase, data: Data, memory: str, dtype: str
) -> tuple[dict[str, Call], Callable[[], Answers]]:
    """The two passes as users call them: eagerly, with autograd; and what they compute.

    Args:
        case: what to run.
        data: the operands.
        memory: 'contiguous' or 'channels_last'.
        dtype: of the tensors.

    Raises:
        Unsupported: torch cannot express the case, or has no GPU where JAX has one.
    """
    if is_gpu() and not torch.cuda.is_available():
        raise Unsupported("this torch was built without CUDA")
    device, wait = ("cuda", _synchronize) if is_gpu() else ("cpu", _nothing)
    forward, step = passes(case, data, memory, device, getattr(torch, dtype))
    timed = dict(zip(PASSES, (Call(forward, wait), Call(step, wait)), strict=True))
    return timed, lambda: canonical(forward(), *step())


def _synchronize(_: object) -> None:
    torch.cuda.synchronize()


def _nothing(_: object) -> None:
    """A CPU is done when it returns."""
