"""The constants of the planner's roofline, from micro-benchmarks of one resource each.

- launch_seconds: chains of tiny kernels of two lengths, the slope between them.
- bytes_per_second: large arrays, read once and written once.
- vector_flops_per_second: hundreds of multiply-adds on each entry of an array.
- flops_per_second, by dtype: a matrix product and the three legs of a large dense convolution: what
  convolutions reach, not what the data sheet promises.
"""

import dataclasses
import functools
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.gpu import roofline
from benchmarks.gpu.programs import compile_all, time_in_turn

__all__ = ["Probe", "fit", "measure", "probes"]

LAUNCH, BYTES, VECTOR = "launch", "bytes", "vector"
_NAMES = {BYTES: "bytes_per_second", VECTOR: "vector_flops_per_second"}
_DTYPES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "f32 highest": "float32"}
_DTYPES |= {"s8": "int8", "f64": "float64"}
_QUICK = ("bf16", "f32", "s8")
_DEPTH = 256  # multiply-adds on each entry


@dataclasses.dataclass(frozen=True)
class Probe:
    """A program that one resource limits.

    Attributes:
        kind: `LAUNCH`, `BYTES`, `VECTOR`, or the HLO name of a dtype: operations of matrix units.
        name: of the program.
        amount: how much of it the program uses; of launches, about.
        function: the program.
        shapes: of its arguments.
        dtype: of its arguments.
    """

    kind: str
    name: str
    amount: float
    function: Callable[..., Any]
    shapes: Sequence[tuple[int, ...]]
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.kind}: {self.name} in {self.dtype}"


def probes(quick: bool) -> list[Probe]:
    """All of them.

    Args:
        quick: tiny ones, which show that they run, and no speed.
    """
    return [*_chains(quick), *_streams(quick), *_products(quick)]


def _chains(quick: bool) -> Iterator[Probe]:
    for length in (4, 8) if quick else (32, 256):
        chain = functools.partial(_chain, length=length)
        yield Probe(LAUNCH, f"chain of {length}", length, chain, [(128,)])


def _chain(x: jax.Array, length: int) -> jax.Array:
    """Kernels that cannot be fused: each reverses what a barrier has kept."""
    for _ in range(length):
        x = lax.optimization_barrier(lax.rev(x, (0,)) + 1)
    return x


def _streams(quick: bool) -> Iterator[Probe]:
    entries = 2**16 if quick else 2**26
    size = 4.0 * entries
    yield Probe(BYTES, "x + 1", 2 * size, lambda x: x + 1, [(entries,)])
    yield Probe(BYTES, "x + y", 3 * size, lambda x, y: x + y, [(entries,), (entries,)])
    yield Probe(BYTES, "x + 1", size, lambda x: x + 1, [(entries,)], "bfloat16")
    entries = 2**12 if quick else 2**25
    yield Probe(VECTOR, "multiply-adds", 2.0 * _DEPTH * entries, _multiply_adds, [(entries,)])


def _multiply_adds(x: jax.Array) -> jax.Array:
    """One kernel; the factor is an entry, so that nothing is known when it is compiled."""
    y = x
    for _ in range(_DEPTH):
        y = y * x + x
    return y


def _products(quick: bool) -> Iterator[Probe]:
    rows, images, size, channels = (128, 1, 8, 16) if quick else (8192, 64, 56, 256)
    v, w = (images, size, size, channels), (3, 3, channels, channels)
    flops = 2.0 * images * size**2 * 9 * channels**2
    for kind, dtype in _DTYPES.items():
        if quick and kind not in _QUICK:
            continue
        half = rows // 2 if kind in ("f32 highest", "f64") else rows  # slow enough
        yield Probe(kind, "matrix product", 2.0 * half**3, _matmul, [(half, half)] * 2, dtype)
        if kind == "s8":  # GPUs have no convolution of integers
            continue
        for name, leg in (("K", _conv), ("K^T", _conv_transpose)):
            yield Probe(kind, name, flops, leg, [v, w], dtype)
        yield Probe(kind, "G", flops, _kernel_gradient, [v, v], dtype)


def _matmul(x: jax.Array, y: jax.Array) -> jax.Array:
    wide = "int32" if x.dtype == jnp.int8 else x.dtype
    return jnp.matmul(x, y, preferred_element_type=wide)


def _conv(v: jax.Array, w: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(
        v, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _conv_transpose(u: jax.Array, w: jax.Array) -> jax.Array:
    return jax.linear_transpose(lambda v: _conv(v, w), u)(u)[0]


def _kernel_gradient(u: jax.Array, v: jax.Array) -> jax.Array:
    w = jax.ShapeDtypeStruct((3, 3, v.shape[-1], u.shape[-1]), v.dtype)
    return jax.linear_transpose(lambda w: _conv(v, w), w)(u)[0]


def measure(probe: Probe, rounds: int = 5, sample: float = 0.02) -> dict[str, Any]:
    """Compile and time one.

    Returns:
        Its kind, name, amount and seconds, the least of the rounds.
    """
    with jax.enable_x64(probe.dtype == "float64"):
        operands = [_noise(key, shape, probe.dtype) for key, shape in enumerate(probe.shapes)]
        precision = "highest" if probe.kind == "f32 highest" else None
        programs, refused = compile_all({0: (probe.function, operands)}, precision)
        if refused:
            raise RuntimeError(refused[0])
        (samples,) = time_in_turn(programs, rounds, sample).values()
    is_chain = probe.kind == LAUNCH
    amount = roofline.launches(programs[0].text) if is_chain else probe.amount
    return {
        "kind": probe.kind,
        "name": probe.name,
        "amount": amount,
        "seconds": min(samples),
    }


def _noise(key: int, shape: tuple[int, ...], dtype: str) -> jax.Array:
    """In 0..1, of integers in 0..100; a card multiplies faster what is all the same."""
    unit = jax.random.uniform(jax.random.key(key), shape, "float32")
    return (100 * unit if dtype == "int8" else unit).astype(dtype)


def fit(measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The constants, by the names of `jaxdeconv.planning.devices.Constants`.

    A launch is the slope between the two chains, so that the start of a program is not in it. A
    speed is the median over the programs that it limits; these are large enough that their launch
    is nothing.

    Args:
        measured: from `measure`. Constants of which nothing was measured are left out.
    """
    found: dict[str, Any] = {}
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for one in measured:
        by_kind.setdefault(one["kind"], []).append(one)
    chains = sorted(by_kind.pop(LAUNCH, []), key=lambda one: one["amount"])
    if chains:
        found["launch_seconds"] = _launch(chains[0], chains[-1])
    rates = {
        kind: statistics.median(one["amount"] / one["seconds"] for one in ones)
        for kind, ones in by_kind.items()
    }
    found |= {name: rates.pop(kind) for kind, name in _NAMES.items() if kind in rates}
    if rates:
        found["flops_per_second"] = rates
    return found


def _launch(short: Mapping[str, Any], long: Mapping[str, Any]) -> float:
    more, longer = long["amount"] - short["amount"], long["seconds"] - short["seconds"]
    if more > 0 and longer > 0:
        return longer / more
    return long["seconds"] / max(1, long["amount"])  # fused, or noise: no slope
