"""The legs as three primitives of JAX: their operands, their parameters, the type of their result.

Operands are canonical: channels last, one batch axis.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from jax import Array, core, lax
from jax.extend.core import Primitive
from jax.lax import PrecisionLike
from jax.sharding import PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.boundary import split
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import measuring, planner, tuning_cache
from jaxdeconv.sharding import MeshAxes, explicit
from jaxdeconv.sharding.windows import ceil_div

__all__ = ["PRIMITIVES", "LegParams", "bind", "problem_of", "varying_alike", "whole_problem_of"]


@dataclasses.dataclass(frozen=True)
class LegParams:
    """What a leg's primitive knows beside its operands: its one parameter, `params`.

    Attributes:
        geometry: of the forward convolution.
        dtype: of the result.
        precision: as in `jax.lax`.
        algorithm: the name of one, or 'auto'.
        padding_mode: what the padding holds.
        spatial_axes: inside `jax.shard_map`, the mesh axes that divide each spatial dimension of v
            and u. Then these two are blocks, and the geometry is that of the whole; () elsewhere.
        autotune: whether the algorithms are measured when the leg is lowered; by default as
            `autotuning` says where it is traced.
    """

    geometry: ConvGeometry
    dtype: np.dtype
    precision: PrecisionLike = None
    algorithm: str = planner.AUTO
    padding_mode: str = "zeros"
    spatial_axes: tuple[MeshAxes, ...] = ()
    autotune: bool = dataclasses.field(default_factory=measuring.is_on)


def bind(leg: str, x: Array, y: Array, params: LegParams) -> Array:
    """Apply a leg's primitive to two operands, in the wider of their dtypes.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: v, u or u.
        y: w, w or v.
        params: the geometry and the rest.
    """
    dtype = np.promote_types(x.dtype, y.dtype)
    x, y = lax.convert_element_type(x, dtype), lax.convert_element_type(y, dtype)
    x, y = varying_alike(x, y, over=frozenset(sum(params.spatial_axes, ())))
    result: Array = PRIMITIVES[leg].bind(x, y, params=params)
    return result


def varying_alike(*operands: Array, over: frozenset[str] = frozenset()) -> list[Array]:
    """Both operands said to vary over the mesh axes over which either does, and over those named.

    That is a matter of `jax.shard_map`, as it checks. JAX's own operations do the same. The
    transpose sums over those axes: the gradient of a kernel that all devices share is of all their
    images.
    """
    own = [jax.typeof(operand).manual_axis_type.varying for operand in operands]
    both = over.union(*own)
    return [
        lax.pcast(operand, tuple(both - axes), to="varying") if both - axes else operand
        for operand, axes in zip(operands, own, strict=True)
    ]


def problem_of(leg: str, x: Any, y: Any, params: LegParams, **program: Any) -> Problem:
    """The problem that two canonical operands (or their abstract values) pose to the planner.

    A border that holds copies has been added to v by then.

    `program` says of the whole program its `platform`, and whether it is `exported` or
    `partitioned`.
    """
    arrays = dict(zip(LEGS[leg].operands, (x, y), strict=True))
    geometry, groups, batch = params.geometry, params.geometry.groups, x.shape[0]
    if params.padding_mode != "zeros":
        _, geometry = split(geometry, params.padding_mode)
    return Problem(
        leg,
        geometry,
        batch if isinstance(batch, int) else None,
        arrays["v"].shape[-1] if "v" in arrays else arrays["w"].shape[-2] * groups,
        arrays["u"].shape[-1] if "u" in arrays else arrays["w"].shape[-1],
        np.dtype(x.dtype),
        accumulator_dtype(np.promote_types(x.dtype, params.dtype)),
        params.precision,
        result_dtype=params.dtype,
        **program,
    )


def whole_problem_of(leg: str, x: Any, y: Any, params: LegParams) -> Problem:
    """The same with v as it is, without a border."""
    return problem_of(leg, x, y, dataclasses.replace(params, padding_mode="zeros"))


def _abstract(leg: Leg, x: Any, y: Any, *, params: LegParams) -> core.ShapedArray:
    """The type of the result.

    It varies over the mesh axes of x. In JAX's explicit mode its layout follows from those of the
    operands; elsewhere XLA decides.
    """
    problem = whole_problem_of(leg.name, x, y, params)
    shape = problem.shape(leg.result, x.shape[0])
    if leg.result != "w":
        for dim, axes in enumerate(params.spatial_axes, start=1):
            shape = (*shape[:dim], ceil_div(shape[dim], lax.axis_size(axes)), *shape[dim + 1 :])
    whole = x.sharding.mesh.empty and y.sharding.mesh.empty
    spec = PartitionSpec(*[None] * len(shape)) if whole else explicit.result_spec(problem, x, y)
    kind = {"dtype": params.dtype, "weak_type": False}
    result: core.ShapedArray = x.update(shape=shape, sharding=x.sharding.update(spec=spec), **kind)
    return result


def _make(leg: Leg) -> Primitive:
    primitive: Any = Primitive(f"jaxdeconv_{leg.name}")
    primitive.def_abstract_eval(functools.partial(_abstract, leg))
    primitive.def_impl(tuning_cache.follows(jax.jit(primitive.bind, static_argnames="params")))
    return primitive


PRIMITIVES: dict[str, Any] = {name: _make(leg) for name, leg in LEGS.items()}
"""The primitives by the name of their leg."""
