"""The interpreter of jaxprs: carries what is known of the inputs through a program.

One walk finds both whether a function is linear and a bound on |A| |v|. The typing is sound and not
complete: 'linear' and 'zero' are proved; the other types say that no proof was found, and where it
ended. Where no bound can be derived the walk goes on without one.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import Array
from jax.extend.core import JaxprEqn

from jaxdeconv.verify.analysis import jaxprs, programs
from jaxdeconv.verify.analysis.control import CONTROL
from jaxdeconv.verify.analysis.jaxprs import aval, bits_of
from jaxdeconv.verify.analysis.known import Known, Parts, Unbounded, constant, grade, grid_of, worst
from jaxdeconv.verify.analysis.log import RoundingLog, roundings
from jaxdeconv.verify.analysis.norms import with_norms
from jaxdeconv.verify.analysis.table import TABLE, UNKNOWN, Rule

__all__ = ["Interpreter"]


class Interpreter:
    """`program` gives what is known of the outputs of a jaxpr.

    Attributes:
        log: what was noted of roundings.
        notes: remarks on what is linear in exact arithmetic alone, or loses its derivative.
    """

    def __init__(self, platform: str, x64: bool | None = None) -> None:
        self._x64 = jaxprs.in_64_bit_mode() if x64 is None else x64
        self.log = RoundingLog(platform)
        self.notes: list[str] = []
        self._callers: list[str] = []  # source lines of the calls that are being walked through

    def program(self, program: programs.Program, args: Sequence[Known]) -> list[Known]:
        """What is known of the outputs."""
        body, consts = programs.opened(program)
        return jaxprs.walk(body, map(self.constant, consts), args, self._equation, self.constant)

    def constant(self, value: Any) -> Known:
        """A constant as it stands in the program."""
        return constant(value)

    def inside(self, eqn: JaxprEqn, body: programs.Program, ins: Sequence[Known]) -> list[Known]:
        """The outputs of a program that an equation holds; its line stands for lines within JAX."""
        line = jaxprs.source(eqn)
        self._callers += [line] if line else []
        outs = self.program(body, ins)
        if line:
            self._callers.pop()
        return outs

    def apart(self, function: Callable[[], list[Known]]) -> tuple[list[Known], Array]:
        """Outputs of an inner program, and its load.

        These arrays belong to the trace of a loop's body: they may leave it only as its results.
        """
        outer = self.log
        self.log = inner = RoundingLog(outer.platform)
        try:
            outs = function()
        finally:
            self.log = outer
        outer.absorb(inner)
        return outs, inner.load

    def blamed(
        self, eqn: JaxprEqn, ins: Sequence[Known], parts: Sequence[Parts], outs: Sequence[Known]
    ) -> list[Known]:
        """The outputs with their parts; what is worse than all inputs is this equation's doing."""
        least = Known(None)
        first = max(ins, key=lambda x: grade(x.parts), default=least)
        here = (eqn.primitive.name, self._source(eqn))
        return [
            dataclasses.replace(
                out, parts=own, blame=here if grade(own) > grade(first.parts) else first.blame
            )
            for out, own in zip(outs, parts, strict=True)
        ]

    def unbounded(self, eqn: JaxprEqn, ins: Sequence[Known], parts: Parts) -> list[Known]:
        """Outputs of which only the parts are known."""
        outs = [Known(None).without_bound(Unbounded(eqn))] * len(eqn.outvars)
        return self.blamed(eqn, ins, [parts] * len(outs), outs)

    def _equation(self, eqn: JaxprEqn, ins: list[Known]) -> list[Known]:
        if _is_stateful(eqn):
            return self.unbounded(eqn, ins, Parts.OPAQUE)
        all_constant = all(x.constant for x in ins)
        rule = TABLE.get(eqn.primitive.name, UNKNOWN)
        if all_constant:
            known = self.evaluated(eqn, rule, ins)
            if known is not None:
                return known
        with jax.enable_x64(self._x64):  # a registered function is traced now
            body = programs.callee(eqn)
        if body is not None:
            return self.inside(eqn, body, ins)
        control = programs.control(eqn)
        if control is not None:
            return CONTROL[type(control)](self, eqn, control, ins)
        found = rule.parts(eqn, ins)
        parts = found if isinstance(found, list) else [found] * len(eqn.outvars)
        if all_constant:  # in a loop: constants whose values are tracers
            outs = [self._constant(rule, ins, value) for value in self.bound_to(eqn, ins)]
        else:
            outs = self.derived(eqn, rule, ins)
        if not all(x.parts.is_constant for x in ins):
            self._remark(eqn, rule)
        return self.blamed(eqn, ins, parts, outs)

    def evaluated(self, eqn: JaxprEqn, rule: Rule, ins: Sequence[Known]) -> list[Known] | None:
        """The outputs of an equation of constants, computed now; None where that is impossible."""
        values = jaxprs.evaluate(eqn, [x.array for x in ins])
        return None if values is None else [self._constant(rule, ins, value) for value in values]

    def bound_to(self, eqn: JaxprEqn, ins: Sequence[Known]) -> Sequence[Any]:
        """The outputs of an equation of constants whose values are tracers."""
        result = eqn.primitive.bind(*(x.array for x in ins), **eqn.params)
        return result if eqn.primitive.multiple_results else [result]

    def lift(self, known: Known) -> Array:
        """The array of a variable as of one that depends on the argument."""
        return known.magnitude

    def derived(self, eqn: JaxprEqn, rule: Rule, ins: Sequence[Known]) -> list[Known]:
        """Bounds by the rule; without one there is none for all that follows."""
        reason = next((x.unbounded for x in ins if x.unbounded), None)
        if reason is None and rule.bound is not None:
            try:
                found = rule.bound(eqn, ins, self.log)
            except Unbounded as why:
                reason = why
        if reason is not None or rule.bound is None:
            return [Known(None).without_bound(reason or Unbounded(eqn))] * len(eqn.outvars)
        outs = found if isinstance(found, list) else [with_norms(eqn, ins, found)]
        if not rule.moves:  # what is only moved about is noted already
            for out, var in zip(outs, eqn.outvars, strict=True):
                self.log.value(out, bits_of(aval(var).dtype))
        return outs

    def _constant(self, rule: Rule, ins: Sequence[Known], value: Any) -> Known:
        """A constant that the program computes itself: each primitive is right to four units."""
        error, dtype = worst(ins, "error"), value.dtype
        if not rule.moves and jaxprs.is_number(dtype):
            error += roundings(4, bits_of(dtype), dtype)
        known = Known(value, True, error, grid=grid_of(value))
        if known.value is not None:
            parts = Parts.ZERO if jaxprs.is_zero(value) else Parts.CONSTANT
            return dataclasses.replace(known, parts=parts)
        if known.grid == math.inf:
            grid = worst(ins, "grid") if rule.moves else math.inf if jaxprs.is_float(dtype) else 0
            return dataclasses.replace(known, grid=grid)
        return known

    def _source(self, eqn: JaxprEqn) -> str | None:
        """The line of the equation, or of the innermost call of the user that led to it."""
        return jaxprs.source(eqn) or next(reversed(self._callers), None)

    def _remark(self, eqn: JaxprEqn, rule: Rule) -> None:
        note = ""
        if eqn.primitive.name == "stop_gradient":
            note = "its derivative is cut by stop_gradient, so JAX's transpose is not its transpose"
        elif rule.narrows and _narrows(eqn):
            dtype = aval(eqn.outvars[0]).dtype
            note = f"linear up to the rounding of {eqn.primitive.name} to {dtype}"
        if note:
            note += f" at {self._source(eqn) or 'an unknown line'}"
            self.notes += [note] if note not in self.notes else []


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
    return jaxprs.is_float(new) and bits_of(new) < bits_of(old)
