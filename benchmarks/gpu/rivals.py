"""Ours against stock JAX and torch on the benchmark cases, answers checked first."""

import contextlib
import dataclasses
import importlib
import importlib.util
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import CASES, BenchCase, Data
from benchmarks.check import Reference, WrongAnswer
from benchmarks.gpu.programs import Call, compile_all, ratio, time_in_turn
from benchmarks.jax_contestants import our_function, stock_function
from benchmarks.legs import leg_calls
from benchmarks.programs import PASSES, Answers, Function, Unsupported, training_step
from jaxdeconv import ConvGeometry

__all__ = ["MODES", "OURS", "RIVALS", "Layer", "Mode", "bench_cases", "compare", "layers"]

OURS = "ours"
RIVALS: Mapping[str, tuple[str, ...]] = {
    "stock": ("stock", "stock vjp"),
    "torch": ("torch contiguous", "torch channels last"),
}
"""The columns of the table, and their contestants, of which the fastest counts."""

_QUICK = ("grouped up", "ResNet 3x3 s2")


@dataclasses.dataclass(frozen=True)
class Mode:
    """Dtype and precision.

    Attributes:
        name: in tables.
        dtype: of all arrays.
        precision: of products in float32; None for JAX's default, which on GPUs is TF32.
        bound: the largest error of an answer, relative to the map of the absolute values.
    """

    name: str
    dtype: str
    precision: str | None
    bound: float


MODES = (
    Mode("bfloat16", "bfloat16", None, 2**-7),
    Mode("float32", "float32", None, 2**-9),
    Mode("float32 highest", "float32", "highest", 1e-5),
)
"""In order of worth. An answer is rounded once to bfloat16, its operands once to TF32."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """A case in a mode."""

    case: BenchCase
    mode: Mode

    def __str__(self) -> str:
        return f"{self.case.name}, {self.mode.name}"

    def data(self) -> Data:
        """Gaussian data that the dtype holds exactly, in float32."""
        data, dtype = self.case.data(), jnp.dtype(self.mode.dtype)
        rounded = (one.astype(dtype).astype(np.float32) for one in dataclasses.astuple(data))
        return Data(*rounded)


def bench_cases(quick: bool, images: int = 1) -> list[BenchCase]:
    """The benchmark cases.

    Args:
        quick: a few of them, made tiny.
        images: multiplies the batches.
    """
    if quick:
        return [_shrunk(case) for case in CASES if case.name in _QUICK]
    return [dataclasses.replace(case, batch=images * case.batch) for case in CASES]


def _shrunk(case: BenchCase) -> BenchCase:
    geometry, groups = case.geometry, min(case.geometry.groups, 2)
    size = tuple(min(n, 4) for n in geometry.output_size)
    small = ConvGeometry.from_output_size(
        size,
        geometry.kernel_size,
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        groups,
    )
    channels = {"in_channels": min(case.in_channels, 4), "out_channels": min(case.out_channels, 6)}
    return dataclasses.replace(case, geometry=small, batch=1, **channels)


def layers(cases: Sequence[BenchCase], modes: Sequence[Mode] = MODES) -> list[Layer]:
    """All cases in all modes, mode after mode."""
    return [Layer(case, mode) for mode in modes for case in cases]


def compare(layer: Layer, rounds: int, sample: float, with_torch: bool) -> dict[str, Any]:
    """Check and time one case in one mode.

    Args:
        layer: which.
        rounds: samples of each contestant, in turn.
        sample: the least length of a sample in seconds.
        with_torch: whether torch takes part.

    Returns:
        Per pass the median seconds and ratios to ours; errors, and who was not timed and why.
    """
    case, mode, data = layer.case, layer.mode, layer.data()
    calls, answers, skipped = _jax(case, mode, data)
    settings: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if with_torch:
        torch_calls = importlib.import_module("benchmarks.gpu.torch_calls")
        settings = torch_calls.settings(tf32=mode.precision is None)
    with settings:
        for name in RIVALS["torch"] if with_torch else ():
            memory = name.removeprefix("torch ").replace(" ", "_")
            try:
                calls[name], answers[name] = torch_calls.calls(case, data, memory, mode.dtype)
            except Unsupported as reason:
                skipped[name] = str(reason)
        errors, wrong = _checked(_reference(case, data), mode.bound, answers)
        timed = {name: one for name, one in calls.items() if name in errors}
        passes = {name: _timed(name, timed, rounds, sample) for name in PASSES}
    return {
        "case": case.name,
        "leg": case.leg,
        "mode": mode.name,
        "flops": case.flops,
        "algorithms": {one.leg: one.plan(mode.dtype).algorithm for one in leg_calls(case)},
        "errors": errors,
        "skipped": skipped,
        "wrong": wrong,
        "passes": passes,
    }


def _jax(
    case: BenchCase, mode: Mode, data: Data
) -> tuple[dict[str, dict[str, Call]], dict[str, Callable[[], Answers]], dict[str, str]]:
    """Ours and stock: their two passes, their answers, and who was refused."""
    functions = {OURS: our_function(case), "stock": stock_function(case)}
    if case.leg == "conv_transpose":
        functions["stock vjp"] = _vjp(case)
    x, w, cotangent = (jnp.asarray(one, mode.dtype) for one in dataclasses.astuple(data))
    programs: dict[tuple[str, str], tuple[Callable[..., Any], Sequence[Any]]] = {}
    for name, function in functions.items():
        programs[name, "forward"] = function, (x, w)
        programs[name, "step"] = training_step(function), (x, w, cotangent)
    compiled, refused = compile_all(programs, mode.precision)
    skipped = {name: f"{one}: {why}" for (name, one), why in refused.items()}
    calls = {
        name: {one: compiled[name, one] for one in PASSES}
        for name in functions
        if name not in skipped
    }

    def answers(name: str) -> Answers:
        results = (compiled[name, "forward"].start(), *compiled[name, "step"].start())
        return Answers(*(np.asarray(one, np.float32) for one in results))

    return calls, {name: lambda name=name: answers(name) for name in calls}, skipped


def _vjp(case: BenchCase) -> Function:
    """Stock's transposed convolution as the gradient of its convolution."""
    conv = stock_function(dataclasses.replace(case, leg="conv"))

    def conv_transpose(u: jax.Array, w: jax.Array) -> jax.Array:
        v = jax.ShapeDtypeStruct(case.v_shape, u.dtype)
        return jax.linear_transpose(lambda v: conv(v, w), v)(u)[0]

    return conv_transpose


def _reference(case: BenchCase, data: Data) -> Reference:
    """Stock JAX on the device, in float32 at its highest precision."""
    arrays = [jnp.asarray(one) for one in dataclasses.astuple(data)]
    step = training_step(stock_function(case))
    programs, refused = compile_all({0: (step, arrays)}, "highest")
    if refused:
        raise RuntimeError(f"no reference: {refused[0]}")

    def answers(operands: Sequence[jax.Array]) -> Answers:
        y, *gradients = (np.asarray(one) for one in programs[0].program(*operands))
        return Answers(y, y, *gradients)

    return Reference(answers(arrays), answers([abs(one) for one in arrays]))


def _checked(
    reference: Reference, bound: float, answers: Mapping[str, Callable[[], Answers]]
) -> tuple[dict[str, float], dict[str, str]]:
    """The errors of those who are right, and what is wrong with the others."""
    errors: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for name, answer in answers.items():
        try:
            error = reference.error(answer())
        except WrongAnswer as fault:
            wrong[name] = str(fault)
            continue
        except Exception as fault:  # such as cuDNN's
            wrong[name] = f"{type(fault).__name__}: {fault}"[:300]
            continue
        if error <= bound:
            errors[name] = error
        else:
            wrong[name] = f"relative error {error:.1e}, allowed {bound:.0e}"
    return errors, wrong


def _timed(
    name: str, calls: Mapping[str, Mapping[str, Call]], rounds: int, sample: float
) -> dict[str, dict[str, float]]:
    samples = time_in_turn({who: one[name] for who, one in calls.items()}, rounds, sample)
    seconds = {who: statistics.median(taken) for who, taken in samples.items()}
    base = samples.get(OURS)
    ratios = {who: ratio(base, taken) for who, taken in samples.items() if base and who != OURS}
    return {"seconds": seconds, "ratios": ratios}
