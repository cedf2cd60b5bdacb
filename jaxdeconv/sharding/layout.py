"""Which mesh axes divide what: from the layouts of three arrays to one layout of the leg.

What the axes of v, w and u run over has a name, its *role*: the batch, each spatial dimension, the
groups, the input and the output channels. A leg is divided role by role, and a mesh axis divides
one role at most, so its arrays are laid out alike.

Along a spatial dimension the kernel stays whole. But where it is as long as v, and so lies in one
place, the dimension is *contracted*: its cells are summed over, and divided, as input channels are.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from jax.sharding import PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.geometry import ConvGeometry

__all__ = ["Layout", "MeshAxes", "entries", "sharding_rule"]

MeshAxes = tuple[str, ...]

Specs = Mapping[str, tuple[MeshAxes, ...]]
"""Of v, w and u, as many as are known: the mesh axes that divide each axis of the array."""


def entries(spec: Iterable[Any], ndim: int) -> tuple[MeshAxes, ...]:
    """The mesh axes of every axis of an array, from a `PartitionSpec`."""
    axes = [() if e is None else e if isinstance(e, tuple) else (e,) for e in spec]
    return (*axes, *[()] * (ndim - len(axes)))


@dataclasses.dataclass(frozen=True)
class Layout:
    """The mesh axes that divide each role of a leg; no axis has two.

    Attributes:
        batch: the images.
        space: the spatial dimensions of v and u, each in blocks of its own size.
        contracted: the spatial dimensions of v and w, where they are.
        groups: whole groups; () where there is but one group.
        in_channels: input channels; () where there is more than one group.
        out_channels: likewise.
    """

    batch: MeshAxes
    space: tuple[MeshAxes, ...]
    contracted: tuple[MeshAxes, ...]
    groups: MeshAxes = ()
    in_channels: MeshAxes = ()
    out_channels: MeshAxes = ()

    @classmethod
    def whole(cls, ndim: int) -> "Layout":
        """That of a leg on one device."""
        return cls((), ((),) * ndim, ((),) * ndim)

    @classmethod
    def of(cls, problem: Problem, specs: Specs, sizes: Mapping[str, int]) -> "Layout":
        """The layout that follows how the arrays are sharded now: operands first, then the result.

        Where two arrays contradict each other, or one axis has two roles, the first wins and the
        other array has to be resharded.

        Args:
            problem: the leg.
            specs: how the arrays are sharded.
            sizes: of the mesh axes.
        """
        leg, used = LEGS[problem.leg], set[str]()

        def claim(*places: tuple[str, int], divides: int = 0) -> MeshAxes:
            for role, axis in places:
                spec = specs.get(role)
                free = tuple(a for a in spec[axis] if a not in used) if spec else ()
                parts = math.prod(sizes[a] for a in free)
                if parts > 1 and divides % parts == 0:
                    used.update(free)
                    return free
            return ()

        images = [role for role in (*leg.operands, leg.result) if role != "w"]
        batch = claim(*((role, 0) for role in images))
        geometry = problem.geometry
        dims = range(geometry.ndim)
        once = [is_contracted(geometry, j) for j in dims]
        space = tuple(() if once[j] else claim(*((role, 1 + j) for role in images)) for j in dims)
        contracted = tuple(claim(("v", 1 + j), ("w", j)) if once[j] else () for j in dims)
        if geometry.groups > 1:
            channels = ("w", -1), ("v", -1), ("u", -1)
            groups = claim(*channels, divides=geometry.groups)
            return cls(batch, space, contracted, groups)
        in_channels = claim(("w", -2), ("v", -1))
        out_channels = claim(("w", -1), ("u", -1))
        return cls(batch, space, contracted, (), in_channels, out_channels)

    def axes(self, role: str) -> tuple[MeshAxes, ...]:
        """The mesh axes that divide every axis of v, w or u."""
        if role == "w":
            return (*self.contracted, self.in_channels, self.out_channels or self.groups)
        if role == "u":
            return (self.batch, *self.space, self.out_channels or self.groups)
        space = (a or b for a, b in zip(self.space, self.contracted, strict=True))
        return (self.batch, *space, self.in_channels or self.groups)

    def spec(self, role: str) -> PartitionSpec:
        """How v, w or u is sharded."""
        return PartitionSpec(*(axes or None for axes in self.axes(role)))

    def summed(self, leg: Leg) -> MeshAxes:
        """The mesh axes over which the leg sums: those that divide operands, but not the result."""
        if leg.result == "w":
            return (*self.batch, *sum(self.space, ()))
        if leg.result == "u":
            return (*self.in_channels, *sum(self.contracted, ()))
        return self.out_channels


def is_contracted(geometry: ConvGeometry, dim: int) -> bool:
    """Whether the kernel is as long as v, so that each of its taps meets one cell."""
    k, n = geometry.kernel_size[dim], geometry.input_size[dim]
    one_step = geometry.dilation[dim] == 1 or k == 1
    return k == n and one_step and geometry.padding[dim] == (0, 0)


def sharding_rule(problem: Problem) -> tuple[str, dict[str, tuple[str, ...]]]:
    """What XLA's partitioner (Shardy) may divide: an einsum-like text, and what the letters mean.

    v and u have letters in common although their sizes differ: spatial dimensions and, where there
    are groups, channels. Both are divided alike, which is what `Layout` expects. (Groups as a
    letter of their own, in `(g c)`, would let Shardy split mesh axes, which no callback can do.)
    """
    leg, dims = LEGS[problem.leg], range(problem.geometry.ndim)
    once = [is_contracted(problem.geometry, j) for j in dims]
    terms = {
        "v": ["b", *(f"t{j}" if once[j] else f"s{j}" for j in dims), "c"],
        "w": [*(f"t{j}" if once[j] else f"k{j}" for j in dims), "c", "o"],
        "u": ["b", *(f"r{j}" if once[j] else f"s{j}" for j in dims), "o"],
    }
    if problem.geometry.groups > 1:
        terms["v"][-1] = terms["w"][-1] = terms["u"][-1] = "g"
    first, second = (terms[role] for role in leg.operands)
    result = terms[leg.result]
    letters = list(dict.fromkeys([*first, *second, *result]))  # Shardy wants them in this order
    whole = [x for x in letters if x[0] == "k" or (x == "c" and "g" in letters)]
    return f"{' '.join(first)}, {' '.join(second)} -> {' '.join(result)}", {
        "reduction_factors": tuple(x for x in letters if x not in {*result, *whole}),
        "need_replication_factors": tuple(whole),
        "permutation_factors": tuple(x for x in letters if x[0] == "s" and x in result),
    }
