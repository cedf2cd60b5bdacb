"""The typing of a jaxpr: every variable by its parts, loops and branches included."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from jaxdeconv.verify import jaxprs, programs
from jaxdeconv.verify.jaxprs import aval
from jaxdeconv.verify.linearity_rules import NONLINEAR, ROUNDING, RULES, Parts

__all__ = ["Type", "Typing", "argument", "grade"]


@dataclasses.dataclass(frozen=True, eq=False)
class Type:
    """Of a variable: its parts, who put the worst of them there, and its value where known."""

    parts: Parts
    blame: tuple[str, str | None] | None = None
    value: Any = None


def argument(dtype: Any) -> Type:
    """The type of the argument. Booleans are no vectors."""
    return Type(Parts.OPAQUE if jnp.issubdtype(dtype, jnp.bool_) else Parts.LINEAR)


def _constant(value: Any) -> Type:
    zero = jaxprs.is_zero(value)
    return Type(Parts.ZERO if zero else Parts.CONSTANT, value=value)


class Typing:
    """The interpretation: `program` types the outputs of a jaxpr from the types of its inputs."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._callers: list[str] = []  # source lines of the calls that are being looked into
        self._controlled: dict[type, Callable[[JaxprEqn, Any, list[Type]], list[Type]]] = {
            programs.Scan: self._scan,
            programs.While: self._while,
            programs.Branches: self._branches,
            programs.Manual: self._manual,
            programs.Solve: self._solve,
        }

    def program(self, jaxpr: programs.Program, args: Sequence[Type]) -> list[Type]:
        """Types of the outputs."""
        body, consts = programs.opened(jaxpr)
        return jaxprs.walk(body, map(_constant, consts), args, self._equation, _constant)

    def _equation(self, eqn: JaxprEqn, ins: list[Type]) -> list[Type]:
        if _is_stateful(eqn):
            return self._blamed(eqn, ins, Parts.OPAQUE)
        if all(x.parts.is_constant for x in ins):
            values = jaxprs.evaluate(eqn, [x.value for x in ins])
            if values is not None:
                return [_constant(value) for value in values]
        body = programs.callee(eqn)
        if body is not None:
            return self._inside(eqn, body, ins)
        control = programs.control(eqn)
        if control is not None:
            return self._controlled[type(control)](eqn, control, ins)
        return self._primitive(eqn, ins)

    def _primitive(self, eqn: JaxprEqn, ins: list[Type]) -> list[Type]:
        name, parts = eqn.primitive.name, [x.parts for x in ins]
        rule = RULES.get(name)
        if rule is not None:
            outs = rule(eqn, parts, [x.value for x in ins])
            if not all(part.is_constant for part in parts):
                self._note(eqn)
            return self._blamed(eqn, ins, outs)
        if all(part.is_constant for part in parts):
            return self._blamed(eqn, ins, Parts.CONSTANT)
        return self._blamed(eqn, ins, Parts.NONLINEAR if name in NONLINEAR else Parts.OPAQUE)

    def _blamed(self, eqn: JaxprEqn, ins: Sequence[Type], parts: Parts | list[Parts]) -> list[Type]:
        """Types of the outputs; what is worse than all inputs is this equation's doing."""
        worst = max(ins, key=lambda x: grade(x.parts), default=Type(Parts.ZERO))
        outs = parts if isinstance(parts, list) else [parts] * len(eqn.outvars)
        here = (eqn.primitive.name, self._source(eqn))
        return [Type(out, here if grade(out) > grade(worst.parts) else worst.blame) for out in outs]

    def _source(self, eqn: JaxprEqn) -> str | None:
        """The line of the equation, or of the innermost call of the user that led to it."""
        return jaxprs.source(eqn) or next(reversed(self._callers), None)

    def _note(self, eqn: JaxprEqn) -> None:
        """Remark on what is linear in exact arithmetic alone, or loses its derivative."""
        note = ""
        if eqn.primitive.name == "stop_gradient":
            note = "its derivative is cut by stop_gradient, so JAX's transpose is not its transpose"
        elif eqn.primitive.name in ROUNDING and _narrows(eqn):
            dtype = aval(eqn.outvars[0]).dtype
            note = f"linear up to the rounding of {eqn.primitive.name} to {dtype}"
        if note:
            note += f" at {self._source(eqn) or 'an unknown line'}"
            self.notes += [note] if note not in self.notes else []

    # --- programs inside

    def _inside(self, eqn: JaxprEqn, body: programs.Program, ins: Sequence[Type]) -> list[Type]:
        line = jaxprs.source(eqn)
        self._callers += [line] if line else []
        outs = self.program(body, ins)
        if line:
            self._callers.pop()
        return outs

    def _loop(
        self, eqn: JaxprEqn, step: Callable[[list[Type]], list[Type]], carry: list[Type]
    ) -> tuple[list[Type], list[Type]]:
        """Types of a loop's carry, over all iterations, and of all that one step returns."""
        carry = [_varying(x) for x in carry]
        while True:
            outs = step(carry)
            merged = [
                self._joined(eqn, old, new)
                for old, new in zip(carry, outs[: len(carry)], strict=True)
            ]
            if all(new.parts == old.parts for new, old in zip(merged, carry, strict=True)):
                return merged, outs
            carry = merged

    def _joined(self, eqn: JaxprEqn, x: Type, y: Type) -> Type:
        """The type of what is x or y."""
        return _varying(self._blamed(eqn, (x, y), x.parts | y.parts)[0])

    def _scan(self, eqn: JaxprEqn, scan: programs.Scan, ins: list[Type]) -> list[Type]:
        fixed, carry, cut = scan.split(ins)
        slices = [_varying(x) for x in cut]

        def step(carry: list[Type]) -> list[Type]:
            return self._inside(eqn, scan.body, [*fixed, *carry, *slices])

        carry, outs = self._loop(eqn, step, carry)
        last = outs[: scan.carries] if scan.length else carry
        return [_varying(x) for x in (*last, *outs[scan.carries :])]

    def _while(self, eqn: JaxprEqn, loop: programs.While, ins: list[Type]) -> list[Type]:
        test_fixed, body_fixed, carry = loop.split(ins)

        def step(carry: list[Type]) -> list[Type]:
            return self._inside(eqn, loop.body, [*body_fixed, *carry])

        carry, _ = self._loop(eqn, step, carry)
        (again,) = self._inside(eqn, loop.test, [*test_fixed, *carry])
        return carry if again.parts.is_constant else self._decided(eqn, again)

    def _branches(self, eqn: JaxprEqn, branches: programs.Branches, ins: list[Type]) -> list[Type]:
        which, *args = ins
        if which.value is not None and not isinstance(which.value, jax.core.Tracer):
            return self._inside(eqn, branches.taken(which.value), args)
        if not which.parts.is_constant:
            return self._decided(eqn, which)
        results = [self._inside(eqn, branch, args) for branch in branches.programs]
        outs = results[0]
        for others in results[1:]:
            outs = [self._joined(eqn, x, y) for x, y in zip(outs, others, strict=True)]
        return outs

    def _decided(self, eqn: JaxprEqn, by: Type) -> list[Type]:
        """Outputs of a program whose course the argument decides."""
        opaque = by.parts & Parts.OPAQUE
        return self._blamed(eqn, [by], opaque | Parts.NONLINEAR)

    def _manual(self, eqn: JaxprEqn, manual: programs.Manual, ins: list[Type]) -> list[Type]:
        return self._inside(eqn, manual.body, [_varying(x) for x in ins])

    def _solve(self, eqn: JaxprEqn, solve: programs.Solve, ins: list[Type]) -> list[Type]:
        """A solution is computed by `solve`, so it is as linear as that is."""
        return self._inside(eqn, solve.solve, solve.split(ins))


def _varying(x: Type) -> Type:
    """The type without the value, which differs between iterations or devices."""
    return dataclasses.replace(x, value=None)


def _is_stateful(eqn: JaxprEqn) -> bool:
    """Whether an equation may read what another wrote: references, callbacks with effects."""
    variables = (*eqn.invars, *eqn.outvars)
    if not all(hasattr(aval(atom), "dtype") for atom in variables):
        return True
    if any("Ref" in type(aval(atom)).__name__ for atom in variables):
        return True
    return eqn.primitive.name in ("io_callback", "ffi_call") and bool(eqn.effects)


def _narrows(eqn: JaxprEqn) -> bool:
    """Whether floats lose digits, or integers too wide for them become floats."""
    old, new = aval(eqn.invars[0]).dtype, aval(eqn.outvars[0]).dtype
    if eqn.primitive.name == "reduce_precision":
        return True
    return jaxprs.is_float(new) and jaxprs.bits_of(new) < jaxprs.bits_of(old)


def grade(parts: Parts) -> int:
    """How bad: linear 0, real-linear 1, affine 2, non-linear 3, opaque 4."""
    if parts & Parts.OPAQUE:
        return 4
    if parts & Parts.NONLINEAR:
        return 3
    moves = parts & (Parts.LINEAR | Parts.CONJUGATE)
    if moves and parts & Parts.CONSTANT:
        return 2
    return 1 if parts & Parts.CONJUGATE else 0
