"""What `windows` plans, carried out on blocks by `jax.lax.ppermute`.

Everything here runs on every device at once, each with its own block, where all mesh axes are
manual. `axes` are the mesh axes that divide the array's axis `dim`.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.boundary import ascending, resize, runs
from jaxdeconv.sharding.dimension import Return
from jaxdeconv.sharding.windows import Copies, Hop, Window

__all__ = ["cut", "fetch", "fill", "give_back", "only_first", "only_needed"]

MeshAxes = tuple[str, ...]


def fetch(x: Array, dim: int, axes: MeshAxes, window: Window) -> Array:
    """The window of every device, with zeros where it is outside the axis.

    Args:
        x: blocks, of `window.block` cells along `dim`.
        dim: the divided axis of x.
        axes: the mesh axes that divide it.
        window: what each device needs.

    Returns:
        `window.length` cells along `dim`.
    """
    x = only_first(x, dim, axes, window.size)
    arrived = _arrived(x, dim, axes, window.hops)
    known = [offset for offset in window.offsets if offset is not None]
    before = max(0, -min(known))
    after = max(0, max(known) + window.length - arrived.shape[dim])
    arrived = resize(arrived, dim, before, after)
    offsets = tuple(None if offset is None else offset + before for offset in window.offsets)
    return cut(arrived, dim, axes, offsets, window.length)


def fill(windows: Array, x: Array, dim: int, axes: MeshAxes, copies: Copies) -> Array:
    """`windows` with copies of the cells of the blocks x where `copies` says so."""
    table = _own_row(copies.table, axes)
    start, stop = copies.start, copies.start + len(copies.table[0])
    filled = jnp.take(_arrived(x, dim, axes, copies.hops), table, dim, mode="clip")
    is_copy = lax.expand_dims(table >= 0, [i for i in range(x.ndim) if i != dim])
    stretch = lax.slice_in_dim(windows, start, stop, axis=dim)
    stretch = jnp.where(is_copy, filled, stretch)
    return lax.dynamic_update_slice_in_dim(windows, stretch, start, dim)


def give_back(v: Array, image: Array, dim: int, axes: MeshAxes, back: Return) -> Array:
    """The blocks v with the padding that one device computed added to the cells it copies.

    Run by run in the order of `boundary.fold`, so that the sums are rounded as there.
    """
    index = lax.axis_index(axes)
    cells = lax.slice_in_dim(image, back.start, back.start + len(back.sources), axis=dim)
    arrived = jnp.zeros_like(cells)
    for target in back.targets:
        owner = back.owner
        sent = cells if target == owner else lax.ppermute(cells, axes, [(owner, target)])
        arrived = jnp.where(index == target, sent, arrived)
    block, sources = v.shape[dim], np.array(back.sources)
    for run in runs(sources):
        part = ascending(
            lax.slice_in_dim(arrived, run.start, run.stop, axis=dim), sources[run], dim
        )
        # between zeros as long as the block, a start out of range is one that finds zeros alone
        part = resize(part, dim, block, block)
        start = block * (index + 1) - int(sources[run].min())
        start = jnp.clip(start, 0, part.shape[dim] - block)
        v += lax.dynamic_slice_in_dim(part, start, block, axis=dim)
    return v


def only_first(x: Array, dim: int, axes: MeshAxes, size: int) -> Array:
    """Zeros behind the first `size` cells of a divided axis: in the last blocks there is anything.

    Of an axis that is divided evenly nothing is changed.
    """
    block = x.shape[dim]
    if block * lax.axis_size(axes) == size:
        return x
    place = lax.axis_index(axes) * block + lax.broadcasted_iota(np.int32, x.shape, dim)
    return jnp.where(place < size, x, jnp.zeros((), x.dtype))


def only_needed(windows: Array, dim: int, axes: MeshAxes, window: Window) -> Array:
    """Zeros behind what each device needs of its window."""
    if {*window.ends} == {window.length}:
        return windows
    place = lax.broadcasted_iota(np.int32, windows.shape, dim)
    is_needed = place < _own_row(window.ends, axes)
    return jnp.where(is_needed, windows, jnp.zeros((), windows.dtype))


def cut(x: Array, dim: int, axes: MeshAxes, offsets: tuple[int | None, ...], length: int) -> Array:
    """`length` cells from every device's own offset on; with None, from anywhere."""
    known = {offset for offset in offsets if offset is not None}
    if len(known) == 1:
        return lax.slice_in_dim(x, min(known), min(known) + length, axis=dim)
    start = _own_row(tuple(min(known) if offset is None else offset for offset in offsets), axes)
    return lax.dynamic_slice_in_dim(x, start, length, axis=dim)


def _arrived(x: Array, dim: int, axes: MeshAxes, hops: tuple[Hop, ...]) -> Array:
    """What the hops bring, one behind the other."""
    parts = []
    for hop in hops:
        part = lax.slice_in_dim(x, hop.start, hop.stop, axis=dim)
        if hop.distance and hop.pairs:
            part = lax.ppermute(part, axes, hop.pairs)
        elif hop.distance:  # between what is needed, and itself needed by nobody
            part = jnp.zeros_like(part)
        parts.append(part)
    if not parts:
        return lax.slice_in_dim(x, 0, 0, axis=dim)
    return jnp.concatenate(parts, dim) if len(parts) > 1 else parts[0]


def _own_row(table: tuple, axes: MeshAxes) -> Array:
    return jnp.asarray(np.array(table, np.int32))[lax.axis_index(axes)]
