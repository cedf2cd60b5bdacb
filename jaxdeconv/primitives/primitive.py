"""The legs as three primitives of JAX: what they compute, and how they are lowered.

Operands are canonical: channels last, one batch axis. The algorithm is planned where the program is
lowered, for the platform that it is lowered for. `verify`, which proves what it can read, reads a
leg as the products of matrices that compute it everywhere.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, core, lax
from jax.extend.core import Primitive
from jax.interpreters import mlir
from jax.lax import PrecisionLike
from jax.sharding import AbstractMesh, PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.algorithms.operand_dtypes import adapt, restore
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.primitives.simplify import simplifications

__all__ = ["PRIMITIVES", "LegParams", "bind", "on_one_device", "problem_of", "varying_alike"]


@dataclasses.dataclass(frozen=True)
class LegParams:
    """What a leg's primitive knows beside its operands: its one parameter, `params`.

    Attributes:
        geometry: of the forward convolution.
        dtype: of the result.
        precision: as in `jax.lax`.
        algorithm: the name of one, or 'auto'.
    """

    geometry: ConvGeometry
    dtype: np.dtype
    precision: PrecisionLike = None
    algorithm: str = planner.AUTO


def bind(leg: str, x: Array, y: Array, params: LegParams) -> Array:
    """Apply a leg's primitive to two operands, in the wider of their dtypes.

    The problem is simplified first, unless an algorithm is forced: that one gets it as it is.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: v, u or u.
        y: w, w or v.
        params: the geometry and the rest.
    """
    primitive, geometry = PRIMITIVES[leg], params.geometry
    dtype = np.promote_types(x.dtype, y.dtype)
    x, y = lax.convert_element_type(x, dtype), lax.convert_element_type(y, dtype)
    x, y = varying_alike(x, y)
    steps = zip(geometry.stride, geometry.dilation, strict=True)
    simple = 1 not in geometry.output_size and not any(s > 1 < d for s, d in steps)
    if simple or params.algorithm != planner.AUTO:
        return primitive.bind(x, y, params=params)
    found = simplifications(problem_of(leg, x, y, params))
    (first, second), result = LEGS[leg].operands, LEGS[leg].result
    for one in found:
        x, y = one.simplify(first, x), one.simplify(second, y)
        params = dataclasses.replace(params, geometry=one.simplified)
    out: Array = primitive.bind(x, y, params=params)
    for one in reversed(found):
        out = one.restore(result, out)
    return out


def varying_alike(*operands: Array) -> list[Array]:
    """Both operands said to vary over the mesh axes over which either does.

    That is a matter of `jax.shard_map`, as it checks. JAX's own operations do the same. The
    transpose sums over those axes: the gradient of a kernel that all devices share is of all their
    images.
    """
    own = [jax.typeof(operand).manual_axis_type.varying for operand in operands]
    both = frozenset[Any]().union(*own)
    return [
        lax.pcast(operand, tuple(both - axes), to="varying") if both - axes else operand
        for operand, axes in zip(operands, own, strict=True)
    ]


def problem_of(leg: str, x: Any, y: Any, params: LegParams, **program: Any) -> Problem:
    """The problem that two canonical operands (or their abstract values) pose.

    `program` says of the whole program its `platform`, and whether it is `exported` or
    `partitioned`.
    """
    arrays = dict(zip(LEGS[leg].operands, (x, y), strict=True))
    groups, batch = params.geometry.groups, x.shape[0]
    return Problem(
        leg,
        params.geometry,
        batch if isinstance(batch, int) else None,
        arrays["v"].shape[-1] if "v" in arrays else arrays["w"].shape[-2] * groups,
        arrays["u"].shape[-1] if "u" in arrays else arrays["w"].shape[-1],
        np.dtype(x.dtype),
        accumulator_dtype(np.promote_types(x.dtype, params.dtype)),
        params.precision,
        result_dtype=params.dtype,
        **program,
    )


def _abstract(leg: Leg, x: Any, y: Any, *, params: LegParams) -> core.ShapedArray:
    """The result varies over the mesh axes of x, and its images are sharded by type as those of x.

    XLA decides on the other axes.
    """
    shape = problem_of(leg.name, x, y, params).shape(leg.result, x.shape[0])
    images = None if leg.result == "w" else x.sharding.spec[0]
    spec = PartitionSpec(images, *[None] * (len(shape) - 1))
    kind = {"dtype": params.dtype, "weak_type": False}
    result: core.ShapedArray = x.update(shape=shape, sharding=x.sharding.update(spec=spec), **kind)
    return result


def _compute(
    leg: Leg, platform: str, program: dict[str, Any], x: Array, y: Array, *, params: LegParams
) -> Array:
    """The leg, by the algorithm that the plan chooses."""
    family = planner.PLATFORMS[platform]
    problem = problem_of(leg.name, x, y, params, platform=family, **program)
    shape = problem.shape(leg.result, x.shape[0])
    if 0 in (*shape, *x.shape, *y.shape):
        return jnp.zeros(shape, params.dtype)
    if platform == "cpu" and problem.dtype.itemsize == 2:
        # XLA:CPU (jaxlib 0.10) fuses a transposition by the caller into a product of bfloat16
        # matrices with a float32 result, which it then cannot execute
        x, y = lax.optimization_barrier(x), lax.optimization_barrier(y)
    adapted = problem.adapted()
    if adapted is not problem:
        x, y = map(functools.partial(adapt, problem=problem), leg.operands, (x, y))
    algorithm = planner.find(adapted, platform, params.algorithm)
    result = algorithm.apply(x, y, adapted)
    if adapted is not problem:
        result = restore(leg.result, result, problem)
    return result.astype(params.dtype)


def on_one_device(leg: Leg, platform: str, params: LegParams) -> Callable[[Array, Array], Array]:
    """The leg as a function of its operands, without the primitive."""
    return functools.partial(_compute, leg, platform, {}, params=params)


def _readable(leg: Leg, *, params: LegParams) -> Callable[[Array, Array], Array]:
    """The leg as a function whose jaxpr shows its products and sums."""
    params = dataclasses.replace(params, algorithm=leg.everywhere)
    return functools.partial(_compute, leg, "cpu", {"exported": True}, params=params)


def _lower(
    leg: Leg, platform: str, context: mlir.LoweringRuleContext, *xy: Any, params: LegParams
) -> Any:
    """The lowering rule of a leg for a platform.

    Algorithms know nothing of meshes: to them all types are plain.
    """
    compute = functools.partial(_compute, leg, platform, _program(context), params=params)
    avals: Any = context.avals_in
    plain = [core.ShapedArray(aval.shape, aval.dtype) for aval in avals]
    with jax.sharding.use_abstract_mesh(AbstractMesh((), ())):
        lower = mlir.lower_fun(compute, multiple_results=False)
        return lower(context.replace(avals_in=plain), *xy)


def _program(context: mlir.LoweringRuleContext) -> dict[str, bool]:
    """Whether the program is to be exported, and whether XLA is to divide it among devices."""
    module = context.module_context
    axes = module.axis_context
    if isinstance(axes, mlir.SPMDAxisContext):  # manual in all axes: each device's own program
        partitioned = axes.manual_axes != {*axes.mesh.axis_names}
    else:
        partitioned = axes.num_devices > 1
    return {"exported": module.lowering_parameters.for_export, "partitioned": partitioned}


def _make(leg: Leg) -> Primitive:
    primitive: Any = Primitive(f"jaxdeconv_{leg.name}")
    primitive.def_abstract_eval(functools.partial(_abstract, leg))
    primitive.def_impl(tuning_cache.follows(jax.jit(primitive.bind, static_argnames="params")))
    for platform in ("cpu", "cuda", "rocm", "tpu"):
        mlir.register_lowering(primitive, functools.partial(_lower, leg, platform), platform)
    primitive.as_function = functools.partial(_readable, leg)  # read by `jaxdeconv.verify`
    return primitive


PRIMITIVES: dict[str, Any] = {name: _make(leg) for name, leg in LEGS.items()}
"""The primitives by the name of their leg."""
