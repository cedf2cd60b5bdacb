"""JAX's explicit mode, where types say how arrays are sharded: a leg's layout from its operands."""

import math
from typing import Any

from jax.sharding import AbstractMesh, AxisType, PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.sharding.layout import Layout, MeshAxes, entries

__all__ = ["mesh_of", "result_spec", "specs_of"]


def mesh_of(x: Any, y: Any) -> AbstractMesh | None:
    """The mesh of the operands' types, if all of its axes are explicit."""
    mesh: AbstractMesh = y.sharding.mesh if x.sharding.mesh.empty else x.sharding.mesh
    is_explicit = not mesh.empty and all(kind == AxisType.Explicit for kind in mesh.axis_types)
    return mesh if is_explicit else None


def specs_of(problem: Problem, x: Any, y: Any) -> dict[str, tuple[MeshAxes, ...]]:
    """How the operands are sharded."""
    return {
        role: entries(one.sharding.spec, len(one.shape))
        for role, one in zip(LEGS[problem.leg].operands, (x, y), strict=True)
    }


def result_spec(problem: Problem, x: Any, y: Any) -> PartitionSpec:
    """How the result is sharded.

    A type must divide every axis evenly; an axis that is not is whole in the type.
    """
    leg, mesh = LEGS[problem.leg], mesh_of(x, y)
    shape = problem.shape(leg.result, x.shape[0])
    if mesh is None:
        images = None if leg.result == "w" else x.sharding.spec[0]
        return PartitionSpec(images, *[None] * (len(shape) - 1))
    axes = Layout.of(problem, specs_of(problem, x, y), mesh.shape).axes(leg.result)
    return PartitionSpec(
        *(
            names if names and size % math.prod(mesh.shape[a] for a in names) == 0 else None
            for names, size in zip(axes, shape, strict=True)
        )
    )
