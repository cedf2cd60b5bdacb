"""The legs as three bilinear primitives of JAX, each one's derivatives being the other two.

With t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>, every leg is linear in both of its
arguments, and transposing it in one of them gives the leg that t leaves over:

    leg      of      transposed in its first    in its second argument
    conv     (v, w)  u -> conv_transpose(u, w)  u -> kernel_gradient(u, v)
    conv_t.  (u, w)  v -> conv(v, w)            v -> kernel_gradient(u, v)
    k.grad.  (u, v)  w -> conv(v, w)            w -> conv_transpose(u, w)

So the three are closed under differentiation of any order, and every derivative is a fast leg.
Under `vmap` a new axis folds into the batch (kernel not mapped), into the channels (only the kernel
mapped) or into the groups (both mapped): always one leg again, never a loop.

Operands are canonical: channels last, one batch axis. The algorithm is planned where the program is
lowered, for the platform that it is lowered for. `verify`, which proves what it can read, reads a
leg as the products of matrices that compute it everywhere.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, core, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import AbstractMesh, PartitionSpec

from jaxdeconv.algorithms import Problem
from jaxdeconv.arguments.dtypes import accumulator_dtype
from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.primitives.folding import Folding

__all__ = ["PRIMITIVES", "bind", "problem_of", "varying_alike"]

Params = dict[str, Any]


def bind(leg: str, x: Array, y: Array, **params: Any) -> Array:
    """Apply a leg's primitive to two operands, in the wider of their dtypes.

    Axes along which the kernel lies in one place are folded into the channels, unless an algorithm
    is forced: that one then gets the problem as it is.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        x: v, u or u.
        y: w, w or v.
        params: `geometry`, `dtype` (of the result), `precision` and `algorithm`.
    """
    dtype = np.promote_types(x.dtype, y.dtype)
    x, y = lax.convert_element_type(x, dtype), lax.convert_element_type(y, dtype)
    x, y = varying_alike(x, y)
    if params["algorithm"] != planner.AUTO:
        return _bind(leg, x, y, **params)
    problem = problem_of(leg, x, y, params)
    folding = Folding.of(problem.geometry, problem.in_channels, problem.out_channels)
    if not folding.dims:
        return _bind(leg, x, y, **params)
    first, second, result = ROLES[leg]
    x, y = folding.fold(first, x), folding.fold(second, y)
    return folding.unfold(result, _bind(leg, x, y, **params | {"geometry": folding.folded}))


ROLES = {
    "conv": ("v", "w", "u"),
    "conv_transpose": ("u", "w", "v"),
    "kernel_gradient": ("u", "v", "w"),
}
"""The two operands of a leg, and its result."""


def _bind(leg: str, x: Array, y: Array, **params: Any) -> Array:
    result: Array = PRIMITIVES[leg].bind(x, y, **params)
    return result


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


def problem_of(leg: str, x: Any, y: Any, params: Params, **program: Any) -> Problem:
    """The problem that two canonical operands (or their abstract values) pose.

    `program` says of the whole program its `platform`, and whether it is `exported` or
    `partitioned`.
    """
    geometry: ConvGeometry = params["geometry"]
    if leg == "kernel_gradient":
        in_channels, out_channels = y.shape[-1], x.shape[-1]
    else:
        in_channels, out_channels = y.shape[-2] * geometry.groups, y.shape[-1]
    batch = x.shape[0]
    return Problem(
        leg,
        geometry,
        batch if isinstance(batch, int) else None,
        in_channels,
        out_channels,
        np.dtype(x.dtype),
        accumulator_dtype(np.promote_types(x.dtype, params["dtype"])),
        params["precision"],
        **program,
    )


def _result_shape(leg: str, x: Any, y: Any, geometry: ConvGeometry) -> tuple[Any, ...]:
    if leg == "conv":
        return (x.shape[0], *geometry.output_size, y.shape[-1])
    if leg == "conv_transpose":
        return (x.shape[0], *geometry.input_size, y.shape[-2] * geometry.groups)
    return (*geometry.kernel_size, y.shape[-1] // geometry.groups, x.shape[-1])


def _abstract(leg: str, x: Any, y: Any, **params: Any) -> core.ShapedArray:
    """The result varies over the mesh axes of x, and its images are sharded by type as those of x.

    XLA decides on the other axes.
    """
    shape = _result_shape(leg, x, y, params["geometry"])
    images = None if leg == "kernel_gradient" else x.sharding.spec[0]
    spec = PartitionSpec(images, *[None] * (len(shape) - 1))
    kind = {"dtype": params["dtype"], "weak_type": False}
    result: core.ShapedArray = x.update(shape=shape, sharding=x.sharding.update(spec=spec), **kind)
    return result


def _compute(
    leg: str, platform: str, program: dict[str, Any], x: Array, y: Array, **params: Any
) -> Array:
    """The leg, by the algorithm that the plan chooses."""
    shape = _result_shape(leg, x, y, params["geometry"])
    if 0 in (*shape, *x.shape, *y.shape):
        return jnp.zeros(shape, params["dtype"])
    family = planner.PLATFORMS[platform]
    problem = problem_of(leg, x, y, params, platform=family, **program)
    if platform == "cpu" and problem.dtype.itemsize == 2:
        # XLA:CPU (jaxlib 0.10) fuses a transposition by the caller into a product of bfloat16
        # matrices with a float32 result, which it then cannot execute
        x, y = lax.optimization_barrier(x), lax.optimization_barrier(y)
    algorithm = planner.find(problem, platform, params["algorithm"])
    return algorithm.apply(x, y, problem).astype(params["dtype"])


_EVERYWHERE = {"conv": "per_tap", "conv_transpose": "overlap_add", "kernel_gradient": "per_tap"}
"""Algorithms that compute every problem, by operations of `jax.lax` alone."""


def _readable(leg: str, **params: Any) -> Callable[[Array, Array], Array]:
    """The leg as a function whose jaxpr shows its products and sums."""
    params["algorithm"] = _EVERYWHERE[leg]
    return functools.partial(_compute, leg, "cpu", {"exported": True}, **params)


def _lower(
    leg: str, platform: str, context: mlir.LoweringRuleContext, *xy: Any, **params: Any
) -> Any:
    """The lowering rule of a leg for a platform.

    Algorithms know nothing of meshes: to them all types are plain.
    """
    compute = functools.partial(_compute, leg, platform, _program(context))
    avals: Any = context.avals_in
    plain = [core.ShapedArray(aval.shape, aval.dtype) for aval in avals]
    with jax.sharding.use_abstract_mesh(AbstractMesh((), ())):
        lower = mlir.lower_fun(compute, multiple_results=False)
        return lower(context.replace(avals_in=plain), *xy, **params)


def _program(context: mlir.LoweringRuleContext) -> dict[str, bool]:
    """Whether the program is to be exported, and whether XLA is to divide it among devices."""
    module = context.module_context
    axes = module.axis_context
    if isinstance(axes, mlir.SPMDAxisContext):  # manual in all axes: each device's own program
        partitioned = axes.manual_axes != {*axes.mesh.axis_names}
    else:
        partitioned = axes.num_devices > 1
    return {"exported": module.lowering_parameters.for_export, "partitioned": partitioned}


# --- differentiation: (leg, which argument) -> the leg of its transpose, and that leg's operands

_TRANSPOSES: dict[tuple[str, int], tuple[str, Callable[[Any, Any], tuple[Any, Any]]]] = {
    ("conv", 0): ("conv_transpose", lambda u, w: (u, w)),
    ("conv", 1): ("kernel_gradient", lambda u, v: (u, v)),
    ("conv_transpose", 0): ("conv", lambda v, w: (v, w)),
    ("conv_transpose", 1): ("kernel_gradient", lambda v, u: (u, v)),
    ("kernel_gradient", 0): ("conv", lambda w, v: (v, w)),
    ("kernel_gradient", 1): ("conv_transpose", lambda w, u: (u, w)),
}


def _transpose(leg: str, cotangent: Any, x: Any, y: Any, **params: Any) -> tuple[Any, Any]:
    """Transpose of a leg that is linear in exactly one of x and y.

    Not `ad.defbilinear`: its rule drops the cotangents of integers, and with them the transpose.
    """
    which = 0 if ad.is_undefined_primal(x) else 1
    fixed = y if which == 0 else x
    result: Any
    if isinstance(cotangent, ad.Zero):
        result = ad.Zero((x, y)[which].aval)
    else:
        other, arrange = _TRANSPOSES[leg, which]
        params = params | {"dtype": fixed.dtype}
        result = bind(other, *arrange(cotangent, fixed), **params)
    return (result, None) if which == 0 else (None, result)


# --- batching: where the new axis goes, for the two operands and the result


def _batch(leg: str, args: Any, dims: Any, **params: Any) -> tuple[Array, int]:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    mapped = [d is not None for d in dims]
    x, y = (
        jnp.moveaxis(a, d, 0) if is_mapped else a
        for a, d, is_mapped in zip(args, dims, mapped, strict=True)
    )
    geometry: ConvGeometry = params["geometry"]
    if all(mapped):
        return _batch_groups(leg, x, y, size, params)
    if mapped[0] and leg != "kernel_gradient":  # one kernel for all: more images
        out = bind(leg, x.reshape(size * x.shape[1], *x.shape[2:]), y, **params)
        return out.reshape(size, x.shape[1], *out.shape[1:]), 0
    groups = geometry.groups
    if leg == "conv_transpose" or (leg == "kernel_gradient" and mapped[1]):
        # more input channels within every group; v has (group, new, channel), w (new, channel)
        if leg == "conv_transpose":
            y = _fold(y, -2, 1)
            return _unfold(bind(leg, x, y, **params), -1, groups, size), 0
        return _unfold(bind(leg, x, _fold(y, -1, groups), **params), -2, 1, size), 0
    # more output channels within every group; u and w have (group, new, channel)
    if leg == "conv":
        return _unfold(bind(leg, x, _fold(y, -1, groups), **params), -1, groups, size), 0
    return _unfold(bind(leg, _fold(x, -1, groups), y, **params), -1, groups, size), 0


def _batch_groups(leg: str, x: Array, y: Array, size: int, params: Params) -> tuple[Array, int]:
    """Both operands mapped: every example is a group of its own."""
    geometry: ConvGeometry = params["geometry"]
    if size == 0:
        one = jax.eval_shape(
            functools.partial(bind, leg, **params),
            jax.ShapeDtypeStruct(x.shape[1:], x.dtype),
            jax.ShapeDtypeStruct(y.shape[1:], y.dtype),
        )
        return jnp.zeros((0, *one.shape), one.dtype), 0
    grouped = params | {"geometry": geometry.with_groups(size * geometry.groups)}
    out = bind(leg, _fold(x, -1, 1), _fold(y, -1, 1), **grouped)
    return _unfold(out, -1, 1, size), 0


def _fold(x: Array, axis: int, groups: int) -> Array:
    """[new, ..., groups * c, ...] -> [..., groups * new * c, ...], at a negative `axis`."""
    new, channels = x.shape[0], x.shape[axis]
    at = x.ndim + axis
    x = x.reshape(*x.shape[:at], groups, channels // groups, *x.shape[at + 1 :])
    x = jnp.moveaxis(x, 0, at)  # between the groups and their channels
    return x.reshape(*x.shape[: at - 1], new * channels, *x.shape[at + 2 :])


def _unfold(x: Array, axis: int, groups: int, new: int) -> Array:
    """Inverse of `_fold`."""
    at, channels = x.ndim + axis, x.shape[axis]
    shape = (groups, new, channels // (groups * new))
    x = jnp.moveaxis(x.reshape(*x.shape[:at], *shape, *x.shape[at + 1 :]), at + 1, 0)
    return x.reshape(*x.shape[: at + 1], channels // new, *x.shape[at + 3 :])


def _make(leg: str) -> Primitive:
    primitive: Any = Primitive(f"jaxdeconv_{leg}")
    primitive.def_abstract_eval(functools.partial(_abstract, leg))
    primitive.def_impl(tuning_cache.follows(jax.jit(primitive.bind, static_argnames=_STATIC)))
    ad.defjvp(
        primitive,
        lambda tangent, _, y, **params: primitive.bind(tangent, y, **params),
        lambda tangent, x, _, **params: primitive.bind(x, tangent, **params),
    )
    ad.primitive_transposes[primitive] = functools.partial(_transpose, leg)
    batching.primitive_batchers[primitive] = functools.partial(_batch, leg)
    for platform in ("cpu", "cuda", "rocm", "tpu"):
        mlir.register_lowering(primitive, functools.partial(_lower, leg, platform), platform)
    primitive.as_function = functools.partial(_readable, leg)  # read by `jaxdeconv.verify`
    return primitive


_STATIC = ("geometry", "dtype", "precision", "algorithm")

PRIMITIVES = {leg: _make(leg) for leg in ("conv", "conv_transpose", "kernel_gradient")}
"""The primitives by leg."""
