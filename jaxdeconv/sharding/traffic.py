"""How much a divided leg exchanges: halo cells, times channels, times bytes."""

import dataclasses
import math
from collections.abc import Iterable

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.sharding.block import DividedLeg
from jaxdeconv.sharding.layout import MeshAxes
from jaxdeconv.sharding.windows import Hop, ceil_div

__all__ = ["Exchange", "exchanges"]


@dataclasses.dataclass(frozen=True)
class Exchange:
    """What the devices along some mesh axes send each other.

    Attributes:
        what: in words.
        axes: the mesh axes.
        devices: how many devices these are.
        before: cells from devices before.
        behind: cells from devices behind.
        hops: number of collective operations.
        bytes: that a device sends at most.
        is_sum: whether it is an all-reduce, and no permutation.
    """

    what: str
    axes: MeshAxes
    devices: int
    before: int
    behind: int
    hops: int
    bytes: int
    is_sum: bool = False

    def __str__(self) -> str:
        over = f"over {', '.join(self.axes)} ({self.devices} devices)"
        if self.is_sum:
            return f"{self.what} {over}: {_size(self.bytes)}"
        cells = f"cells from before: {self.before}, from behind: {self.behind}"
        return f"{self.what} {over}: {cells}; hops: {self.hops}; {_size(self.bytes)} per device"


def _size(count: int) -> str:
    return f"{count} bytes" if count < 2**20 else f"{count / 2**20:.2f} MiB"


def exchanges(leg: DividedLeg) -> list[Exchange]:
    """All that the devices send each other for one leg, in the order in which they do."""
    result = LEGS[leg.problem.leg].result
    found = [*_fetched(leg, "u" if result == "v" else "v")]
    if result == "v":
        found += _returned(leg)
    summed = () if leg.manual else leg.layout.summed(LEGS[leg.problem.leg])
    if leg.parts(summed) > 1:
        count = math.prod(_block(leg, result)) * leg.problem.accumulator.itemsize
        found.append(
            Exchange(f"{result} is summed", summed, leg.parts(summed), 0, 0, 1, count, is_sum=True)
        )
    return found


def _block(leg: DividedLeg, role: str) -> list[int]:
    """Shape of one device's block of v, w or u."""
    sizes = zip(leg.problem.shape(role), leg.layout.axes(role), strict=True)
    return [ceil_div(size, leg.parts(axes)) for size, axes in sizes]


def _fetched(leg: DividedLeg, role: str) -> Iterable[Exchange]:
    shape = _block(leg, role)
    for dim, axes in enumerate(leg.layout.space):
        if leg.parts(axes) == 1:
            continue
        window = leg.window(dim) if role == "v" else leg.image(dim).window
        cell = math.prod(shape) // shape[1 + dim] * leg.problem.dtype.itemsize
        name = f"{role} along dimension {dim}"
        yield from _sent(f"halo of {name}", axes, leg.parts(axes), window.hops, cell)
        for copies in leg.copies(dim) if role == "v" else ():
            yield from _sent(f"padding of {name}", axes, leg.parts(axes), copies.hops, cell)
        shape[1 + dim] = window.length


def _sent(
    what: str, axes: MeshAxes, devices: int, hops: tuple[Hop, ...], cell: int
) -> Iterable[Exchange]:
    sent = [hop for hop in hops if hop.distance and hop.pairs]
    before, behind = (
        sum(hop.stop - hop.start for hop in sent if hop.distance * sign > 0) for sign in (-1, 1)
    )
    if sent:
        yield Exchange(what, axes, devices, before, behind, len(sent), (before + behind) * cell)


def _returned(leg: DividedLeg) -> Iterable[Exchange]:
    """Padding folded back: dimension by dimension, of what is an image in the others to come."""
    shape, axes_of = _block(leg, "v"), leg.layout.space
    images = [leg.image(j) if leg.parts(axes) > 1 else None for j, axes in enumerate(axes_of)]
    padded = leg.problem.geometry.padded_size if leg.padding_mode != "zeros" else shape[1:-1]
    now = [image.size if image else padded[j] for j, image in enumerate(images)]
    for dim, image in enumerate(images):
        others = math.prod(now[:dim] + now[dim + 1 :]) * shape[0] * shape[-1]
        for back in image.returns if image else ():
            others_than_owner = [target for target in back.targets if target != back.owner]
            cells = len(back.sources) * len(others_than_owner)
            if cells:
                yield Exchange(
                    f"padding of v along dimension {dim}",
                    axes_of[dim],
                    leg.parts(axes_of[dim]),
                    cells * (back.owner == 0),
                    cells * (back.owner > 0),
                    len(others_than_owner),
                    cells * others * leg.problem.accumulator.itemsize,
                )
        now[dim] = shape[1 + dim]
