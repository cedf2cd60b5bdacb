"""What a program exchanges between devices, told before it runs."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.sharding.block import DividedLeg, watched
from jaxdeconv.sharding.collectives import GATHERS, Collective, collectives
from jaxdeconv.sharding.traffic import Exchange, exchanges

__all__ = ["DividedLegs", "explain"]

_ANEW, _NUMBERS = jax.make_user_context(0), itertools.count(1)
"""With a number that is new, JAX traces, lowers and compiles anew."""


@dataclasses.dataclass(frozen=True)
class DividedLegs:
    """What a compiled program exchanges; print it.

    Attributes:
        legs: every leg that is divided, with what its devices exchange, and what has to be
            resharded first.
        collectives: all collective operations of the program.
    """

    legs: tuple[tuple[DividedLeg, tuple[Exchange, ...], tuple[str, ...]], ...]
    collectives: tuple[Collective, ...]

    @property
    def gathered(self) -> tuple[Collective, ...]:
        """The all-gathers and all-to-alls."""
        return tuple(one for one in self.collectives if one.kind in GATHERS)

    def __str__(self) -> str:
        lines = []
        for told, times in Counter(_told(*one) for one in self.legs).items():
            lines.append(told if times == 1 else f"{times} times: {told}")
        if not lines:
            lines.append("no leg is divided")
        lines.append("collective operations of the compiled program:")
        kinds = Counter(one.kind for one in self.collectives)
        for kind, count in sorted(kinds.items()):
            size = sum(one.bytes for one in self.collectives if one.kind == kind)
            lines.append(f"    {count} {kind}, {size} bytes per device")
        if not kinds:
            lines.append("    none")
        lines += [f"    gathered by XLA: {one.bytes} bytes, {one.source}" for one in self.gathered]
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


def _told(leg: DividedLeg, sent: tuple[Exchange, ...], moved: tuple[str, ...]) -> str:
    """The leg, its arrays and how they are sharded, and what the devices exchange."""
    record = LEGS[leg.problem.leg]
    arrays = (
        f"{role} {leg.problem.shape(role)} as {leg.layout.spec(role)}"
        for role in (*record.operands, record.result)
    )
    exchanged = [*map(str, sent), *moved] or ["nothing is exchanged"]
    return "\n    ".join((f"{record.name}: {', '.join(arrays)}", *exchanged))


@reporting
def explain(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> DividedLegs:
    """What the devices exchange for the legs of a program: axes, halos, hops, bytes, and gathers.

    The program is compiled, and does not run. XLA's partitioner decides how arrays are sharded that
    are neither arguments nor results; what is printed is what it decided. In explicit mode JAX
    lowers legs that are alike once, and so they are listed once.

    Args:
        fun: any function that JAX can compile: a leg, a layer, a training step; or compiled.
        args: its arguments, arrays or `jax.ShapeDtypeStruct`, with their shardings.
        kwargs: keyword arguments, likewise.

    Returns:
        The legs and all collective operations, to be printed.

    Raises:
        TypeError: `fun` is not callable.

    Cost: that of compiling `fun`; twice that if it ran before or has no legs.
    """
    if not callable(fun):
        raise ArgumentTypeError(
            "fun must be callable", "Pass the function itself, not its result.", fun=fun
        )
    program = fun if hasattr(fun, "lower") else jax.jit(fun)
    with watched() as seen:
        compiled = program.lower(*args, **kwargs).compile()
        if not seen:  # as where JAX had compiled it before
            with _ANEW(next(_NUMBERS)):
                compiled = program.lower(*args, **kwargs).compile()
    legs = tuple((leg, tuple(exchanges(leg)), moved) for leg, moved in seen)
    return DividedLegs(legs, tuple(collectives(compiled.as_text())))
