"""Divided legs as functions of whole arrays: by XLA's partitioner, or by `jax.shard_map`."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array, lax
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.boundary import resize
from jaxdeconv.sharding.block import Compute, DividedLeg
from jaxdeconv.sharding.layout import Layout, entries, sharding_rule
from jaxdeconv.sharding.windows import ceil_div

__all__ = ["by_partitioner", "by_shard_map"]


def by_partitioner(
    whole: DividedLeg, compute: Compute, dtype: np.dtype, known_by: str
) -> Callable[[Array, Array], Array]:
    """The leg, divided as XLA's partitioner (Shardy) shards its arrays.

    Neither differentiable nor to be mapped: for the lowering of a primitive that is.

    Args:
        whole: the leg on one device.
        compute: the same with zero padding.
        dtype: of the result.
        known_by: all that the callback depends on. The program before it is divided holds nothing
            of it but an address, by which JAX's persistent cache could take one leg for another.
    """
    leg = LEGS[whole.problem.leg]

    def partition(mesh: Mesh, operands: Any, result: Any) -> Any:
        given = dict(zip((*leg.operands, leg.result), (*operands, result), strict=True))
        specs = {role: entries(one.sharding.spec, len(one.shape)) for role, one in given.items()}
        layout = Layout.of(whole.problem, specs, mesh.shape)
        divided = dataclasses.replace(whole, layout=layout, mesh_sizes=dict(mesh.shape))
        divided.note(specs)
        shardings = {role: NamedSharding(mesh, layout.spec(role)) for role in given}

        def apply(x: Array, y: Array) -> Array:
            with jax.sharding.use_abstract_mesh(AbstractMesh((), ())):  # blocks have plain types
                return divided.apply(x, y, compute, dtype)

        operand_shardings = tuple(shardings[role] for role in leg.operands)
        return mesh, apply, shardings[leg.result], operand_shardings

    def typed(x: Array, y: Array) -> Array:  # noqa: ARG001
        """Asked for its type alone: where there is but one device, nothing is divided."""
        return lax.full(whole.problem.shape(leg.result), 0, dtype)

    call: Any = custom_partitioning(typed)
    text, meaning = sharding_rule(whole.problem)
    call.def_partition(partition, sharding_rule=text, **meaning)

    def named(x: Array, y: Array) -> Array:
        result: Array = call(x, y)
        return result

    digest = hashlib.sha256(f"{known_by}, {whole.padding_mode}, {whole.problem}".encode())
    named.__name__ = f"{leg.name}_{digest.hexdigest()[:16]}"
    return jax.jit(named)


def by_shard_map(
    divided: DividedLeg, mesh: AbstractMesh, compute: Compute, dtype: np.dtype
) -> Callable[[Array, Array], Array]:
    """The leg, divided as `divided` says, whatever the partitioner thinks.

    Args:
        divided: the leg and its layout.
        mesh: that it is divided on.
        compute: the leg on one device.
        dtype: of the result.
    """
    leg, layout = LEGS[divided.problem.leg], divided.layout
    automatic = mesh.update_axis_types(dict.fromkeys(mesh.axis_names, AxisType.Auto))

    def resized(x: Array, role: str, sizes: dict[int, int]) -> Array:
        for dim, _, _ in divided.divided(role):
            x = resize(x, dim, 0, sizes[dim] - x.shape[dim])
        return x

    def even(role: str) -> dict[int, int]:
        """Sizes of divided axes, such that all blocks are full."""
        return {
            dim: ceil_div(size, divided.parts(axes)) * divided.parts(axes)
            for dim, axes, size in divided.divided(role)
        }

    def apply(x: Array, y: Array) -> Array:
        with jax.sharding.use_abstract_mesh(automatic):
            out = jax.shard_map(
                functools.partial(divided.apply, compute=compute, dtype=dtype),
                mesh=automatic,
                in_specs=tuple(layout.spec(role) for role in leg.operands),
                out_specs=layout.spec(leg.result),
                check_vma=False,
            )(*(resized(a, r, even(r)) for a, r in zip((x, y), leg.operands, strict=True)))
            own = {dim: size for dim, _, size in divided.divided(leg.result)}
            return resized(out, leg.result, own)

    return apply
