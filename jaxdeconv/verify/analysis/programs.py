"""Equations that hold programs: calls, loops, branches, meshes, solves. They are read only here.

The names and kinds of their parameters are internal to JAX and differ between its versions. Where
they are those of no known version, `callee` and `control` return None, and nothing is claimed about
a function with such an equation.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Primitive

__all__ = [
    "CALLS",
    "Branches",
    "Program",
    "Scan",
    "ShardMap",
    "Solve",
    "While",
    "callee",
    "control",
    "opened",
    "register",
]

Operand = TypeVar("Operand")
Program: TypeAlias = ClosedJaxpr | Jaxpr
"""One class in newer versions of JAX, two in older ones."""

AsFunction: TypeAlias = Callable[..., Callable[..., Any]]


def opened(program: Program) -> tuple[Jaxpr, Sequence[Any]]:
    """A jaxpr and the values of its constants; an open one has none."""
    return (program.jaxpr, program.consts) if isinstance(program, ClosedJaxpr) else (program, ())


# --- calls: one program, of the same operands

CALLS = frozenset(
    {
        "jit",
        "pjit",
        "closed_call",
        "core_call",
        "call",
        "remat2",
        "checkpoint",
        "custom_jvp_call",
        "custom_vjp_call",
        "custom_vmap_call",
        "linear_call",
        "composite",
    }
)
"""Primitives of JAX that call the one program among their parameters on their operands."""

_REGISTERED: dict[Primitive, AsFunction] = {}


def register(primitive: Primitive, as_function: AsFunction) -> None:
    """Let `verify` look into a primitive of your own.

    Otherwise such a primitive makes a function opaque: nothing can be proved about what cannot be
    read. A library can do without importing `verify`: a primitive with an attribute `as_function`
    is read by that.

    Args:
        primitive: made with `jax.extend.core.Primitive`.
        as_function: from the primitive's parameters, as keywords, to a plain JAX function of its
            operands that does what the primitive does; its jaxpr is read instead.

    Example:
        >>> twice = Primitive("twice")
        >>> register(twice, lambda **params: lambda x: x + x)
    """
    _REGISTERED[primitive] = as_function


def callee(eqn: JaxprEqn) -> Program | None:
    """The program that an equation calls on its operands, or None."""
    function = _function(eqn)
    if function is not None:
        avals: list[Any] = [x.aval for x in eqn.invars]
        shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
        return jax.make_jaxpr(function)(*shapes)
    if eqn.primitive.name not in CALLS:
        return None
    programs = [value for value in eqn.params.values() if isinstance(value, (ClosedJaxpr, Jaxpr))]
    fits = [body for body in programs if len(opened(body)[0].invars) == len(eqn.invars)]
    return fits[0] if len(programs) == len(fits) == 1 else None


def _function(eqn: JaxprEqn) -> Callable[..., Any] | None:
    """What a primitive does, if that is known: registered, an attribute, or as in `jax.hijax`."""
    own = _REGISTERED.get(eqn.primitive) or getattr(eqn.primitive, "as_function", None)
    if own is not None:
        return own(**eqn.params)
    if eqn.primitive.name == "call_hi_primitive" and hasattr(eqn.primitive, "to_lojax"):
        return functools.partial(eqn.primitive.to_lojax, **eqn.params)
    return None


# --- control: programs that run several times, conditionally, or on other operands


@dataclasses.dataclass(frozen=True)
class Scan:
    """`lax.scan`: `body` takes constants, carries and slices, and gives carries and slices.

    Attributes:
        body: of one step.
        constants: how many operands are the same in every step.
        carries: how many are passed from step to step.
        length: how many steps.
        reverse: whether the last slice comes first.
    """

    body: Program
    constants: int
    carries: int
    length: int
    reverse: bool

    def split(self, operands: list[Operand]) -> tuple[list[Operand], list[Operand], list[Operand]]:
        """Constants, carries, and what is cut into slices."""
        start, stop = self.constants, self.constants + self.carries
        return operands[:start], operands[start:stop], operands[stop:]


@dataclasses.dataclass(frozen=True)
class While:
    """`lax.while_loop`: `body` while `test` holds, each with constants of its own.

    Attributes:
        test: takes its constants and the carries, and gives one boolean.
        body: takes its constants and the carries, and gives the carries.
        test_constants: how many operands are constants of the test.
        body_constants: how many after them are constants of the body; the others are carries.
    """

    test: Program
    body: Program
    test_constants: int
    body_constants: int

    def split(self, operands: list[Operand]) -> tuple[list[Operand], list[Operand], list[Operand]]:
        """Constants of the test, constants of the body, carries."""
        start = self.test_constants
        stop = start + self.body_constants
        return operands[:start], operands[start:stop], operands[stop:]


@dataclasses.dataclass(frozen=True)
class Branches:
    """`lax.cond` and `lax.switch`: the first operand chooses which of the programs runs."""

    programs: tuple[Program, ...]

    def taken(self, index: Any) -> Program:
        """The program that a known index chooses."""
        return self.programs[min(max(int(index), 0), len(self.programs) - 1)]


@dataclasses.dataclass(frozen=True)
class ShardMap:
    """`jax.shard_map`: `body` on every device of a mesh, of its blocks of the operands.

    Attributes:
        body: of one device.
        mesh: the devices.
        axes: names of the mesh's axes that the operands are cut along.
        in_specs: how the operands are cut.
        out_specs: how the results are put together.
        check_vma: whether JAX tracks what varies over the axes.
    """

    body: Program
    mesh: Any
    axes: tuple[Any, ...]
    in_specs: tuple[Any, ...]
    out_specs: tuple[Any, ...]
    check_vma: bool


@dataclasses.dataclass(frozen=True)
class Solve:
    """`lax.custom_linear_solve`: the solution is what `solve` computes of some of the operands.

    Attributes:
        solve: the program.
        constants: where its constants begin and end among the operands.
        right: where the right sides begin, which go on to the last operand.
    """

    solve: Program
    constants: tuple[int, int]
    right: int

    def split(self, operands: list[Operand]) -> list[Operand]:
        """Those that `solve` takes."""
        start, stop = self.constants
        return [*operands[start:stop], *operands[self.right :]]


Control: TypeAlias = Scan | While | Branches | ShardMap | Solve


def control(eqn: JaxprEqn) -> Control | None:
    """The programs that an equation runs, or None: there are none, or of an unknown kind."""
    reader = _READERS.get(eqn.primitive.name)
    if reader is None:
        return None
    try:
        return reader(eqn.params)
    except (AttributeError, KeyError, TypeError, ValueError):  # of a later version of JAX
        return None


def _scan(params: Mapping[str, Any]) -> Scan:
    if "ft_in" in params:  # from 0.11: a tree of the operands: constants, carries, what is cut
        constants, carries, _ = (len(part) for part in params["ft_in"].unpack())
    else:
        constants, carries = params["num_consts"], params["num_carry"]
    return Scan(params["jaxpr"], constants, carries, params["length"], params["reverse"])


def _while(params: Mapping[str, Any]) -> While:
    return While(
        params["cond_jaxpr"],
        params["body_jaxpr"],
        params["cond_nconsts"],
        params["body_nconsts"],
    )


def _branches(params: Mapping[str, Any]) -> Branches:
    return Branches(tuple(params["branches"]))


def _shard_map(params: Mapping[str, Any]) -> ShardMap:
    axes = "newly_manual_axes" if "newly_manual_axes" in params else "manual_axes"  # to 0.10.1
    return ShardMap(
        params["jaxpr"],
        params["mesh"],
        tuple(params[axes]),
        tuple(params["in_specs"]),
        tuple(params["out_specs"]),
        params["check_vma"],
    )


def _solve(params: Mapping[str, Any]) -> Solve:
    lengths = params["const_lengths"]
    start = lengths.matvec + lengths.vecmat
    return Solve(params["jaxprs"].solve, (start, start + lengths.solve), sum(lengths))


_READERS: dict[str, Callable[[Mapping[str, Any]], Control]] = {
    "scan": _scan,
    "while": _while,
    "cond": _branches,
    "shard_map": _shard_map,
    "custom_linear_solve": _solve,
}
