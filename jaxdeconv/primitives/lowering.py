"""How a leg becomes a program: by the planned algorithm, on one device or divided among many.

The algorithm is planned where the program is lowered, for the platform that it is lowered for, and
for the blocks that one device computes. `verify`, which proves what it can read, reads a leg as the
products of matrices that compute it everywhere, unless a less exact algorithm was asked for.

| where | who divides the leg |
|---|---|
| one device; `jax.shard_map` | nobody: each device's own program |
| `jax.shard_map` with `spatial_axes` | we, as these say |
| JAX's explicit mode | we, as the types say, by a `jax.shard_map` of our own |
| automatic mode | we, as XLA's partitioner says, in its callback |
| automatic mode on TPUs or exported; axes of several kinds | XLA; then products of matrices alone |
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, core
from jax.interpreters import mlir
from jax.sharding import AbstractMesh

from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.algorithms.operand_dtypes import adapt, restore
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import autotuning, planner
from jaxdeconv.primitives.primitive import PRIMITIVES, LegParams, problem_of, whole_problem_of
from jaxdeconv.primitives.simplify import simplifications
from jaxdeconv.sharding import DividedLeg, Layout, explicit, hooks

__all__ = [
    "is_left_to_xla",
    "is_one_program",
    "lower_for_known_devices",
    "lower_plain",
    "on_one_device",
    "with_plain_types",
]


def lower_for_known_devices(primitive: Any) -> None:
    """Have JAX say for which devices a program is lowered that has this primitive.

    Without it, where JAX has no such thing, XLA divides the legs.
    """
    with contextlib.suppress(ImportError):
        from jax._src.dispatch import prim_requires_devices_during_lowering  # noqa: PLC0415

        prim_requires_devices_during_lowering.add(primitive)


def _compute(
    leg: Leg,
    platform: str,
    program: dict[str, bool],
    params: LegParams,
    x: Array,
    y: Array,
    geometry: ConvGeometry,
) -> Array:
    """The leg on one device, by the algorithm that the plan chooses; in the accumulator's dtype.

    The problem is simplified first, unless an algorithm is forced that can do without.
    """
    folds_back = leg.result == "v" and params.padding_mode != "zeros"
    params = dataclasses.replace(params, geometry=geometry, padding_mode="zeros")
    family = planner.PLATFORMS[platform]
    problem = problem_of(leg.name, x, y, params, platform=family, **program)
    if folds_back:  # summing, too
        problem = dataclasses.replace(problem, result_dtype=None)
    shape = problem.shape(leg.result, x.shape[0])
    if 0 in (*shape, *x.shape, *y.shape):
        return jnp.zeros(shape, problem.accumulator)
    if platform == "cpu" and problem.dtype.itemsize == 2:
        # XLA:CPU (jaxlib 0.10) fuses a transposition by the caller into a product of bfloat16
        # matrices with a float32 result, which it then cannot execute
        x, y = jax.lax.optimization_barrier(x), jax.lax.optimization_barrier(y)
    steps = (
        simplifications(problem)
        if _may_simplify(geometry)
        and (
            params.algorithm == planner.AUTO
            or not planner.is_possible(problem, platform, params.algorithm)
        )
        else []
    )
    (first, second), result = leg.operands, leg.result
    for one in steps:
        x, y, problem = one.simplify(first, x), one.simplify(second, y), one.problem(problem)
    adapted = problem.adapted()
    if adapted is not problem:
        x, y = adapt(first, x, problem), adapt(second, y, problem)
    if params.autotune and params.algorithm == planner.AUTO:
        autotuning.settle(adapted, platform)
    out = planner.find(adapted, platform, params.algorithm).apply(x, y, adapted)
    if adapted is not problem:
        out = restore(result, out, problem)
    for one in reversed(steps):
        out = one.restore(result, out)
    return out


def _may_simplify(geometry: ConvGeometry) -> bool:
    """Whether it is worth to look for simplifications."""
    steps = zip(geometry.stride, geometry.dilation, strict=True)
    return 1 in geometry.output_size or any(s > 1 < d for s, d in steps)


def _whole(leg: Leg, x: Any, y: Any, params: LegParams) -> DividedLeg:
    """The leg on one device."""
    problem = whole_problem_of(leg.name, x, y, params)
    layout = Layout.whole(params.geometry.ndim)
    return DividedLeg(problem, params.padding_mode, layout, {})


def on_one_device(
    leg: Leg, platform: str, params: LegParams, *, exported: bool = False
) -> Callable[[Array, Array], Array]:
    """The leg as a function of whole arrays, without the primitive."""
    return functools.partial(_alone, leg, platform, {"exported": exported}, params)


def _alone(
    leg: Leg, platform: str, program: dict[str, bool], params: LegParams, x: Array, y: Array
) -> Array:
    """The leg, undivided; without a border that holds copies, nothing is to be done around it."""
    if params.padding_mode == "zeros":
        return _compute(leg, platform, program, params, x, y, params.geometry).astype(params.dtype)
    compute = functools.partial(_compute, leg, platform, program, params)
    return _whole(leg, x, y, params).apply(x, y, compute, params.dtype)


def _readable(leg: Leg, *, params: LegParams) -> Callable[[Array, Array], Array]:
    """The leg as a function whose jaxpr shows its products and sums.

    An algorithm of larger errors than theirs, if one was asked for, is shown itself.
    """
    if not planner.is_inexact(leg.name, params.algorithm):
        params = dataclasses.replace(params, algorithm=leg.everywhere)
    return on_one_device(leg, "cpu", params, exported=True)


def _lower(
    leg: Leg, platform: str, context: mlir.LoweringRuleContext, *xy: Any, params: LegParams
) -> Any:
    """The lowering rule of a leg for a platform.

    Algorithms know nothing of meshes: to them all types are plain.
    """
    avals: Any = context.avals_in
    if params.spatial_axes:
        on_blocks = functools.partial(_on_blocks, leg, params=params)
        return mlir.lower_fun(on_blocks, multiple_results=False)(context, *xy)
    apply = _divide(leg, platform, context.module_context, avals, params)
    return lower_plain(apply, with_plain_types(context), *xy)


def with_plain_types(context: mlir.LoweringRuleContext) -> mlir.LoweringRuleContext:
    """The same context without shardings in the types of its operands."""
    avals: Any = context.avals_in
    return context.replace(avals_in=[core.ShapedArray(aval.shape, aval.dtype) for aval in avals])


def lower_plain(
    compute: Callable[[Array, Array], Array], context: mlir.LoweringRuleContext, *xy: Any
) -> Any:
    """Lower a function that knows nothing of meshes, in a context with plain types."""
    with jax.sharding.use_abstract_mesh(AbstractMesh((), ())):
        return mlir.lower_fun(compute, multiple_results=False)(context, *xy)


def _on_blocks(leg: Leg, x: Array, y: Array, *, params: LegParams) -> Array:
    """The leg on one device's blocks, inside `jax.shard_map`.

    The exchange has JAX's types, which say what varies over which mesh axes; so the convolution of
    what has come is a leg again, which has none.
    """

    def compute(x: Array, y: Array, geometry: ConvGeometry) -> Array:
        dtype = problem_of(leg.name, x, y, params).accumulator
        local = dataclasses.replace(
            params, geometry=geometry, dtype=dtype, padding_mode="zeros", spatial_axes=()
        )
        result: Array = PRIMITIVES[leg.name].bind(x, y, params=local)
        return result

    names = [name for axes in params.spatial_axes for name in axes]
    whole = _whole(leg, x, y, params)
    divided = dataclasses.replace(
        whole,
        layout=dataclasses.replace(whole.layout, space=params.spatial_axes),
        mesh_sizes={name: jax.lax.axis_size(name) for name in names},
        manual=True,
    )
    divided.note({})
    return divided.apply(x, y, compute, params.dtype)


def _divide(
    leg: Leg, platform: str, module: mlir.ModuleContext, avals: Any, params: LegParams
) -> Callable[[Array, Array], Array]:
    """The leg as a function of what the program holds: whole arrays, or one device's blocks."""
    x, y = avals
    exported = module.lowering_parameters.for_export
    axes: Any = module.axis_context
    if _is_one_program(axes):
        return on_one_device(leg, platform, params, exported=exported)
    whole = _whole(leg, x, y, params)
    program = {"exported": exported, "partitioned": False}
    one_device = functools.partial(_compute, leg, platform, program, params)
    is_empty = 0 in (*x.shape, *y.shape) or whole.problem.batch is None
    mesh = None if isinstance(axes, mlir.SPMDAxisContext) else explicit.mesh_of(x, y)
    if mesh is not None and not is_empty:
        specs = explicit.specs_of(whole.problem, x, y)
        layout = Layout.of(whole.problem, specs, mesh.shape)
        divided = dataclasses.replace(whole, layout=layout, mesh_sizes=mesh.shape)
        divided.note(specs)
        return hooks.by_shard_map(divided, mesh, one_device, params.dtype)
    if not is_empty and not is_left_to_xla(platform, module):
        known_by = f"{platform}, {params}"
        # its callback measures while XLA compiles another program; that was tried on CPUs alone
        ours = dataclasses.replace(params, autotune=params.autotune and platform == "cpu")
        one_device = functools.partial(_compute, leg, platform, program, ours)
        return hooks.by_partitioner(whole, one_device, params.dtype, known_by)
    by_xla = functools.partial(_compute, leg, platform, program | {"partitioned": True}, params)
    return functools.partial(whole.apply, compute=by_xla, dtype=params.dtype)


def is_left_to_xla(platform: str, module: mlir.ModuleContext) -> bool:
    """Whether XLA divides the legs of a program whose types do not say how its arrays are sharded.

    Its partitioner calls us for programs of several devices that JAX knows, but not on TPUs, and
    not where some axes of the mesh are manual.
    """
    axes: Any = module.axis_context
    if _is_one_program(axes):
        return False
    if platform not in ("cpu", "cuda", "rocm") or module.lowering_parameters.for_export:
        return True
    if isinstance(axes, mlir.SPMDAxisContext) or axes.device_assignment is None:
        return True
    return axes.abstract_mesh is None or len({*axes.abstract_mesh.axis_types}) > 1


def is_one_program(module: mlir.ModuleContext) -> bool:
    """Whether every device has a program of its own: it is alone, or all mesh axes are manual.

    Not so what is exported.
    """
    return not module.lowering_parameters.for_export and _is_one_program(module.axis_context)


def _is_one_program(axes: Any) -> bool:
    """Whether every device has a program of its own: it is alone, or all mesh axes are manual."""
    if isinstance(axes, mlir.SPMDAxisContext):
        return bool(axes.manual_axes == {*axes.mesh.axis_names})
    return bool(axes.num_devices == 1)


for _leg in LEGS.values():
    _primitive = PRIMITIVES[_leg.name]
    lower_for_known_devices(_primitive)
    for _platform in ("cpu", "cuda", "rocm", "tpu"):
        _rule = functools.partial(_lower, _leg, _platform)
        mlir.register_lowering(_primitive, _rule, _platform)
    _primitive.as_function = functools.partial(_readable, _leg)  # read by `jaxdeconv.verify`
