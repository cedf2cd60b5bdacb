"""A call of any function as a program whose convolutions are known by number.

Each is numbered in its name stack, which XLA carries through to the kernels that compute it. So a
kernel of the optimized program is traced to the line that asked for it, whatever became of it:
other algorithms by `accelerate`, several kernels, a fusion.
"""

import dataclasses
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun
from jax.extend.core.primitives import conv_general_dilated_p

from jaxdeconv.acceleration import nnx_modules
from jaxdeconv.acceleration.accelerated import accelerated_p
from jaxdeconv.acceleration.convolution import Convolution
from jaxdeconv.acceleration.match import match
from jaxdeconv.acceleration.report import source_line
from jaxdeconv.acceleration.rewrite import convolutions
from jaxdeconv.acceleration.staging import stage
from jaxdeconv.compilers.counting import products
from jaxdeconv.compilers.kernels import TAG
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.planning.planner import traced_for
from jaxdeconv.primitives import PRIMITIVES, problem_of

__all__ = ["Source", "lowered", "sources", "tagged"]

_LEGS = {primitive: leg for leg, primitive in PRIMITIVES.items()}


@dataclasses.dataclass(frozen=True)
class Source:
    """A convolution as the program asks for it.

    Attributes:
        tag: its number.
        where: file and line; '' where that is not known.
        what: dtype, shapes and parameters, in words.
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'; 'convolution' if it is none of these.
        dtype: the narrower of its operands', in HLO's letters.
        flops: useful ones: two for each product of two stored numbers, none with a zero that
            padding or dilation inserts; of all times together.
        times: how often it is computed, as far as loops have a known length.
    """

    tag: int
    where: str
    what: str
    leg: str
    dtype: str
    flops: float
    times: int


def tagged(
    fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], platform: str
) -> tuple[ClosedJaxpr, dict[int, int]]:
    """Trace a call, and number its convolutions.

    Args:
        fun: any function that JAX can trace; modules of Flax NNX may be among its arguments.
        args: its positional arguments, arrays or `jax.ShapeDtypeStruct`.
        kwargs: its keyword arguments, likewise.
        platform: for which it will be lowered: algorithms that it forces must run there.

    Returns:
        The program, and how often each number is computed.
    """
    fun, given, named = nnx_modules.unbound(fun, args, kwargs)
    with (
        nnx_modules.explained(fun),
        nnx_modules.functionalised(fun, given, named) as call,
        traced_for(platform),
    ):
        closed = stage(call.fun, call.args, call.kwargs).jaxpr
    times: dict[int, int] = {}
    return closed.replace(jaxpr=_tagged(closed.jaxpr, times, 1)), times


def _tagged(jaxpr: Jaxpr, tags: dict[int, int], times: int) -> Jaxpr:
    return jaxpr.replace(eqns=[_numbered(one, tags, times) for one in jaxpr.eqns])


def _numbered(equation: JaxprEqn, tags: dict[int, int], times: int) -> JaxprEqn:
    source: Any = equation.source_info
    if equation.primitive in (conv_general_dilated_p, accelerated_p, *_LEGS):
        stack = source.name_stack.extend(f"jaxdeconv:{len(tags)}")
        source = source.replace(name_stack=stack)
        tags[len(tags)] = times
    inner = times * equation.params.get("length", 1)  # of a scan
    params = {name: _tagged_param(one, tags, inner) for name, one in equation.params.items()}
    return equation.replace(params=params, source_info=source)


def _tagged_param(value: Any, tags: dict[int, int], times: int) -> Any:
    """Jaxprs, open or closed, alone or in tuples; everything else as it is."""
    if isinstance(value, ClosedJaxpr):
        return value.replace(jaxpr=_tagged(value.jaxpr, tags, times))
    if isinstance(value, Jaxpr):
        return _tagged(value, tags, times)
    if type(value) in (tuple, list):
        return type(value)(_tagged_param(one, tags, times) for one in value)
    return value


def sources(closed: ClosedJaxpr, times: Mapping[int, int]) -> list[Source]:
    """The numbered convolutions of a program, in its order.

    Args:
        closed: the program, from `tagged`.
        times: how often each number is computed.
    """
    found = [_source(one.equation, one.convolution, times) for one in convolutions(closed.jaxpr)]
    found += [_leg(equation, times) for equation in _legs(closed.jaxpr)]
    return sorted(found, key=lambda one: one.tag)


def _source(equation: JaxprEqn, convolution: Convolution, times: Mapping[int, int]) -> Source:
    tag = _tag(equation)
    _, rhs, out = convolution.shapes
    _, rhs_spec, out_spec = convolution.specs
    pairs = [
        products(axis.sizes[0], axis.sizes[1], axis.sizes[2], axis.factors, axis.low)
        for axis in convolution.axes
    ]
    outs = out[out_spec[0]] * out[out_spec[1]] * rhs[rhs_spec[1]]
    found = match(convolution, "cpu")
    return Source(
        tag,
        source_line(equation),
        str(convolution),
        getattr(found, "leg", "convolution"),
        _letters(convolution.dtypes),
        _flops(convolution.dtypes, outs * math.prod(pairs) * times[tag]),
        times[tag],
    )


def _legs(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """The package's own convolutions, at any depth."""
    for equation in jaxpr.eqns:
        if equation.primitive in _LEGS:
            yield equation
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from _legs(inner)


def _leg(equation: JaxprEqn, times: Mapping[int, int]) -> Source:
    tag, leg = _tag(equation), _LEGS[equation.primitive]
    avals: list[Any] = [var.aval for var in (*equation.invars, *equation.outvars)]
    x, y, _ = avals
    problem = problem_of(leg, x, y, equation.params["params"])
    geometry = problem.geometry
    sizes = zip(geometry.input_size, geometry.kernel_size, geometry.output_size, strict=True)
    steps = zip(geometry.dilation, geometry.stride, geometry.padding, strict=True)
    pairs = [
        products(*size, (1, d, s), low) for size, (d, s, (low, _)) in zip(sizes, steps, strict=True)
    ]
    images = problem.batch_size * problem.in_per_group * problem.out_channels
    dtypes = (x.dtype, y.dtype)
    shapes = [f"[{','.join(map(str, aval.shape))}]" for aval in avals]
    return Source(
        tag,
        source_line(equation),
        f"{x.dtype}{shapes[0]} * {shapes[1]} -> {shapes[2]}, stride={geometry.stride}",
        leg,
        _letters(dtypes),
        _flops(dtypes, images * math.prod(pairs) * times[tag]),
        times[tag],
    )


def _tag(equation: JaxprEqn) -> int:
    found = TAG.findall(str(equation.source_info.name_stack))
    return int(found[-1])


_LETTERS = {
    "bfloat16": "bf16",
    "int": "s",
    "uint": "u",
    "float": "f",
    "complex": "c",
    "bool": "pred",
}


def _letters(dtypes: Sequence[Any]) -> str:
    """HLO's name of the narrower operand."""
    name = min(dtypes[:2], key=lambda dtype: dtype.itemsize).name
    kind = name.rstrip("0123456789")
    return _LETTERS.get(name) or _LETTERS.get(kind, kind) + name[len(kind) :]


def _flops(dtypes: Sequence[Any], multiplications: float) -> float:
    return (8.0 if dtypes[0].kind == "c" else 2.0) * multiplications


def lowered(closed: ClosedJaxpr, platform: str) -> bytes:
    """A program as StableHLO for a platform, in MLIR's bytecode.

    Args:
        closed: the program.
        platform: as JAX's lowering calls it.

    Raises:
        ValueError: it is for several devices, or cannot be lowered for the platform.
    """
    avals: list[Any] = list(closed.in_avals)
    arguments = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    traced: Any = jax.jit(jaxpr_as_fun(closed)).trace(*arguments)
    try:
        module = traced.lower(lowering_platforms=(platform,)).compiler_ir("stablehlo")
    except (ValueError, NotImplementedError) as error:
        raise ArgumentValueError(
            f"step must be such that JAX can lower it for this platform, and JAX says: {error}",
            "Take callbacks to Python out of it, such as jax.debug.print.",
            platform=platform,
        ) from error
    attributes = module.operation.attributes
    devices = attributes["mhlo.num_partitions"].value * attributes["mhlo.num_replicas"].value
    if devices != 1:
        raise ArgumentValueError(
            "step must be a program for one device",
            "Pass what one device computes, such as the function under jax.shard_map.",
            devices=devices,
        )
    code = io.BytesIO()
    module.operation.write_bytecode(code)
    return code.getvalue()
