"""Does it pay to convolve the interior of a block while its halo comes?

`python -m benchmarks.sharding.overlap`: a 3x3x3 convolution of a block of 64^3 cells of 16 channels
as one convolution of the block with its halo, and as one of the interior, which needs no halo, and
two of thin slabs per dimension. For a GPU and a TPU both are compiled without the exchange, and
their predicted times compared; on two CPU devices both are run with it, in alternation.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import PartitionSpec

from benchmarks.compiled.compiling import compiled
from benchmarks.compiled.forms import Form
from benchmarks.jax_contestants import dimension_numbers
from benchmarks.timing import Stopwatch, alternate, median_ratio
from jaxdeconv.compilers.targets import find

__all__ = ["FORMS", "ends", "split", "whole"]

BLOCK, CHANNELS = 64, 16
KERNEL = (3, 3, 3, CHANNELS, CHANNELS)

LINKS = {"h100": 450e9, "v5e": 45e9}
"""Bytes per second that a chip sends to a neighbour, of the data sheets: NVLink, ICI."""


def whole(v: Array, w: Array, *halo: Array) -> Array:
    """One convolution of the block with its halo: the cells before and behind, per dimension."""
    return _conv(_with_halo(v, halo), w)


def split(v: Array, w: Array, *halo: Array) -> Array:
    """One of the interior, and two thin ones per dimension."""
    out, around = _conv(v, w), _with_halo(v, halo)
    for dim in reversed(range(len(halo) // 2)):
        slabs = around
        for before in range(dim):
            slabs = lax.slice_in_dim(slabs, 1, slabs.shape[1 + before] - 1, axis=1 + before)
        size = slabs.shape[1 + dim]
        first, last = (
            _conv(lax.slice_in_dim(slabs, start, start + 3, axis=1 + dim), w)
            for start in (0, size - 3)
        )
        out = jnp.concatenate([first, out, last], 1 + dim)
    return out


FORMS: dict[str, Callable[..., Array]] = {"whole": whole, "split": split}


def ends(block: int, channels: int) -> list[tuple[int, ...]]:
    """Shapes of the halo: a dimension's is as long as the earlier ones with theirs."""
    long = block + 2
    shapes = [(1, block, block), (long, 1, block), (long, long, 1)]
    return [(1, *shape, channels) for shape in shapes for _ in range(2)]


def _conv(v: Array, w: Array) -> Array:
    return lax.conv_general_dilated(v, w, (1,) * 3, "VALID", dimension_numbers=dimension_numbers(3))


def _with_halo(v: Array, halo: tuple[Array, ...]) -> Array:
    for dim, (before, behind) in enumerate(zip(halo[::2], halo[1::2], strict=True)):
        v = jnp.concatenate([before, v, behind], 1 + dim)
    return v


def _predicted(name: str) -> None:
    halo = ends(BLOCK, CHANNELS)
    shapes = ((1, *(BLOCK,) * 3, CHANNELS), KERNEL, *halo)
    for dtype in ("float32", "bfloat16"):
        forms = [(Form("K", "stock", fun, shapes), dtype) for fun in FORMS.values()]
        costs = zip(FORMS, compiled(forms, find(name)), strict=True)
        told = [
            f"{form} {1e6 * one.seconds:.0f} us in {one.launches} kernels" for form, one in costs
        ]
        sent = sum(map(math.prod, halo)) * jnp.dtype(dtype).itemsize
        told.append(f"halo {sent / 2**20:.2f} MiB, {1e6 * sent / LINKS[name]:.0f} us on one link")
        print(f"{name}, {dtype}: {'; '.join(told)} (compiled, not timed)")


def _timed(rounds: int) -> None:
    """Blocks on two CPU devices, one after the other in the first dimension."""
    mesh = jax.make_mesh((2,), ("x",))
    spec = PartitionSpec(None, "x")

    def on_blocks(form: Callable[..., Array], v: Array, w: Array) -> Array:
        last, first = v[:, -1:], v[:, :1]
        return form(v, w, lax.ppermute(last, "x", [(0, 1)]), lax.ppermute(first, "x", [(1, 0)]))

    v, w = jnp.ones((1, 2 * BLOCK, BLOCK, BLOCK, CHANNELS)), jnp.ones(KERNEL)
    v = jax.device_put(v, jax.NamedSharding(mesh, spec))
    calls = []
    for form in FORMS.values():
        fun = functools.partial(on_blocks, form)
        specs = (spec, PartitionSpec())
        program = jax.jit(jax.shard_map(fun, mesh=mesh, in_specs=specs, out_specs=spec))
        calls.append(functools.partial(lambda program: program(v, w).block_until_ready(), program))
    same = (calls[0]() == calls[1]()).all()
    samples = alternate(calls, rounds, Stopwatch(0.02, 0.0))
    told = (f"{form} {1e3 * min(one):.1f} ms" for form, one in zip(FORMS, samples, strict=True))
    ratio = median_ratio(*samples)
    print(f"two CPU devices: {'; '.join(told)} at best; split / whole {ratio:.2f}; equal: {same}")


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    _timed(21)
    for target in LINKS:
        _predicted(target)
