"""Which mesh axes divide what: from the layouts of three arrays to one layout of the leg.

What the axes of v, w and u run over has a name, its *role*: the batch, each spatial dimension, the
groups, the input and the output channels. A leg is divided role by role, and a mesh axis divides
one role at most, so its arrays are laid out alike. The kernel's spatial axes stay whole.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jax.sharding import PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS, Leg

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
        groups: whole groups; () where there is but one group.
        in_channels: input channels; () where there is more than one group.
        out_channels: likewise.
    """

    batch: MeshAxes
    space: tuple[MeshAxes, ...]
    groups: MeshAxes = ()
    in_channels: MeshAxes = ()
    out_channels: MeshAxes = ()

    @classmethod
    def whole(cls, ndim: int) -> "Layout":
        """That of a leg on one device."""
        return cls((), ((),) * ndim)

    @classmethod
    def of(cls, problem: Problem, specs: Specs, sizes: Mapping[str, int]) -> "Layout":
        """The layout that follows how the arrays lie now: operands first, then the result.

        Where two arrays contradict each other, or one axis has two roles, the first wins and the
        other array has to be brought into its layout.

        Args:
            problem: the leg.
            specs: how the arrays lie.
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
        ndim = problem.geometry.ndim
        space = tuple(claim(*((role, 1 + j) for role in images)) for j in range(ndim))
        if problem.geometry.groups > 1:
            channels = ("w", -1), ("v", -1), ("u", -1)
            return cls(batch, space, claim(*channels, divides=problem.geometry.groups))
        in_channels = claim(("w", -2), ("v", -1))
        return cls(batch, space, (), in_channels, claim(("w", -1), ("u", -1)))

    def axes(self, role: str) -> tuple[MeshAxes, ...]:
        """The mesh axes that divide every axis of v, w or u."""
        if role == "w":
            kernel = [()] * len(self.space)
            return (*kernel, self.in_channels, self.out_channels or self.groups)
        channels = self.in_channels if role == "v" else self.out_channels
        return (self.batch, *self.space, channels or self.groups)

    def spec(self, role: str) -> PartitionSpec:
        """How v, w or u lies."""
        return PartitionSpec(*(axes or None for axes in self.axes(role)))

    def summed(self, leg: Leg) -> MeshAxes:
        """The mesh axes over which the leg sums: those that divide operands, but not the result."""
        if leg.result == "w":
            return (*self.batch, *sum(self.space, ()))
        return self.in_channels if leg.result == "u" else self.out_channels


def sharding_rule(problem: Problem, mesh_sizes: Iterable[int]) -> tuple[str, dict[str, Any]]:
    """What XLA's partitioner (Shardy) may divide: an einsum-like text, and what the letters mean.

    It divides spatial dimensions as if u had the size of v, which is what `Layout` expects. Groups
    are divided only if every mesh axis divides their number: else Shardy splits mesh axes.

    Args:
        problem: the leg.
        mesh_sizes: sizes of all mesh axes.
    """
    groups, leg = problem.geometry.groups, LEGS[problem.leg]
    space = [f"s{j}" for j in range(problem.geometry.ndim)]
    kernel = [f"k{j}" for j in range(problem.geometry.ndim)]
    whole, sizes = [*kernel], {}
    channels = {"v": "c", "u": "o", "w": "c o"}
    if groups > 1 and any(groups % size for size in mesh_sizes):
        channels, whole = {"v": "v", "u": "o", "w": "c o"}, [*kernel, "v", "c", "o"]
    elif groups > 1:
        u = "(g o)" if problem.out_per_group > 1 else "g"
        v = "(g c)" if problem.in_per_group > 1 else "g"
        channels, whole = {"v": v, "u": u, "w": f"c {u}"}, [*kernel, "c", "o"]
        if "(" in u:  # the sizes of letters that never stand alone
            sizes = {"o": problem.out_per_group} | ({"g": groups} if "(" in v else {})
    terms = {
        role: " ".join([*(kernel if role == "w" else ["b", *space]), channels[role]])
        for role in "vwu"
    }
    first, second = leg.operands
    text = f"{terms[first]}, {terms[second]} -> {terms[leg.result]}"
    letters = dict.fromkeys(re.findall(r"\w+", text))  # Shardy wants them in this order
    in_result = re.findall(r"\w+", terms[leg.result])
    whole = [letter for letter in letters if letter in whole]
    return text, {
        "reduction_factors": tuple(x for x in letters if x not in {*in_result, *whole}),
        "need_replication_factors": tuple(whole),
        "permutation_factors": tuple(x for x in letters if x in space and x in in_result),
        **sizes,
    }
